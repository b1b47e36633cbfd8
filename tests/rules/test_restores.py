"""A restored backup goes to work slowly, and is told of now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.rules.restores import turn, worth_telling

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_one_person_is_tried_every_two_seconds() -> None:
    assert [turn(place, NOON) - NOON for place in (0, 1, 300)] == [
        timedelta(),
        timedelta(seconds=2),
        timedelta(minutes=10),
    ]


@pytest.mark.parametrize(
    ("checked", "total", "told"),
    [(1, 300, False), (9, 300, False), (10, 300, True), (299, 300, False), (300, 300, True), (3, 3, True)],
)
def test_it_is_told_every_tenth_and_at_the_end(checked: int, total: int, told: bool) -> None:
    assert worth_telling(checked, total) is told
