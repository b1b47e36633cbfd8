"""A repair as Slack shows it: one message, the same from the bad news to the good, with few edits."""

from __future__ import annotations

import pytest

from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Message
from tests.sandbox.world import ADA, BOB, GRACE
from tests.stage import Stage


@pytest.fixture(scope="module")
def broken(stage: Stage) -> Message:
    """Bob's message after his permission was taken back: two refusals, and a minute to settle."""
    before = len(stage.slack.messages(BOB.id))
    stage.world.google.remove_access(BOB.email)
    stage.be_told_in_time(lambda: len(stage.slack.messages(BOB.id)) > before, "the message to Bob")
    return stage.newest(BOB)


def test_one_message_says_what_broke_and_has_the_button(stage: Stage, broken: Message) -> None:
    assert [button.label for button in broken.buttons if button.url] == ["Refresh"]
    assert "Google" in broken.plain
    assert BOB.email in broken.plain
    assert broken.edits == 0
    # Phones and screen readers get `text` alone.
    assert "Google" in broken.text
    assert "sign in" in broken.text.lower()


def test_nobody_else_is_told(stage: Stage, broken: Message) -> None:
    assert not [m for m in stage.slack.messages(ADA.id) if BOB.real_name in m.plain]
    assert not [m for m in stage.slack.messages(ADA.id, channel="C0ITADMIN") if BOB.real_name in m.plain]
    assert not [m for m in stage.slack.messages(GRACE.id) if m.buttons]


def test_hours_later_there_is_still_one_message(stage: Stage, broken: Message) -> None:
    for _ in range(4):
        stage.pass_time(hours=2)
        assert not stage.holds(lambda: stage.newest(BOB).ts != broken.ts, 0.5)


def test_the_repair_edits_it_in_place(stage: Stage, broken: Message) -> None:
    stage.world.google.deliver(BOB.email, sender="cara@customer.example", subject="While you were away")
    url = stage.door(BOB, "Refresh").url
    assert stage.slack.press(BOB.id, "Refresh", message=stage.newest(BOB)).url == url
    sign_in(Browser(), url, slack_user=BOB.id, account=BOB.email)
    stage.wait(lambda: "caught up" in stage.newest(BOB).plain, "the message turns green")
    after = stage.newest(BOB)
    assert after.ts == broken.ts
    assert not after.buttons
    assert "1 " in after.plain
    # Opened, working, done, and perhaps one between: each edit flashes on Bob's screen.
    assert 1 <= after.edits <= 4
