"""A sandbox with a town of people whose sign-ins stand in the store, and a bot that is started, stopped and killed.

What people lost is judged by Google's own books: a sign-in is lost when the refresh token that we kept is dead there.
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self, TypeVar

from bot.model import Connection, NoticeKind, Profile
from bot.store.credentials import CredentialGone
from bot.store.database import Store, Tx
from bot.store.vault import KeysetFile
from providers.base import Access, AccessType, Credential, Side
from providers.google.sign_in import SCOPES
from providers.oauth import Secret
from tests.faults.tap import TokenDoor, google_calls, slack_calls
from tests.sandbox.child import Child, manifest
from tests.sandbox.google.signin import LONG_NAMES
from tests.sandbox.world import TEAM, Sandbox, Vendor

T = TypeVar("T")

# What there is to do now: runs, renewals, messages. One that was never sent and is closed stays so.
DUE = (
    "SELECT 1 FROM person WHERE claim_until IS NOT NULL OR (next_run_at <= :now AND paused_at IS NULL)",
    "SELECT 1 FROM credential WHERE lease_until IS NOT NULL",
    """SELECT 1 FROM notice WHERE drawn < wanted AND held_by IS NULL AND failed_at IS NULL
        AND (not_before IS NULL OR not_before <= :now) AND (retry_at IS NULL OR retry_at <= :now)
        AND NOT (closed_at IS NOT NULL AND sent_at IS NULL)""",
)

GOOGLE = Access(AccessType.GOOGLE)


@dataclass(frozen=True, slots=True)
class Citizen:
    user_id: str
    email: str


class Town:
    """`door` stands in front of Google's token endpoint. `chance` is seeded: a failure can be played again."""

    def __init__(self, directory: Path, vendors: Collection[Vendor] = (Vendor.GOOGLE,)) -> None:
        self.world = Sandbox(directory, vendors=vendors)
        self.google, self.slack, self.clock = self.world.google, self.world.slack, self.world.clock
        self.door = TokenDoor(self.google.api_app, self.google.state.tokens.owner)
        self.taps = {"Google": google_calls(self.google), "Slack": slack_calls(self.slack)}
        self.chance = random.Random(20)
        self.people: list[Citizen] = []
        self._bot: Child | None = None
        self.database = directory / "data" / "relatch.db"
        self.keyset = directory / "keys" / "keyset.json"
        self._keys = KeysetFile(self.keyset)
        self._directory = directory

    @classmethod
    @contextmanager
    def founded(cls, directory: Path, people: int) -> Iterator[Self]:
        town = cls(directory)
        with town.opened(people):
            yield town

    @contextmanager
    def opened(self, people: int) -> Iterator[None]:
        """Serves, with so many people. Whatever is put in front of its servers must stand there before."""
        with self.world:
            self.world.install(manifest(self.world.public_url, self._directory))
            self.settle(people)
            try:
                yield
            finally:
                if self._bot is not None:
                    self.kill()

    def start(self, *, ready: bool = True) -> None:
        """A new life. Not `ready` returns while it still wakes up."""
        self._bot = Child(self.world.settings(), self._directory)
        self._bot.start()
        if ready:
            self._bot.wait_until_ready()

    def stop(self) -> float:
        """How many seconds it took to end after SIGTERM. It must do so in time and with code 0."""
        began, code = time.monotonic(), self.bot.stop()
        assert code == 0, f"ended with {code}:\n{self.bot.last_lines()}"
        self._bot = None
        return time.monotonic() - began

    def kill(self) -> None:
        self.bot.kill()
        self._bot = None

    @property
    def bot(self) -> Child:
        assert self._bot is not None, "it does not run"
        return self._bot

    def log(self) -> str:
        """What all its lives have written."""
        return (self._directory / "bot.log").read_text("utf-8", errors="replace")

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The database as the next start will find it."""
        store = Store.open(self.database, self._keys)
        try:
            yield store
        finally:
            store.close()

    def settle(self, people: int) -> None:
        """So many more people, each signed in to Google and due."""
        with self.store() as store:
            for _ in range(people):
                self.sign_in(store, self.arrive())

    def arrive(self) -> Citizen:
        """Somebody new at Slack and at Google, whom Relatch has never met."""
        number = len(self.people)
        citizen = Citizen(f"U0CITIZEN{number}", f"citizen{number}@acme.example")
        name = citizen.email.partition("@")[0]
        self.slack.add_user(citizen.user_id, name, name.title(), citizen.email, team=TEAM)
        self.google.add_account(citizen.email, password="a password")
        self.people.append(citizen)
        return citizen

    def sign_in(self, store: Store, citizen: Citizen) -> None:
        """What the desk writes when this person comes back from Google."""
        now, name = self.clock.now(), citizen.email.partition("@")[0].title()
        credential = self._granted(citizen)
        with store.write() as tx:
            person = tx.people.meet(Profile(TEAM, citizen.user_id, name, citizen.email, "Europe/Berlin"), now)
            before = tx.connections.of(person.id).get(Side.MAILBOX)
            if before is not None and before.credential_id is not None:
                tx.credentials.destroy(before.credential_id)
            tx.connections.connect(
                person_id=person.id,
                side=Side.MAILBOX,
                provider="google",
                access=GOOGLE,
                account=citizen.email,
                identity=credential.identity,
                credential_id=tx.credentials.add(
                    person_id=person.id, provider="google", credential=credential, now=now
                ),
                now=now,
                keep_cursor=before is not None,
            )

    def connection(self, tx: Tx, citizen: Citizen) -> Connection:
        person = tx.people.find(TEAM, citizen.user_id)
        assert person is not None
        return tx.connections.of(person.id)[Side.MAILBOX]

    def lost(self) -> list[Citizen]:
        """Those whose kept refresh token Google no longer knows as theirs."""
        return [citizen for citizen, token in self._kept_tokens() if not self._lives(citizen, token)]

    def doubted(self) -> list[Citizen]:
        """Those whose renewal was cut: what Google made of it is not known here."""
        with self.store() as store, store.read() as tx:
            keys = [(citizen, self.connection(tx, citizen).credential_id or 0) for citizen in self.people]
            return [citizen for citizen, key in keys if tx.credentials.load(key).in_doubt_at is not None]

    def messages(self, citizen: Citizen) -> int:
        return len(self.slack.messages(citizen.user_id))

    def unheard_of(self) -> set[tuple[Citizen, str]]:
        """Messages that stand in Slack and of which we do not know: each was cut off in mid-send."""
        with self.store() as store, store.read() as tx:
            known = {(notice.channel, notice.ts) for notice in tx.notices.of_kind_open(NoticeKind.FAILURE)}
        return {
            (citizen, message.ts)
            for citizen in self.people
            for message in self.slack.messages(citizen.user_id)
            if (message.channel, message.ts) not in known
        }

    def check_database(self) -> int:
        """How many lines of history hang together. Nothing else may be using the file."""
        with closing(sqlite3.connect(self.database)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        with self.store() as store, store.read() as tx:
            return tx.events.verify()

    def wait(self, condition: Callable[[], T], seconds: float, what: str) -> T:
        """Polls until `condition` gives something true; fails early when the process ended by itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := condition():
                return found
            self.bot.check()
            time.sleep(0.01)
        raise AssertionError(f"{what} did not come within {seconds:.0f} s:\n{self.bot.last_lines(12)}")

    def rest(self, least: float, most: float) -> float:
        """Lets a random while pass: the instant of a cut is the point of these tests."""
        seconds = self.chance.uniform(least, most)
        time.sleep(seconds)
        return seconds

    def later(self, by: timedelta) -> None:
        self.clock.move(by)

    def settled(self) -> bool:
        """Nobody is due or being worked for, no renewal is under way, and every message says what it should."""
        with closing(sqlite3.connect(self.database)) as database:
            now = {"now": self.clock.now().strftime("%Y-%m-%d %H:%M:%S.%f")}
            return not any(database.execute(due, now).fetchone() for due in DUE)

    def _granted(self, citizen: Citizen) -> Credential:
        scopes = frozenset(LONG_NAMES.get(scope, scope) for scope in SCOPES)
        state, client_id = self.google.state, self.world.settings()["RELATCH_GOOGLE_CLIENT_ID"]
        with state.lock:
            account = state.accounts[citizen.email]
            account.granted, now = scopes, state.clock.now()
            refresh = state.tokens.grant(email=citizen.email, client_id=client_id, scopes=scopes, now=now)
            access = state.tokens.access(email=citizen.email, client_id=client_id, scopes=scopes, now=now)
        return Credential(
            account=citizen.email,
            identity=account.sub,
            secret=Secret(access.value, refresh.value, tuple(sorted(scopes))).written(),
            expires_at=access.expires_at,
        )

    def _kept_tokens(self) -> list[tuple[Citizen, str]]:
        kept = []
        with self.store() as store, store.read() as tx:
            for citizen in self.people:
                try:
                    stored = tx.credentials.load(self.connection(tx, citizen).credential_id or 0)
                except CredentialGone:
                    continue
                kept.append((citizen, str(json.loads(stored.credential.secret)["refresh_token"])))
        return kept

    def _lives(self, citizen: Citizen, token: str) -> bool:
        with self.google.state.lock:
            return self.google.state.tokens.email_of(token, self.clock.now()) == citizen.email
