"""Messages that are kept true: whatever Slack does, each stands once, says what is so, and keeps no other back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import Kind, MessengerError, NoticeKind, SlackAway, Undeliverable, Word
from tests.memory_slack import ADA, BOB, GRACE
from tests.rig import HALF_AN_HOUR, MINUTE, Rig


class Killed(BaseException):
    """The process ends here."""


def broken(rig: Rig) -> None:
    """Bob's failure is due to be told, and is not told yet."""
    rig.connected(BOB)
    rig.google.session_policy("bob@acme.example", True)
    rig.pass_by(HALF_AN_HOUR)
    rig.kit.clock.move(2 * MINUTE)


def redraw(rig: Rig) -> None:
    with rig.store.write() as tx:
        tx.notices.want_for_person(rig.person().id)
    rig.draw()


def test_a_message_that_was_deleted_is_posted_anew(rig: Rig) -> None:
    broken(rig)
    rig.draw()
    [first] = rig.failures()
    del rig.slack.messages[first.at]
    redraw(rig)
    [second] = rig.failures()
    assert second.at != first.at


def test_what_can_not_be_delivered_is_noted_and_not_tried_again(rig: Rig) -> None:
    broken(rig)
    rig.slack.faults.append(Undeliverable("user_disabled"))
    rig.draw()
    assert [event.detail for event in rig.history() if event.kind is Kind.NOTICE_FAILED] == ["failure user_disabled"]
    calls = len(rig.slack.said)
    rig.pass_by(timedelta(hours=1))
    assert len(rig.slack.said) == calls


def test_the_home_tab_of_somebody_who_left_is_not_tried_at_each_run(rig: Rig) -> None:
    rig.connected(BOB)
    rig.ask(BOB, Word.HOME)
    rig.slack.faults.append(Undeliverable("user_disabled"))
    rig.draw()
    rig.pass_by(HALF_AN_HOUR)
    rig.pass_by(HALF_AN_HOUR)
    assert [event.kind for event in rig.history()].count(Kind.NOTICE_FAILED) == 1
    assert rig.slack.homes == {}
    rig.ask(BOB, Word.HOME)
    rig.draw()
    assert len(rig.slack.homes[BOB]) == 1


def test_while_slack_is_away_it_is_tried_again_later_and_later(rig: Rig) -> None:
    broken(rig)
    rig.slack.away = True
    for _ in range(60):
        rig.draw()
        rig.kit.clock.move(timedelta(seconds=10))
    assert 5 <= len(rig.slack.said) - 1 <= 12
    rig.slack.away = False
    rig.pass_by(6 * MINUTE)
    assert len(rig.failures()) == 1


def test_a_pause_that_slack_asks_for_is_kept(rig: Rig) -> None:
    broken(rig)
    rig.slack.faults.append(SlackAway("ratelimited", retry_after=120))
    rig.draw()
    rig.pass_by(MINUTE)
    assert rig.failures() == []
    rig.pass_by(MINUTE + timedelta(seconds=5))
    assert len(rig.failures()) == 1


def test_when_slack_is_away_the_round_ends_at_the_first_try(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.ask(BOB, Word.HOME)
    rig.ask(GRACE, Word.HOME)
    calls, rig.slack.away = len(rig.slack.said), True
    rig.draw()
    assert len(rig.slack.said) == calls + 1


@pytest.mark.parametrize("fault", [MessengerError("invalid_blocks"), ZeroDivisionError()])
def test_one_message_that_can_not_be_drawn_keeps_no_other_back(rig: Rig, fault: Exception) -> None:
    rig.connected(BOB, GRACE)
    rig.ask(BOB, Word.HOME)
    rig.ask(GRACE, Word.HOME)
    rig.slack.faults.append(fault)
    rig.draw()
    assert list(rig.slack.homes) == [GRACE]
    rig.pass_by(6 * MINUTE)
    assert sorted(rig.slack.homes) == [BOB, GRACE]


def test_a_crash_after_the_post_leaves_one_stray_copy_and_no_more(rig: Rig) -> None:
    broken(rig)

    def die() -> None:
        rig.slack.on_sent = lambda: None
        raise Killed

    rig.slack.on_sent = die
    with pytest.raises(Killed):
        rig.draw()
    rig.start("run:2")
    rig.draw()
    redraw(rig)
    redraw(rig)
    assert len(rig.failures()) == 2
    assert [each.edits for each in rig.failures()] == [0, 2]
    stray, known = rig.failures()
    rig.ask(BOB, Word.WHY, mark=known.reply.mark, at=stray.at)
    rig.draw()
    assert [each.reply.template for each in (stray, known)] == ["notices/moved", "notices/failure"]
    rig.ask(BOB, Word.WHY, mark=known.reply.mark, at=known.at)
    redraw(rig)
    assert stray.edits == 1


def test_what_is_mended_while_it_is_being_told_turns_green_afterwards(rig: Rig) -> None:
    broken(rig)

    def meanwhile() -> None:
        rig.slack.on_call = lambda: None
        rig.google.session_policy("bob@acme.example", False)
        rig.connect(BOB)
        rig.sync()

    rig.slack.on_call = meanwhile
    rig.draw()
    [failure] = rig.failures()
    assert failure["stage"] == "fixed"


def test_the_home_tab_is_published_again_when_something_changes(rig: Rig) -> None:
    rig.connected(BOB)
    rig.ask(BOB, Word.HOME)
    rig.draw()
    rig.lose_access()
    last = rig.slack.homes[BOB][-1].context
    assert [card.state for card in last["attention"]] == ["suspended"]
    assert last["admin"] is False
    rig.ask(ADA, Word.HOME)
    rig.draw()
    assert rig.slack.homes[ADA][-1].context["admin"] is True


def test_one_person_has_one_open_failure_notice(rig: Rig) -> None:
    broken(rig)
    rig.draw()
    rig.answer(BOB, Word.REFRESH)
    rig.answer(BOB, Word.CHECK)
    opened = rig.look(lambda tx: tx.notices.of_kind_open(NoticeKind.FAILURE))
    assert len(opened) == 1
