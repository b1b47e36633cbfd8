"""Table F's rows of Exchange: every row is hit by the signal that it stands for, and nothing falls through."""

from __future__ import annotations

import re
from typing import Any

import exchangelib.errors
import pytest

from providers.base import Blocked, Credential, ProviderError, Reason, Rejected, Unavailable
from providers.exchange.errors import (
    BUSY,
    ILLEGIBLE,
    NO_MAILBOX,
    NO_RIGHT,
    NOT_OFFERED,
    NOT_XML,
    PASSING,
    REDIRECTED,
    TABLE,
    TOO_OLD,
    told,
)
from providers.refusals import At, Signal
from tests.providers.exchange.kit import ExchangeKit

LOCKED = "The referenced account is currently locked out and may not be logged on to"


def soap(code: str, at: At = At.API) -> Signal:
    return Signal(at, 0, (code,))


# signal -> class, reason, definite, code
SAID: list[tuple[Signal, type[ProviderError], Reason, bool | None, str]] = [
    (Signal(At.API, 429), Unavailable, Reason.RATE_LIMITED, None, "429"),
    *((soap(code), Unavailable, Reason.RATE_LIMITED, None, code) for code in sorted(BUSY)),
    *((soap(code), Unavailable, Reason.PROVIDER_DOWN, None, code) for code in sorted(PASSING)),
    (soap("ErrorTimeoutExpired"), Unavailable, Reason.NETWORK, None, "ErrorTimeoutExpired"),
    (Signal(At.API, 401, words=LOCKED), Rejected, Reason.ACCOUNT_LOCKED, True, "401"),
    (Signal(At.FORM, 401, words=LOCKED), Rejected, Reason.ACCOUNT_LOCKED, True, "401"),
    (Signal(At.API, 401, (NOT_OFFERED,)), Blocked, Reason.ENDPOINT_WRONG, None, "401 login not offered"),
    (Signal(At.FORM, 401, (NOT_OFFERED,)), Blocked, Reason.ENDPOINT_WRONG, None, "login not offered"),
    (Signal(At.FORM, 401), Rejected, Reason.PASSWORD_WRONG, True, "401"),
    (Signal(At.API, 401), Rejected, Reason.PASSWORD_CHANGED, True, "401"),
    (soap("ErrorPasswordExpired"), Rejected, Reason.PASSWORD_EXPIRED, True, "ErrorPasswordExpired"),
    (
        soap("ErrorPasswordChangeRequired", At.FORM),
        Rejected,
        Reason.PASSWORD_EXPIRED,
        True,
        "ErrorPasswordChangeRequired",
    ),
    (soap("ErrorAccountDisabled"), Blocked, Reason.ACCOUNT_DISABLED, None, "ErrorAccountDisabled"),
    *((soap(code), Blocked, Reason.MAILBOX_MISSING, None, code) for code in sorted(NO_MAILBOX)),
    *((soap(code, At.FORM), Blocked, Reason.DELEGATION_MISSING, None, code) for code in sorted(NO_RIGHT)),
    (soap(REDIRECTED), Blocked, Reason.ENDPOINT_WRONG, None, "redirect"),
    *((soap(code), Blocked, Reason.ENDPOINT_WRONG, None, code) for code in sorted(TOO_OLD)),
    (Signal(At.API, 403), Blocked, Reason.ENDPOINT_WRONG, None, "403"),
    (Signal(At.API, 404, ("UserNotFound",)), Blocked, Reason.ENDPOINT_WRONG, None, "404 UserNotFound"),
    (Signal(At.API, 502), Unavailable, Reason.PROVIDER_DOWN, None, "502"),
    (Signal(At.API, 503), Unavailable, Reason.PROVIDER_DOWN, None, "503"),
    *((soap(code), Unavailable, Reason.PROVIDER_DOWN, None, code) for code in sorted(ILLEGIBLE)),
    (soap("ErrorBrandNew"), Unavailable, Reason.UNKNOWN, None, "ErrorBrandNew"),
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


def test_every_code_of_the_table_is_one_that_exchangelib_knows() -> None:
    ours = {NOT_XML, NOT_OFFERED, REDIRECTED}
    codes = {code for row in TABLE for code in row.errors} - ours
    assert [code for code in sorted(codes) if not hasattr(exchangelib.errors, code)] == []


@pytest.mark.parametrize("at", [At.FORM, At.API])
@pytest.mark.parametrize("status", [0, 200, 302, 400, 401, 403, 404, 410, 418, 429, 500, 599, 999])
def test_whatever_exchange_says_is_one_failure_with_a_code_that_is_safe_to_show(at: At, status: int) -> None:
    for said in ("", "ErrorServerBusy", "<!channel>", "`*_~&#@", "a\nb\x00c", "\u202eevil", "e" * 100_000):
        failure = told(Signal(at, status, (said, said) if said else (), said))
        assert len(failure.code) <= 80
        assert re.fullmatch(r"[A-Za-z0-9_.:/ -]*", failure.code)


# The same, from the server to the error


def failure(kit: ExchangeKit, bob: Credential) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        kit.provider.check(bob)
    return caught.value


SWITCHES: list[tuple[str, tuple[Any, ...], type[ProviderError], Reason]] = [
    ("lock", ("bob@acme.example", True), Rejected, Reason.ACCOUNT_LOCKED),
    ("change_password", ("bob@acme.example",), Rejected, Reason.PASSWORD_CHANGED),
    ("expire_password", ("bob@acme.example", True), Rejected, Reason.PASSWORD_EXPIRED),
    ("disable", ("bob@acme.example", True), Blocked, Reason.ACCOUNT_DISABLED),
    ("no_mailbox", ("bob@acme.example", True), Blocked, Reason.MAILBOX_MISSING),
    ("deny", ("bob@acme.example", True), Blocked, Reason.DELEGATION_MISSING),
    ("move_mailbox", ("bob@acme.example", True), Unavailable, Reason.PROVIDER_DOWN),
    ("redirect", (True,), Blocked, Reason.ENDPOINT_WRONG),
    ("ews_off", (True,), Blocked, Reason.ENDPOINT_WRONG),
    ("ntlm", (False,), Blocked, Reason.ENDPOINT_WRONG),
    ("nonsense", (True,), Unavailable, Reason.PROVIDER_DOWN),
    ("down", (True,), Unavailable, Reason.PROVIDER_DOWN),
]


@pytest.mark.parametrize(("switch", "pressed", "kind", "reason"), SWITCHES, ids=[row[0] for row in SWITCHES])
def test_a_broken_exchange_means(
    kit: ExchangeKit,
    bob: Credential,
    switch: str,
    pressed: tuple[Any, ...],
    kind: type[ProviderError],
    reason: Reason,
) -> None:
    getattr(kit.server, switch)(*pressed)
    found = failure(kit, bob)
    assert type(found) is kind
    assert found.reason is reason
    assert getattr(found, "definite", True)


def test_a_busy_server_says_how_long_to_wait(kit: ExchangeKit, bob: Credential) -> None:
    kit.server.rate_limit(True)
    found = failure(kit, bob)
    assert isinstance(found, Unavailable)
    assert (found.reason, found.retry_after) == (Reason.RATE_LIMITED, 2.0)


FAULT = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>s:Client</faultcode><faultstring>x</faultstring><detail>
<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">%s</e:ResponseCode>
</detail></s:Fault></s:Body></s:Envelope>"""


@pytest.mark.parametrize(
    ("body", "status", "headers", "kind", "reason", "waits", "code"),
    [
        (b"", 429, {"Retry-After": "30"}, Unavailable, Reason.RATE_LIMITED, 30.0, "429"),
        (FAULT % b"ErrorServerBusy", 500, {}, Unavailable, Reason.RATE_LIMITED, None, "ErrorServerBusy"),
        (FAULT % b"ErrorADUnavailable", 500, {}, Unavailable, Reason.PROVIDER_DOWN, None, "ErrorADUnavailable"),
        (FAULT % b"ErrorBrandNew", 500, {}, Unavailable, Reason.PROVIDER_DOWN, None, "SOAPError"),
        (
            b"",
            503,
            {"X-CasErrorCode": "CAS error: Mdb<b>Down"},
            Unavailable,
            Reason.PROVIDER_DOWN,
            None,
            "503 MdbbDown",
        ),
        (b"", 405, {}, Blocked, Reason.ENDPOINT_WRONG, None, "405"),
        (b"<?xml version='1.0'?><odd/>", 200, {}, Unavailable, Reason.PROVIDER_DOWN, None, "MalformedResponseError"),
        (b"<?xml version='1.0'?><odd", 200, {}, Unavailable, Reason.PROVIDER_DOWN, None, "MalformedResponseError"),
    ],
)
def test_an_answer_means(
    kit: ExchangeKit,
    bob: Credential,
    body: bytes,
    status: int,
    headers: dict[str, str],
    kind: type[ProviderError],
    reason: Reason,
    waits: float | None,
    code: str,
) -> None:
    kit.lie(body, status=status, headers=headers)
    found = failure(kit, bob)
    assert type(found) is kind
    assert (found.reason, found.code, getattr(found, "retry_after", None)) == (reason, code, waits)


@pytest.mark.parametrize(
    ("to", "kind", "reason"),
    [
        ("https://localhost/owa/auth/logon.aspx", Blocked, Reason.ENDPOINT_WRONG),
        ("/EWS/GenericErrorPage.htm?aspxerrorpath=/EWS/Exchange.asmx", Unavailable, Reason.PROVIDER_DOWN),
    ],
)
def test_a_redirect_to_exchanges_own_error_page_passes(
    kit: ExchangeKit, bob: Credential, to: str, kind: type[ProviderError], reason: Reason
) -> None:
    kit.lie(status=302, headers={"Location": to})
    found = failure(kit, bob)
    assert (type(found), found.reason) == (kind, reason)


def test_a_refusal_carries_exchanges_number_of_the_request(kit: ExchangeKit, bob: Credential) -> None:
    kit.server.deny("bob@acme.example", True)
    assert re.fullmatch(r"[0-9a-f-]{36}", failure(kit, bob).trace)
    kit.lie(status=403, headers={"request-id": "<!channel> 17"})
    assert failure(kit, bob).trace == "channel17"


@pytest.mark.parametrize("challenge", ["NTLM", "NTLM !!!", "NTLM AAAA", "NTLM TlRMTVNTUAACAAAA", 'Basic realm="x"'])
def test_a_login_that_leads_nowhere_is_no_refused_password(kit: ExchangeKit, bob: Credential, challenge: str) -> None:
    kit.lie(status=401, headers={"WWW-Authenticate": challenge})
    found = failure(kit, bob)
    assert isinstance(found, Blocked | Unavailable)
    assert found.reason in {Reason.ENDPOINT_WRONG, Reason.PROVIDER_DOWN}
