"""No secret is anywhere but sealed: not in the log at DEBUG, in Slack, on pages, in the database or its WAL."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.sandbox.people import Browser, sign_in
from tests.sandbox.world import ADA, BOB, GRACE, Mode
from tests.stage import Stage

pytestmark = pytest.mark.parametrize("stage", list(Mode), indirect=True, scope="module")

SETTINGS = (
    "RELATCH_SLACK_BOT_TOKEN",
    "RELATCH_SLACK_APP_TOKEN",
    "RELATCH_SLACK_SIGNING_SECRET",
    "RELATCH_SLACK_CLIENT_SECRET",
    "RELATCH_GOOGLE_CLIENT_SECRET",
)


@pytest.fixture(scope="module", autouse=True)
def pages(stage: Stage) -> list[str]:
    """Everything that leaves traces: sign-ins good and bad, renewals, refusals, checks, an outage, a repair."""
    seen: list[str] = []
    google = stage.world.google
    google.remove_access(BOB.email)
    stage.slack.command(BOB.id, "refresh")
    address = stage.wait(lambda: stage.door(BOB, "Refresh").url, "Bob's sign-in button")
    for account in (GRACE.email, BOB.email):
        browser = Browser()
        seen += [sign_in(browser, address, slack_user=BOB.id, account=account).html, browser.get(address).html]
    google.expire_access_tokens(GRACE.email)
    google.nonsense(True)
    stage.slack.command(GRACE.id, "check")
    google.nonsense(False)
    google.wrong_client_secret(True)
    google.expire_access_tokens(GRACE.email)
    stage.slack.command(GRACE.id, "refresh")
    google.wrong_client_secret(False)
    for person in (ADA, BOB, GRACE):
        stage.slack.open_home(person.id)
        stage.slack.command(person.id, "why")
    stage.wait(lambda: stage.slack.home(GRACE.id), "Grace's Home tab")
    stage.slack.command(GRACE.id, "check")
    stage.wait(lambda: "works" in stage.slack.ephemerals(GRACE.id)[-1].plain.lower(), "Grace's mailbox works")
    return seen


def secrets(stage: Stage) -> Iterator[str]:
    """Those of the operator, and every token and code that Google has ever given out."""
    yield from (stage.settings[name] for name in SETTINGS if name in stage.settings)
    state = stage.world.google.state
    with state.lock:
        yield from (*state.tokens._refresh, *state.tokens._access)
    for account in state.accounts.values():
        yield account.password


def spellings(secret: str) -> set[str]:
    """As it is, and as a library may have written it."""
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }


def found(stage: Stage, place: str) -> list[str]:
    """How each secret that is there begins: the test must not print what it looks for."""
    return [secret[:6] for secret in secrets(stage) if any(spelling in place for spelling in spellings(secret))]


def test_there_are_secrets_to_look_for(stage: Stage) -> None:
    assert len(list(secrets(stage))) > len(SETTINGS) + 6


def test_the_log_at_debug_has_none(stage: Stage) -> None:
    assert found(stage, stage.bot.log.read_text("utf-8")) == []


def test_what_was_sent_to_slack_has_none(stage: Stage) -> None:
    assert found(stage, "\n".join(str(call.arguments) for call in stage.slack.sent if is_for_eyes(call.method))) == []


def is_for_eyes(method: str) -> bool:
    return method != "openid.connect.token"


def test_the_pages_have_none(stage: Stage, pages: list[str]) -> None:
    assert pages
    assert found(stage, "\n".join(pages)) == []


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_the_database_holds_them_sealed_only(stage: Stage, suffix: str) -> None:
    path = Path(stage.settings["RELATCH_DATABASE"] + suffix)
    assert found(stage, path.read_bytes().decode("latin-1")) == []


def test_the_keyset_is_for_its_owner_alone(stage: Stage) -> None:
    assert Path(stage.settings["RELATCH_KEYSET"]).stat().st_mode & 0o077 == 0
