"""HTTP mode under attack: what is not Slack's gets in nowhere (A2), and what was Slack's works once (A3).

Controls that can be left out: `shape` and `signature` for A2, `copies` and `seen` for A3.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.desk.desk import Desk
from bot.model import Reply, Request
from handlers.slack.http import BODY_BYTES, HttpMode, Ledger
from tests.faults.conftest import scaled
from tests.faults.edge.slack_acts import SEEN, Caller, act, as_sent, intake, is_quiet
from tests.handlers.slack.kit import BOB, Running, Town
from tests.rig import Rig
from tests.sandbox.slack import Signed

STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
Headers = list[tuple[str, bytes]]
Mutated = tuple[str, bytes, Headers]

STAMPS = (
    b"", b"0", b"-1", b"abc", b"1e9", b"1.5", b"0x6af", b"1" * 5000, b"9999999999", b"0000000000", b"17952496160",
    b"\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2", b"+179524961", b"1_79524961", b"1795249616,1795249616", b"None",
)  # fmt: skip
SIGNATURES = (
    b"", b"v0=", b"v0=" + b"0" * 64, b"v0=" + b"g" * 64, b"v0=" + b"\xe9" * 64, b"v1=" + b"a" * 64, b"a" * 64,
    b"v0=" + b"a" * 63, b"v0=" + b"a" * 65, b"v0=" + b"a" * 100_000, b"V0=" + b"a" * 64, b"*", b"null",
)  # fmt: skip


class Answers:
    """The real desk, which also counts who asked it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.asked = 0

    def answer(self, request: Request) -> Iterator[Reply]:
        self.asked += 1
        return self._desk.answer(request)

    def let_go(self) -> None:
        """Nothing waits in it."""


class Forgetful(Desk):
    """Without `seen`: every delivery is new."""

    def _first_time(self, delivery: str) -> bool:
        return True


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    folder = tmp_path / "slack"
    folder.mkdir()
    with closing(Town(folder)) as made:
        yield made


@pytest.fixture
def rig(rig: Rig) -> Rig:
    rig.connected(BOB)
    return rig


@pytest.fixture
def desk(rig: Rig, without_control: str) -> Answers:
    kind = Forgetful if without_control == SEEN else Desk
    return Answers(kind(tools=rig.desk.tools, team_id=rig.desk.team_id))


@pytest.fixture
def bot(town: Town, desk: Answers, without_control: str) -> Iterator[Running]:
    with town.called(desk, intake(without_control)) as running:
        yield running


@pytest.fixture
def caller(bot: Running) -> Iterator[Caller]:
    with closing(Caller(bot.url)) as made:
        yield made


def test_nothing_that_was_changed_on_its_way_gets_in(
    caller: Caller,
    bot: Running,
    desk: Answers,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    tell: Callable[[str], None],
) -> None:
    made = act(bot)
    chance = random.Random(2)
    asked, kept, calls = desk.asked, everything(rig), len(bot.town.slack.sent)
    caplog.clear()
    answers: dict[int, int] = {}
    got_in: list[object] = []
    for number in range(scaled(5000)):
        method, body, headers = mutated(chance.choice(made), made, chance)
        status, _ = caller.send(body, headers, method=method)
        answers[status] = answers.get(status, 0) + 1
        if not 400 <= status < 500:
            got_in.append((number, status, method, body[:80], [value[:80] for _, value in headers]))
    tell(f"A2: {scaled(5000)} changed requests, {len(got_in)} got in; answers {dict(sorted(answers.items()))}")
    assert got_in == []
    assert (desk.asked, len(bot.town.slack.sent)) == (asked, calls)
    assert everything(rig) == kept
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert caller.again(made[0])[0] == 200, "what was not changed would have been taken"


def test_a_copy_within_five_minutes_does_nothing_at_all(
    caller: Caller, bot: Running, desk: Answers, rig: Rig, tell: Callable[[str], None]
) -> None:
    made = act(bot)
    chance = random.Random(3)
    asked, kept, calls = desk.asked, everything(rig), len(bot.town.slack.sent)
    for request in copies(made, scaled(1000), chance):
        assert caller.again(request) == (200, b""), "a copy is acknowledged like any other, and told nothing"
    bot.town.slack.wait(lambda: is_quiet(bot), what="the end of whatever began")
    seconds = (desk.asked - asked, len(bot.town.slack.sent) - calls)
    tell(f"A3: {scaled(1000)} copies of {len(made)} kinds; reached the desk {seconds[0]}, calls of Slack {seconds[1]}")
    assert seconds == (0, 0)
    assert everything(rig) == kept


def test_a_copy_after_a_restart_changes_nothing(
    caller: Caller, bot: Running, desk: Answers, rig: Rig, tell: Callable[[str], None]
) -> None:
    """The ledger of signatures is gone then: the desk's own knows every delivery."""
    assert isinstance(bot.intake, HttpMode)
    made = act(bot)
    chance = random.Random(4)
    asked, kept, shown = desk.asked, everything(rig), on_screen(bot)
    for request in copies(made, scaled(200), chance):
        bot.intake._ledger = Ledger()
        assert caller.again(request)[0] == 200
    bot.town.slack.wait(lambda: is_quiet(bot), 30, what="the end of whatever began")
    tell(f"A3: {scaled(200)} copies after a restart; reached the desk {desk.asked - asked}, which did nothing")
    assert desk.asked > asked, "they reached the desk"
    assert everything(rig) == kept
    assert on_screen(bot) == shown


def copies(made: list[Signed], number: int, chance: random.Random) -> list[Signed]:
    """Each kind at least once, whatever the scale."""
    return [*made, *(chance.choice(made) for _ in range(number - len(made)))]


def everything(rig: Rig) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    tables = [name for (name,) in rig.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: sorted(rig.rows(f'SELECT * FROM "{name}"'), key=repr) for name in tables}  # noqa: S608 - our own tables


def on_screen(bot: Running) -> object:
    """All messages and modals of the workspace, with how often each was edited."""
    state = bot.town.slack._state
    posts = [(post.ts, post.text, post.viewer, post.edits) for room in state.posts.values() for post in room.values()]
    return posts, {user: [view.id for view in stack] for user, stack in state.stacks.items() if stack}


def mutated(request: Signed, others: list[Signed], chance: random.Random) -> Mutated:
    """One thing is changed. Whatever it is, the signature does not fit any more, or has no shape."""
    headers = as_sent(request.headers)
    stamp, signature = (request.headers[name].encode() for name in (STAMP, SIGNATURE))
    match chance.randrange(12):
        case 0 | 1 | 2 | 3:
            return "POST", another_body(request.body, chance), headers
        case 4:
            return "POST", request.body, replaced(headers, STAMP, chance.choice(STAMPS))
        case 5:
            moved = int(stamp) + chance.choice((-1, 1)) * chance.randint(1, 1000)
            return "POST", request.body, replaced(headers, STAMP, str(moved).encode())
        case 6:
            return "POST", request.body, replaced(headers, SIGNATURE, chance.choice(SIGNATURES))
        case 7:
            return "POST", request.body, replaced(headers, SIGNATURE, another_digit(signature, chance))
        case 8:
            gone = chance.choice((STAMP, SIGNATURE))
            return "POST", request.body, [(name, value) for name, value in headers if name != gone]
        case 9:
            name = chance.choice((STAMP, SIGNATURE))
            twice = next(value for each, value in headers if each == name)
            return "POST", request.body, [*headers, (name.lower(), twice)]
        case 10:
            other = chance.choice([each for each in others if each.body != request.body])
            return "POST", other.body, headers
        case _:
            return chance.choice(("GET", "PUT", "DELETE", "PATCH", "OPTIONS")), request.body, headers


def replaced(headers: Headers, name: str, value: bytes) -> Headers:
    return [(each, value if each == name else old) for each, old in headers]


def another_digit(signature: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(3, len(signature))
    digit = chance.choice([each for each in b"0123456789abcdef" if each != signature[place]])
    return signature[:place] + bytes([digit]) + signature[place + 1 :]


def another_body(body: bytes, chance: random.Random) -> bytes:
    place, byte = chance.randrange(len(body)), chance.randrange(256)
    match chance.randrange(8):
        case 0:
            return body[:place] + bytes([body[place] ^ (byte or 1)]) + body[place + 1 :]
        case 1:
            return body[:place] + bytes([byte]) + body[place:] + b"~"
        case 2:
            return body[:place]
        case 3:
            return body + chance.choice((b"&", b"&text=revoke", b"&user_id=U0ADA", b" ", b"\0", b"\r\n", body))
        case 4:
            return body.replace(BOB.encode(), b"U0ADA")
        case 5:
            return chance.choice((b"{", b"[]", b"null", b"{}", b"payload={", b"[" * 50_000, b"\xff" * 50))
        case 6:
            return body[::-1]
        case _:
            return body + b"a" * (BODY_BYTES if byte < 8 else byte + 1)
