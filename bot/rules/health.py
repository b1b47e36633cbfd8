"""What an outcome makes of a connection: health, next try, and who hears of it. No clock, SQL or network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.model import Cause, Condition, Culprit, Health, Kind, Stage
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable

EVERY = timedelta(minutes=30)
# A CRM is proven by what is written to it. One that nothing is written to is asked this often: a call of an org's day.
CRM_EVERY = timedelta(hours=1)
REJECTIONS_UNTIL_SUSPENDED = 6
REJECTED_WAITS = (
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(minutes=30),
    timedelta(minutes=30),
)
SECOND_STRIKE_AFTER = timedelta(minutes=10)
BLOCKED_RETRY = timedelta(hours=6)
MISCONFIGURED_RETRY = timedelta(minutes=10)
SETTLE = timedelta(seconds=60)
SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=6)
# 2**5 minutes is already beyond the longest wait; an exponent without a cap overflows after days of outage.
MOST_DOUBLINGS = 5
APPROVALS = frozenset({Reason.NEEDS_ADMIN_APPROVAL, Reason.APP_MISSING})


@dataclass(frozen=True, slots=True)
class Ok:
    """Renewal and use both worked. A good renewal alone is no Ok: it would wipe out the rejections."""


Outcome = Ok | ProviderError


class Tell(StrEnum):
    """Who hears of it. ADMIN is PERSON and the approval incident; RECOVERED turns the notice green."""

    NOBODY = "nobody"
    PERSON = "person"
    RECOVERED = "recovered"
    ADMIN = "admin"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Decision:
    """The new condition, what the history gets besides the caller's own line, and who hears of it."""

    condition: Condition
    events: tuple[Kind, ...]
    tell: Tell


def decide(
    condition: Condition,
    outcome: Outcome,
    now: datetime,
    *,
    stage: Stage,
    pressed: bool,
    breaker_open: bool,
    jitter: float,
    every: timedelta = EVERY,
) -> Decision:
    """`jitter` in [0, 1) moves waits by up to 10 % either way; `pressed`: a person asked for this attempt.

    `every` is the rhythm of a connection that works.
    """
    if condition.health in (Health.REVOKING, Health.REVOKED):
        return _quiet(condition)
    match outcome:
        case Ok():
            return _healed(condition, now + _about(every, jitter), now)
        case Rejected() if outcome.definite or (pressed and stage is Stage.RENEWAL):
            return _suspended(condition, outcome, now, next_try_at=None)
        case Rejected() if _refused(condition):
            # A bare refusal says less than the answer for which it is suspended already.
            return _quiet(replace(condition, next_try_at=None))
        case Rejected() if stage is Stage.RENEWAL:
            return _struck(condition, outcome, now, breaker_open=breaker_open, jitter=jitter)
        case Rejected():
            return _bounced(condition, outcome, now, jitter)
        case Blocked():
            condition = replace(condition, rejections=0, struck_at=None)
            return _suspended(condition, outcome, now, next_try_at=now + _about(BLOCKED_RETRY, jitter))
        case Misconfigured():
            return _ours(condition, now, jitter)
        case Unavailable():
            return _away(condition, outcome, now, jitter)
        case ProviderError():
            raise TypeError(f"{type(outcome).__name__} does not say who must act")


def in_trouble(condition: Condition) -> bool:
    """Not working as it should, whether or not anybody was told."""
    doubted = condition.failures or condition.rejections or condition.struck_at is not None
    return condition.health is not Health.ACTIVE or bool(doubted)


def _healed(condition: Condition, next_try_at: datetime, now: datetime) -> Decision:
    healed = Condition(last_ok_at=now, next_try_at=next_try_at)
    if condition.health is Health.SUSPENDED:
        return Decision(healed, (Kind.RECOVERED,), Tell.RECOVERED)
    return _quiet(healed)


def _suspended(
    condition: Condition, error: Rejected | Blocked, now: datetime, *, next_try_at: datetime | None
) -> Decision:
    """Told once for each cause. Code and trace differ from answer to answer: they make no new cause."""
    cause = Cause.of(error)
    before = condition.cause if condition.health is Health.SUSPENDED else None
    suspended = replace(
        condition,
        health=Health.SUSPENDED,
        cause=cause,
        failures=0,
        since=condition.since or now,
        next_try_at=next_try_at,
    )
    if before is not None and (before.culprit, before.reason) == (cause.culprit, cause.reason):
        return _quiet(suspended)
    approval = cause.culprit is Culprit.ADMINISTRATOR and cause.reason in APPROVALS
    return Decision(suspended, (Kind.SUSPENDED,), Tell.ADMIN if approval else Tell.PERSON)


def _struck(condition: Condition, error: Rejected, now: datetime, *, breaker_open: bool, jitter: float) -> Decision:
    """A token endpoint's plain refusal is believed at the second time, late enough and outside an outage."""
    first, later = condition.struck_at, now + _at_least(SECOND_STRIKE_AFTER, jitter)
    if first is None:
        return _doubted(replace(condition, struck_at=now), error, now, later)
    if now < first + SECOND_STRIKE_AFTER:
        return _doubted(condition, error, now, first + SECOND_STRIKE_AFTER)
    if breaker_open:
        return _doubted(condition, error, now, later)
    return _suspended(condition, error, now, next_try_at=None)


def _bounced(condition: Condition, error: Rejected, now: datetime, jitter: float) -> Decision:
    """A bare 401 or 403 from a server right after a good renewal."""
    condition = replace(condition, rejections=condition.rejections + 1)
    if condition.rejections >= REJECTIONS_UNTIL_SUSPENDED:
        return _suspended(condition, error, now, next_try_at=None)
    wait = REJECTED_WAITS[condition.rejections - 1]
    return _doubted(condition, error, now, now + _about(wait, jitter))


def _doubted(condition: Condition, error: Rejected, now: datetime, next_try_at: datetime) -> Decision:
    """Not believed yet. A connection that is blocked keeps the cause that people were told."""
    blocked = condition.health is Health.SUSPENDED
    return _quiet(
        replace(
            condition,
            cause=condition.cause if blocked else Cause.of(error),
            failures=0,
            since=condition.since or now,
            next_try_at=next_try_at,
        )
    )


def _ours(condition: Condition, now: datetime, jitter: float) -> Decision:
    next_try_at = None
    if not _refused(condition):
        next_try_at = _when_it_counts(condition, now + _about(MISCONFIGURED_RETRY, jitter))
    return Decision(replace(condition, next_try_at=next_try_at), (), Tell.OPERATOR)


def _away(condition: Condition, error: Unavailable, now: datetime, jitter: float) -> Decision:
    # Written so that NaN, infinity and negative numbers from a header end inside the range.
    asked = timedelta(seconds=min(LONGEST_PAUSE.total_seconds(), max(0.0, error.retry_after or 0.0)))
    if condition.health is Health.SUSPENDED:
        return _quiet(replace(condition, next_try_at=_rhythm(condition, now, asked, jitter)))
    doublings = min(condition.failures, MOST_DOUBLINGS)
    wait = _about(min(SHORTEST_WAIT * 2**doublings, LONGEST_WAIT), jitter)
    next_try_at = _when_it_counts(condition, now + max(wait, asked))
    return _quiet(replace(condition, failures=condition.failures + 1, next_try_at=next_try_at))


def _rhythm(condition: Condition, now: datetime, asked: timedelta, jitter: float) -> datetime | None:
    """When a suspended connection is tried again although nobody answered this time."""
    if _refused(condition) or condition.next_try_at is None:
        return None
    if condition.next_try_at > now:
        return max(condition.next_try_at, now + asked)
    return now + max(_about(BLOCKED_RETRY, jitter), asked)


def _when_it_counts(condition: Condition, at: datetime) -> datetime:
    """Not before a second strike would count: sooner, the token endpoint would be asked for nothing."""
    return at if condition.struck_at is None else max(at, condition.struck_at + SECOND_STRIKE_AFTER)


def _refused(condition: Condition) -> bool:
    """Suspended until the person acts: a refused password that is sent again locks the account."""
    cause = condition.cause
    return condition.health is Health.SUSPENDED and cause is not None and cause.culprit is Culprit.PERSON


def _quiet(condition: Condition) -> Decision:
    return Decision(condition, (), Tell.NOBODY)


def _about(wait: timedelta, jitter: float) -> timedelta:
    return wait * (0.9 + 0.2 * jitter)


def _at_least(wait: timedelta, jitter: float) -> timedelta:
    return wait * (1 + 0.1 * jitter)
