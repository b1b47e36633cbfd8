"""Google's faults as switches of the side panel: for everyone, and for each account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count

from tests.sandbox.google.server import GoogleServer
from tests.sandbox.switches import Kind, Switch

VENDOR = "Google"


def google_switches(google: GoogleServer, emails: Sequence[str]) -> Iterator[Switch]:
    """Those of the vendor, then those of each of these accounts."""
    yield from _outage(google)
    yield from _setup(google)
    for email in emails:
        yield from _account(google, email)


def _outage(google: GoogleServer) -> Iterator[Switch]:
    faults = google.state.faults
    yield _toggle(
        "down", "Google is down", "Every request fails with a server error.", lambda: faults.down, google.down
    )
    yield _toggle(
        "rate_limit",
        "Rate limit",
        "Gmail and Calendar refuse with rateLimitExceeded.",
        lambda: bool(faults.rate_limited),
        google.rate_limit,
    )
    yield _toggle(
        "nonsense",
        "Nonsense answers",
        "Programs get 200 with an HTML page, as from a captive portal.",
        lambda: bool(faults.nonsense),
        google.nonsense,
    )
    yield Switch(
        id="google.slow",
        group=VENDOR,
        label="Slow answers (seconds)",
        explain="Each answer takes this many seconds longer.",
        kind=Kind.NUMBER,
        read=lambda: faults.slow,
        press=lambda value: google.slow(float(str(value))),
    )
    yield _press(
        "google.lose_token_answer",
        VENDOR,
        "Lose the next token answer",
        "The renewal is carried out, but the answer never arrives.",
        google.lose_token_answer,
    )


def _setup(google: GoogleServer) -> Iterator[Switch]:
    faults = google.state.faults
    yield _toggle(
        "admin_approval",
        "Admin must approve the app",
        "The sign-in page says that the app is blocked, and never calls back. Renewals are refused.",
        lambda: faults.admin_approval,
        google.admin_approval,
    )
    yield _toggle(
        "wrong_client_secret",
        "Our client secret is wrong",
        "Our own setup is broken: invalid_client for everyone.",
        lambda: faults.wrong_client_secret,
        google.wrong_client_secret,
    )
    yield _toggle(
        "testing_mode",
        "App in testing mode",
        "New sign-ins end after seven days.",
        lambda: faults.testing_mode,
        google.testing_mode,
    )
    yield _toggle(
        "strict_rotation",
        "Strict token rotation",
        "Not Google's habit: each renewal gives a new refresh token, and using an old one ends everything.",
        lambda: faults.strict_rotation,
        google.strict_rotation,
    )


def _account(google: GoogleServer, email: str) -> Iterator[Switch]:
    name = email.partition("@")[0]
    for key, label, explain, act in (
        (
            "password",
            "Change the password",
            "Ends every token with Gmail permissions.",
            google.change_password,
        ),
        ("remove", "Remove Relatch's access", "As on Google's page of connected apps.", google.remove_access),
        ("idle", "Unused for six months", "The refresh token lapses.", google.idle_six_months),
        ("expire", "Access token expires now", "The next call needs a renewal.", google.expire_access_tokens),
        (
            "history",
            "Sync cursors expire",
            "Gmail answers 404, Calendar 410: a full sync is due.",
            google.expire_history,
        ),
    ):
        yield _press(f"google.{name}.{key}", f"Google: {email}", label, explain, _for(act, email))
    yield from _account_toggles(google, email)
    yield from _arrivals(google, email)


def _account_toggles(google: GoogleServer, email: str) -> Iterator[Switch]:
    account = google.state.accounts[email]
    for key, label, explain, read, act in (
        (
            "suspend",
            "Account suspended",
            "Its tokens end; nobody can sign in.",
            lambda: account.suspended,
            google.suspend,
        ),
        (
            "session",
            "Company limits session length",
            "This sign-in is over, and each later one lasts 16 hours.",
            lambda: account.session_lapsed_at is not None,
            google.session_policy,
        ),
        (
            "untick",
            "Leaves the boxes unticked",
            "On the consent page.",
            lambda: account.unticked,
            google.untick,
        ),
    ):
        yield Switch(
            id=f"google.{email.partition('@')[0]}.{key}",
            group=f"Google: {email}",
            label=label,
            explain=explain,
            kind=Kind.TOGGLE,
            read=read,
            press=_for_toggle(act, email),
        )


def _arrivals(google: GoogleServer, email: str) -> Iterator[Switch]:
    numbers = count(1)

    def mail() -> None:
        google.deliver(email, sender="cara@customer.example", subject=f"Question no. {next(numbers)}")

    def meeting() -> None:
        start = google.state.clock.now() + timedelta(days=1)
        google.schedule(
            email, title=f"Demo no. {next(numbers)}", start=start, attendees=["cara@customer.example"]
        )

    name, group = email.partition("@")[0], f"Google: {email}"
    yield _press(f"google.{name}.mail", group, "A mail arrives", "From cara@customer.example.", mail)
    yield _press(
        f"google.{name}.meeting", group, "A meeting is planned", "With cara@customer.example.", meeting
    )


def _toggle(
    key: str, label: str, explain: str, read: Callable[[], bool], act: Callable[[bool], None]
) -> Switch:
    return Switch(
        id=f"google.{key}",
        group=VENDOR,
        label=label,
        explain=explain,
        kind=Kind.TOGGLE,
        read=read,
        press=lambda value: act(value is True),
    )


def _press(id_: str, group: str, label: str, explain: str, act: Callable[[], None]) -> Switch:
    return Switch(
        id=id_,
        group=group,
        label=label,
        explain=explain,
        kind=Kind.PRESS,
        read=lambda: None,
        press=lambda _: act(),
    )


def _for(act: Callable[[str], None], email: str) -> Callable[[], None]:
    return lambda: act(email)


def _for_toggle(act: Callable[[str, bool], None], email: str) -> Callable[[object], None]:
    return lambda value: act(email, value is True)
