"""Exchange's faults as switches of the side panel: for everyone, and for each account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count

from tests.sandbox.exchange.server import ExchangeServer
from tests.sandbox.switches import Kind, Switch

VENDOR = "Exchange"


def exchange_switches(exchange: ExchangeServer, emails: Sequence[str]) -> Iterator[Switch]:
    """Those of the server, then those of each of these accounts."""
    yield from _outage(exchange)
    yield from _setup(exchange)
    for email in emails:
        yield from _presses(exchange, email)
        yield from _toggles(exchange, email)


def _outage(exchange: ExchangeServer) -> Iterator[Switch]:
    faults = exchange.state.faults
    yield _toggle("down", "Exchange is down", "Every request gets a 503.", lambda: faults.down, exchange.down)
    yield _toggle(
        "rate_limit",
        "Server busy",
        "Exchange throttles: ErrorServerBusy, with a time to wait.",
        lambda: faults.busy,
        exchange.rate_limit,
    )
    yield _toggle(
        "nonsense",
        "Nonsense answers",
        "Programs get 200 with an HTML page, as from a captive portal.",
        lambda: bool(faults.nonsense),
        exchange.nonsense,
    )
    yield Switch(
        id="exchange.slow",
        group=VENDOR,
        label="Slow answers (seconds)",
        explain="Each answer takes this many seconds longer.",
        kind=Kind.NUMBER,
        read=lambda: faults.slow,
        press=lambda value: exchange.slow(float(str(value))),
    )


def _setup(exchange: ExchangeServer) -> Iterator[Switch]:
    faults = exchange.state.faults
    for key, label, explain, read, act in (
        ("basic", "Basic is offered", "Logins with a plain password.", lambda: faults.basic, exchange.basic),
        ("ntlm", "NTLM is offered", "Logins by challenge and answer.", lambda: faults.ntlm, exchange.ntlm),
        (
            "extended_protection",
            "Extended Protection",
            "An NTLM login must be tied to its TLS connection.",
            lambda: faults.extended_protection,
            exchange.extended_protection,
        ),
        (
            "redirect",
            "Redirected to the web mail",
            "Every request is sent to a sign-in page, as by a wrong address.",
            lambda: faults.redirect,
            exchange.redirect,
        ),
        (
            "ews_off",
            "EWS is switched off",
            "Exchange Web Services answer 403.",
            lambda: bool(faults.ews_off),
            exchange.ews_off,
        ),
    ):
        yield _toggle(key, label, explain, read, act)


def _presses(exchange: ExchangeServer, email: str) -> Iterator[Switch]:
    numbers = count(1)

    def mail() -> None:
        subject = f"Question no. {next(numbers)}"
        exchange.deliver(email, sender="Cara Customer <cara@customer.example>", subject=subject)

    def meeting() -> None:
        start = exchange.state.clock.now() + timedelta(days=1)
        title = f"Demo no. {next(numbers)}"
        exchange.schedule(email, title=title, start=start, attendees=["cara@customer.example"])

    for key, label, explain, act in (
        ("password", "Change the password", "The old one is refused.", lambda: exchange.change_password(email)),
        (
            "sync_state",
            "Sync state expires",
            "ErrorInvalidSyncStateData: a full sync is due.",
            lambda: exchange.expire_sync_state(email),
        ),
        ("mail", "A mail arrives", "From cara@customer.example.", mail),
        ("meeting", "A meeting is planned", "With cara@customer.example.", meeting),
    ):
        yield Switch(
            id=f"exchange.{email.partition('@')[0]}.{key}",
            group=f"{VENDOR}: {email}",
            label=label,
            explain=explain,
            kind=Kind.PRESS,
            read=lambda: None,
            press=_pressed(act),
        )


def _toggles(exchange: ExchangeServer, email: str) -> Iterator[Switch]:
    account = exchange.state.accounts[email]
    for key, label, explain, read, act in (
        ("lock", "Account locked", "Also after five wrong passwords.", lambda: account.locked, exchange.lock),
        (
            "expire_password",
            "Password expired",
            "It must be changed in Windows first.",
            lambda: account.password_expired,
            exchange.expire_password,
        ),
        ("disable", "Account disabled", "By the administrator.", lambda: account.disabled, exchange.disable),
        ("no_mailbox", "No mailbox", "The account has none here.", lambda: account.no_mailbox, exchange.no_mailbox),
        ("deny", "No right to the mailbox", "ErrorAccessDenied.", lambda: account.denied, exchange.deny),
        (
            "move",
            "Mailbox is being moved",
            "It cannot be opened meanwhile.",
            lambda: account.moving,
            exchange.move_mailbox,
        ),
    ):
        yield Switch(
            id=f"exchange.{email.partition('@')[0]}.{key}",
            group=f"{VENDOR}: {email}",
            label=label,
            explain=explain,
            kind=Kind.TOGGLE,
            read=read,
            press=_turned(act, email),
        )


def _toggle(key: str, label: str, explain: str, read: Callable[[], bool], act: Callable[[bool], None]) -> Switch:
    return Switch(
        id=f"exchange.{key}",
        group=VENDOR,
        label=label,
        explain=explain,
        kind=Kind.TOGGLE,
        read=read,
        press=lambda value: act(value is True),
    )


def _pressed(act: Callable[[], None]) -> Callable[[object], None]:
    return lambda _: act()


def _turned(act: Callable[[str, bool], None], email: str) -> Callable[[object], None]:
    return lambda value: act(email, value is True)
