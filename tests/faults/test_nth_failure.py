"""One call fails somewhere between a first sign-in and the repair of a broken one: it ends green all the same."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import Health
from tests.faults.conftest import scaled
from tests.faults.tap import Failure
from tests.faults.town import Citizen, Town
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Button
from tests.sandbox.world import TEAM

CALLS = 20
MAILS = 3
TRIES = 4
PATIENCE = 5.0  # seconds until a person types or presses again
DM = "app_dm"
STEP = timedelta(minutes=11)
STEPS = 12
# What nobody must be shown: a traceback, the name of an exception, the insides of a template.
INSIDES = re.compile(r"Traceback|Exception|[a-z]Error\b|\{\{|\bNone\b|Undefined")


@pytest.mark.parametrize("vendor", ["Google", "Slack"])
def test_whichever_call_fails_the_person_ends_with_a_sign_in_that_works(
    tmp_path: Path, tell: Callable[[str], None], vendor: str
) -> None:
    reached, strays, numbers = 0, 0, chosen(scaled(CALLS))
    with Town.founded(tmp_path, 0) as town:
        tap = town.taps[vendor]
        town.start()
        for nth in numbers:
            how, citizen = list(Failure)[nth % len(Failure)], town.arrive()
            before = len(tap.calls)
            tap.fail(nth, how)
            try:
                walk(town, citizen)
                copies = judge(town, citizen)
            except AssertionError as error:
                failed = (tap.calls[before:] + [""] * nth)[nth - 1]
                raise AssertionError(f"call {nth} to {vendor}, {failed}, {how}: {error}") from error
            assert copies <= (how is Failure.LOST and vendor == "Slack")
            strays += copies
            leave(town, citizen)
            if tap.relent():
                break  # The walk has fewer calls than that.
            reached += 1
        assert "Traceback" not in town.bot.log.read_text("utf-8")
        town.stop()
        town.check_database()
        assert town.lost() == []
    assert reached
    tell(
        f"{reached} walks with the n-th call to {vendor} failing, n = {numbers[:reached]}: all ended green, "
        f"nothing lost, {strays} stray copies"
    )


def chosen(count: int) -> list[int]:
    """So many of 1 to CALLS, evenly; above that, all of them and on."""
    return sorted({1 + number * max(CALLS, count) // count for number in range(count)})


def walk(town: Town, citizen: Citizen) -> None:
    for number in range(MAILS):
        town.google.deliver(citizen.email, sender="cara@customer.example", subject=f"Question {number}")
    for _ in range(TRIES):
        town.slack.command(citizen.user_id, "", channel=DM)
        if come(lambda: door(town, citizen, "set up")) and enter(town, citizen, "set up"):
            break
    pass_time(town, lambda: works(town, citizen, items=MAILS), "the first sync")
    town.google.remove_access(citizen.email)
    town.google.deliver(citizen.email, sender="chris@customer.example", subject="One more")
    pass_time(town, lambda: door(town, citizen, "refresh"), "the message that says what broke")
    for _ in range(TRIES):
        if enter(town, citizen, "refresh"):
            break
    pass_time(town, lambda: works(town, citizen, items=MAILS + 1), "what was missed")
    pass_time(town, lambda: "works again" in said(town, citizen), "the good news")


def judge(town: Town, citizen: Citizen) -> int:
    """How many stray copies of the failure message there are."""
    shown = [*town.slack.messages(citizen.user_id), *town.slack.ephemerals(citizen.user_id, channel=DM)]
    for message in shown:
        for words in (message.text, message.plain):
            assert not INSIDES.search(words), words
    return sum("stopped" in message.text for message in town.slack.messages(citizen.user_id))


def leave(town: Town, citizen: Citizen) -> None:
    """On a long holiday: their sync makes no more calls that would be counted for the next person."""
    with town.store() as store, store.write() as tx:
        person = tx.people.find(TEAM, citizen.user_id)
        assert person is not None
        tx.people.pause(person.id, town.clock.now())


def enter(town: Town, citizen: Citizen, label: str) -> bool:
    """Whether the sign-in worked that this button leads to. A page that leads nowhere is read, and that is all."""
    before, browser = credential(town, citizen), Browser()
    try:
        button = door(town, citizen, label)
    except LookupError:
        return False  # It has just been replaced by a later answer.
    with suppress(AssertionError):
        sign_in(browser, button.url, slack_user=citizen.user_id, account=citizen.email)
    assert not INSIDES.search(browser.page.text), browser.page.text
    return credential(town, citizen) != before


def door(town: Town, citizen: Citizen, label: str) -> Button:
    """Raises LookupError while there is none."""
    shown = [*town.slack.messages(citizen.user_id), *town.slack.ephemerals(citizen.user_id, channel=DM)]
    buttons = [button for message in shown for button in message.buttons if button.url]
    return [button for button in buttons if label in button.label.casefold()][-1]


def said(town: Town, citizen: Citizen) -> str:
    return "\n".join(message.text for message in town.slack.messages(citizen.user_id))


def credential(town: Town, citizen: Citizen) -> int | None:
    with town.store() as store, store.read() as tx:
        person = tx.people.find(TEAM, citizen.user_id)
        sides = tx.connections.of(person.id) if person else {}
        return next((connection.credential_id for connection in sides.values()), None)


def works(town: Town, citizen: Citizen, *, items: int) -> bool:
    with town.store() as store, store.read() as tx:
        connection = town.connection(tx, citizen)
        assert connection.items <= items, "something was counted twice"
        return connection.condition.health is Health.ACTIVE and connection.items == items


def pass_time(town: Town, condition: Callable[[], object], what: str) -> None:
    """Moves on whenever there is nothing left to do, until `condition`."""
    for _ in range(STEPS):
        town.wait(lambda: holds(condition) or town.settled(), 60, what)
        if come(condition, 0.3):
            return
        town.later(STEP)
    raise AssertionError(f"{what} never came; {said(town, town.people[-1])!r}; {town.bot.last_lines(8)}")


def come(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds(condition):
            return True
        time.sleep(0.05)
    return False


def holds(condition: Callable[[], object]) -> bool:
    try:
        return bool(condition())
    except LookupError:
        return False
