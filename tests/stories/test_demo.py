"""What somebody sees who types `make demo`: Bob's message, the repair in it, and the same message turned green."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.sandbox.world import BOB
from tests.stage import Stage
from tests.stories.workspace import Workspace, allow_at_slack, continue_to_google, sign_in_at_google


@pytest.fixture(scope="module")
def stage(demo: Stage) -> Stage:
    return demo


def test_the_demo_opens_on_bob_with_the_message_waiting(stage: Stage, slack: Workspace) -> None:
    slack.page.goto(stage.world.page_url)
    slack.become(BOB)
    broken = slack.shows(re.compile("mailbox", re.IGNORECASE))
    expect(broken).to_contain_text("Google")
    expect(broken).to_contain_text(BOB.email)
    expect(broken.get_by_role("button", name="Refresh")).to_be_visible()
    # The phone shows no blocks: its one line must say what broke and what to do.
    expect(slack.phone).to_contain_text(re.compile("mailbox stopped syncing.*sign in", re.DOTALL))


def test_bob_presses_refresh_and_the_same_message_turns_green(stage: Stage, slack: Workspace) -> None:
    slack.enter(BOB)
    slack.flip("google.bob.mail")
    ts = stage.newest(BOB).ts
    message = slack.message(ts)

    page = slack.open("Refresh", within=message)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("body")).not_to_contain_text(BOB.email)
    allow_at_slack(page)
    expect(page.locator("body")).to_contain_text(BOB.email)
    continue_to_google(page)
    sign_in_at_google(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    expect(page.get_by_role("link", name="Back to Slack")).to_be_visible()
    page.close()

    # Nine mails and three meetings came while nothing was copied, and the one just now: all with known customers.
    expect(message).to_contain_text("13 items were copied to Salesforce")
    expect(message).to_contain_text("(edited)")
    expect(message.get_by_role("button", name="Refresh")).to_have_count(0)
    assert stage.newest(BOB).ts == ts, "the repair is told in the message that asked for it, not in another"


def test_the_second_sign_in_of_the_day_needs_no_slack(stage: Stage, slack: Workspace) -> None:
    slack.enter(BOB)
    for is_first in (True, False):
        slack.flip("google.bob.remove")
        slack.type("/creds refresh google")
        page = slack.open("Refresh")
        if is_first:
            allow_at_slack(page)
        continue_to_google(page)
        sign_in_at_google(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
        page.close()
        stage.wait(lambda: "Refresh" not in str(stage.newest(BOB).buttons), "Bob's mailbox works again")
