"""When a grant has ended, when to ask again, and which replaced ones are ended at all: each rule is a table."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from bot.model import Culprit
from bot.rules.revocations import (
    FIRST_WAIT,
    LONGEST_PAUSE,
    LONGEST_WAIT,
    OURS_WAIT,
    Again,
    Ending,
    Over,
    after,
    ends_replaced,
    must_be_kept,
)
from providers.base import (
    Blocked,
    Ended,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Replaced,
    Revocation,
    Unavailable,
)

LINK = "https://vendor.example/apps"


@pytest.mark.parametrize(
    ("answer", "ending", "link"),
    [
        (Revocation(Ended.DONE), Ending.ENDED, ""),
        (Revocation(Ended.BY_HAND, LINK), Ending.BY_HAND, LINK),
        (Revocation(Ended.BY_HAND), Ending.BY_HAND, ""),
        (Rejected(Reason.CREDENTIALS_REVOKED, "invalid_grant", definite=False), Ending.DEAD, ""),
        (Blocked(Reason.ACCOUNT_DISABLED), Ending.DEAD, ""),
    ],
)
def test_what_an_answer_says_of_the_end(answer: Revocation | ProviderError, ending: Ending, link: str) -> None:
    over = after(answer, attempts=3, jitter=0.5)
    assert isinstance(over, Over)
    assert (over.ending, over.link) == (ending, link)
    assert (over.cause is not None) == (ending is Ending.DEAD)


@pytest.mark.parametrize(
    ("answer", "attempts", "wait"),
    [
        (Unavailable(Reason.PROVIDER_DOWN), 0, FIRST_WAIT),
        (Unavailable(Reason.PROVIDER_DOWN), 1, FIRST_WAIT * 2),
        (Unavailable(Reason.PROVIDER_DOWN), 3, FIRST_WAIT * 8),
        (Unavailable(Reason.NETWORK), 7, LONGEST_WAIT),
        (Unavailable(Reason.NETWORK), 2_000, LONGEST_WAIT),
        (Unavailable(Reason.RATE_LIMITED, retry_after=90), 0, timedelta(seconds=90)),
        (Unavailable(Reason.RATE_LIMITED, retry_after=math.inf), 0, LONGEST_PAUSE),
        (Unavailable(Reason.RATE_LIMITED, retry_after=math.nan), 0, FIRST_WAIT),
        (Unavailable(Reason.RATE_LIMITED, retry_after=-5), 0, FIRST_WAIT),
        (Misconfigured(Reason.CLIENT_SECRET_EXPIRED), 0, OURS_WAIT),
        (Misconfigured(Reason.CLIENT_SECRET_EXPIRED), 9, OURS_WAIT),
    ],
)
def test_what_is_not_known_is_asked_again(answer: ProviderError, attempts: int, wait: timedelta) -> None:
    again = after(answer, attempts=attempts, jitter=0.5)
    assert isinstance(again, Again)
    assert again.wait == wait
    assert again.cause.culprit is (Culprit.OPERATOR if isinstance(answer, Misconfigured) else Culprit.NOBODY)


def test_waits_differ_a_little() -> None:
    waits = [after(Unavailable(Reason.NETWORK), attempts=0, jitter=jitter) for jitter in (0.0, 0.99)]
    assert [isinstance(each, Again) and abs(each.wait - FIRST_WAIT) <= FIRST_WAIT / 10 for each in waits] == [True] * 2
    assert waits[0] != waits[1]


def test_an_error_of_no_class_is_a_bug() -> None:
    with pytest.raises(TypeError, match="who must act"):
        after(ProviderError(Reason.UNKNOWN), attempts=0, jitter=0)


@pytest.mark.parametrize(
    ("rule", "same_account", "other_account"),
    [(Replaced.NEVER, False, False), (Replaced.OTHER_ACCOUNT, False, True), (Replaced.ALWAYS, True, True)],
)
def test_which_replaced_grants_are_ended(rule: Replaced, same_account: bool, other_account: bool) -> None:
    assert ends_replaced(rule, same_account=True) is same_account
    assert ends_replaced(rule, same_account=False) is other_account


@pytest.mark.parametrize(
    ("rule", "in_use", "kept"),
    [
        (Replaced.OTHER_ACCOUNT, True, True),
        (Replaced.OTHER_ACCOUNT, False, False),
        (Replaced.ALWAYS, True, False),
        (Replaced.NEVER, True, False),
    ],
)
def test_what_would_end_another_sign_in_too_is_kept(rule: Replaced, in_use: bool, kept: bool) -> None:
    assert must_be_kept(rule, in_use=in_use) is kept
