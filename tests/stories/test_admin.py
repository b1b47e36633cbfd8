"""Ada helps Bob: she looks, asks him to sign in, and watches it happen. Nobody else may."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.sandbox.world import ADA, BOB, GRACE, MALLORY
from tests.stage import Stage
from tests.stories.conftest import new_window
from tests.stories.workspace import Workspace, allow_at_slack, continue_to_google, sign_in_at_google

REASON = "need the Q4 mails"


@pytest.fixture(scope="module", autouse=True)
def _two_are_connected(stage: Stage) -> None:
    stage.connect(BOB, GRACE)


@pytest.fixture
def bob(chromium: Browser, stage: Stage) -> Iterator[Workspace]:
    """Bob's own browser, beside Ada's."""
    context = new_window(chromium)
    window = Workspace(context, stage.world.page_url)
    window.enter(BOB)
    yield window
    context.close()
    assert window.complaints == []


def test_ada_checks_bobs_mailbox_and_bob_sees_it_in_his_history(slack: Workspace, bob: Workspace) -> None:
    slack.enter(ADA)
    slack.type("/creds check @bob")
    slack.shows(re.compile(f"{BOB.real_name}.*works", re.IGNORECASE | re.DOTALL))
    bob.type("/creds why")
    bob.shows(ADA.real_name)


def test_the_hand_off_is_watched_to_its_end(stage: Stage, slack: Workspace, bob: Workspace) -> None:
    slack.enter(ADA)
    slack.flip("google.bob.remove")
    slack.type(f"/creds refresh @bob {REASON}")

    asked = bob.articles.filter(has_text=REASON).last
    expect(asked).to_contain_text(ADA.real_name)
    handoff = slack.articles.filter(has_text=REASON).last
    expect(handoff).to_contain_text(BOB.real_name)
    expect(handoff).to_contain_text(re.compile("delivered", re.IGNORECASE))
    expect(handoff.get_by_role("link")).to_have_count(0)

    page = bob.open("Refresh", within=asked)
    expect(handoff).to_contain_text(re.compile("opened", re.IGNORECASE))
    allow_at_slack(page)
    continue_to_google(page)
    stage.world.google.deliver(BOB.email, sender="cara@customer.example", subject="Q4")
    sign_in_at_google(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    page.close()

    expect(asked).to_contain_text("caught up")
    for step in ("signed in", "verified", "caught up"):
        expect(handoff).to_contain_text(re.compile(step, re.IGNORECASE))
    expect(handoff).to_contain_text("(edited)")


def test_ada_without_a_reason_is_asked_for_one(slack: Workspace) -> None:
    slack.enter(ADA)
    slack.type("/creds refresh @grace")
    expect(slack.modal).to_contain_text(GRACE.real_name)
    slack.modal.get_by_role("textbox").fill("her calendar looks stale")
    slack.modal.locator('button[type="submit"]').click()
    expect(slack.modal).to_contain_text(f"{GRACE.real_name} gets a message")
    slack.dismiss()
    handoff = slack.articles.filter(has_text="her calendar looks stale").last
    expect(handoff).to_contain_text(GRACE.real_name)
    slack.enter(GRACE)
    asked = slack.shows("her calendar looks stale")
    expect(asked).to_contain_text(ADA.real_name)
    expect(slack.button("Refresh", within=asked)).to_be_visible()


def test_bob_is_refused_graces_connections_in_a_plain_sentence(stage: Stage, slack: Workspace) -> None:
    slack.enter(BOB)
    for text in ("check @grace", "refresh @grace I am curious", "why @grace", "sync pause @grace I am curious"):
        slack.type(f"/creds {text}")
        shown = slack.shows(re.compile("admin", re.IGNORECASE))
        expect(shown).to_contain_text("Only visible to you")
        expect(shown).not_to_contain_text(GRACE.email)
    slack.enter(GRACE)
    expect(slack.articles.filter(has_text="I am curious")).to_have_count(0)


def test_only_bob_signs_in_to_bobs_mailbox(stage: Stage, slack: Workspace) -> None:
    door = _bobs_address(stage)
    for person in (ADA, MALLORY):
        slack.enter(person)
        page = slack.context.new_page()
        page.goto(door)
        page.get_by_role("link", name="Sign in with Slack").click()
        allow = page.get_by_role("button", name="Allow")
        if allow.count():
            allow.click()
        body = page.locator("body")
        expect(body).not_to_contain_text(BOB.email)
        expect(body).not_to_contain_text(BOB.real_name)
        expect(page.get_by_role("link", name="Continue to Google")).to_have_count(0)
        page.close()
        slack.context.clear_cookies()


def test_another_google_account_than_the_one_connected_is_refused_by_name(
    stage: Stage, slack: Workspace
) -> None:
    slack.enter(BOB)
    page = slack.context.new_page()
    page.goto(_bobs_address(stage))
    allow_at_slack(page)
    continue_to_google(page)
    sign_in_at_google(page, GRACE.email)
    body = page.locator("body")
    expect(body).to_contain_text("another account")
    expect(body).to_contain_text(GRACE.email)
    expect(body).to_contain_text(BOB.email)
    slack.type("/creds")
    expect(slack.shows(BOB.email)).not_to_contain_text(GRACE.email)


def _bobs_address(stage: Stage) -> str:
    """The sign-in address of a button that Bob has."""
    stage.world.google.remove_access(BOB.email)
    assert stage.slack.command(BOB.id, "refresh").ok
    address: str = stage.wait(lambda: stage.door(BOB, "Refresh").url, "Bob's sign-in button")
    return address
