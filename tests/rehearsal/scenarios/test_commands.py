"""Every word by either way in: acknowledged at once, answered once, in time, where the person stands."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.slack import Message
from tests.sandbox.world import ADA, BOB, GRACE, MALLORY, Mode, Person
from tests.stage import Stage

pytestmark = pytest.mark.parametrize("stage", list(Mode), indirect=True, scope="module")

# docs.slack.dev/interactivity/handling-user-interaction: an acknowledgement within three seconds.
IN_TIME = 3.0

ANSWERS = [
    (BOB, "", "bob@acme.example"),
    (BOB, "status", "bob@acme.example"),
    (BOB, "check", "works"),
    (BOB, "check mailbox", "works"),
    (BOB, "refresh google", "Google"),
    (BOB, "why", "Google"),
    (BOB, "help", "/creds check"),
    (BOB, "sync", "30 minutes"),
    (BOB, "refesh", "/creds refresh"),
    (BOB, "crm", "/creds check"),
    (BOB, "check salesforce", "not set up here yet"),
    (BOB, "check @nobody-of-that-name", "@nobody-of-that-name"),
    (BOB, "check @grace", "admin"),
    (BOB, "refresh @grace please", "admin"),
    (GRACE, "why @ada", "admin"),
    (ADA, "check @grace", "Grace Hopper"),
    (ADA, "why @bob", "Bob Builder"),
    (ADA, "", "Set up sync"),
    (MALLORY, "", "Acme"),
    (MALLORY, "check @bob", "Acme"),
    (MALLORY, "help", "Acme"),
]


@pytest.mark.parametrize(("person", "text", "words"), ANSWERS, ids=[f"{p.name}: {t or 'bare'}" for p, t, _ in ANSWERS])
def test_each_command_gets_one_answer_in_time(stage: Stage, person: Person, text: str, words: str) -> None:
    before = len(stage.slack.ephemerals(person.id))
    started = time.monotonic()
    acked = stage.slack.command(person.id, text)
    assert acked.ok, acked.error
    assert acked.seconds < 1.0, "the acknowledgement waits for nothing"
    stage.wait(lambda: len(stage.slack.ephemerals(person.id)) > before, "the answer")
    assert time.monotonic() - started < IN_TIME
    stage.wait(lambda: words.lower() in answers(stage, person)[-1].plain.lower(), f"an answer that says {words!r}")
    assert len(answers(stage, person)) == before + 1


def answers(stage: Stage, person: Person) -> list[Message]:
    return stage.slack.ephemerals(person.id)


def test_what_is_answered_is_for_the_person_alone(stage: Stage) -> None:
    assert stage.slack.messages(ADA.id, channel="C0GENERAL") == []


@pytest.mark.parametrize(
    ("person", "text", "words"),
    [(BOB, "change", BOB.email), (ADA, "refresh @grace", "Grace Hopper"), (MALLORY, "change", "Acme")],
    ids=["change", "an admin without a reason", "a stranger"],
)
def test_what_needs_an_answer_opens_a_dialog(stage: Stage, person: Person, text: str, words: str) -> None:
    before = len(stage.slack.ephemerals(person.id))
    assert stage.slack.command(person.id, text).ok
    stage.wait(lambda: words in stage.slack.views(person.id)[-1].plain, "the dialog")
    stage.slack.close(person.id)
    assert len(stage.slack.ephemerals(person.id)) == before


def test_a_button_says_what_its_word_says(stage: Stage) -> None:
    stage.slack.command(BOB.id, "sync")
    stage.wait(lambda: "Pause" in labels(stage, BOB), "the buttons")
    count = len(answers(stage, BOB))
    assert stage.slack.press(BOB.id, "Pause").ok
    stage.wait(lambda: "paused" in answers(stage, BOB)[-1].plain.lower(), "the answer to the press")
    assert len(answers(stage, BOB)) == count, "it replaces the message in which it was pressed"
    assert stage.slack.press(BOB.id, "Resume").ok
    stage.wait(lambda: "runs again" in answers(stage, BOB)[-1].plain, "on again")


def labels(stage: Stage, person: Person) -> set[str]:
    return {button.label for button in answers(stage, person)[-1].buttons}


def wait_until_synced(stage: Stage, person: Person) -> None:
    """The run that was asked for is noted: a clock that moved before that would put off the next."""

    def noted() -> bool:
        stage.slack.command(person.id, "why")
        lines = answers(stage, person)[-1].plain.lower()
        asked = lines.find("a sync was asked for")
        return 0 <= lines.find("synced") < asked

    stage.wait(noted, "the run in the history")


def test_a_check_does_not_put_off_the_sync(stage: Stage) -> None:
    stage.slack.command(GRACE.id, "sync now")
    stage.wait(lambda: "sync" in answers(stage, GRACE)[-1].plain.lower(), "the answer")
    wait_until_synced(stage, GRACE)
    stage.pass_time(minutes=25)
    stage.slack.command(GRACE.id, "check")
    stage.wait(lambda: "works" in answers(stage, GRACE)[-1].plain.lower(), "the check")
    before = len(stage.world.google.requests)
    stage.pass_time(minutes=12)
    stage.wait(lambda: any("/calendar/" in seen.path for seen in stage.world.google.requests[before:]), "the sync")


def test_what_slack_sends_twice_is_done_once(stage: Stage) -> None:
    stage.slack.command(GRACE.id, "sync pause")
    stage.wait(lambda: "paused" in answers(stage, GRACE)[-1].plain.lower(), "paused")
    stage.slack.command(GRACE.id, "sync resume")
    stage.wait(lambda: "runs again" in answers(stage, GRACE)[-1].plain, "on again")
    shown = [message.plain for message in answers(stage, GRACE)]
    for acked in stage.slack.redeliver(2):
        assert acked.ok, "a re-delivery is acknowledged, or Slack would go on"
    assert not stage.holds(lambda: [m.plain for m in answers(stage, GRACE)] != shown, 1.0)
    stage.slack.command(GRACE.id, "sync")
    stage.wait(lambda: "Pause" in labels(stage, GRACE), "she is not paused")
