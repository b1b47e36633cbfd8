"""When a provider counts as down, when it is probed, and when DMs are held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.outages import CONNECTIONS_UNTIL_OPEN, LONGEST_PROBE, Breaker, counts, failed, held, succeeded
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Side, Unavailable

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def after(ids: list[int], *, total: int) -> Breaker:
    breaker = Breaker()
    for connection_id in ids:
        breaker = failed(breaker, connection_id, total, NOON)
    return breaker


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Unavailable(Reason.PROVIDER_DOWN), True),
        (Unavailable(Reason.NETWORK), True),
        (Unavailable(Reason.RATE_LIMITED), False),
        (Unavailable(Reason.UNKNOWN), False),
        (Rejected(Reason.CREDENTIALS_REVOKED, definite=False), False),
        (Blocked(Reason.CONDITIONAL_ACCESS), False),
        (Misconfigured(Reason.CLIENT_SECRET_EXPIRED), False),
    ],
)
def test_only_silence_of_the_provider_counts(error: ProviderError, expected: bool) -> None:
    assert counts(error) is expected


def test_a_rate_limit_counts_where_it_is_everybodys() -> None:
    assert counts(Unavailable(Reason.RATE_LIMITED), Side.CRM)
    assert not counts(Unavailable(Reason.UNKNOWN), Side.CRM)


@pytest.mark.parametrize(
    ("ids", "total", "expected"),
    [
        ([], 9, False),
        ([1, 2], 9, False),
        ([1, 2, 3], 9, True),
        ([1, 1, 1, 1, 1], 9, False),
        ([1, 2, 1, 2], 9, False),
        ([1, 2, 1, 3], 9, True),
        ([1, 2], 2, False),
        ([1, 2, 1], 2, True),
        ([1, 1], 1, False),
        ([1, 1, 1], 1, True),
    ],
)
def test_three_failures_of_three_connections_or_of_all_there_are_open_it(
    ids: list[int], total: int, expected: bool
) -> None:
    breaker = after(ids, total=total)
    assert breaker.open is expected
    assert breaker.opened_at == (NOON if expected else None)


def test_one_success_starts_the_count_anew() -> None:
    breaker = succeeded(after([1, 2], total=9))
    assert breaker == Breaker()
    assert not failed(breaker, 3, 9, NOON).open


def test_one_success_closes_it() -> None:
    assert succeeded(after([1, 2, 3], total=9)) == Breaker()


def test_probes_come_after_1_2_4_8_and_then_every_10_minutes() -> None:
    breaker, now, waits = after([1, 2, 3], total=9), NOON, []
    for _ in range(2_000):
        assert breaker.next_probe_at is not None
        waits.append((breaker.next_probe_at - now) // MINUTE)
        now = breaker.next_probe_at
        breaker = failed(breaker, 1, 9, now)
    assert waits == [1, 2, 4, 8] + [10] * 1_996
    assert breaker.opened_at == NOON


def test_runs_that_were_under_way_do_not_put_the_probe_off() -> None:
    breaker = after([1, 2, 3, 4, 5, 6, 7], total=9)
    assert (breaker.failures, breaker.probes, breaker.next_probe_at) == (7, 0, NOON + MINUTE)


@given(st.lists(st.tuples(st.integers(1, 40), st.timedeltas(timedelta(), timedelta(hours=1))), max_size=60))
def test_it_stays_small_and_an_open_one_always_has_a_probe_soon(steps: list[tuple[int, timedelta]]) -> None:
    breaker, now = Breaker(), NOON
    for connection_id, later in steps:
        now += later
        breaker = failed(breaker, connection_id, 40, now)
        assert len(breaker.connections) <= CONNECTIONS_UNTIL_OPEN
        assert breaker.open == (breaker.next_probe_at is not None)
        assert breaker.next_probe_at is None or now < breaker.next_probe_at <= now + LONGEST_PROBE


@pytest.mark.parametrize(
    ("turned_bad", "total", "expected"),
    [
        (0, 0, False),
        (4, 4, False),
        (5, 5, True),
        (5, 49, True),
        (5, 50, False),
        (6, 50, True),
        (25, 250, False),
        (25, 249, True),
        (25, 10_000, False),
        (26, 10_000, True),
    ],
)
def test_dms_are_held_above_25_or_from_5_that_are_above_a_tenth(
    turned_bad: int, total: int, expected: bool
) -> None:
    assert held(turned_bad, total) is expected
