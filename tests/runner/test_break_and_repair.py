"""The main path: connected, broken, told, repaired, green. By what the person's DM shows."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from bot.model import Health, State
from bot.rules.hours import WorkingHours
from tests.memory_slack import ADMIN_CHANNEL, BOB
from tests.rig import A_SECOND_STRIKE, HALF_AN_HOUR, Rig

BOBS = "bob@acme.example"


def test_bob_is_told_once_and_the_same_message_turns_green(rig: Rig) -> None:
    rig.mail(2)
    assert rig.connect(BOB).template == "done"
    rig.sync()
    rig.draw()
    [welcome] = rig.slack.to(BOB)
    assert welcome.reply.template == "notices/connected"
    assert (welcome["stage"], welcome["caught_up"]) == ("fixed", 2)

    rig.google.remove_access(BOBS)
    rig.pass_by(HALF_AN_HOUR)
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.slack.kinds(BOB) == ["connected"], "the first refusal is not believed yet"
    rig.pass_by(A_SECOND_STRIKE)
    assert rig.connection().condition.health is Health.SUSPENDED
    assert rig.slack.kinds(BOB) == ["connected"], "a failure settles for a minute"
    rig.settle()
    assert rig.slack.kinds(BOB) == ["connected", "failure"]
    failure = rig.slack.to(BOB)[1]
    [card] = failure["cards"]
    assert (card.state, card.account, failure["stage"]) == (State.SUSPENDED, BOBS, "broken")
    assert [door.label for door in card.doors] == ["Google"]

    rig.mail(3)
    rig.pass_by(timedelta(hours=6))
    assert rig.connect(BOB, invitation=card.doors[0].id).template == "done"
    rig.draw()
    assert (failure["stage"], failure["caught_up"]) == ("working", None)
    rig.sync()
    rig.draw()
    assert (failure["stage"], failure["caught_up"]) == ("fixed", 3)
    assert rig.slack.kinds(BOB) == ["connected", "failure"], "the same message, edited"
    assert rig.slack.to(ADMIN_CHANNEL) == []


def outside_of_working_hours(rig: Rig) -> None:
    """They begin in two to three hours where Bob is, on any day."""
    hour = (rig.clock.now().astimezone(ZoneInfo(rig.person().timezone)).hour + 3) % 24
    rig.hours = WorkingHours(frozenset(range(7)), begin=time(hour), end=time(hour, 59))
    rig.start("run:1")


def test_outside_of_working_hours_bob_is_told_when_they_begin(rig: Rig) -> None:
    rig.connected(BOB)
    outside_of_working_hours(rig)
    rig.lose_access()
    rig.settle()
    assert rig.connection().condition.health is Health.SUSPENDED
    assert rig.failures() == []
    rig.pass_by(timedelta(hours=3))
    [failure] = rig.failures()
    assert failure["stage"] == "broken"


def test_what_is_repaired_before_working_hours_begin_is_told_to_nobody(rig: Rig) -> None:
    rig.connected(BOB)
    outside_of_working_hours(rig)
    rig.lose_access()
    rig.connect(BOB)
    rig.sync()
    rig.pass_by(timedelta(hours=3))
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.failures() == []
