"""Table F's rows of Google: every row is hit by the signal that it stands for, and nothing falls through."""

from __future__ import annotations

import re

import pytest

from providers import wire
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.google.errors import TABLE, told
from providers.refusals import At, Signal, translated

DELETED = "Account has been deleted"
RAPT = "invalid_rapt reauth related error (invalid_rapt)"

# signal -> class, reason, definite, code
SAID = [
    (Signal(At.TOKEN, 429), Unavailable, Reason.RATE_LIMITED, None, "429"),
    (
        Signal(At.API, 429, ("rateLimitExceeded",)),
        Unavailable,
        Reason.RATE_LIMITED,
        None,
        "429 rateLimitExceeded",
    ),
    (
        Signal(At.API, 403, ("rateLimitExceeded",)),
        Unavailable,
        Reason.RATE_LIMITED,
        None,
        "403 rateLimitExceeded",
    ),
    (
        Signal(At.API, 403, ("userRateLimitExceeded",)),
        Unavailable,
        Reason.RATE_LIMITED,
        None,
        "403 userRateLimitExceeded",
    ),
    (Signal(At.API, 500), Unavailable, Reason.PROVIDER_DOWN, None, "500"),
    (Signal(At.TOKEN, 503, ("invalid_grant",)), Unavailable, Reason.PROVIDER_DOWN, None, "invalid_grant"),
    (
        Signal(At.TOKEN, 400, ("internal_failure",)),
        Unavailable,
        Reason.PROVIDER_DOWN,
        None,
        "internal_failure",
    ),
    (Signal(At.TOKEN, 403, ("not JSON",)), Unavailable, Reason.PROVIDER_DOWN, None, "not JSON"),
    (
        Signal(At.TOKEN, 400, ("invalid_grant",), RAPT),
        Rejected,
        Reason.SESSION_POLICY_EXPIRED,
        True,
        "invalid_grant",
    ),
    (
        Signal(At.TOKEN, 400, ("invalid_grant",), DELETED),
        Blocked,
        Reason.ACCOUNT_DISABLED,
        None,
        "invalid_grant",
    ),
    (
        Signal(At.TOKEN, 400, ("invalid_grant",), "Token has been expired or revoked."),
        Rejected,
        Reason.CREDENTIALS_REVOKED,
        False,
        "invalid_grant",
    ),
    (
        Signal(At.TOKEN, 400, ("invalid_grant",), "Bad Request"),
        Rejected,
        Reason.CREDENTIALS_REVOKED,
        False,
        "invalid_grant",
    ),
    (Signal(At.CODE, 400, ("invalid_grant",)), Rejected, Reason.UNKNOWN, True, "invalid_grant"),
    (Signal(At.CALLBACK, 0, ("access_denied",)), Rejected, Reason.CONSENT_DECLINED, True, "access_denied"),
    (Signal(At.CALLBACK, 0, ("org_internal",)), Rejected, Reason.WRONG_TENANT, True, "org_internal"),
    (
        Signal(At.TOKEN, 400, ("admin_policy_enforced",)),
        Blocked,
        Reason.NEEDS_ADMIN_APPROVAL,
        None,
        "admin_policy_enforced",
    ),
    (
        Signal(At.CALLBACK, 0, ("access_not_configured",)),
        Blocked,
        Reason.NEEDS_ADMIN_APPROVAL,
        None,
        "access_not_configured",
    ),
    (
        Signal(At.TOKEN, 401, ("invalid_client",)),
        Misconfigured,
        Reason.CLIENT_MISCONFIGURED,
        None,
        "invalid_client",
    ),
    (
        Signal(At.CODE, 400, ("redirect_uri_mismatch",)),
        Misconfigured,
        Reason.CLIENT_MISCONFIGURED,
        None,
        "redirect_uri_mismatch",
    ),
    (
        Signal(At.CALLBACK, 0, ("deleted_client",)),
        Misconfigured,
        Reason.CLIENT_MISCONFIGURED,
        None,
        "deleted_client",
    ),
    (
        Signal(At.API, 403, ("accessNotConfigured",)),
        Misconfigured,
        Reason.CLIENT_MISCONFIGURED,
        None,
        "403 accessNotConfigured",
    ),
    (
        Signal(At.API, 403, ("insufficientPermissions",)),
        Rejected,
        Reason.SCOPE_MISSING,
        True,
        "403 insufficientPermissions",
    ),
    (Signal(At.API, 403, ("domainPolicy",)), Blocked, Reason.ADMIN_POLICY_BLOCKED, None, "403 domainPolicy"),
    (
        Signal(At.API, 400, ("failedPrecondition",)),
        Blocked,
        Reason.MAILBOX_MISSING,
        None,
        "400 failedPrecondition",
    ),
    (
        Signal(At.API, 403, ("notACalendarUser",)),
        Blocked,
        Reason.MAILBOX_MISSING,
        None,
        "403 notACalendarUser",
    ),
    (Signal(At.API, 401), Rejected, Reason.CREDENTIALS_REVOKED, False, "401"),
    (Signal(At.API, 403), Rejected, Reason.CREDENTIALS_REVOKED, False, "403"),
    (Signal(At.API, 400, ("badRequest",)), Unavailable, Reason.UNKNOWN, None, "400 badRequest"),
    (Signal(At.CALLBACK, 0, ("brand_new",)), Rejected, Reason.UNKNOWN, True, "brand_new"),
    (Signal(At.CODE, 400, ("brand_new",)), Rejected, Reason.UNKNOWN, True, "brand_new"),
    (Signal(At.TOKEN, 400, ("brand_new",)), Rejected, Reason.UNKNOWN, False, "brand_new"),
]


@pytest.mark.parametrize(
    ("signal", "kind", "reason", "definite", "code"), SAID, ids=[f"{row[0].at} {row[0].code}" for row in SAID]
)
def test_a_signal_means(
    signal: Signal, kind: type[ProviderError], reason: Reason, definite: bool | None, code: str
) -> None:
    failure = told(signal)
    assert type(failure) is kind
    assert (failure.reason, failure.code) == (reason, code)
    assert getattr(failure, "definite", None) == definite


def test_every_row_is_reached_by_one_of_these_signals() -> None:
    reached = {TABLE.index(next(row for row in TABLE if row.fits(signal))) for signal, *_ in SAID}
    assert reached == set(range(len(TABLE)))


@pytest.mark.parametrize("at", [At.CALLBACK, At.CODE, At.TOKEN, At.API])
@pytest.mark.parametrize("status", [0, 200, 302, 400, 401, 403, 404, 410, 418, 429, 500, 599, 999])
def test_whatever_google_says_is_one_failure_with_a_code_that_is_safe_to_show(at: At, status: int) -> None:
    for said in ("", "invalid_grant", "<!channel>", "`*_~&#@", "a\nb\x00c", "\u202eevil", "e" * 100_000):
        failure = told(Signal(at, status, (said, said) if said else (), said))
        assert len(failure.code) <= 80
        assert re.fullmatch(r"[A-Za-z0-9_.:/ -]*", failure.code)


def test_the_words_of_google_are_not_shown() -> None:
    signal = Signal(At.TOKEN, 400, ("invalid_grant",), "token 1//0secret")
    assert "secret" not in repr(signal) + repr(told(signal)) + str(told(signal))


@pytest.mark.parametrize(
    ("raised", "kind", "reason", "code"),
    [
        (wire.Timeout("h"), Unavailable, Reason.NETWORK, "timeout"),
        (
            wire.Unreachable("h", "ConnectionRefusedError"),
            Unavailable,
            Reason.NETWORK,
            "ConnectionRefusedError",
        ),
        (
            wire.TlsError("h", "CERTIFICATE_VERIFY_FAILED"),
            Blocked,
            Reason.TLS_ERROR,
            "CERTIFICATE_VERIFY_FAILED",
        ),
        (wire.Nonsense("h", "no JSON object"), Unavailable, Reason.PROVIDER_DOWN, "no JSON object"),
        (wire.TooLarge("h"), Unavailable, Reason.PROVIDER_DOWN, ""),
        (
            wire.HostRefused("evil.example"),
            Misconfigured,
            Reason.CLIENT_MISCONFIGURED,
            "host refused: evil.example",
        ),
    ],
)
def test_a_failure_of_the_wire_means(
    raised: wire.WireError, kind: type[ProviderError], reason: Reason, code: str
) -> None:
    with pytest.raises(ProviderError) as caught, translated():
        raise raised
    assert type(caught.value) is kind
    assert (caught.value.reason, caught.value.code) == (reason, code)
