"""What people type and press for themselves: every word of `/creds`, the Home tab, and a first connection."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.sandbox.world import BOB, GRACE, MALLORY
from tests.stage import Stage
from tests.stories.workspace import Workspace, allow_at_slack, continue_to_google, sign_in_at_google

NOT_HERE = re.compile("not set up here yet", re.IGNORECASE)


@pytest.fixture(scope="module", autouse=True)
def _bob_is_connected(stage: Stage) -> None:
    stage.connect(BOB)


def test_grace_sets_up_sync_and_is_told_when_it_has_caught_up(stage: Stage, slack: Workspace) -> None:
    stage.world.google.deliver(GRACE.email, sender="cara@customer.example", subject="An offer")
    slack.enter(GRACE)
    slack.type("/creds")
    shown = slack.shows("Set up sync")
    expect(shown).to_contain_text("Only visible to you")
    expect(shown).to_contain_text(NOT_HERE)
    expect(shown.get_by_role("button", name=re.compile("CRM|Salesforce"))).to_have_count(0)

    page = slack.open("Set up sync")
    allow_at_slack(page)
    continue_to_google(page)
    sign_in_at_google(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    page.close()

    told = slack.articles.filter(has_text="The first sync").last
    expect(told).to_contain_text(re.compile(r"\b1 \w+"))
    expect(told).not_to_contain_text("Only visible to you")


def test_creds_shows_both_sides_and_what_can_be_done(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds")
    shown = slack.shows(BOB.email)
    expect(shown).to_contain_text(re.compile("Google"))
    expect(shown).to_contain_text(NOT_HERE)
    for label in ("Refresh", "Change"):
        expect(shown.get_by_role("button", name=label)).to_be_visible()


def test_a_check_is_live_and_says_that_it_works(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds check")
    slack.shows(re.compile("works", re.IGNORECASE))


def test_a_refresh_works_without_the_person(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds refresh google")
    shown = slack.shows(re.compile("renewed|refreshed", re.IGNORECASE))
    expect(shown.get_by_role("link")).to_have_count(0)


def test_a_side_that_has_no_settings_is_said_to_come_later_and_has_no_button(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds refresh salesforce")
    expect(slack.shows(NOT_HERE).locator(".block-actions")).to_have_count(0)
    slack.type("/creds change crm")
    expect(slack.modal).to_contain_text(NOT_HERE)
    expect(slack.modal.locator(".block-actions")).to_have_count(0)
    slack.dismiss()


def test_change_opens_a_dialog_with_the_accounts_that_can_be_chosen(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds")
    slack.press("Change", within=slack.shows(BOB.email))
    expect(slack.modal).to_contain_text(BOB.email)
    expect(slack.modal.get_by_role("heading", level=2)).to_have_text("Change your mailbox")
    expect(slack.button("Sign in with Google", within=slack.modal)).to_be_visible()
    slack.dismiss()


def test_sync_can_be_asked_paused_and_resumed(slack: Workspace) -> None:
    slack.enter(BOB)
    for word, answer in (
        ("status", "every 30 minutes"),
        ("now", "syncing now"),
        ("now", "try again in a minute"),
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "runs again"),
        ("resume", "not paused"),
    ):
        slack.type(f"/creds sync {word}")
        slack.shows(re.compile(answer, re.IGNORECASE))


def test_why_tells_the_whole_story(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds why")
    shown = slack.shows(re.compile("sync", re.IGNORECASE))
    expect(shown).to_contain_text(re.compile("connected", re.IGNORECASE))


def test_help_and_words_that_it_does_not_know(slack: Workspace) -> None:
    slack.enter(BOB)
    slack.type("/creds help")
    slack.shows("/creds check")
    slack.type("/creds refesh")
    shown = slack.shows(re.compile("did you mean", re.IGNORECASE))
    expect(shown).to_contain_text("/creds refresh")
    slack.type("/creds flibbertigibbet")
    shown = slack.shows("flibbertigibbet")
    expect(shown).not_to_contain_text(re.compile("did you mean", re.IGNORECASE))
    expect(shown).to_contain_text("/creds check")


def test_the_home_tab_shows_my_connectivity_and_stays_true(slack: Workspace) -> None:
    slack.enter(BOB, tab="home")
    expect(slack.home).to_contain_text(BOB.email)
    expect(slack.home).to_contain_text("My connectivity")
    expect(slack.home).to_contain_text(NOT_HERE)
    slack.press("Pause", within=slack.home)
    expect(slack.home).to_contain_text(re.compile("paused", re.IGNORECASE))
    slack.press("Resume", within=slack.home)
    expect(slack.home.get_by_role("button", name="Pause")).to_be_visible()


def test_what_is_typed_completes_itself(slack: Workspace) -> None:
    slack.enter(BOB)
    box = slack.page.get_by_label("Message", exact=True)
    box.press_sequentially("/cr")
    expect(slack.page.get_by_role("listbox", name="Suggestions")).to_contain_text("/creds")
    box.press("Enter")
    expect(box).to_have_value("/creds ")
    box.press_sequentially("help")
    box.press("Enter")
    slack.shows("/creds check")


def test_mallory_of_another_workspace_is_refused_whatever_she_types(slack: Workspace) -> None:
    slack.enter(MALLORY)
    slack.channel("general")
    for text in ("", " check", " refresh @bob please", " why @bob", " sync pause @bob please", " help"):
        count = slack.articles.count()
        slack.type(f"/creds{text}")
        expect(slack.articles).to_have_count(count + 1)
        shown = slack.shows("only for the people of Acme")
        expect(shown).not_to_contain_text(BOB.email)
        expect(shown.get_by_role("button")).to_have_count(0)
    slack.type("/creds refresh @bob")
    expect(slack.modal).to_contain_text("only for the people of Acme")
    slack.dismiss()
    slack.enter(MALLORY, tab="home")
    expect(slack.home).to_contain_text("only for the people of Acme")
    expect(slack.home.get_by_role("button")).to_have_count(0)
