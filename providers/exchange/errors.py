"""What Exchange's refusals mean: the table, and where HTTP and EWS keep their reason. Nothing is sent from here.

Sources: learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode and what exchangelib 5.6
knows of servers (protocol.py, `RetryPolicy.raise_response_errors`).
"""

from __future__ import annotations

import re

from exchangelib.errors import EWSError

from providers.base import Blocked, ProviderError, Reason, Rejected, Unavailable
from providers.refusals import API, FORM, At, Row, Signal, only, row, seconds_asked
from providers.refusals import told as told_by
from providers.wire import Answer, Redirected

ANYWHERE: frozenset[At] = frozenset()
# No password was judged: none was sent, or none of its kind is taken here.
NOT_OFFERED = "login not offered"
NOT_XML = "not XML"
REDIRECTED = "redirect"
LONGEST_WORDS = 4096

BUSY = {"ErrorServerBusy", "ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "RateLimitError"}
PASSING = {
    "ErrorMailboxStoreUnavailable",
    "ErrorMailboxMoveInProgress",
    "ErrorMailboxFailover",
    "ErrorInternalServerTransientError",
    "ErrorInternalServerError",
    "ErrorADUnavailable",
    "ErrorADOperation",
    "ErrorConnectionFailed",
    "ErrorInsufficientResources",
    "ErrorNoRespondingCASInDestinationSite",
    "ErrorProxyCallFailed",
    "ErrorProxyRequestProcessingFailed",
}
NO_MAILBOX = {
    "ErrorNonExistentMailbox",
    "ErrorMailboxConfiguration",
    "ErrorMissingEmailAddress",
    "ErrorNameResolutionNoMailbox",
}
NO_RIGHT = {
    "ErrorAccessDenied",
    "ErrorNotDelegate",
    "ErrorImpersonateUserDenied",
    "ErrorImpersonationDenied",
    "ErrorImpersonationFailed",
    # Every mailbox has an Inbox: who is told that it is not there may not see it.
    "ErrorFolderNotFound",
    "ErrorItemNotFound",
}
TOO_OLD = {
    "ErrorInvalidServerVersion",
    "ErrorIncorrectSchemaVersion",
    "ErrorInvalidSchemaVersionForMailboxVersion",
}
ILLEGIBLE = {NOT_XML, "SOAPError", "MalformedResponseError", "TransportError"}

# The first row that fits decides. What stands in a SOAP answer has no status; what came without one has its HTTP's.
TABLE: tuple[Row, ...] = (
    # It passes.
    row(Unavailable, Reason.RATE_LIMITED, ANYWHERE, status=only(429)),
    row(Unavailable, Reason.RATE_LIMITED, ANYWHERE, *BUSY),
    row(Unavailable, Reason.PROVIDER_DOWN, ANYWHERE, *PASSING),
    row(Unavailable, Reason.NETWORK, ANYWHERE, "ErrorTimeoutExpired"),
    # The login. A refusal is believed at once: the same password again would help to lock the account.
    row(Rejected, Reason.ACCOUNT_LOCKED, ANYWHERE, definite=True, words=("account is currently locked out",)),
    row(Blocked, Reason.ENDPOINT_WRONG, ANYWHERE, NOT_OFFERED),
    row(Rejected, Reason.PASSWORD_WRONG, FORM, definite=True, status=only(401)),
    row(Rejected, Reason.PASSWORD_CHANGED, API, definite=True, status=only(401)),
    row(
        Rejected,
        Reason.PASSWORD_EXPIRED,
        ANYWHERE,
        "ErrorPasswordExpired",
        "ErrorPasswordChangeRequired",
        definite=True,
    ),
    row(Blocked, Reason.ACCOUNT_DISABLED, ANYWHERE, "ErrorAccountDisabled"),
    # The mailbox
    row(Blocked, Reason.MAILBOX_MISSING, ANYWHERE, *NO_MAILBOX),
    row(Blocked, Reason.DELEGATION_MISSING, ANYWHERE, *NO_RIGHT),
    # The server: another page lives at this address, EWS is switched off there, or it is older than we can speak to.
    row(Blocked, Reason.ENDPOINT_WRONG, ANYWHERE, REDIRECTED, *TOO_OLD),
    row(Blocked, Reason.ENDPOINT_WRONG, ANYWHERE, status=range(300, 500)),
    row(Unavailable, Reason.PROVIDER_DOWN, ANYWHERE, status=range(500, 600)),
    # Somebody in between answered: a proxy, a captive portal.
    row(Unavailable, Reason.PROVIDER_DOWN, ANYWHERE, *ILLEGIBLE),
    # Codes that Microsoft adds one day, and those that tell of a fault of ours
    row(Unavailable, Reason.UNKNOWN, ANYWHERE),
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal of Exchange's means."""
    return told_by(TABLE, signal)


def read_http(answer: Answer, *, at: At, offered: bool) -> Signal:
    """An answer that is no SOAP. `offered`: the login that it refuses was sent, and its kind is taken there."""
    illegible = answer.status_code == 200
    return Signal(
        at=at,
        status=0 if illegible else answer.status_code,
        errors=_errors(answer, offered=offered) or ((NOT_XML,) if illegible else ()),
        words=answer.content[:LONGEST_WORDS].decode("latin-1"),
        retry_after=seconds_asked(answer.headers),
        trace=trace(answer),
    )


def read_soap(error: EWSError, *, at: At, trace: str) -> Signal:
    """A refusal within a SOAP answer: exchangelib has a class for each of EWS's codes, with the code as its name."""
    # Zero stands for none: see `Protocol.RETRY_WAIT` in protocol.py.
    back_off = getattr(error, "back_off", None) or None
    return Signal(at=at, errors=(type(error).__name__,), retry_after=back_off, trace=trace)


def read_redirect(error: Redirected, *, at: At) -> Signal:
    """Exchange sends people to a page of its own when it fails; anybody else means that EWS is not here."""
    failed = error.to.casefold().startswith("/ews/genericerrorpage.htm")
    return Signal(at=at, errors=("ErrorInternalServerTransientError" if failed else REDIRECTED,))


def trace(answer: Answer) -> str:
    """Exchange's own number of a request, under which its logs know it."""
    return re.sub(r"[^A-Za-z0-9-]", "", answer.headers.get("request-id", ""))[:40]


def _errors(answer: Answer, *, offered: bool) -> tuple[str, ...]:
    if answer.status_code == 401 and not offered:
        return (NOT_OFFERED,)
    # Front ends that could not reach the mailbox's server say so here.
    cas = answer.headers.get("X-CasErrorCode", "").removeprefix("CAS error:").strip()
    return (cas,) if cas else ()
