"""Revoking as people do it: asked about in a dialog, ended at Google, told step by step, and set up again."""

from __future__ import annotations

import pytest

from tests.sandbox.slack import Message
from tests.sandbox.world import ADA, BOB, GRACE, Mode, Person
from tests.stage import Stage

pytestmark = pytest.mark.parametrize("stage", list(Mode), indirect=True, scope="module")


def receipt(stage: Stage, person: Person) -> Message:
    """The one that is about what was revoked. LookupError where there is none."""
    return [message for message in stage.slack.messages(person.id) if "disconnected" in message.plain][-1]


def dialog(stage: Stage, person: Person) -> str:
    return str(stage.slack.views(person.id)[-1].plain)


def asked_of_google(stage: Stage) -> int:
    return len([seen for seen in stage.world.google.requests if seen.path.endswith("/revoke")])


def test_nothing_happens_before_it_is_confirmed(stage: Stage) -> None:
    assert stage.slack.command(GRACE.id, "revoke mailbox").ok
    stage.wait(lambda: "Nothing has changed yet" in dialog(stage, GRACE), "the question")
    assert GRACE.email in dialog(stage, GRACE)
    stage.slack.close(GRACE.id)
    assert not stage.holds(lambda: asked_of_google(stage), 1.0)
    stage.slack.command(GRACE.id, "check")
    stage.wait(lambda: "works" in stage.slack.ephemerals(GRACE.id)[-1].plain.lower(), "Grace's mailbox")


def test_confirmed_it_ends_at_google_and_one_message_tells_each_step(stage: Stage) -> None:
    assert stage.slack.command(GRACE.id, "revoke").ok
    stage.wait(lambda: "Revoke" in dialog(stage, GRACE), "the question")
    assert stage.slack.submit(GRACE.id).ok
    stage.wait(lambda: "has stopped" in dialog(stage, GRACE), "what was done")
    stage.wait(lambda: "Ended at Google" in receipt(stage, GRACE).plain, "the receipt")
    shown = receipt(stage, GRACE).plain
    assert "Sync stopped" in shown
    assert "Saved sign-in destroyed" in shown
    assert asked_of_google(stage) == 1
    stage.slack.close(GRACE.id)
    stage.slack.command(GRACE.id, "")
    stage.wait(lambda: "Set up sync" in labels(stage, GRACE), "the way back")
    assert len([message for message in stage.slack.messages(GRACE.id) if "disconnected" in message.plain]) == 1


def test_an_admin_presses_revoke_and_says_why_and_bob_is_told(stage: Stage) -> None:
    stage.slack.command(ADA.id, "check @bob")
    stage.wait(lambda: "Revoke" in labels(stage, ADA), "Bob's card")
    assert stage.slack.press(ADA.id, "Revoke").ok
    stage.wait(lambda: "Bob Builder" in dialog(stage, ADA), "the question")
    assert not stage.slack.submit(ADA.id).ok, "Slack wants the reason"
    assert stage.slack.submit(ADA.id, values={"reason": "moves to another tenant"}).ok
    stage.wait(lambda: "gets a message" in dialog(stage, ADA), "what was done")
    stage.wait(lambda: "Ended at Google" in receipt(stage, BOB).plain, "Bob's receipt")
    assert "Ada" in receipt(stage, BOB).plain
    assert "moves to another tenant" in receipt(stage, BOB).plain
    stage.slack.close(ADA.id)


def labels(stage: Stage, person: Person) -> set[str]:
    return {button.label for button in stage.slack.ephemerals(person.id)[-1].buttons}
