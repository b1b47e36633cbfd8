"""Microsoft's faults as switches of the side panel: for everyone, and for each account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count

from tests.sandbox.microsoft.server import MicrosoftServer
from tests.sandbox.switches import Kind, Switch

VENDOR = "Microsoft"


def microsoft_switches(microsoft: MicrosoftServer, emails: Sequence[str]) -> Iterator[Switch]:
    """Those of the vendor, then those of each of these accounts."""
    yield from _outage(microsoft)
    yield from _setup(microsoft)
    for email in emails:
        yield from _account(microsoft, email)
        yield from _account_rules(microsoft, email)
        yield from _arrivals(microsoft, email)


def _outage(microsoft: MicrosoftServer) -> Iterator[Switch]:
    faults = microsoft.state.faults
    for key, label, explain, read, act in (
        (
            "down",
            "Microsoft is down",
            "Every request fails with a server error.",
            lambda: faults.down,
            microsoft.down,
        ),
        (
            "rate_limit",
            "Rate limit",
            "Graph refuses with 429, EWS with ErrorServerBusy.",
            lambda: faults.rate_limited,
            microsoft.rate_limit,
        ),
        (
            "nonsense",
            "Nonsense answers",
            "Programs get 200 with an HTML page, as from a captive portal.",
            lambda: bool(faults.nonsense),
            microsoft.nonsense,
        ),
    ):
        yield _toggle(f"microsoft.{key}", VENDOR, label, explain, read, act)
    yield Switch(
        id="microsoft.slow",
        group=VENDOR,
        label="Slow answers (seconds)",
        explain="Each answer takes this many seconds longer.",
        kind=Kind.NUMBER,
        read=lambda: faults.slow,
        press=lambda value: microsoft.slow(float(str(value))),
    )
    yield _press(
        "microsoft.lose_token_answer",
        VENDOR,
        "Lose the next token answer",
        "The renewal is carried out, but the answer never arrives.",
        microsoft.lose_token_answer,
    )


def _setup(microsoft: MicrosoftServer) -> Iterator[Switch]:
    state, faults = microsoft.state, microsoft.state.faults
    for key, label, explain, read, act in (
        (
            "admin_approval",
            "Admin must approve the app",
            "The sign-in page says so and never calls back; renewals are refused. Approving it turns this off.",
            lambda: any(tenant.needs_approval for tenant in state.tenants.values()),
            microsoft.admin_approval,
        ),
        (
            "app_missing",
            "App not in the directory",
            "As if it had never been installed.",
            lambda: faults.app_missing,
            microsoft.app_missing,
        ),
        (
            "tenant_restricted",
            "Company restricts tenants",
            "Sign-in to this company is denied.",
            lambda: faults.tenant_restricted,
            microsoft.tenant_restricted,
        ),
        (
            "wrong_client_secret",
            "Our client secret is wrong",
            "Our own setup is broken: invalid_client for everyone.",
            lambda: faults.wrong_client_secret,
            microsoft.wrong_client_secret,
        ),
        (
            "client_secret_expired",
            "Our client secret has expired",
            "Another of our own: nobody else can repair it.",
            lambda: faults.client_secret_expired,
            microsoft.client_secret_expired,
        ),
        (
            "ews_enabled",
            "EWS is allowed",
            "Off, as Exchange Online has it since October 2026.",
            lambda: faults.ews_enabled,
            microsoft.ews_enabled,
        ),
        (
            "strict_rotation",
            "Strict token rotation",
            "Not Microsoft's habit: using a replaced refresh token ends everything.",
            lambda: faults.strict_rotation,
            microsoft.strict_rotation,
        ),
    ):
        yield _toggle(f"microsoft.{key}", VENDOR, label, explain, read, act)


def _account(microsoft: MicrosoftServer, email: str) -> Iterator[Switch]:
    for key, label, explain, act in (
        ("revoke", "Sign out everywhere", "An administrator revokes all sessions.", microsoft.revoke_sessions),
        ("idle", "Unused for 90 days", "The refresh token lapses.", microsoft.idle_ninety_days),
        ("consent", "Remove the consent", "For the person and the whole company.", microsoft.remove_consent),
        ("password", "Change the password", "Relatch's sign-in lives on.", microsoft.change_password),
        ("plain", "Refuse without a known reason", "invalid_grant, and nothing else.", microsoft.plain_refusal),
        ("expire", "Access token expires now", "The next call needs a renewal.", microsoft.expire_access_tokens),
        ("delta", "Sync cursors expire", "Graph answers 410: a full sync is due.", microsoft.expire_delta),
    ):
        yield _press(_id(email, key), _group(email), label, explain, _for(act, email))


def _account_rules(microsoft: MicrosoftServer, email: str) -> Iterator[Switch]:
    account = microsoft.state.accounts[email]
    for key, label, explain, read, act in (
        ("disable", "Account disabled", "Nobody can sign in.", lambda: account.disabled, microsoft.disable),
        ("lock", "Account locked", "Too many wrong passwords.", lambda: account.locked, microsoft.lock),
        (
            "password_expired",
            "Password expired",
            "The sign-in page asks for a new one.",
            lambda: account.password_expired,
            microsoft.expire_password,
        ),
        ("mfa", "Second factor needed", "Only a sign-in with it counts.", lambda: account.mfa, microsoft.mfa),
        (
            "frequency",
            "Company limits session length",
            "This sign-in is over, and each later one lasts 12 hours.",
            lambda: account.asked_again_at is not None,
            microsoft.sign_in_frequency,
        ),
        (
            "policy",
            "Conditional access blocks the app",
            "Whatever the person does.",
            lambda: account.conditional_access,
            microsoft.conditional_access,
        ),
        (
            "unassign",
            "Not assigned to the app",
            "The app is for assigned people only.",
            lambda: account.unassigned,
            microsoft.unassign,
        ),
        (
            "no_mailbox",
            "No mailbox in the cloud",
            "Mail and calendar answer 404.",
            lambda: account.no_mailbox,
            microsoft.no_mailbox,
        ),
        (
            "less_scope",
            "Permission for mail is missing",
            "Mail answers 403.",
            lambda: account.less_scope,
            microsoft.less_scope,
        ),
    ):
        yield _toggle(_id(email, key), _group(email), label, explain, read, _for_toggle(act, email))


def _arrivals(microsoft: MicrosoftServer, email: str) -> Iterator[Switch]:
    numbers = count(1)

    def mail() -> None:
        microsoft.deliver(email, sender="cara@customer.example", subject=f"Question no. {next(numbers)}")

    def meeting() -> None:
        start = microsoft.state.clock.now() + timedelta(days=1)
        microsoft.schedule(email, title=f"Demo no. {next(numbers)}", start=start, attendees=["cara@customer.example"])

    group = _group(email)
    yield _press(_id(email, "mail"), group, "A mail arrives", "From cara@customer.example.", mail)
    yield _press(_id(email, "meeting"), group, "A meeting is planned", "With cara@customer.example.", meeting)


def _id(email: str, key: str) -> str:
    return f"microsoft.{email.partition('@')[0]}.{key}"


def _group(email: str) -> str:
    return f"{VENDOR}: {email}"


def _toggle(
    id_: str, group: str, label: str, explain: str, read: Callable[[], bool], act: Callable[[bool], None]
) -> Switch:
    return Switch(
        id=id_,
        group=group,
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


def _for_toggle(act: Callable[[str, bool], None], email: str) -> Callable[[bool], None]:
    return lambda on: act(email, on)
