"""Working hours, by the time zone of whoever is written to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.hours import WorkingHours

OFFICE = WorkingHours.read("Mon-Fri 08:00-18:00")
# A Friday.
FRIDAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hour", "timezone", "expected"),
    [
        (12, "UTC", timedelta(hours=12)),
        (8, "UTC", timedelta(hours=8)),
        (7, "UTC", timedelta(hours=8)),
        (18, "UTC", timedelta(days=3, hours=8)),
        (7, "Europe/Berlin", timedelta(hours=7)),
        (17, "Europe/Berlin", timedelta(days=3, hours=7)),
        (12, "America/Los_Angeles", timedelta(hours=16)),
        (6, "no zone of this world", timedelta(hours=8)),
    ],
)
def test_a_message_waits_for_the_next_working_hour_where_the_person_is(
    hour: int, timezone: str, expected: timedelta
) -> None:
    assert OFFICE.next(FRIDAY + timedelta(hours=hour), timezone) == FRIDAY + expected


def test_a_week_may_begin_on_sunday() -> None:
    week = WorkingHours.read("sun-thu 09:00-17:00")
    assert week.next(FRIDAY, "UTC") == FRIDAY + timedelta(days=2, hours=9)


def test_where_the_clocks_change_the_hour_on_the_wall_counts() -> None:
    # In Berlin the summer of 2026 began on Sunday, 29 March.
    friday = datetime(2026, 3, 27, 20, tzinfo=UTC)
    assert OFFICE.next(friday, "Europe/Berlin") == datetime(2026, 3, 30, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "always",
        "Mon-Fri",
        "Mon-Fri 8-18",
        "Mon-Fri 18:00-08:00",
        "Mo-Fr 08:00-18:00",
        "Mon-Fre 08:00-18:00",
        "Mon-Fri 08:00-25:00",
    ],
)
def test_what_are_no_working_hours_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="must"):
        WorkingHours.read(written)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.sampled_from(["UTC", "Asia/Kolkata", "US/Samoa"]))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_it_waits_a_week_at_most_and_never_goes_back(naive: datetime, timezone: str) -> None:
    at = naive.replace(tzinfo=UTC)
    then = OFFICE.next(at, timezone)
    assert at <= then <= at + timedelta(days=4)
    assert OFFICE.next(then, timezone) == then
