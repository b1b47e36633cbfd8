"""Table F's rows of Microsoft: every row is hit by the signal that it stands for, and nothing falls through."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.microsoft.errors import TABLE, read_api, read_callback, read_token, told
from providers.refusals import At, Signal

GUID = "8478d534-5b2c-4325-8c2c-51395c342c89"
OTHER_GUID = "0000aaaa-11bb-cccc-dd22-eeeeee333333"


def entra(number: int, *others: str, at: At = At.TOKEN, status: int = 400) -> Signal:
    return Signal(at, status, (f"AADSTS{number}", *(others or ("invalid_grant",))))


def graph(status: int, *codes: str) -> Signal:
    return Signal(At.API, status, codes)


# signal -> class, reason, definite
SAID: list[tuple[Signal, type[ProviderError], Reason, bool | None]] = [
    # It passes
    (Signal(At.TOKEN, 429), Unavailable, Reason.RATE_LIMITED, None),
    (graph(429, "ApplicationThrottled"), Unavailable, Reason.RATE_LIMITED, None),
    (entra(90055), Unavailable, Reason.RATE_LIMITED, None),
    (entra(50196), Unavailable, Reason.RATE_LIMITED, None),
    (entra(50173, status=503), Unavailable, Reason.PROVIDER_DOWN, None),
    (graph(503, "serviceNotAvailable"), Unavailable, Reason.PROVIDER_DOWN, None),
    (entra(90033), Unavailable, Reason.PROVIDER_DOWN, None),
    (Signal(At.CALLBACK, 0, ("server_error",)), Unavailable, Reason.PROVIDER_DOWN, None),
    (Signal(At.TOKEN, 400, ("temporarily_unavailable",)), Unavailable, Reason.PROVIDER_DOWN, None),
    (Signal(At.TOKEN, 407, ("not JSON",)), Unavailable, Reason.PROVIDER_DOWN, None),
    # The person
    *(
        (entra(number, at=At.CODE), Rejected, Reason.UNKNOWN, True)
        for number in (54005, 70008, 70000, 50089, 9002313, 501481)
    ),
    *((entra(number), Rejected, Reason.CREDENTIALS_REVOKED, True) for number in (50173, 50132, 50133, 70000, 50089)),
    *((entra(number), Rejected, Reason.TOKEN_EXPIRED_INACTIVE, True) for number in (700082, 70008)),
    *((entra(number), Rejected, Reason.SESSION_POLICY_EXPIRED, True) for number in (70043, 50078)),
    *(
        (entra(number, "interaction_required", "basic_action"), Rejected, Reason.MFA_REQUIRED, True)
        for number in (50074, 50076, 50158, 50072, 50079, 53004)
    ),
    (entra(65001, "invalid_grant", "consent_required"), Rejected, Reason.CONSENT_REVOKED, True),
    (entra(1, "invalid_grant", "consent_required"), Rejected, Reason.CONSENT_REVOKED, True),
    (entra(65004, "access_denied", at=At.CALLBACK), Rejected, Reason.CONSENT_DECLINED, True),
    (Signal(At.CALLBACK, 0, ("access_denied",)), Rejected, Reason.CONSENT_DECLINED, True),
    *((entra(number), Rejected, Reason.PASSWORD_EXPIRED, True) for number in (50055, 50144)),
    (entra(1, "invalid_grant", "user_password_expired"), Rejected, Reason.PASSWORD_EXPIRED, True),
    *((entra(number), Rejected, Reason.PASSWORD_WRONG, True) for number in (50126, 50056)),
    *(
        (entra(number), Rejected, Reason.WRONG_TENANT, True)
        for number in (50034, 51004, 50020, 16000, 500208, 90002, 50059, 90072)
    ),
    (entra(1, "invalid_grant", "basic_action"), Rejected, Reason.MFA_REQUIRED, True),
    (Signal(At.TOKEN, 400, ("interaction_required",)), Rejected, Reason.MFA_REQUIRED, True),
    # Their administrator
    (entra(90094, "invalid_grant", "consent_required"), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    (entra(90095), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    (entra(650052, "invalid_client", at=At.CALLBACK), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    *(
        (entra(number, "interaction_required"), Blocked, Reason.CONDITIONAL_ACCESS, None)
        for number in (53000, 53001, 53002, 53003, 530032, 530035, 50131, 50097, 50129, 53010, 53011)
    ),
    (entra(1, "interaction_required", "message_only"), Blocked, Reason.CONDITIONAL_ACCESS, None),
    (entra(50057), Blocked, Reason.ACCOUNT_DISABLED, None),
    (entra(50053), Blocked, Reason.ACCOUNT_LOCKED, None),
    (entra(50105), Blocked, Reason.USER_NOT_ASSIGNED, None),
    *((entra(number), Blocked, Reason.ADMIN_POLICY_BLOCKED, None) for number in (500021, 500212, 500213)),
    *(
        (entra(number, "unauthorized_client"), Blocked, Reason.APP_MISSING, None)
        for number in (700016, 500011, 700011, 70001, 7000112)
    ),
    (entra(1, "unauthorized_client"), Blocked, Reason.APP_MISSING, None),
    # We
    (entra(7000222, "invalid_client", status=401), Misconfigured, Reason.CLIENT_SECRET_EXPIRED, None),
    *(
        (entra(number, "invalid_client", status=401), Misconfigured, Reason.CLIENT_MISCONFIGURED, None)
        for number in (7000215, 7000218, 70002, 700027)
    ),
    *(
        (entra(number), Misconfigured, Reason.CLIENT_MISCONFIGURED, None)
        for number in (50011, 50194, 700084, 650056, 650057, 65005)
    ),
    (entra(1, "invalid_client", status=401), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    (Signal(At.CALLBACK, 0, ("invalid_request",)), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    # No number that we know
    (Signal(At.TOKEN, 400, ("invalid_grant",)), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (entra(1, "invalid_grant", "bad_token"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (entra(9002313, "invalid_request"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (Signal(At.CALLBACK, 0, ("brand_new",)), Rejected, Reason.UNKNOWN, True),
    (Signal(At.CODE, 400, ("brand_new",)), Rejected, Reason.UNKNOWN, True),
    (Signal(At.TOKEN, 400, ("brand_new",)), Rejected, Reason.UNKNOWN, False),
    # Graph
    (graph(401, "insufficient_claims", "InvalidAuthenticationToken"), Rejected, Reason.MFA_REQUIRED, True),
    (graph(401, "InvalidAuthenticationToken"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (graph(401), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (graph(403), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (graph(403, "ErrorAccessDenied"), Rejected, Reason.SCOPE_MISSING, True),
    (graph(404, "MailboxNotEnabledForRESTAPI"), Blocked, Reason.MAILBOX_MISSING, None),
    (graph(404, "ErrorNonExistentMailbox"), Blocked, Reason.MAILBOX_MISSING, None),
    (graph(410, "SyncStateNotFound"), Unavailable, Reason.UNKNOWN, None),
    (graph(400, "BadRequest"), Unavailable, Reason.UNKNOWN, None),
]


@pytest.mark.parametrize(
    ("signal", "kind", "reason", "definite"),
    SAID,
    ids=[f"{signal.at} {signal.status} {' '.join(signal.errors)}" for signal, *_ in SAID],
)
def test_a_signal_means(signal: Signal, kind: type[ProviderError], reason: Reason, definite: bool | None) -> None:
    failure = told(signal)
    assert type(failure) is kind
    assert failure.reason is reason
    assert getattr(failure, "definite", None) == definite


def test_every_row_is_reached_by_one_of_these_signals() -> None:
    reached = {TABLE.index(next(row for row in TABLE if row.fits(signal))) for signal, *_ in SAID}
    assert reached == set(range(len(TABLE)))


@pytest.mark.parametrize("at", [At.CALLBACK, At.CODE, At.TOKEN, At.API])
@pytest.mark.parametrize("status", [0, 200, 302, 400, 401, 403, 404, 410, 418, 429, 500, 599, 999])
def test_whatever_microsoft_says_is_one_failure_with_a_code_that_is_safe_to_show(at: At, status: int) -> None:
    for said in ("", "invalid_grant", "<!channel>", "`*_~&#@", "a\nb\x00c", "\u202eevil", "e" * 100_000):
        failure = told(Signal(at, status, (said, said) if said else (), said))
        assert len(failure.code) <= 80
        assert re.fullmatch(r"[A-Za-z0-9_.:/ -]*", failure.code)


# Where the parts stand


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    made.headers.update(headers or {})
    return made


def test_the_number_is_the_code_and_the_correlation_id_the_trace() -> None:
    said = read_token(
        At.TOKEN,
        answer(
            400,
            {
                "error": "invalid_grant",
                "error_description": "AADSTS50173: token 1.Asecret",
                "error_codes": [50173],
                "suberror": "bad_token",
                "correlation_id": GUID,
                "trace_id": OTHER_GUID,
            },
            {"Retry-After": "7"},
        ),
    )
    assert said.errors == ("AADSTS50173", "invalid_grant", "bad_token")
    assert (said.code, said.trace, said.retry_after) == ("AADSTS50173", GUID, 7.0)
    assert told(said).trace == GUID
    assert "secret" not in repr(said) + repr(told(said)) + str(told(said))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        [],
        {},
        {"error": 7, "error_codes": 7, "suberror": [], "correlation_id": {}},
        {"error_codes": ["50173", None], "correlation_id": "<!channel>", "trace_id": f"{GUID}; token"},
    ],
)
def test_a_token_endpoint_that_talks_nonsense_is_down(body: Any) -> None:
    failure = told(read_token(At.TOKEN, answer(400, body)))
    assert (type(failure), failure.reason, failure.trace) == (Unavailable, Reason.PROVIDER_DOWN, "")


def test_a_callback_keeps_its_number_and_its_trace_in_the_description() -> None:
    described = (
        "AADSTS65004: User declined to consent to access the app.\r\n"
        f"Trace ID: {OTHER_GUID}\r\nCorrelation ID: {GUID}\r\nTimestamp: 2026-11-21 12:00:00Z"
    )
    said = read_callback({"error": "access_denied", "error_description": described})
    assert (said.errors, said.trace) == (("AADSTS65004", "access_denied"), GUID)
    assert read_callback({"error": "access_denied"}).errors == ("access_denied",)
    assert read_callback({"error": "e", "error_description": "see AADSTS65004"}).errors == ("e",)


@pytest.mark.parametrize(
    ("headers", "inner", "trace"),
    [
        ({"request-id": GUID}, {"request-id": OTHER_GUID}, GUID),
        ({}, {"request-id": GUID}, GUID),
        ({"request-id": "<!channel>"}, "none", ""),
    ],
)
def test_graph_tells_its_code_and_the_id_of_the_request(headers: dict[str, str], inner: Any, trace: str) -> None:
    said = read_api(answer(403, {"error": {"code": "ErrorAccessDenied", "innerError": inner}}, headers))
    assert (said.code, said.trace) == ("403 ErrorAccessDenied", trace)


def test_a_claims_challenge_stands_in_a_header() -> None:
    challenge = 'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    said = read_api(answer(401, {"error": {"code": "InvalidAuthenticationToken"}}, {"WWW-Authenticate": challenge}))
    assert said.code == "401 insufficient_claims"
    plain = read_api(answer(401, b"", {"WWW-Authenticate": 'Bearer realm=""'}))
    assert plain.code == "401"
