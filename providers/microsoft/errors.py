"""What Microsoft's refusals mean: the table, and where sign-in and Graph keep their reasons. Nothing is sent from here.

Sources: learn.microsoft.com/entra/identity-platform/reference-error-codes, …/v2-oauth2-auth-code-flow,
learn.microsoft.com/graph/errors, …/graph/delta-query-overview.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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
    only,
    row,
    seconds_asked,
    texts,
)
from providers.refusals import told as told_by
from providers.wire import Answer

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
CLAIMS_CHALLENGE = "insufficient_claims"


def entra(*numbers: int) -> set[str]:
    """As they are shown to people and kept for support: AADSTS50173."""
    return {f"AADSTS{number}" for number in numbers}


BUSY = entra(90055, 50196)
PASSING = entra(50033, 50087, 50088, 50166, 90006, 90012, 90024, 90033, 90090, 90091, 40010, 80002, 80005) | {
    "temporarily_unavailable",
    "server_error",
}
SPENT_CODE = entra(54005, 70008, 70000, 50089, 9002313)
SECOND_FACTOR = entra(50074, 50076, 50158, 50072, 50079, 53004)
POLICY = entra(53000, 53001, 53002, 53003, 53010, 53011, 530032, 530035, 50005, 50097, 50129, 50131, 50187)
OTHER_DIRECTORY = entra(50034, 51004, 50014, 16003, 50020, 16000, 500208, 90002, 50059, 50128, 90072)
NO_APP = entra(700016, 500011, 700011, 70001, 7000112, 1000031)
OUR_PROOF = entra(7000215, 7000218, 70002, 700021, 700023, 700024, 700025, 700027, 700030, 50012)
OUR_SETUP = entra(50011, 900971, 50194, 9001023, 90130, 700084, 650056, 650057, 65005)
OURS = {
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
    "unsupported_response_type",
}
NO_MAILBOX = {
    "MailboxNotEnabledForRESTAPI",
    "MailboxNotSupportedForRESTAPI",
    "ErrorNonExistentMailbox",
}

# The first row that fits decides. Microsoft may renumber, so that a number refines and OAuth's own word decides where
# the number is unknown. A suberror stands between: `message_only` cannot be mended by signing in, `basic_action` can.
TABLE: tuple[Row, ...] = (
    # It passes. A status says more than a body here: a proxy in between writes its own.
    row(Unavailable, Reason.RATE_LIMITED, frozenset(), status=only(429)),
    row(Unavailable, Reason.RATE_LIMITED, OAUTH, *BUSY),
    row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), status=range(500, 600)),
    row(Unavailable, Reason.PROVIDER_DOWN, OAUTH, *PASSING),
    # Somebody in between answered: a proxy, a captive portal.
    row(Unavailable, Reason.PROVIDER_DOWN, OAUTH, NOT_JSON),
    # The code was used before, is too old, or belongs to another sign-in: begin again.
    row(Rejected, Reason.UNKNOWN, CODE, *SPENT_CODE, definite=True),
    # The person
    row(Rejected, Reason.CREDENTIALS_REVOKED, OAUTH, *entra(50173, 50132, 50133, 70000, 50089), definite=True),
    row(Rejected, Reason.TOKEN_EXPIRED_INACTIVE, OAUTH, *entra(700082, 70008), definite=True),
    row(Rejected, Reason.SESSION_POLICY_EXPIRED, OAUTH, *entra(70043, 50078), definite=True),
    row(Rejected, Reason.MFA_REQUIRED, OAUTH, *SECOND_FACTOR, definite=True),
    row(Rejected, Reason.CONSENT_DECLINED, OAUTH, *entra(65004), definite=True),
    row(Rejected, Reason.PASSWORD_EXPIRED, OAUTH, *entra(50055, 50144), definite=True),
    row(Rejected, Reason.PASSWORD_WRONG, OAUTH, *entra(50126, 50056, 50064), definite=True),
    row(Rejected, Reason.WRONG_TENANT, OAUTH, *OTHER_DIRECTORY, definite=True),
    # A token that Entra cannot even read may have been damaged on the way: it takes a second try to believe it.
    row(Rejected, Reason.CREDENTIALS_REVOKED, TOKEN, *entra(9002313)),
    # Their administrator. These come with the suberror consent_required too, which else is the person's.
    row(Blocked, Reason.NEEDS_ADMIN_APPROVAL, OAUTH, *entra(90094, 90095, 650052)),
    row(Blocked, Reason.CONDITIONAL_ACCESS, OAUTH, *POLICY),
    row(Blocked, Reason.ACCOUNT_DISABLED, OAUTH, *entra(50057)),
    # It ends by itself, and what is tried again is a token and no password.
    row(Blocked, Reason.ACCOUNT_LOCKED, OAUTH, *entra(50053)),
    row(Blocked, Reason.USER_NOT_ASSIGNED, OAUTH, *entra(50105)),
    row(Blocked, Reason.ADMIN_POLICY_BLOCKED, OAUTH, *entra(500021, 500022, 500212, 500213, 50002)),
    row(Blocked, Reason.APP_MISSING, OAUTH, *NO_APP),
    # Our own set-up
    row(Misconfigured, Reason.CLIENT_SECRET_EXPIRED, OAUTH, *entra(7000222)),
    row(Misconfigured, Reason.CLIENT_MISCONFIGURED, OAUTH, *OUR_PROOF, *OUR_SETUP),
    # A number that we do not know
    row(Rejected, Reason.CONSENT_REVOKED, OAUTH, *entra(65001, 90008), "consent_required", definite=True),
    row(Rejected, Reason.PASSWORD_EXPIRED, OAUTH, "user_password_expired", definite=True),
    row(Rejected, Reason.MFA_REQUIRED, OAUTH, "basic_action", definite=True),
    row(Blocked, Reason.CONDITIONAL_ACCESS, OAUTH, "message_only", "additional_action"),
    row(Rejected, Reason.CONSENT_DECLINED, CALLBACK, "access_denied", definite=True),
    row(Rejected, Reason.MFA_REQUIRED, OAUTH, "interaction_required", "login_required", definite=True),
    # "The application isn't added to the user's tenant": it is this company's, not everybody's.
    row(Blocked, Reason.APP_MISSING, OAUTH, "unauthorized_client", "invalid_resource"),
    row(Misconfigured, Reason.CLIENT_MISCONFIGURED, OAUTH, *OURS),
    row(Rejected, Reason.UNKNOWN, CODE, "invalid_grant", definite=True),
    row(Rejected, Reason.CREDENTIALS_REVOKED, TOKEN, "invalid_grant"),
    # Graph
    row(Rejected, Reason.MFA_REQUIRED, API, CLAIMS_CHALLENGE, definite=True, status=only(401)),
    row(
        Rejected,
        Reason.SCOPE_MISSING,
        API,
        "ErrorAccessDenied",
        "Authorization_RequestDenied",
        definite=True,
        status=only(403),
    ),
    row(Blocked, Reason.MAILBOX_MISSING, API, *NO_MAILBOX),
    # Right after a good renewal this may pass by itself, so that it counts towards the limit and no more.
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(401)),
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(403)),
    # Codes that Microsoft adds one day
    row(Unavailable, Reason.UNKNOWN, API),
    row(Rejected, Reason.UNKNOWN, CALLBACK | CODE, definite=True),
    row(Rejected, Reason.UNKNOWN, TOKEN),
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal of Microsoft's means."""
    return told_by(TABLE, signal)


def read_callback(answer: Mapping[str, str]) -> Signal:
    """A refusal that the browser brought. Its number stands in the description only, and so does the trace.

    A company without Exchange, for one, makes this an invalid_client of everybody's without its number.
    """
    described = answer.get("error_description", "")
    number = re.match(r"AADSTS\d{3,8}\b", described)
    trace = re.search(rf"Correlation ID: ({GUID.pattern})", described, re.IGNORECASE)
    return Signal(
        at=At.CALLBACK,
        errors=tuple(texts([number and number[0], answer.get("error")])),
        trace=trace[1] if trace else "",
    )


def read_token(at: At, answer: Answer) -> Signal:
    """A refusal of the token endpoint."""
    body = body_of(answer)
    listed = body.get("error_codes")
    numbers = [f"AADSTS{code}" for code in listed if isinstance(code, int)] if isinstance(listed, list) else []
    return Signal(
        at=at,
        status=answer.status_code,
        errors=tuple(texts([*numbers, body.get("error"), body.get("suberror")])) or (NOT_JSON,),
        retry_after=seconds_asked(answer.headers),
        trace=_first_guid(body.get("correlation_id"), body.get("trace_id")),
    )


def read_api(answer: Answer) -> Signal:
    """A refusal of Graph. A claims challenge stands in a header, and says that a policy asks for more."""
    body = body_of(answer)
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    inner = error.get("innerError")
    inner = inner if isinstance(inner, dict) else {}
    challenged = "claims=" in answer.headers.get("WWW-Authenticate", "")
    return Signal(
        at=At.API,
        status=answer.status_code,
        errors=tuple(texts([challenged and CLAIMS_CHALLENGE, error.get("code")])),
        retry_after=seconds_asked(answer.headers),
        trace=_first_guid(answer.headers.get("request-id"), inner.get("request-id")),
    )


def _first_guid(*values: object) -> str:
    """Only in this shape is it an id, and not something that was said back to us."""
    return next((value for value in values if isinstance(value, str) and GUID.fullmatch(value)), "")
