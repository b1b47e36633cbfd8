"""Killing Relatch at each step of a revocation: it ends there first and here afterwards, and one message tells it."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from providers.base import Side
from tests.faults.conftest import scaled
from tests.faults.crm_town import CrmTown
from tests.faults.tap import Gate, Uses
from tests.faults.town import Citizen
from tests.sandbox.child import ChildDied
from tests.sandbox.slack import Message
from tests.sandbox.world import TEAM

KILLS = 50
SLOW = 0.4  # seconds that a vendor takes, so that the receipt stands before it answers


class Step(StrEnum):
    """Where the kill lands."""

    CONFIRM = "while the confirmation is acted on"
    ASKED = "the vendor is asked and has not acted"
    ENDED = "the vendor has ended it, its answer is under way"
    ANSWERED = "right after the vendor's answer"
    TELLING = "the receipt is under way to Slack"
    TOLD = "the receipt stands, Slack's answer is under way"
    EDITING = "its last line is under way"
    EDITED = "its last line stands, the answer is under way"


# Here it is known whether the receipt stands. At all other steps its sending may be cut by chance.
SURE = {Step.TELLING, Step.EDITING, Step.EDITED}


@dataclass(frozen=True, slots=True)
class Revoked:
    """One person's sign-in that is to go: its row here and its refresh token there."""

    citizen: Citizen
    side: Side
    key: int
    token: str


class Square:
    """The town, its gates, and who uses which token."""

    def __init__(self, town: CrmTown) -> None:
        self.town = town
        self.revokes = {
            Side.MAILBOX: Gate(town.google.api_app, lambda request: request.path.endswith("/revoke")),
            Side.CRM: Gate(town.salesforce.api_app, lambda request: request.path.endswith("/revoke")),
        }
        self.posts = Gate(town.slack.api_app, lambda request: request.path == "/api/chat.postMessage")
        self.edits = Gate(town.slack.api_app, lambda request: request.path == "/api/chat.update")
        self.uses = {
            Side.MAILBOX: Uses(town.google.api_app, self._google_owner),
            Side.CRM: Uses(town.salesforce.api_app, town.crm_owners.of),
        }

    def alive(self, revoked: Revoked) -> bool:
        """Whether the vendor would still take its refresh token."""
        if revoked.side is Side.CRM:
            return bool(self.town.crm_owners.living(revoked.token))
        return bool(self._google_owner(revoked.token))

    def slow(self, seconds: float) -> None:
        self.town.google.slow(seconds)
        self.town.salesforce.slow(seconds)

    def gate(self, step: Step, side: Side) -> tuple[Gate, bool] | None:
        """The gate to be closed, and whether the work of what it keeps is done first."""
        match step:
            case Step.ASKED | Step.ENDED:
                return self.revokes[side], step is Step.ENDED
            case Step.TELLING | Step.TOLD:
                return self.posts, step is Step.TOLD
            case Step.EDITING | Step.EDITED:
                return self.edits, step is Step.EDITED
            case Step.CONFIRM | Step.ANSWERED:
                return None

    def _google_owner(self, token: str) -> str:
        state = self.town.google.state
        with state.lock:
            return state.tokens.email_of(token, state.clock.now())


@pytest.mark.parametrize("side", list(Side))
def test_a_kill_at_any_step_leaves_a_revocation_that_ends_and_is_told_once(
    tmp_path: Path, tell: Callable[[str], None], side: Side
) -> None:
    # The two sides share the kills of each step.
    lives, cut, strays = max(1, scaled(KILLS) // len(Side)), Counter[Step](), 0
    town = CrmTown(tmp_path)
    square = Square(town)
    with town.opened(people=1):
        town.start()
        town.wait(town.settled, 60, "the first sync")
        for step in list(Step) * lives:
            revoked = chosen(town, town.people[-1], side)
            kill_at(square, step, revoked)
            unheard = strangers(town, revoked)
            assert unheard <= (step not in SURE), f"{unheard} unknown receipts: {step}"
            destroyed = is_destroyed(town, revoked)
            assert not (destroyed and square.alive(revoked)), f"destroyed while alive there: {step}"
            somebody_else(town)
            end(square, step, revoked)
            copies = len(receipts(town, revoked.citizen)) - 1
            assert copies == unheard, f"{copies} more copies of the receipt, {unheard} cut in mid-send: {step}"
            cut[step] += 1
            strays += copies
        town.stop()
        town.check_database()
    tell(
        f"{cut.total()} SIGKILLs at {len(Step)} steps of revoking the {side}, {lives} at each: none used after the "
        f"confirmation, none destroyed before the vendor ended it, one receipt each and {strays} stray copies, each "
        f"of one that was cut in mid-send"
    )


def chosen(town: CrmTown, citizen: Citizen, side: Side) -> Revoked:
    with town.store() as store, store.read() as tx:
        connection = town.crm(tx, citizen) if side is Side.CRM else town.connection(tx, citizen)
        key = connection.credential_id or 0
    return Revoked(citizen, side, key, town.kept_token(citizen, side))


def somebody_else(town: CrmTown) -> None:
    """The next life has one more person; those before the last are away, so that their syncs cost no time."""
    with town.store() as store, store.write() as tx:
        for citizen in town.people[:-1]:
            person = tx.people.find(TEAM, citizen.user_id)
            assert person is not None
            tx.people.pause(person.id, town.clock.now())
    town.settle(1)
    town.start()


def kill_at(square: Square, step: Step, revoked: Revoked) -> None:
    """Nothing but the end of a life: whatever the gates kept is lost with it."""
    town, gated = square.town, square.gate(step, revoked.side)
    ask(town, revoked)
    if step in {Step.EDITING, Step.EDITED}:
        square.slow(SLOW)
    used = square.uses[revoked.side].of(revoked.citizen.email)
    if gated:
        gate, done_first = gated
        gate.close(done_first=done_first)
        confirm(town, revoked)
        town.wait(lambda: gate.holds, 30, f"the step where {step}")
        town.kill()
        gate.open()
    elif step is Step.CONFIRM:
        confirming = threading.Thread(target=confirm, args=(town, revoked))
        confirming.start()
        town.rest(0.0, 0.06)
        town.kill()
        confirming.join()
    else:
        confirm(town, revoked)
        town.wait(lambda: not square.alive(revoked), 30, "the end at the vendor")
        town.rest(0.0, 0.03)
        town.kill()
    square.slow(0)
    if step is not Step.CONFIRM:
        assert square.uses[revoked.side].of(revoked.citizen.email) == used


def end(square: Square, step: Step, revoked: Revoked) -> None:
    """The next life ends it, and nobody uses it on the way, nor when a sync would have been due."""
    town, uses = square.town, square.uses[revoked.side]
    if step is Step.CONFIRM and square.alive(revoked) and not given_up(town, revoked):
        ask(town, revoked)
        confirm(town, revoked)
    used = uses.of(revoked.citizen.email)
    town.wait(lambda: is_told(town, revoked.citizen), 60, "the end of the receipt")
    assert not square.alive(revoked)
    assert is_destroyed(town, revoked)
    town.later(timedelta(minutes=40))
    town.wait(town.settled, 60, "the end of all due work")
    assert uses.of(revoked.citizen.email) == used, f"used after the confirmation: {step}"


def ask(town: CrmTown, revoked: Revoked) -> None:
    for view in reversed(town.slack.views(revoked.citizen.user_id)):
        town.slack.close(revoked.citizen.user_id, view)
    assert town.slack.command(revoked.citizen.user_id, f"revoke {revoked.side}", channel="app_dm").ok
    town.wait(lambda: is_asked(town, revoked.citizen), 20, "the question")


def is_asked(town: CrmTown, citizen: Citizen) -> bool:
    views = town.slack.views(citizen.user_id)
    return bool(views) and views[-1].submit == "Revoke"


def confirm(town: CrmTown, revoked: Revoked) -> None:
    # A kill may come before the acknowledgement.
    with suppress(ChildDied):
        town.slack.submit(revoked.citizen.user_id)


def receipts(town: CrmTown, citizen: Citizen) -> list[Message]:
    return [message for message in town.slack.messages(citizen.user_id) if "disconnected" in message.plain]


def is_told(town: CrmTown, citizen: Citizen) -> bool:
    ends = ("Ended at", "No longer accepted by")
    shown = receipts(town, citizen)
    return any("destroyed" in message.plain and any(end in message.plain for end in ends) for message in shown)


def strangers(town: CrmTown, revoked: Revoked) -> int:
    """How many receipts stand in Slack of which we do not know: each was cut off in mid-send."""
    known = {ts for (ts,) in looked(town, "SELECT ts FROM notice", ())}
    return sum(message.ts not in known for message in receipts(town, revoked.citizen))


def is_destroyed(town: CrmTown, revoked: Revoked) -> bool:
    return bool(looked(town, "SELECT 1 FROM credential WHERE id = ? AND secret IS NULL", (revoked.key,)))


def given_up(town: CrmTown, revoked: Revoked) -> bool:
    return bool(looked(town, "SELECT 1 FROM credential WHERE id = ? AND revoke_at IS NOT NULL", (revoked.key,)))


def looked(town: CrmTown, query: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(town.database)) as database:
        return database.execute(query, values).fetchall()
