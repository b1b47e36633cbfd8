"""Later starts: after a gap the admins hear of it once, a channel that was never written to gets a first message."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from bot.model import Undeliverable
from bot.runner.alive import LONGEST_UNNOTICED, Alive
from tests.memory_slack import ADMIN_CHANNEL, BOB, GRACE
from tests.rig import HALF_AN_HOUR, HOUR, MINUTE, Rig

NIGHT = timedelta(hours=7)


def alive(rig: Rig, channel: str = ADMIN_CHANNEL) -> Alive:
    return Alive(store=rig.store, clock=rig.clock, admin_channel=channel)


def start(rig: Rig, channel: str = ADMIN_CHANNEL) -> list[str]:
    """As the runner does before any run is claimed. Gives what stands in the channel."""
    alive(rig, channel).begin()
    rig.draw()
    return rig.slack.kinds(channel)


def be_away(rig: Rig, time: timedelta) -> None:
    """For both clocks; nobody is run meanwhile."""
    rig.clock.ahead += time
    rig.kit.clock.move(time)


def test_the_first_start_says_hello_to_the_channel_once(rig: Rig) -> None:
    assert start(rig) == ["hello"]
    assert start(rig) == ["hello"]


def test_another_channel_is_greeted_too(rig: Rig) -> None:
    start(rig)
    assert start(rig, "C0OTHER") == ["hello"]
    assert start(rig) == ["hello"]


def test_a_channel_that_cannot_be_written_is_said_in_the_log_and_tried_at_the_next_start(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.slack.faults.append(Undeliverable("not_in_channel"))
    assert start(rig) == []
    [line] = [record for record in caplog.records if "RELATCH_ADMIN_CHANNEL" in record.message]
    assert line.levelno == logging.WARNING
    assert (vars(line)["channel"], vars(line)["code"]) == (ADMIN_CHANNEL, "not_in_channel")
    assert start(rig) == ["hello"]


def test_it_starts_without_an_admin_channel(rig: Rig) -> None:
    rig.connected(BOB)
    start(rig, "")
    be_away(rig, NIGHT)
    start(rig, "")
    assert rig.slack.kinds("") == rig.slack.kinds(ADMIN_CHANNEL) == []


def test_after_a_gap_one_line_tells_from_when_to_when_and_how_many_wait(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    start(rig)
    since = rig.clock.real()
    be_away(rig, NIGHT)
    assert start(rig) == ["hello", "away"]
    told = rig.slack.to(ADMIN_CHANNEL)[-1]
    assert abs(told["since"] - since) < MINUTE
    assert abs(told["until"] - since - NIGHT) < MINUTE
    assert told["runs"] == 2
    assert start(rig) == ["hello", "away"]


def test_another_gap_is_told_again(rig: Rig) -> None:
    rig.connected(BOB)
    start(rig)
    for _ in range(2):
        be_away(rig, NIGHT)
        start(rig)
        rig.sync()
    assert rig.slack.kinds(ADMIN_CHANNEL) == ["hello", "away", "away"]


def test_a_machine_that_slept_was_away_too(rig: Rig) -> None:
    rig.connected(BOB)
    duty = alive(rig)
    duty.begin()
    be_away(rig, NIGHT)
    duty.work()
    rig.draw()
    assert rig.slack.kinds(ADMIN_CHANNEL) == ["hello", "away"]


def test_a_short_stop_and_a_gap_in_which_nobody_was_due_are_not_told(rig: Rig) -> None:
    rig.connected(BOB)
    start(rig)
    be_away(rig, LONGEST_UNNOTICED - MINUTE)
    start(rig)
    # Bob's next run is half an hour after his last.
    rig.clock.ahead += LONGEST_UNNOTICED + MINUTE
    start(rig)
    assert rig.slack.kinds(ADMIN_CHANNEL) == ["hello"]


def test_time_that_only_the_sandbox_moves_is_no_gap(rig: Rig) -> None:
    rig.connected(BOB)
    start(rig)
    rig.kit.clock.move(HALF_AN_HOUR + HOUR)
    assert start(rig) == ["hello"]


def test_no_minute_without_its_note(rig: Rig) -> None:
    rig.connected(BOB)
    duty = alive(rig)
    duty.begin()
    for _ in range(60):
        be_away(rig, MINUTE)
        duty.work()
    rig.draw()
    assert rig.slack.kinds(ADMIN_CHANNEL) == ["hello"]
