"""What Google's refusals mean: the table, and where its APIs keep their reason. Nothing is sent from here.

Sources: developers.google.com/identity/protocols/oauth2 (expiration), …/oauth2/web-server (errors),
developers.google.com/workspace/gmail/api/guides/handle-errors, …/workspace/calendar/api/guides/errors.
"""

from __future__ import annotations

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
    body_of,
    dicts,
    only,
    row,
    seconds_asked,
    texts,
)
from providers.refusals import told as told_by
from providers.wire import Answer

RATE = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "rate_limit_exceeded",
}
PASSING = {"temporarily_unavailable", "server_error", "internal_failure", "backendError"}
OURS = {
    "invalid_client",
    "deleted_client",
    "unauthorized_client",
    "redirect_uri_mismatch",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
    "unsupported_response_type",
    "disallowed_useragent",
}


# The first row that fits decides. An unknown code falls to the last rows, by its kind.
TABLE: tuple[Row, ...] = (
    # It passes. A status says more than a body here: a proxy in between writes its own.
    row(Unavailable, Reason.RATE_LIMITED, frozenset(), status=only(429)),
    row(Unavailable, Reason.RATE_LIMITED, frozenset(), *RATE),
    row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), status=range(500, 600)),
    row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), *PASSING),
    # Somebody in between answered: a proxy, a captive portal.
    row(Unavailable, Reason.PROVIDER_DOWN, OAUTH, NOT_JSON),
    # A refused renewal. Most causes share one text, so that it takes a second try to believe it.
    row(
        Rejected,
        Reason.SESSION_POLICY_EXPIRED,
        TOKEN,
        "invalid_grant",
        definite=True,
        words=("invalid_rapt", "rapt_required", "reauthentication is needed"),
    ),
    row(
        Blocked,
        Reason.ACCOUNT_DISABLED,
        TOKEN | CODE,
        "invalid_grant",
        words=("account has been deleted", "account has been disabled", "account has been suspended"),
    ),
    row(Rejected, Reason.CREDENTIALS_REVOKED, TOKEN, "invalid_grant"),
    # The code was used before, is too old, or belongs to another sign-in: begin again.
    row(Rejected, Reason.UNKNOWN, CODE, "invalid_grant", definite=True),
    # On the consent page
    row(Rejected, Reason.CONSENT_DECLINED, CALLBACK, "access_denied", definite=True),
    row(Rejected, Reason.WRONG_TENANT, OAUTH, "org_internal", definite=True),
    row(Blocked, Reason.NEEDS_ADMIN_APPROVAL, OAUTH, "admin_policy_enforced", "access_not_configured"),
    # Our own set-up
    row(Misconfigured, Reason.CLIENT_MISCONFIGURED, OAUTH, *OURS),
    row(Misconfigured, Reason.CLIENT_MISCONFIGURED, API, "accessNotConfigured", "SERVICE_DISABLED"),
    # Gmail and Calendar
    row(
        Rejected,
        Reason.SCOPE_MISSING,
        API,
        "insufficientPermissions",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        definite=True,
        status=only(403),
    ),
    row(Blocked, Reason.ADMIN_POLICY_BLOCKED, API, "domainPolicy"),
    row(Blocked, Reason.MAILBOX_MISSING, API, "failedPrecondition", status=only(400)),
    row(Blocked, Reason.MAILBOX_MISSING, API, "notACalendarUser"),
    # Right after a good renewal this may pass by itself, so that it counts towards the limit and no more.
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(401)),
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(403)),
    # Codes that Google adds one day
    row(Unavailable, Reason.UNKNOWN, API),
    row(Rejected, Reason.UNKNOWN, CALLBACK | CODE, definite=True),
    row(Rejected, Reason.UNKNOWN, TOKEN),
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal of Google's means."""
    return told_by(TABLE, signal)


def read_api(answer: Answer) -> Signal:
    """A refusal of Gmail or Calendar. Older and newer services keep their reason at different places."""
    error = body_of(answer).get("error")
    if not isinstance(error, dict):
        error = {}
    listed = [entry for name in ("errors", "details") for entry in dicts(error.get(name))]
    return Signal(
        at=At.API,
        status=answer.status_code,
        errors=tuple(texts([*(entry.get("reason") for entry in listed), error.get("status")])),
        retry_after=seconds_asked(answer.headers),
    )
