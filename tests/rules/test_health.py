"""What becomes of a connection after each outcome: one table per rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Cause, Condition, Culprit, Health, Kind, Stage
from bot.rules.health import (
    BLOCKED_RETRY,
    CRM_EVERY,
    EVERY,
    LONGEST_PAUSE,
    LONGEST_WAIT,
    MISCONFIGURED_RETRY,
    REJECTED_WAITS,
    REJECTIONS_UNTIL_SUSPENDED,
    SECOND_STRIKE_AFTER,
    Decision,
    Ok,
    Outcome,
    Tell,
    decide,
    in_trouble,
)
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEALTHY = Condition(last_ok_at=NOON - EVERY, next_try_at=NOON)

DEFINITE = Rejected(Reason.PASSWORD_CHANGED, "AADSTS50173", "trace-1", definite=True)
PLAIN = Rejected(Reason.CREDENTIALS_REVOKED, "invalid_grant", definite=False)
BARE = Rejected(Reason.UNKNOWN, "401", definite=False)
POLICY = Blocked(Reason.CONDITIONAL_ACCESS, "AADSTS53003", "trace-2")
APPROVAL = Blocked(Reason.NEEDS_ADMIN_APPROVAL, "AADSTS65001")
OURS = Misconfigured(Reason.CLIENT_SECRET_EXPIRED, "AADSTS7000222")
DOWN = Unavailable(Reason.PROVIDER_DOWN, "503")


def after(
    condition: Condition,
    outcome: Outcome,
    now: datetime = NOON,
    *,
    stage: Stage = Stage.RENEWAL,
    pressed: bool = False,
    breaker_open: bool = False,
    jitter: float = 0.5,
) -> Decision:
    """A half is the middle of the jitter: waits come out as they are written."""
    return decide(
        condition, outcome, now, stage=stage, pressed=pressed, breaker_open=breaker_open, jitter=jitter
    )


def suspended(error: ProviderError) -> Condition:
    return after(HEALTHY, error, NOON - timedelta(hours=1)).condition


def due(condition: Condition) -> datetime:
    assert condition.next_try_at is not None
    return condition.next_try_at


REFUSED, BLOCKED = suspended(DEFINITE), suspended(POLICY)
STRUCK = after(HEALTHY, PLAIN).condition
BOUNCED = after(HEALTHY, BARE, stage=Stage.USE).condition
FLAKY = after(HEALTHY, DOWN).condition


@pytest.mark.parametrize(
    ("before", "events", "tell"),
    [
        (HEALTHY, (), Tell.NOBODY),
        (STRUCK, (), Tell.NOBODY),
        (BOUNCED, (), Tell.NOBODY),
        (FLAKY, (), Tell.NOBODY),
        (REFUSED, (Kind.RECOVERED,), Tell.RECOVERED),
        (BLOCKED, (Kind.RECOVERED,), Tell.RECOVERED),
    ],
)
def test_ok_forgets_all_trouble_and_only_a_suspended_one_has_recovered(
    before: Condition, events: tuple[Kind, ...], tell: Tell
) -> None:
    healed = Condition(last_ok_at=NOON, next_try_at=NOON + EVERY)
    assert after(before, Ok()) == Decision(healed, events, tell)


@pytest.mark.parametrize(("jitter", "minutes"), [(0.0, 27), (0.5, 30), (0.999999, 33)])
def test_runs_spread_by_a_tenth_either_way(jitter: float, minutes: int) -> None:
    assert due(after(HEALTHY, Ok(), jitter=jitter).condition) == pytest.approx(
        NOON + minutes * MINUTE, abs=timedelta(seconds=1)
    )


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    ("error", "next_try_at", "tell"),
    [
        (DEFINITE, None, Tell.PERSON),
        (POLICY, NOON + BLOCKED_RETRY, Tell.PERSON),
        (APPROVAL, NOON + BLOCKED_RETRY, Tell.ADMIN),
        (Blocked(Reason.APP_MISSING), NOON + BLOCKED_RETRY, Tell.ADMIN),
    ],
)
def test_a_clear_answer_suspends_at_once(
    stage: Stage, error: ProviderError, next_try_at: datetime | None, tell: Tell
) -> None:
    decision = after(HEALTHY, error, stage=stage)
    expected = replace(
        HEALTHY, health=Health.SUSPENDED, cause=Cause.of(error), since=NOON, next_try_at=next_try_at
    )
    assert decision == Decision(expected, (Kind.SUSPENDED,), tell)


@pytest.mark.parametrize(
    ("before", "error", "tell"),
    [
        (REFUSED, DEFINITE, Tell.NOBODY),
        (REFUSED, Rejected(Reason.PASSWORD_CHANGED, "other", "trace-9", definite=True), Tell.NOBODY),
        (REFUSED, Rejected(Reason.CONSENT_REVOKED, definite=True), Tell.PERSON),
        (REFUSED, POLICY, Tell.PERSON),
        (REFUSED, APPROVAL, Tell.ADMIN),
        (BLOCKED, POLICY, Tell.NOBODY),
        (BLOCKED, APPROVAL, Tell.ADMIN),
        (BLOCKED, DEFINITE, Tell.PERSON),
        (suspended(APPROVAL), APPROVAL, Tell.NOBODY),
    ],
)
def test_a_suspended_one_is_told_again_only_for_another_cause(
    before: Condition, error: ProviderError, tell: Tell
) -> None:
    decision = after(before, error)
    assert (decision.condition.health, decision.condition.cause) == (Health.SUSPENDED, Cause.of(error))
    assert decision.tell is tell
    assert decision.events == (() if tell is Tell.NOBODY else (Kind.SUSPENDED,))
    assert decision.condition.since == before.since
    assert decision.condition.next_try_at == (None if isinstance(error, Rejected) else NOON + BLOCKED_RETRY)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_a_first_plain_refusal_is_asked_again_quietly_after_ten_minutes(jitter: float) -> None:
    decision = after(HEALTHY, PLAIN, jitter=jitter)
    assert (decision.tell, decision.events, decision.condition.health) == (Tell.NOBODY, (), Health.ACTIVE)
    assert (decision.condition.struck_at, decision.condition.since) == (NOON, NOON)
    assert decision.condition.cause == Cause.of(PLAIN)
    assert NOON + SECOND_STRIKE_AFTER <= due(decision.condition) <= NOON + SECOND_STRIKE_AFTER + MINUTE


@pytest.mark.parametrize(
    ("minutes", "breaker_open", "pressed", "believed", "next_minute"),
    [
        (9, False, False, False, 10),
        (9, True, False, False, 10),
        (9, False, True, True, None),
        (10, False, False, True, None),
        (45, False, False, True, None),
        (45, True, False, False, 55.5),
        (45, True, True, True, None),
    ],
)
def test_a_second_plain_refusal_counts_late_enough_outside_an_outage_or_when_pressed(
    minutes: int, breaker_open: bool, pressed: bool, believed: bool, next_minute: float | None
) -> None:
    decision = after(STRUCK, PLAIN, NOON + minutes * MINUTE, breaker_open=breaker_open, pressed=pressed)
    assert decision.condition.health is (Health.SUSPENDED if believed else Health.ACTIVE)
    assert decision.tell is (Tell.PERSON if believed else Tell.NOBODY)
    assert decision.condition.next_try_at == (None if next_minute is None else NOON + next_minute * MINUTE)
    assert (decision.condition.since, decision.condition.struck_at) == (NOON, NOON)


def test_a_press_makes_the_first_plain_refusal_count() -> None:
    decision = after(HEALTHY, PLAIN, pressed=True)
    assert (decision.condition.health, decision.tell) == (Health.SUSPENDED, Tell.PERSON)
    assert decision.condition.next_try_at is None


@pytest.mark.parametrize("pressed", [False, True])
def test_a_bare_refusal_in_use_suspends_at_the_sixth(pressed: bool) -> None:
    condition, now = HEALTHY, NOON
    for number, wait in enumerate(REJECTED_WAITS, start=1):
        decision = after(condition, BARE, now, stage=Stage.USE, pressed=pressed)
        condition = decision.condition
        assert (condition.health, condition.rejections) == (Health.ACTIVE, number)
        assert (decision.tell, condition.since, condition.next_try_at) == (Tell.NOBODY, NOON, now + wait)
        now = due(condition)
    last = after(condition, BARE, now, stage=Stage.USE, pressed=pressed)
    assert (last.condition.health, last.condition.rejections) == (Health.SUSPENDED, 6)
    assert (last.tell, last.events, last.condition.next_try_at) == (Tell.PERSON, (Kind.SUSPENDED,), None)
    assert last.condition.since == NOON


def test_the_waits_between_bare_refusals_are_those_we_promise() -> None:
    assert [wait // MINUTE for wait in REJECTED_WAITS] == [2, 10, 30, 30, 30]
    assert len(REJECTED_WAITS) == REJECTIONS_UNTIL_SUSPENDED - 1


@pytest.mark.parametrize(
    ("error", "stage"), [(PLAIN, Stage.RENEWAL), (BARE, Stage.USE)], ids=["plain", "bare"]
)
def test_a_blocked_one_keeps_its_cause_until_a_doubtful_refusal_is_believed(
    error: Rejected, stage: Stage
) -> None:
    doubted = after(BLOCKED, error, stage=stage)
    assert (doubted.condition.health, doubted.condition.cause) == (Health.SUSPENDED, BLOCKED.cause)
    assert (doubted.tell, doubted.condition.next_try_at is None) == (Tell.NOBODY, False)
    condition, now, last = doubted.condition, NOON, doubted
    while condition.next_try_at is not None:
        now = max(condition.next_try_at, now + MINUTE)
        last = after(condition, error, now, stage=stage)
        condition = last.condition
    assert (condition.cause, last.tell) == (Cause.of(error), Tell.PERSON)


@pytest.mark.parametrize(("error", "stage"), [(PLAIN, Stage.RENEWAL), (BARE, Stage.USE)])
def test_a_doubtful_refusal_adds_nothing_to_a_sure_one(error: Rejected, stage: Stage) -> None:
    assert after(REFUSED, error, stage=stage) == Decision(REFUSED, (), Tell.NOBODY)


def test_an_answer_of_the_administrator_ends_a_row_of_refusals() -> None:
    blocked = after(replace(STRUCK, rejections=5), POLICY).condition
    assert (blocked.struck_at, blocked.rejections) == (None, 0)


@pytest.mark.parametrize(
    ("failures", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (2_000, 30)]
)
def test_waits_of_an_outage_double_up_to_half_an_hour(failures: int, minutes: int) -> None:
    before = replace(HEALTHY, failures=failures)
    expected = replace(before, failures=failures + 1, next_try_at=NOON + minutes * MINUTE)
    assert after(before, DOWN) == Decision(expected, (), Tell.NOBODY)


def test_two_thousand_failures_in_a_row_do_not_overflow() -> None:
    condition, now = HEALTHY, NOON
    for _ in range(2_000):
        condition = after(condition, DOWN, now, jitter=0.999).condition
        assert now < due(condition) <= now + LONGEST_WAIT * 1.1
        now = due(condition)
    assert (condition.failures, condition.health, condition.cause) == (2_000, Health.ACTIVE, None)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (None, MINUTE),
        (5, MINUTE),
        (-1e300, MINUTE),
        (float("nan"), MINUTE),
        (900, 15 * MINUTE),
        (86_400, LONGEST_PAUSE),
        (float("inf"), LONGEST_PAUSE),
    ],
)
def test_a_longer_pause_that_the_vendor_asks_for_is_kept_up_to_six_hours(
    retry_after: float | None, wait: timedelta
) -> None:
    error = Unavailable(Reason.RATE_LIMITED, "429", retry_after=retry_after)
    assert due(after(HEALTHY, error).condition) == NOON + wait


@pytest.mark.parametrize(
    ("before", "now", "next_try_at"),
    [
        (REFUSED, NOON, None),
        (replace(REFUSED, next_try_at=NOON), NOON, None),
        (BLOCKED, NOON, BLOCKED.next_try_at),
        (BLOCKED, NOON + timedelta(hours=9), NOON + timedelta(hours=9) + BLOCKED_RETRY),
    ],
)
def test_an_outage_changes_nothing_for_a_suspended_one(
    before: Condition, now: datetime, next_try_at: datetime | None
) -> None:
    assert after(before, DOWN, now) == Decision(replace(before, next_try_at=next_try_at), (), Tell.NOBODY)


def test_a_pause_that_the_vendor_asks_for_puts_off_a_blocked_one_too() -> None:
    error = Unavailable(Reason.RATE_LIMITED, "429", retry_after=21_600)
    assert due(after(BLOCKED, error).condition) == NOON + LONGEST_PAUSE


@pytest.mark.parametrize("before", [STRUCK, BOUNCED], ids=["struck", "bounced"])
def test_an_outage_between_refusals_forgets_none(before: Condition) -> None:
    condition = after(before, DOWN).condition
    assert replace(condition, failures=0, next_try_at=before.next_try_at) == before


@pytest.mark.parametrize("error", [DOWN, OURS], ids=["down", "ours"])
def test_nothing_else_brings_the_second_try_forward(error: ProviderError) -> None:
    assert due(after(STRUCK, error, NOON + MINUTE).condition) >= NOON + SECOND_STRIKE_AFTER


def test_an_answer_after_an_outage_starts_the_waits_anew() -> None:
    assert after(replace(HEALTHY, failures=20), PLAIN).condition.failures == 0


@pytest.mark.parametrize(
    ("before", "next_try_at"),
    [
        (HEALTHY, NOON + MISCONFIGURED_RETRY),
        (FLAKY, NOON + MISCONFIGURED_RETRY),
        (BOUNCED, NOON + MISCONFIGURED_RETRY),
        (BLOCKED, NOON + MISCONFIGURED_RETRY),
        (REFUSED, None),
    ],
)
def test_our_own_fault_is_put_on_nobody_but_the_operator(
    before: Condition, next_try_at: datetime | None
) -> None:
    assert after(before, OURS) == Decision(replace(before, next_try_at=next_try_at), (), Tell.OPERATOR)


@pytest.mark.parametrize("health", [Health.REVOKING, Health.REVOKED])
@pytest.mark.parametrize("outcome", [Ok(), DEFINITE, PLAIN, POLICY, OURS, DOWN])
def test_a_revoked_one_never_revives(health: Health, outcome: Outcome) -> None:
    before = replace(HEALTHY, health=health)
    assert after(before, outcome, pressed=True) == Decision(before, (), Tell.NOBODY)


def test_a_failure_that_does_not_say_who_must_act_is_a_slip_of_ours() -> None:
    with pytest.raises(TypeError, match="ProviderError does not say who must act"):
        after(HEALTHY, ProviderError(Reason.UNKNOWN))


REASONS = st.sampled_from(Reason)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Ok),
    st.builds(Rejected, REASONS, definite=st.booleans()),
    st.builds(Blocked, REASONS),
    st.builds(Misconfigured, REASONS),
    st.builds(Unavailable, REASONS, retry_after=st.none() | st.floats()),
)
STEPS = st.lists(
    st.tuples(
        OUTCOMES,
        st.sampled_from(Stage),
        st.booleans(),
        st.booleans(),
        st.floats(0, 1, exclude_max=True),
        st.timedeltas(timedelta(), timedelta(hours=12)),
    ),
    min_size=1,
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_in_whatever_order(
    steps: list[tuple[Outcome, Stage, bool, bool, float, timedelta]],
) -> None:
    condition, now = HEALTHY, NOON
    for outcome, stage, pressed, breaker_open, jitter, later in steps:
        now, before = now + later, condition
        decision = after(
            before, outcome, now, stage=stage, pressed=pressed, breaker_open=breaker_open, jitter=jitter
        )
        condition = decision.condition
        culprit = condition.cause.culprit if condition.cause else None
        left_alone = (condition.health, culprit) == (Health.SUSPENDED, Culprit.PERSON)
        assert (condition.next_try_at is None) == left_alone
        assert condition.next_try_at is None or condition.next_try_at > now
        assert (condition.health is Health.ACTIVE) or condition.since is not None
        assert not isinstance(outcome, Ok) or condition.health is Health.ACTIVE
        assert not isinstance(outcome, (Unavailable, Misconfigured)) or condition.health is before.health
        told = decision.tell in (Tell.PERSON, Tell.ADMIN)
        assert told == (decision.events == (Kind.SUSPENDED,))
        assert (decision.tell is Tell.RECOVERED) == (decision.events == (Kind.RECOVERED,))


def test_each_side_has_its_own_rhythm_while_it_works() -> None:
    in_run = partial(decide, HEALTHY, Ok(), NOON, stage=Stage.USE, pressed=False, breaker_open=False, jitter=0.5)
    assert in_run().condition.next_try_at == NOON + EVERY
    assert in_run(every=CRM_EVERY).condition.next_try_at == NOON + CRM_EVERY


@pytest.mark.parametrize("error", [DEFINITE, PLAIN, BARE, POLICY, DOWN])
def test_whatever_went_wrong_is_trouble_until_it_works_again(error: ProviderError) -> None:
    broken = after(HEALTHY, error, stage=Stage.USE).condition
    assert (in_trouble(HEALTHY), in_trouble(broken)) == (False, True)
    assert not in_trouble(after(broken, Ok()).condition)
