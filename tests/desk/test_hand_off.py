"""An admin asks somebody to sign in: the DM, and the admin's own message that follows every step."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model import Undeliverable, Word
from tests.memory_slack import ADA, BOB, GRACE, Message
from tests.rig import HALF_AN_HOUR, Rig, play_google

BOBS = "bob@acme.example"


def asked(rig: Rig, *, by: str = ADA, reason: str = "Your calendar is missing") -> str:
    reply = rig.answer(by, Word.REFRESH, subject=BOB, reason=reason)
    assert (reply.template, reply.context["told"]) == ("handoff_started", True)
    rig.draw()
    return str(requested(rig)["card"].doors[0].id)


def requested(rig: Rig) -> Message:
    return next(each for each in rig.slack.to(BOB) if each.reply.template == "notices/requested")


def handoff(rig: Rig, admin: str = ADA) -> Message:
    return next(each for each in rig.slack.to(admin) if each.reply.template == "notices/handoff")


def steps(rig: Rig, admin: str = ADA) -> list[Any]:
    return [name for name, at in handoff(rig, admin)["steps"] if at is not None]


@pytest.mark.parametrize("word", [Word.REFRESH, Word.CHANGE])
def test_without_a_reason_the_admin_is_asked_for_one_and_nobody_is_told(rig: Rig, word: Word) -> None:
    reply = rig.answer(ADA, word, subject=BOB)
    assert (reply.template, reply.context["subject"]) == ("reason", BOB)
    rig.draw()
    assert rig.slack.to(BOB) == []


def test_each_step_is_shown_in_its_order(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    door = asked(rig)
    assert steps(rig) == ["delivered"]
    assert (requested(rig)["admin"], requested(rig)["reason"]) == ("Ada", "Your calendar is missing")
    rig.ask(BOB, Word.OPENED, argument=door)
    rig.draw()
    assert steps(rig) == ["delivered", "opened"]
    assert requested(rig)["stage"] == "opened"
    rig.mail(4)
    rig.connect(BOB, invitation=door)
    rig.draw()
    assert steps(rig) == ["delivered", "opened", "signed_in", "verified"]
    assert requested(rig)["stage"] == "working"
    rig.sync()
    rig.draw()
    assert steps(rig) == ["delivered", "opened", "signed_in", "verified", "caught_up"]
    assert (handoff(rig)["done"], handoff(rig)["caught_up"]) == (True, 4)
    assert (requested(rig)["stage"], requested(rig)["caught_up"]) == ("fixed", 4)


def test_a_run_that_still_works_does_not_pass_for_the_sign_in_that_was_asked_for(rig: Rig) -> None:
    rig.connected(BOB)
    asked(rig)
    rig.pass_by(HALF_AN_HOUR)
    assert (steps(rig), handoff(rig)["done"]) == (["delivered"], False)
    assert requested(rig)["stage"] == "broken"


def test_a_second_admin_sees_the_steps_too_and_bob_is_notified_anew(rig: Rig) -> None:
    rig.slack.admins.add(GRACE)
    rig.connected(BOB)
    asked(rig)
    first = requested(rig)
    asked(rig, by=GRACE, reason="Still missing")
    assert first.reply.template == "notices/moved"
    assert requested(rig)["reason"] == "Still missing"
    assert steps(rig, GRACE) == ["delivered"]


def test_a_message_that_can_not_be_delivered_is_the_admins_to_know(rig: Rig) -> None:
    rig.connected(BOB)
    rig.answer(ADA, Word.REFRESH, subject=BOB, reason="x")
    rig.slack.faults.append(Undeliverable("user_disabled"))
    rig.draw()
    assert (steps(rig), handoff(rig)["trouble"]) == ([], "undeliverable")


def test_a_sign_in_that_was_refused_is_the_admins_to_know_until_the_next_works(rig: Rig) -> None:
    rig.connected(BOB)
    door = asked(rig)
    session, url = rig.visit(BOB, door)
    rig.sign_in.callback("google", play_google(url, BOBS, cancel=True), session)
    rig.draw()
    assert handoff(rig)["trouble"] == "refused"
    rig.connect(BOB, invitation=door)
    rig.draw()
    assert handoff(rig)["trouble"] == ""


def test_somebody_never_connected_is_asked_to_set_up(rig: Rig) -> None:
    door = asked(rig)
    rig.connect(BOB, invitation=door)
    rig.sync()
    rig.draw()
    assert handoff(rig)["done"] is True
    assert rig.slack.kinds(BOB) == ["requested"]


def test_an_admin_can_not_sign_in_for_bob(rig: Rig) -> None:
    door = asked(rig)
    assert rig.sign_in.visit(door, rig.session(ADA)).template == "not_yours"


def test_an_admin_who_pauses_says_why_and_bob_is_told_and_can_resume(rig: Rig) -> None:
    rig.connected(BOB)
    assert rig.answer(ADA, Word.SYNC, subject=BOB, argument="pause").template == "reason"
    assert rig.person(BOB).paused_at is None
    reply = rig.answer(ADA, Word.SYNC, subject=BOB, argument="pause", reason="the mailbox moves tonight")
    assert reply.context["did"] == "paused"
    rig.draw()
    told = next(each for each in rig.slack.to(BOB) if each.reply.template == "notices/paused")
    assert (told["admin"], told["reason"]) == ("Ada", "the mailbox moves tonight")
    rig.answer(BOB, Word.SYNC, argument="resume")
    rig.draw()
    told = next(each for each in rig.slack.to(BOB) if each.reply.template == "notices/paused")
    assert told["closed"]
