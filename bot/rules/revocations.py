"""When a grant is ended at its vendor, what an answer says of it, and when to ask again. No clock, SQL or network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.model import Cause
from providers.base import Blocked, Ended, Misconfigured, ProviderError, Rejected, Replaced, Revocation, Unavailable

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=30)
LONGEST_PAUSE = timedelta(hours=6)
OURS_WAIT = timedelta(minutes=10)
# 30 seconds times 2**6 is already beyond the longest wait; an exponent without a cap overflows after days of outage.
MOST_DOUBLINGS = 6


class Ending(StrEnum):
    """How far a grant is known to have ended at its vendor.

    ENDED by the vendor; BY_HAND: the person ends what remains there; DEAD: the vendor refuses it, so that it is of no
    more use; KEPT: not ended, because a newer sign-in of the same account would end with it.
    """

    ENDED = "ended"
    BY_HAND = "by_hand"
    DEAD = "dead"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Over:
    """The secret may be destroyed. `link` is where the person ends the rest by hand, `cause` why it was refused."""

    ending: Ending
    link: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing is known yet: ask once more after `wait`. `cause` says who it waits for: nobody, or the operator."""

    wait: timedelta
    cause: Cause


def after(answer: Revocation | ProviderError, *, attempts: int, jitter: float) -> Over | Again:
    """`attempts` are those before this one that showed nothing; `jitter` in [0, 1) moves waits by 10 % either way."""
    match answer:
        case Revocation(ended=Ended.DONE):
            return Over(Ending.ENDED, answer.link)
        case Revocation():
            return Over(Ending.BY_HAND, answer.link)
        case Rejected() | Blocked():
            return Over(Ending.DEAD, cause=Cause.of(answer))
        case Misconfigured():
            return Again(OURS_WAIT * (0.9 + 0.2 * jitter), Cause.of(answer))
        case Unavailable():
            # Written so that NaN, infinity and negative numbers from a header end inside the range.
            asked = timedelta(seconds=min(LONGEST_PAUSE.total_seconds(), max(0.0, answer.retry_after or 0.0)))
            wait = min(FIRST_WAIT * 2 ** min(attempts, MOST_DOUBLINGS), LONGEST_WAIT)
            return Again(max(wait * (0.9 + 0.2 * jitter), asked), Cause.of(answer))
        case ProviderError():
            raise TypeError(f"{type(answer).__name__} does not say who must act")


def ends_replaced(rule: Replaced, *, same_account: bool) -> bool:
    """Whether the grant that a newer sign-in replaced is ended at its vendor too."""
    match rule:
        case Replaced.NEVER:
            return False
        case Replaced.OTHER_ACCOUNT:
            return not same_account
        case Replaced.ALWAYS:
            return True


def must_be_kept(rule: Replaced, *, in_use: bool) -> bool:
    """`in_use`: a connection that nobody gave up holds the same account. Ending one grant would end that one too."""
    return rule is Replaced.OTHER_ACCOUNT and in_use
