"""The machine loses power in the middle of things: after the next start all is finished, told once, and true."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.sandbox.world import ADA, BOB, GRACE, Person
from tests.stage import Stage
from tests.stories.workspace import Workspace, allow_at_slack, continue_to_google, sign_in_at_google


@pytest.fixture(scope="module", autouse=True)
def _all_are_connected(stage: Stage) -> None:
    stage.connect(ADA, BOB, GRACE)


def power_cut(stage: Stage) -> None:
    stage.bot.kill()
    stage.bot.start()
    stage.bot.wait_until_ready()


def power_cut_in_a_renewal(stage: Stage, slack: Workspace, person: Person) -> None:
    """Google has given a new token and the answer never arrived; nobody knows, and then the light goes out."""
    slack.flip(f"google.{person.name}.expire")
    slack.flip("google.lose_token_answer")
    before = stage.world.google.token_posts()
    slack.type("/creds check")
    stage.wait(lambda: stage.world.google.token_posts() > before, "the renewal")
    power_cut(stage)


def test_a_message_whose_answer_was_lost_is_there_at_most_twice_and_ends_green(
    stage: Stage, slack: Workspace
) -> None:
    slack.enter(BOB)
    slack.flip("google.bob.remove")
    slack.flip("slack.lose")
    before = len(stage.slack.messages(BOB.id))
    stage.be_told_in_time(lambda: len(stage.slack.messages(BOB.id)) > before, "the message to Bob")
    power_cut(stage)
    time.sleep(2)
    slack.enter(BOB)
    told = [message for message in stage.slack.messages(BOB.id)[before:] if message.buttons]
    assert 1 <= len(told) <= 2, "a crash in mid-send may leave one stray copy, no more"

    page = slack.open("Refresh")
    allow_at_slack(page)
    continue_to_google(page)
    sign_in_at_google(page)
    page.close()
    slack.shows("caught up")


def test_a_sign_in_that_was_open_goes_on(stage: Stage, slack: Workspace) -> None:
    slack.enter(BOB)
    slack.flip("google.bob.remove")
    slack.type("/creds refresh")
    page = slack.open("Refresh")
    allow_at_slack(page)
    continue_to_google(page)
    power_cut(stage)
    sign_in_at_google(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    page.close()
    slack.enter(BOB)
    slack.type("/creds check")
    slack.shows(re.compile("works", re.IGNORECASE))


def test_a_renewal_in_doubt_is_settled_without_anybody_where_google_keeps_the_old_token(
    stage: Stage, slack: Workspace
) -> None:
    slack.enter(GRACE)
    before = len(stage.slack.messages(GRACE.id))
    power_cut_in_a_renewal(stage, slack, GRACE)
    slack.enter(GRACE)
    slack.type("/creds check")
    slack.shows(re.compile("works", re.IGNORECASE))
    assert len(stage.slack.messages(GRACE.id)) == before, "nobody is told of what mended itself"


def test_a_renewal_in_doubt_that_rotation_has_lost_is_told_as_what_it_is(stage: Stage, slack: Workspace) -> None:
    slack.enter(ADA)
    slack.flip("google.strict_rotation", value=True)
    before = len(stage.slack.messages(ADA.id))
    power_cut_in_a_renewal(stage, slack, ADA)
    stage.be_told_in_time(lambda: len(stage.slack.messages(ADA.id)) > before, "the message to Ada")
    slack.enter(ADA)
    told = slack.message(stage.newest(ADA).ts)
    expect(told).to_contain_text("lost")
    expect(told).not_to_contain_text(re.compile("revoked|password|removed", re.IGNORECASE))
    expect(slack.button("Refresh", within=told)).to_be_visible()
    assert len(stage.slack.messages(ADA.id)) == before + 1
    slack.flip("google.strict_rotation", value=False)
