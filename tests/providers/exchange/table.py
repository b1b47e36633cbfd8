"""All that Exchange says and what it means, row by row, for the walk in tests/providers/test_every_row.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from providers.base import Blocked, Reason, Rejected, Unavailable
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.kit import BOB
from tests.providers.table import THEIRS, Act, Line, NotHere, Press, Silent, hasty_use, line, sign_in, use, wary_use

FAULT = """<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>s:Client</faultcode><faultstring>Sentence of theirs</faultstring><detail>
<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">{code}</e:ResponseCode>
</detail></s:Fault></s:Body></s:Envelope>"""


def soap(*codes: str) -> Iterator[Press]:
    """The server refuses with each of these response codes in turn."""
    for code in codes:
        yield partial(_fault, code=code)


def http(*statuses: int) -> Iterator[Press]:
    """Each of these in turn, with a page for people."""
    for status in statuses:
        yield partial(_page, status=status)


def wrong_password(kit: ExchangeKit) -> Act:
    """The person has mistyped it in our form."""
    return partial(kit.provider.complete, *kit.answer(password="not it"))


def foreign_address(kit: ExchangeKit) -> Act:
    """The person has typed a server that the operator has not allowed."""
    return partial(kit.provider.complete, *kit.answer(ews_url="https://mail.elsewhere.example/EWS/Exchange.asmx"))


def _fault(kit: ExchangeKit, *, code: str) -> None:
    kit.lie(FAULT.format(code=code).encode(), status=500)


def _page(kit: ExchangeKit, *, status: int) -> None:
    kit.lie(THEIRS.encode(), status=status, kind="text/html")


def _no_login_of_ours(kit: ExchangeKit) -> None:
    kit.server.ntlm(False)
    kit.server.basic(False)


LINES: tuple[Line, ...] = (
    # The person
    line(
        "UnauthorizedError in use", use, Rejected, Reason.PASSWORD_CHANGED,
        lambda kit: kit.server.change_password(BOB), definite=True,
    ),
    line("UnauthorizedError at a sign-in", wrong_password, Rejected, Reason.PASSWORD_WRONG, definite=True),
    line(
        "“currently locked out” in use", use, Rejected, Reason.ACCOUNT_LOCKED,
        lambda kit: kit.server.lock(BOB, True), definite=True,
    ),
    line(
        "“currently locked out” at a sign-in", sign_in, Rejected, Reason.ACCOUNT_LOCKED,
        lambda kit: kit.server.lock(BOB, True), definite=True,
    ),
    line(
        "ErrorPasswordExpired, ErrorPasswordChangeRequired",
        use, Rejected, Reason.PASSWORD_EXPIRED,
        lambda kit: kit.server.expire_password(BOB, True),
        *soap("ErrorPasswordExpired", "ErrorPasswordChangeRequired"),
        definite=True,
    ),
    line("an address that is not allowed", foreign_address, Rejected, Reason.ENDPOINT_WRONG, definite=True),
    # Their administrator
    line(
        "ErrorAccountDisabled", use, Blocked, Reason.ACCOUNT_DISABLED,
        lambda kit: kit.server.disable(BOB, True), *soap("ErrorAccountDisabled"),
    ),
    line(
        "ErrorNonExistentMailbox, ErrorMailboxConfiguration, ErrorNameResolutionNoMailbox",
        use, Blocked, Reason.MAILBOX_MISSING,
        lambda kit: kit.server.no_mailbox(BOB, True),
        *soap("ErrorNonExistentMailbox", "ErrorMailboxConfiguration", "ErrorNameResolutionNoMailbox"),
    ),
    line(
        "ErrorImpersonateUserDenied, ErrorImpersonationDenied, ErrorImpersonationFailed",
        use, Blocked, Reason.DELEGATION_MISSING,
        *soap("ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed"),
    ),
    line(
        "ErrorAccessDenied, ErrorNotDelegate", use, Blocked, Reason.DELEGATION_MISSING,
        lambda kit: kit.server.deny(BOB, True), *soap("ErrorAccessDenied", "ErrorNotDelegate"),
    ),
    line(
        "MalformedResponse 404/403", use, Blocked, Reason.ENDPOINT_WRONG,
        lambda kit: kit.server.ews_off(True), *http(403, 404),
    ),
    line("RedirectError", use, Blocked, Reason.ENDPOINT_WRONG, lambda kit: kit.server.redirect(True)),
    line("“Failed to get auth type”", sign_in, Blocked, Reason.ENDPOINT_WRONG, _no_login_of_ours),
    line("a certificate that nobody trusts", wary_use, Blocked, Reason.TLS_ERROR),
    # Nobody
    line("ErrorTimeoutExpired", use, Unavailable, Reason.NETWORK, *soap("ErrorTimeoutExpired")),
    line("ConnectionError", hasty_use, Unavailable, Reason.NETWORK, lambda kit: kit.server.slow(3)),
    line(
        "ErrorServerBusy, ErrorExceededConnectionCount, 429",
        use, Unavailable, Reason.RATE_LIMITED,
        lambda kit: kit.server.rate_limit(True),
        *soap("ErrorServerBusy", "ErrorExceededConnectionCount"),
        *http(429),
    ),
    line(
        "ErrorMailboxStoreUnavailable, ErrorMailboxMoveInProgress, ErrorMailboxFailover, 502, 503",
        use, Unavailable, Reason.PROVIDER_DOWN,
        lambda kit: kit.server.move_mailbox(BOB, True),
        *soap("ErrorMailboxStoreUnavailable", "ErrorMailboxMoveInProgress", "ErrorMailboxFailover"),
        *http(502, 503),
    ),
    line("503 of everything", sign_in, Unavailable, Reason.PROVIDER_DOWN, lambda kit: kit.server.down(True)),
    line("an answer that is no SOAP", use, Unavailable, Reason.PROVIDER_DOWN, lambda kit: kit.server.nonsense(True)),
)  # fmt: skip

SILENT = (Silent("ErrorInvalidSyncStateData", lambda kit: kit.server.expire_sync_state(BOB)),)

NOT_HERE = (
    NotHere(
        "RateLimitError",
        "exchangelib invents it while it waits and retries; Relatch has it do neither, so that the answer is read",
    ),
)
