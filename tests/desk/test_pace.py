"""Live looks of one person: ten within a minute, whatever minute that is, and whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.desk.pace import LOOKS, WITHIN, Pace

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_one_is_free_again_when_the_first_of_ten_is_a_minute_old() -> None:
    pace = Pace()
    assert all(pace.allows(1, NOON + SECOND * n) for n in range(LOOKS))
    assert not pace.allows(1, NOON + WITHIN - SECOND)
    assert pace.allows(1, NOON + WITHIN)
    assert not pace.allows(1, NOON + WITHIN)
    assert pace.allows(1, NOON + WITHIN + SECOND)


def test_what_was_refused_does_not_count() -> None:
    pace = Pace()
    tried = [pace.allows(1, NOON + SECOND * n) for n in range(600)]
    assert sum(tried) == 600 / WITHIN.total_seconds() * LOOKS


def test_people_do_not_use_up_each_others() -> None:
    pace = Pace()
    assert sum(pace.allows(1, NOON) for _ in range(50)) == LOOKS
    assert pace.allows(2, NOON)


def test_a_clock_that_was_set_back_shuts_nobody_out() -> None:
    pace = Pace()
    assert sum(pace.allows(1, NOON) for _ in range(50)) == LOOKS
    assert pace.allows(1, NOON - timedelta(hours=1))
