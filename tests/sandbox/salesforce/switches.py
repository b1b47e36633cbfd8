"""Salesforce's faults as switches of the side panel: for everyone, and for each user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.sandbox.salesforce.people import User
from tests.sandbox.salesforce.server import SalesforceServer
from tests.sandbox.switches import Kind, Switch

VENDOR = "Salesforce"
CARA = ("cara@customer.example", "Cara Customer")

# key, label, explanation
PRESSES = (
    ("revoke", "Revoke the grant", "As in Setup, Connected Apps OAuth Usage: every token of this user ends."),
    ("password", "Change the password", "Earlier grants are refused until the user logs in again."),
    ("idle", "Unused for thirty days", "The refresh token lapses."),
    ("expire", "Access token expires now", "The next call gets INVALID_SESSION_ID and needs a renewal."),
)
TOGGLES = (
    ("deactivate", "User deactivated", "Renewals say: inactive user. Nobody can log in."),
    ("api", "No API Enabled", "Calls are refused with API_CURRENTLY_DISABLED."),
    ("readonly", "May not write", "No task or event can be written: INSUFFICIENT_ACCESS_OR_READONLY."),
    ("ip", "IP addresses restricted", "Our servers are outside the login IP ranges: sessions end, renewals fail."),
)


def salesforce_switches(salesforce: SalesforceServer, emails: Sequence[str]) -> Iterator[Switch]:
    """Those of the vendor, then those of each user with one of these addresses. They must have been added."""
    yield from _outage(salesforce)
    yield from _setup(salesforce)
    for email in emails:
        yield from _user(salesforce, email)


def _outage(salesforce: SalesforceServer) -> Iterator[Switch]:
    faults = salesforce.state.faults
    yield _toggle(
        "down",
        "Salesforce is down",
        "Every request fails with SERVER_UNAVAILABLE.",
        lambda: faults.down,
        salesforce.down,
    )
    yield _toggle(
        "rate_limit",
        "Rate limit",
        "Calls are refused with REQUEST_LIMIT_EXCEEDED.",
        lambda: faults.rate_limited,
        salesforce.rate_limit,
    )
    yield _press(
        "salesforce.calls",
        VENDOR,
        "API calls used up",
        "REQUEST_LIMIT_EXCEEDED for the next 24 hours; moving the clock ends it.",
        salesforce.use_up_api_calls,
    )
    yield _toggle(
        "login_rate",
        "Login rate exceeded",
        "Renewals and new sign-ins are refused for a while.",
        lambda: faults.login_rate,
        salesforce.login_rate,
    )
    yield _toggle(
        "nonsense",
        "Nonsense answers",
        "Programs get 200 with an HTML page, as from a captive portal.",
        lambda: bool(faults.nonsense),
        salesforce.nonsense,
    )
    yield Switch(
        id="salesforce.slow",
        group=VENDOR,
        label="Slow answers (seconds)",
        explain="Each answer takes this many seconds longer.",
        kind=Kind.NUMBER,
        read=lambda: faults.slow,
        press=lambda value: salesforce.slow(float(str(value))),
    )
    yield _press(
        "salesforce.lose_token_answer",
        VENDOR,
        "Lose the next token answer",
        "The renewal is carried out, but the answer never arrives. With rotation on, the new token is lost.",
        salesforce.lose_token_answer,
    )


def _setup(salesforce: SalesforceServer) -> Iterator[Switch]:
    faults = salesforce.state.faults
    yield _toggle(
        "app_not_installed",
        "App not installed in the org",
        "New sign-ins end on Salesforce's error page, which never calls back.",
        lambda: faults.app_not_installed,
        salesforce.app_not_installed,
    )
    yield _toggle(
        "field_missing",
        "External id field is missing",
        "The administrator has not made Relatch_Id__c: INVALID_FIELD.",
        lambda: faults.field_missing,
        salesforce.field_missing,
    )
    yield _toggle(
        "api_disabled_for_org",
        "Org without API",
        "Calls are refused with API_DISABLED_FOR_ORG.",
        lambda: faults.api_disabled_for_org,
        salesforce.api_disabled_for_org,
    )
    yield _toggle(
        "wrong_client_secret",
        "Our client secret is wrong",
        "Our own setup is broken: invalid_client for everyone.",
        lambda: faults.wrong_client_secret,
        salesforce.wrong_client_secret,
    )
    yield _toggle(
        "rotation",
        "Refresh tokens rotate",
        "Each renewal gives a new refresh token, and using an old one ends the grant.",
        lambda: faults.rotation,
        salesforce.rotation,
    )
    yield _press(
        "salesforce.cara",
        VENDOR,
        "Add the contact Cara",
        "cara@customer.example becomes a contact in every org.",
        lambda: _add_cara(salesforce),
    )


def _user(salesforce: SalesforceServer, email: str) -> Iterator[Switch]:
    name, group = email.partition("@")[0], f"{VENDOR}: {email}"
    presses = {
        "revoke": salesforce.revoke_grant,
        "password": salesforce.change_password,
        "idle": salesforce.idle_thirty_days,
        "expire": salesforce.expire_access_tokens,
    }
    for key, label, explain in PRESSES:
        yield _press(f"salesforce.{name}.{key}", group, label, explain, _for(presses[key], email))
    toggles: dict[str, tuple[Callable[[User], bool], Callable[[str, bool], None]]] = {
        "deactivate": (lambda user: not user.active, salesforce.deactivate),
        "api": (lambda user: not user.api_enabled, salesforce.api_disabled),
        "readonly": (lambda user: not user.may_write, salesforce.may_not_write),
        "ip": (lambda user: user.ip_restricted, salesforce.ip_restricted),
    }
    for key, label, explain in TOGGLES:
        read, act = toggles[key]
        yield Switch(
            id=f"salesforce.{name}.{key}",
            group=group,
            label=label,
            explain=explain,
            kind=Kind.TOGGLE,
            read=_reader(salesforce, email, read),
            press=_for_toggle(act, email),
        )


def _add_cara(salesforce: SalesforceServer) -> None:
    email, name = CARA
    for org in list(salesforce.state.orgs):
        if not salesforce.has_contact(org, email):
            salesforce.add_contact(org, email=email, name=name)


def _toggle(key: str, label: str, explain: str, read: Callable[[], bool], act: Callable[[bool], None]) -> Switch:
    return Switch(
        id=f"salesforce.{key}",
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


def _reader(salesforce: SalesforceServer, email: str, read: Callable[[User], bool]) -> Callable[[], bool]:
    return lambda: any(read(user) for user in salesforce.state.named(email))
