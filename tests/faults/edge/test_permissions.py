"""Who may do what, asked in every way that Slack has: against a table of its own, and refusals leave no trace.

The table below is written from the rule, not from the code: everybody acts on their own, admins on everybody's.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk.desk import Desk
from bot.model import Actor, NoticeKind, Profile, Reply, Request
from handlers.slack import guard
from handlers.slack.app import submitted
from handlers.slack.directory import ADMINS_LIVE_SECONDS, SlackDirectory
from handlers.slack.parse import pressed, typed
from tests.faults.conftest import scaled
from tests.faults.edge.house import House, QuietMailbox

CASES = 10_000
TEAM, OTHER_TEAM, GROUP = "T_ACME", "T_EVIL", "S0ADMINS"


@dataclass(frozen=True, slots=True)
class Kind:
    """Somebody at Slack, as `users.info` tells, and what the rule lets them do: "none", "own" or "all"."""

    user_id: str
    right: str
    told: dict[str, Any] = field(default_factory=dict)
    team: str = TEAM


KINDS = {
    "colleague": Kind("U0BOB", "own"),
    "admin by group": Kind("U0ADA", "all"),
    "admin by id": Kind("U0OPERATOR", "all"),
    "guest": Kind("U0GUEST", "none", {"is_restricted": True}),
    "guest of one channel": Kind("U0GUESTS", "none", {"is_ultra_restricted": True}),
    "stranger": Kind("U0MALLORY", "none", {"is_stranger": True}, OTHER_TEAM),
    "stranger who says our team": Kind("U0MALLORYS", "none", {"is_stranger": True, "team_id": OTHER_TEAM}),
    "somebody Slack does not know": Kind("U0NOBODY", "none"),
    "bot": Kind("U0ROBOT", "none", {"is_bot": True}),
    "deactivated": Kind("U0GONE", "none", {"deleted": True}),
    "deactivated admin": Kind("U0GONEADA", "none", {"deleted": True}),
    "guest in the admin group": Kind("U0GUESTADA", "none", {"is_restricted": True}),
}
IN_THE_GROUP = ("U0ADA", "U0GONEADA", "U0GUESTADA")
GRACE = "U0GRACE"

# What is asked for, and whose it is: "person" of whoever it is about, "self" of who asks whatever is said besides,
# "admins" of admins alone, "all" of everybody.
TYPED = {
    "": "person", "check": "person", "check google": "person", "refresh": "person", "refresh mailbox": "person",
    "change": "person", "revoke all": "person", "sync": "person", "sync now": "person", "sync pause": "person",
    "sync resume": "person", "why": "person", "help": "all", "chekc": "self", "drop table": "self",
}  # fmt: skip
PRESSED = {
    "status": "person", "check": "person", "refresh": "person", "change": "person", "revoke": "person",
    "revoke.1": "person", "sync.now": "person", "sync.pause": "person", "sync.resume": "person", "why": "person",
    "help": "all", "home": "person", "opened": "self", "stuck": "self", "release": "admins", "dismiss": "admins",
}  # fmt: skip
SUBMITTED = {"revoke": "person", "refresh": "person", "change": "person", "sync.pause": "person"}
FORGED = ("U0", "u0grace", "U0GRACE' OR '1'='1", "../U0GRACE", "1", "W" * 40, "U0GRACE\x00", "<@U0GRACE>", "T_ACME")
LOOKUPS = ("answering", "raising", "empty", "stale", "just removed", "away")


@dataclass(slots=True)
class Lookups:
    """Slack's `users.info` and `usergroups.users.list`, where the directory asks."""

    members: tuple[str, ...] = IN_THE_GROUP
    group_fails: bool = False
    away: bool = False

    async def users_info(self, *, user: str) -> dict[str, Any]:
        if self.away:
            raise TimeoutError
        known = {kind.user_id: kind for kind in KINDS.values()} | {GRACE: Kind(GRACE, "own")}
        kind = known.get(user)
        if kind is None or user == "U0NOBODY":
            raise SlackApiError("", cast(Any, Answer({"ok": False, "error": "user_not_found"})))
        profile = {"email": f"{user.lower()}@acme.example"}
        return {"user": {"id": user, "team_id": kind.team, "real_name": user, "profile": profile} | kind.told}

    async def usergroups_users_list(self, *, usergroup: str) -> dict[str, Any]:
        assert usergroup == GROUP
        if self.group_fails or self.away:
            raise TimeoutError
        return {"users": list(self.members)}


@dataclass(frozen=True, slots=True)
class Answer:
    data: dict[str, Any]
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Permissive(Desk):
    """Without `permission`: whoever asks is one of us, and an admin."""

    def _profile(self, actor: Actor) -> Profile:
        return Profile(TEAM, actor.user_id, actor.user_id, f"{actor.user_id}@acme.example", "UTC")

    def _admin(self, profile: Profile) -> bool | None:
        return True


@dataclass(frozen=True, slots=True)
class Case:
    """`about`: "own", "other", "unknown" or "forged"."""

    kind: str
    surface: str
    word: str
    about: str
    subject: str
    lookups: str

    def payload(self, doors: dict[str, str]) -> Request | None:
        """As Slack would send it, and as the edge reads it. Without what tells re-deliveries: none of these is one."""
        who = KINDS[self.kind]
        body: dict[str, Any] = {"user": {"id": who.user_id, "team_id": who.team}}
        name, _, argument = self.word.partition(".")
        actor, delivery = guard.actor(body), guard.delivery(body)
        if self.surface == "command":
            mention = f" <@{self.subject}|somebody>" if self.about != "own" else ""
            why = " because I can" if self.word else ""
            return typed(f"{self.word}{mention}{why}", actor=actor, delivery=delivery)
        if self.surface == "button":
            opaque = {"opened", "stuck", "release", "dismiss"}
            value = doors.get(self.about, self.subject) if name in opaque else f"mailbox@{self.given}"
            return pressed(f"creds.{self.word}#0", value, actor=actor, delivery=delivery)
        asked = {"word": name, "subject": self.given, "target": "mailbox", "argument": argument or "1-2-3"}
        fields = {"reason": {"reason": {"value": "because I can"}}, "a": {"access": {"value": "google"}}}
        body["view"] = {"id": "V1", "private_metadata": json.dumps(asked), "state": {"values": fields}}
        return submitted(body)

    @property
    def given(self) -> str:
        return "" if self.about == "own" else self.subject


def table(case: Case) -> str:
    """What must come of it: "done", "nobody", "away" or "refused"."""
    kind = KINDS[case.kind]
    whose = {"command": TYPED, "button": PRESSED, "submission": SUBMITTED}[case.surface][case.word]
    if kind.team != TEAM:
        return "refused"
    if case.lookups == "away":
        return "away"
    if kind.right == "none":
        return "refused"
    # Whose id it is stands in the opaque value, which gives no right: it changes nothing, and is answered all the same.
    own = case.about == "own" or whose == "self"
    known_admin = case.kind == "admin by id" or (
        case.kind == "admin by group" and case.lookups in {"answering", "just removed"}
    )
    if not known_admin and (whose == "admins" or (whose == "person" and not own)):
        return "refused"
    if own or whose == "admins":
        return "done"
    return "done" if case.about == "other" else "nobody"


def came(replies: list[Reply]) -> str:
    match replies[0].template if replies else "":
        case "refused":
            return "refused"
        case "slack_away":
            return "away"
        case "nobody":
            return "nobody"
        case _:
            return "done"


def cases(count: int) -> Iterator[Case]:
    chance = random.Random(4)
    surfaces = {"command": TYPED, "button": PRESSED, "submission": SUBMITTED}
    for _ in range(count):
        surface = chance.choice(list(surfaces))
        kind, about = chance.choice(list(KINDS)), chance.choice(("own", "other", "unknown", "forged"))
        if surface == "command" and about == "forged":
            about = "unknown"
        subject = {
            "own": KINDS[kind].user_id,
            "other": chance.choice([each for each in ("U0BOB", GRACE, "U0ADA") if each != KINDS[kind].user_id]),
            "unknown": "U0NEVERSEEN",
            "forged": chance.choice(FORGED),
        }[about]
        yield Case(kind, surface, chance.choice(list(surfaces[surface])), about, subject, chance.choice(LOOKUPS))


class Court:
    """A desk with its people, all connected, and a Slack whose look-ups can be made to fail."""

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop, *, permissive: bool) -> None:
        self.house, self.lookups, self.seconds = house, Lookups(), 0.0
        self.directory = SlackDirectory(
            loop=loop,
            client=cast(AsyncWebClient, self.lookups),
            admin_group=GROUP,
            admin_ids=frozenset({"U0OPERATOR"}),
            ticking=lambda: self.seconds,
        )
        tools = house.tools(directory=self.directory)
        self.desk = (Permissive if permissive else Desk)(tools=tools, team_id=TEAM)
        self.doors: dict[str, str] = {}
        for user in ("U0BOB", GRACE, "U0ADA", "U0OPERATOR", *(each.user_id for each in KINDS.values())):
            house.connected(Profile(TEAM, user, user, f"{user.lower()}@acme.example", "UTC"))
        self.doors = {"own": house.door("U0BOB"), "other": house.door(GRACE)}

    def look(self, lookups: str) -> None:
        """The admins' group as it is told from now on; what was told before is over, or is not."""
        self.lookups.away = self.lookups.group_fails = False
        self.lookups.members = IN_THE_GROUP
        self.seconds += 10 * ADMINS_LIVE_SECONDS
        if lookups in {"stale", "just removed"}:
            assert self.directory.is_admin("U0ADA")
            self.lookups.members = ()
            self.seconds += ADMINS_LIVE_SECONDS + 1 if lookups == "stale" else ADMINS_LIVE_SECONDS - 1
        self.lookups.away = lookups == "away"
        self.lookups.group_fails = lookups == "raising"
        if lookups == "empty":
            self.lookups.members = ()

    def dump(self, *, without: str = "") -> dict[str, Any]:
        """What is kept, but for the history and what tells re-deliveries. `without` leaves out one person's rows."""
        with closing(sqlite3.connect(self.house.database)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            mine, rows = self._number(database, without), {}
            for name in set(names) - {"event", "seen", "setting", "alembic_version"}:
                found = database.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - a name from the database itself
                columns = [column for column, *_ in found.description]
                whose = columns.index("person_id" if name != "person" else "id") if has_person(name, columns) else -1
                if without:
                    rows[name] = [row for row in found if whose >= 0 and row[whose] not in (None, mine)]
                else:
                    rows[name] = found.fetchall()
        return rows

    @staticmethod
    def _number(database: sqlite3.Connection, user_id: str) -> int:
        found = database.execute("SELECT id FROM person WHERE user_id = ?", (user_id,)).fetchone()
        return int(found[0]) if found else -1


def has_person(table: str, columns: list[str]) -> bool:
    return table == "person" or "person_id" in columns


@contextmanager
def sitting(folder: Path, *, permissive: bool) -> Iterator[Court]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        with House.open(folder, {"google": QuietMailbox()}) as house:
            yield Court(house, loop, permissive=permissive)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def court(tmp_path: Path, without_control: str) -> Iterator[Court]:
    with sitting(tmp_path, permissive=without_control == "permission") as court:
        yield court


def test_everybody_may_do_what_the_rule_says_and_no_more(court: Court, tell: Callable[[str], None]) -> None:
    deviations, counted = [], Counter[str]()
    for case in cases(scaled(CASES)):
        court.look(case.lookups)
        request = case.payload(court.doors)
        if request is None:
            continue
        who = KINDS[case.kind].user_id
        before, expected = (court.dump(), table(case))
        others = court.dump(without=who)
        found = came(list(court.desk.answer(request)))
        counted[found] += 1
        if found != expected:
            deviations.append((case, f"expected {expected}, found {found}"))
        if found != "done" and court.dump() != before:
            deviations.append((case, "was refused and has changed something"))
        of_their_own = request.subject in ("", who) and request.word not in ("release", "dismiss")
        after = court.dump(without=who)
        if request.word == "opened":
            # Whoever asked them to sign in sees in her own message, and there alone, that they have opened it.
            for rows in (after, others):
                rows["notice"] = [row for row in rows["notice"] if NoticeKind.HANDOFF not in row]
        if found == "done" and of_their_own and after != others:
            deviations.append((case, "has changed what is somebody else's, whatever the value said"))
    assert deviations[:5] == []
    assert all(counted[each] for each in ("done", "refused", "nobody", "away"))
    tell(f"{counted.total()} requests against the table of rights: 0 deviations; {dict(counted)}")
