"""What Salesforce's refusals mean: the tables, and where each of its parts keeps its reason. Nothing is sent from here.

Sources: help.salesforce.com (xcloud.remoteaccess_oauth_flow_errors, 005132365 for apps that are not installed),
developer.salesforce.com/docs/platform/api-rest (status codes and error responses). docs/verified.md says which texts
of the token endpoint come from elsewhere.
"""

from __future__ import annotations

from typing import Any

from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.refusals import (
    API,
    CALLBACK,
    CODE,
    NOT_JSON,
    OAUTH,
    TOKEN,
    At,
    Row,
    Signal,
    dicts,
    only,
    row,
    seconds_asked,
    texts,
)
from providers.refusals import told as told_by
from providers.wire import Answer

# The external id that an administrator makes once on Activity, so that Task and Event both have it.
KEY_FIELD = "Relatch_Id__c"

RATE = {"rate_limit_exceeded", "REQUEST_LIMIT_EXCEEDED"}
PASSING = {"SERVER_UNAVAILABLE", "temporarily_unavailable", "server_error", "unknown_error"}
OURS = {
    "invalid_client_id",
    "invalid_client",
    "invalid_client_credentials",
    "unauthorized_client",
    "redirect_uri_mismatch",
    "redirect_uri_missing",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
    "unsupported_response_type",
}
NO_RIGHT = {
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_FIELD",
    "INVALID_TYPE",
}
# What userinfo says in plain text. Source: help.salesforce.com, "Identity URLs".
IDENTITY_ERRORS = {"Bad_OAuth_Token", "Missing_OAuth_Token", "Wrong_Org", "Inactive_User"}

# About one record, but true of every other one as well.
RECORDS: tuple[Row, ...] = (
    row(
        Blocked,
        Reason.CRM_FIELD_MISSING,
        API,
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "NOT_FOUND",
        words=(KEY_FIELD.casefold(),),
    ),
    row(Blocked, Reason.SCOPE_MISSING, API, *NO_RIGHT),
    row(Unavailable, Reason.PROVIDER_DOWN, API, "UNABLE_TO_LOCK_ROW"),
    # The org itself is full, of calls for today or of data.
    row(Unavailable, Reason.RATE_LIMITED, API, "REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"),
)

# The first row that fits decides. An unknown code falls to the last rows, by its kind.
TABLE: tuple[Row, ...] = (
    # It passes. A status says more than a body here: a proxy in between writes its own.
    row(Unavailable, Reason.RATE_LIMITED, frozenset(), status=only(429)),
    row(Unavailable, Reason.RATE_LIMITED, frozenset(), *RATE),
    row(Unavailable, Reason.RATE_LIMITED, OAUTH, words=("login rate exceeded",)),
    row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), status=range(500, 600)),
    row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), *PASSING),
    # Somebody in between answered: a proxy, a captive portal.
    row(Unavailable, Reason.PROVIDER_DOWN, OAUTH, NOT_JSON),
    # The administrator. These come under several codes, `invalid_client` among them, so that their words go first.
    row(
        Blocked,
        Reason.NEEDS_ADMIN_APPROVAL,
        OAUTH,
        words=("app must be installed", "hasn't approved this consumer", "not admin approved"),
    ),
    row(
        Blocked,
        Reason.NEEDS_ADMIN_APPROVAL,
        OAUTH,
        "OAUTH_APPROVAL_ERROR_GENERIC",
        "OAUTH_APP_ACCESS_DENIED",
        "OAUTH_APP_BLOCKED",
        "OAUTH_AUTHORIZATION_BLOCKED",
        "invalid_app_access",
    ),
    row(Blocked, Reason.ACCOUNT_DISABLED, OAUTH, "inactive_user", "inactive_org"),
    row(Blocked, Reason.ACCOUNT_DISABLED, OAUTH, words=("inactive user", "inactive_user", "inactive org")),
    row(Blocked, Reason.ADMIN_POLICY_BLOCKED, OAUTH, words=("ip restricted", "login hours")),
    # A refused renewal. Only these words tell one cause from the others: the user's password was changed or reset.
    row(
        Rejected,
        Reason.PASSWORD_CHANGED,
        TOKEN,
        "invalid_grant",
        definite=True,
        words=("authentication failure",),
    ),
    row(Rejected, Reason.CREDENTIALS_REVOKED, TOKEN, "invalid_grant"),
    # The code was used before, is too old, or belongs to another sign-in: begin again.
    row(Rejected, Reason.UNKNOWN, CODE, "invalid_grant", definite=True),
    row(
        Rejected,
        Reason.UNKNOWN,
        CODE,
        "invalid_request",
        definite=True,
        words=("code verifier", "code_verifier", "code challenge", "code_challenge"),
    ),
    # Its documentation spells the same refusal both ways.
    row(Rejected, Reason.CONSENT_DECLINED, CALLBACK, "access_denied", "access-denied", definite=True),
    row(Misconfigured, Reason.CLIENT_MISCONFIGURED, OAUTH, *OURS),
    # The data API and userinfo
    row(Blocked, Reason.API_DISABLED, API, "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED"),
    row(Blocked, Reason.ACCOUNT_DISABLED, API, "Inactive_User"),
    *RECORDS,
    # A session ends after hours that only the org knows, so that one renewal is tried before it is believed.
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(401)),
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, NOT_JSON, *IDENTITY_ERRORS, status=only(403)),
    row(Blocked, Reason.SCOPE_MISSING, API, status=only(403)),
    # Codes that Salesforce adds one day
    row(Unavailable, Reason.UNKNOWN, API),
    row(Rejected, Reason.UNKNOWN, CALLBACK | CODE, definite=True),
    row(Rejected, Reason.UNKNOWN, TOKEN),
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal of Salesforce's means."""
    return told_by(TABLE, signal)


def told_of_all(signal: Signal) -> ProviderError | None:
    """What the refusal of one record means for every other; None where it is that record's own."""
    return told_by(RECORDS, signal) if any(row.fits(signal) for row in RECORDS) else None


def read_api(status: int, content: Any) -> Signal:
    """A refusal of the data API: a list of errors. `content` is its JSON, or the text that is none."""
    errors = dicts(content)
    return Signal(
        at=At.API,
        status=status,
        errors=tuple(texts([error.get("errorCode") for error in errors])) or (NOT_JSON,),
        words=" ".join(texts([error.get("message") for error in errors])),
    )


def read_record(error: Any) -> Signal:
    """Why one record of many was refused. It has no status: the request itself was answered with 200."""
    found = next(iter(dicts([error])), {})
    fields = found.get("fields")
    return Signal(
        at=At.API,
        errors=tuple(texts([found.get("statusCode")])) or ("UNKNOWN",),
        words=" ".join(texts([found.get("message"), *(fields if isinstance(fields, list) else [])])),
    )


def read_userinfo(answer: Answer) -> Signal:
    """A refusal of userinfo: one word of plain text, or a page of somebody in between."""
    said = answer.text.strip()
    return Signal(
        at=At.API,
        status=answer.status_code,
        errors=(said if said in IDENTITY_ERRORS else NOT_JSON,),
        retry_after=seconds_asked(answer.headers),
    )
