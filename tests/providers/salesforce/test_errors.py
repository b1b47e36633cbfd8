"""Table F's rows of Salesforce: every row is hit by the signal that it stands for, and nothing falls through."""

from __future__ import annotations

import re

import pytest

from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.refusals import At, Signal
from providers.salesforce.errors import RECORDS, TABLE, read_api, read_record, told, told_of_all


def at_token(error: str, words: str = "") -> Signal:
    return Signal(At.TOKEN, 400, (error,), words)


def at_api(status: int, error: str, words: str = "") -> Signal:
    return read_api(status, [{"errorCode": error, "message": words}])


def of_record(code: str, words: str = "", *fields: str) -> Signal:
    return read_record({"statusCode": code, "message": words, "fields": list(fields)})


NO_FIELD = "No such column 'Relatch_Id__c' on sobject of type Task"

# signal -> class, reason, definite
SAID = [
    (Signal(At.TOKEN, 429), Unavailable, Reason.RATE_LIMITED, None),
    (at_token("rate_limit_exceeded", "login rate exceeded"), Unavailable, Reason.RATE_LIMITED, None),
    (at_token("invalid_grant", "login rate exceeded"), Unavailable, Reason.RATE_LIMITED, None),
    (at_api(403, "REQUEST_LIMIT_EXCEEDED"), Unavailable, Reason.RATE_LIMITED, None),
    (at_api(503, "SERVER_UNAVAILABLE"), Unavailable, Reason.PROVIDER_DOWN, None),
    (Signal(At.TOKEN, 503, ("invalid_grant",)), Unavailable, Reason.PROVIDER_DOWN, None),
    (at_token("unknown_error", "retry your request"), Unavailable, Reason.PROVIDER_DOWN, None),
    (Signal(At.TOKEN, 403, ("not JSON",)), Unavailable, Reason.PROVIDER_DOWN, None),
    (at_token("invalid_client", "app must be installed into org"), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    (at_token("invalid_grant", "user hasn't approved this consumer"), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    (
        Signal(At.CALLBACK, 0, ("access_denied",), "user is not admin approved to access this app"),
        Blocked,
        Reason.NEEDS_ADMIN_APPROVAL,
        None,
    ),
    (Signal(At.CALLBACK, 0, ("OAUTH_APP_ACCESS_DENIED",)), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
    (at_token("inactive_user"), Blocked, Reason.ACCOUNT_DISABLED, None),
    (at_token("inactive_org"), Blocked, Reason.ACCOUNT_DISABLED, None),
    (at_token("invalid_grant", "inactive user"), Blocked, Reason.ACCOUNT_DISABLED, None),
    (at_token("invalid_grant", "ip restricted"), Blocked, Reason.ADMIN_POLICY_BLOCKED, None),
    (at_token("invalid_grant", "user not allowed in login hours"), Blocked, Reason.ADMIN_POLICY_BLOCKED, None),
    (at_token("invalid_grant", "authentication failure"), Rejected, Reason.PASSWORD_CHANGED, True),
    (at_token("invalid_grant", "expired access/refresh token"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (at_token("invalid_grant"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (Signal(At.CODE, 400, ("invalid_grant",), "expired authorization code"), Rejected, Reason.UNKNOWN, True),
    (Signal(At.CODE, 400, ("invalid_request",), "invalid code verifier"), Rejected, Reason.UNKNOWN, True),
    (Signal(At.CALLBACK, 0, ("access_denied",)), Rejected, Reason.CONSENT_DECLINED, True),
    (Signal(At.CALLBACK, 0, ("access-denied",)), Rejected, Reason.CONSENT_DECLINED, True),
    (at_token("invalid_client", "invalid client credentials"), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    (at_token("invalid_client_id"), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    (Signal(At.CODE, 400, ("redirect_uri_mismatch",)), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    (at_token("unsupported_grant_type"), Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    (at_api(403, "API_DISABLED_FOR_ORG"), Blocked, Reason.API_DISABLED, None),
    (at_api(403, "API_CURRENTLY_DISABLED"), Blocked, Reason.API_DISABLED, None),
    (Signal(At.API, 403, ("Inactive_User",)), Blocked, Reason.ACCOUNT_DISABLED, None),
    (at_api(400, "INVALID_FIELD", NO_FIELD), Blocked, Reason.CRM_FIELD_MISSING, None),
    (
        at_api(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Relatch_Id__c"),
        Blocked,
        Reason.CRM_FIELD_MISSING,
        None,
    ),
    (of_record("INVALID_FIELD", NO_FIELD), Blocked, Reason.CRM_FIELD_MISSING, None),
    (
        of_record("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields", "Relatch_Id__c"),
        Blocked,
        Reason.CRM_FIELD_MISSING,
        None,
    ),
    (at_api(400, "INVALID_FIELD", "No such column 'Email' on entity 'Contact'."), Blocked, Reason.SCOPE_MISSING, None),
    (at_api(403, "INSUFFICIENT_ACCESS"), Blocked, Reason.SCOPE_MISSING, None),
    (of_record("INSUFFICIENT_ACCESS_OR_READONLY"), Blocked, Reason.SCOPE_MISSING, None),
    (of_record("UNABLE_TO_LOCK_ROW"), Unavailable, Reason.PROVIDER_DOWN, None),
    (of_record("REQUEST_LIMIT_EXCEEDED"), Unavailable, Reason.RATE_LIMITED, None),
    (of_record("STORAGE_LIMIT_EXCEEDED"), Unavailable, Reason.RATE_LIMITED, None),
    (at_api(401, "INVALID_SESSION_ID"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (read_api(401, "<html>"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (Signal(At.API, 403, ("Bad_OAuth_Token",)), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (read_api(403, "<html>"), Rejected, Reason.CREDENTIALS_REVOKED, False),
    (at_api(403, "BRAND_NEW"), Blocked, Reason.SCOPE_MISSING, None),
    (at_api(400, "BRAND_NEW"), Unavailable, Reason.UNKNOWN, None),
    (Signal(At.CALLBACK, 0, ("brand_new",)), Rejected, Reason.UNKNOWN, True),
    (Signal(At.CODE, 400, ("brand_new",)), Rejected, Reason.UNKNOWN, True),
    (at_token("brand_new"), Rejected, Reason.UNKNOWN, False),
]


@pytest.mark.parametrize(
    ("signal", "kind", "reason", "definite"), SAID, ids=[f"{row[0].at} {row[0].code} {row[0].words}" for row in SAID]
)
def test_a_signal_means(signal: Signal, kind: type[ProviderError], reason: Reason, definite: bool | None) -> None:
    failure = told(signal)
    assert type(failure) is kind
    assert failure.reason is reason
    assert getattr(failure, "definite", None) == definite


def test_every_row_is_reached_by_one_of_these_signals() -> None:
    for table in (TABLE, RECORDS):
        fitting = [[row for row in table if row.fits(signal)] for signal, *_ in SAID]
        assert {table.index(rows[0]) for rows in fitting if rows} == set(range(len(table)))


@pytest.mark.parametrize(
    "code",
    [
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "INVALID_CROSS_REFERENCE_KEY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "STRING_TOO_LONG",
        "BRAND_NEW",
    ],
)
def test_what_is_wrong_with_one_record_says_nothing_of_the_others(code: str) -> None:
    assert told_of_all(of_record(code, "Please fill in the reason")) is None


@pytest.mark.parametrize("at", [At.CALLBACK, At.CODE, At.TOKEN, At.API])
@pytest.mark.parametrize("status", [0, 200, 300, 400, 401, 403, 404, 429, 500, 599, 999])
def test_whatever_salesforce_says_is_one_failure_with_a_code_that_is_safe_to_show(at: At, status: int) -> None:
    for said in ("", "invalid_grant", "<!channel>", "`*_~&#@", "a\nb\x00c", "\u202eevil", "e" * 100_000):
        failure = told(Signal(at, status, (said, said) if said else (), said))
        assert len(failure.code) <= 80
        assert re.fullmatch(r"[A-Za-z0-9_.:/ -]*", failure.code)


@pytest.mark.parametrize(
    "content", [None, 7, "Bad_OAuth_Token", b"", [], [None], {"errorCode": "X"}, [{"errorCode": 7, "message": []}]]
)
def test_an_error_of_another_shape_is_read_without_a_code(content: object) -> None:
    assert read_api(400, content).code == "400 not JSON"
    assert read_record(content).code == "UNKNOWN"


def test_the_words_of_salesforce_are_not_shown() -> None:
    signal = at_token("invalid_grant", "token 5Aep861secret")
    assert "secret" not in repr(signal) + repr(told(signal)) + str(told(signal))
