"""Everything that people do in Slack, by either way in: acknowledged in time, answered where they stand."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.model import Actor, Choice, Reply, Request, State, Who, Word
from handlers.slack.http import HttpMode
from handlers.slack.socket import Pace, SocketMode
from providers.base import AccessType
from tests.handlers.slack import samples
from tests.handlers.slack.kit import ADA, BOB, MALLORY, TEAM, Desk, Running, Town, held_then, told
from tests.handlers.slack.samples import Told
from tests.sandbox.slack import Acked, Message, View
from tests.sandbox.slack.envelope import Envelope, Sort

# The acknowledgement waits for nothing; Slack would take 3 seconds.
AT_ONCE = 1.0
SHORT = Pace(ping=0.3, watch=0.05, silent=0.5)
REFERENCE = re.compile(r"\b[0-9A-F]{8}\b")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(params=["socket", "http"])
def side(town: Town, desk: Desk, request: pytest.FixtureRequest) -> Iterator[Running]:
    with (town.running if request.param == "socket" else town.called)(desk) as running:
        yield running


@pytest.fixture(autouse=True)
def _empty_rooms(town: Town) -> None:
    town.slack._state.posts.clear()


class Seen:
    """What is before somebody's eyes, waited for."""

    def __init__(self, town: Town) -> None:
        self.slack = town.slack

    def ephemerals(self, words: str, number: int = 1, *, channel: str = "C0GENERAL") -> list[Message]:
        return self._until(lambda: self.slack.ephemerals(BOB, channel=channel), words, number)

    def messages(self, words: str, number: int = 1, *, user: str = BOB) -> list[Message]:
        return self._until(lambda: self.slack.messages(user), words, number)

    def modal(self, words: str, *, user: str = BOB) -> View:
        def shown() -> View | None:
            return next((view for view in self.slack.views(user)[-1:] if words in view.plain), None)

        view: View | None = self.slack.wait(shown, 5, f"a modal with {words!r}")
        assert view is not None
        return view

    def _until(self, look: Any, words: str, number: int) -> list[Message]:
        def shown() -> bool:
            now = look()
            return len(now) >= number and words in now[-1].plain

        self.slack.wait(shown, 5, f"{number} messages, the last with {words!r}")
        found: list[Message] = look()
        assert len(found) == number
        return found


@pytest.fixture
def seen(town: Town, side: Running) -> Seen:
    """The app is running from here on."""
    return Seen(town)


def posted(town: Town, *buttons: tuple[str, str], to: str = BOB) -> None:
    """A lasting message of ours with buttons of (action id, label)."""
    elements = [
        {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": label}, "value": "mailbox"}
        for action_id, label in buttons
    ]
    town.rig.client.chat_postMessage(channel=to, text="notice", blocks=[{"type": "actions", "elements": elements}])


def ask_for_reason(request: Request) -> Reply:
    who = Who(name="Grace Hopper", user_id="U0GRACE", own=False)
    asked = {"word": str(request.word), "target": request.target, "subject": request.subject}
    return Reply("reason", {"who": who, "argument": request.argument, **asked})


def reason_then(*replies: Reply) -> Any:
    """As the real desk: without a reason it asks for one."""

    def says(request: Request) -> Iterator[Reply]:
        if request.reason:
            yield from replies
        else:
            yield ask_for_reason(request)

    return says


class TestACommand:
    def test_is_acknowledged_while_the_desk_thinks(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = held_then(desk, told("late"))
        acked = town.slack.command(BOB, "check")
        assert acked.ok
        assert acked.seconds < AT_ONCE
        assert acked.payload == {}
        desk.let_go()
        seen.ephemerals("@late")

    def test_is_understood_with_who_and_where_from(self, town: Town, desk: Desk, seen: Seen) -> None:
        town.slack.command(BOB, "sync pause @grace on leave")
        seen.ephemerals("@done")
        [request] = desk.asked
        assert request.delivery
        assert request == Request(
            Actor(TEAM, BOB), Word.SYNC, subject="U0GRACE", argument="pause", reason="on leave",
            delivery=request.delivery,
        )  # fmt: skip

    def test_of_a_stranger_carries_their_own_team(self, town: Town, desk: Desk, seen: Seen) -> None:
        town.slack.command(MALLORY, "check @bob")
        town.slack.wait(lambda: desk.asked, what="the request")
        assert desk.asked[0].actor == Actor("T_EVIL", MALLORY)

    def test_shows_later_replies_in_the_place_of_the_first(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies(told("one"), told("two"), told("three"))
        town.slack.command(BOB, "check")
        [shown] = seen.ephemerals("@three")
        assert shown.edits == 2
        assert not town.slack.messages(BOB)

    def test_goes_on_in_a_message_once_slack_takes_no_more(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies(*(told(f"reply-{number}") for number in range(1, 8)))
        before = len(town.slack.sent)
        town.slack.command(BOB, "check")
        [lasting] = seen.messages("@reply-7")
        assert lasting.edits == 2, "the fifth reply is posted, the sixth and seventh edit it"
        assert "@reply-4" in seen.ephemerals("@reply-4")[0].plain
        assert sum(call.method == "response_url" for call in town.slack.sent[before:]) == 4

    def test_with_nothing_to_say_says_nothing(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies()
        assert town.slack.command(BOB, "check").ok
        town.slack.wait(lambda: desk.ended == 1, what="the desk's end")
        assert not town.slack.ephemerals(BOB)

    @pytest.mark.parametrize("error", ["expired_url", "internal_error"])
    def test_whose_place_is_gone_is_answered_in_a_message(self, town: Town, desk: Desk, seen: Seen, error: str) -> None:
        town.slack.fail_next("response_url", error)
        desk.replies(told("one"), told("two"))
        town.slack.command(BOB, "check")
        [lasting] = seen.messages("@two")
        assert lasting.edits == 1
        assert not town.slack.ephemerals(BOB)

    def test_comes_in_time_though_slack_itself_is_slow(self, town: Town, desk: Desk, seen: Seen) -> None:
        town.slack.slow("auth.test", 4)
        acked = town.slack.command(BOB, "check")
        assert acked.seconds < AT_ONCE
        seen.ephemerals("@done")


class TestAPress:
    def test_in_an_ephemeral_message_replaces_it(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies(Reply("opened", {"door": None}))
        town.slack.command(BOB, "check")
        seen.ephemerals("Show my connections")
        desk.replies(told("one"), told("two"))
        assert town.slack.press(BOB, "Show my connections").seconds < AT_ONCE
        [shown] = seen.ephemerals("@two")
        assert not shown.buttons

    def test_in_a_lasting_message_leaves_it_as_it_is(self, town: Town, desk: Desk, seen: Seen) -> None:
        posted(town, ("creds.check", "Check again"))
        desk.replies(told("one"), told("two"))
        assert town.slack.press(BOB, "Check again").seconds < AT_ONCE
        seen.ephemerals("@two", 2, channel="app_dm")
        [lasting] = town.slack.messages(BOB)
        assert (lasting.edits, lasting.buttons[0].label) == (0, "Check again")

    def test_in_the_home_tab_is_answered_by_a_message_that_is_edited(self, town: Town, desk: Desk, seen: Seen) -> None:
        button = {"type": "button", "action_id": "creds.why", "text": {"type": "plain_text", "text": "Why?"}}
        view = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
        town.rig.client.views_publish(user_id=BOB, view=view)
        desk.replies(told("one"), told("two"))
        home = town.slack.home(BOB)
        assert town.slack.press(BOB, "Why?", view=home).ok
        [lasting] = seen.messages("@two")
        assert lasting.edits == 1

    def test_in_a_modal_is_answered_in_it(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies(Reply("opened", {"door": None}))
        town.slack.command(BOB, "change")
        before = seen.modal("Show my connections")
        desk.replies(told("one"), told("two"))
        assert town.slack.press(BOB, "Show my connections", view=before).ok
        assert seen.modal("@two").id == before.id
        assert not town.slack.messages(BOB)

    @pytest.mark.parametrize("action_id", ["creds.approval", "creds.by_hand", "somebody.else"])
    def test_of_something_unknown_is_acknowledged(self, town: Town, desk: Desk, seen: Seen, action_id: str) -> None:
        posted(town, (action_id, "Press"))
        acked = town.slack.press(BOB, "Press")
        assert acked.ok
        assert acked.seconds < AT_ONCE
        assert not desk.asked


class TestAModal:
    def test_opens_before_the_desk_is_asked_and_is_filled(self, town: Town, desk: Desk, seen: Seen) -> None:
        opened: list[str] = []

        def says(request: Request) -> Iterator[Reply]:
            opened.extend(view.plain for view in town.slack.views(BOB))
            desk.hold()
            yield told("one")
            yield told("two")

        desk.says = says
        assert town.slack.command(BOB, "change mailbox").seconds < AT_ONCE
        seen.modal("One moment")
        desk.let_go()
        seen.modal("@two")
        assert len(opened) == 1
        assert "One moment" in opened[0]
        assert not town.slack.ephemerals(BOB)

    @pytest.mark.parametrize("error", ["expired_trigger_id", "internal_error"])
    def test_that_does_not_open_is_answered_in_place(self, town: Town, desk: Desk, seen: Seen, error: str) -> None:
        town.slack.fail_next("views.open", error)
        town.slack.command(BOB, "change mailbox")
        seen.ephemerals("@done")

    def test_that_the_person_closes_takes_its_answer_along(
        self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk.says = held_then(desk, told("one"), told("two"))
        town.slack.command(BOB, "change")
        seen.modal("One moment")
        town.slack.close(BOB)
        desk.let_go()
        town.slack.wait(lambda: desk.ended == 1, what="the desk's end")
        assert not town.slack.messages(BOB)
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_asks_an_admin_for_the_reason_and_asks_again_with_it(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = reason_then(told("sent"))
        town.slack.command(ADA, "refresh google @grace")
        seen.modal("Why do you ask?", user=ADA)
        acked = town.slack.submit(ADA, values={"reason": "for the\naudit \u202e"})
        assert acked.payload is not None
        assert acked.payload["response_action"] == "update", "a fast answer comes with the acknowledgement"
        seen.modal("@sent", user=ADA)
        first, second = desk.asked
        assert (second.word, second.subject, second.target) == (first.word, "U0GRACE", "google")
        assert second.reason == "for the audit"
        assert second.delivery not in ("", first.delivery)

    def test_shows_one_moment_while_a_slow_desk_thinks(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = reason_then(told("never"))
        town.slack.command(ADA, "refresh @grace")
        seen.modal("Why do you ask?", user=ADA)
        desk.says = held_then(desk, told("sent"), told("delivered"))
        acked = town.slack.submit(ADA, values={"reason": "audit"})
        assert acked.ok
        assert acked.seconds < 3
        seen.modal("One moment", user=ADA)
        desk.let_go()
        seen.modal("@delivered", user=ADA)

    def test_keeps_the_last_of_fast_replies(self, town: Town, desk: Desk, seen: Seen) -> None:
        """The acknowledgement and the update go different ways: the later reply must not be overtaken."""
        desk.says = reason_then(told("sent"), told("delivered"))
        town.slack.command(ADA, "refresh @grace")
        seen.modal("Why do you ask?", user=ADA)
        town.slack.slow("socket", 0.2)
        town.slack.submit(ADA, values={"reason": "audit"})
        seen.modal("@delivered", user=ADA)
        time.sleep(0.3)  # Whatever could still overtake it has arrived by now.
        seen.modal("@delivered", user=ADA)

    def test_asks_before_it_revokes_and_sends_what_was_confirmed(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = revoke_then(told("started"))
        town.slack.command(ADA, "revoke @grace left the team")
        seen.modal("Revoke access?", user=ADA)
        town.slack.submit(ADA, values={"which": "crm"})
        seen.modal("@started", user=ADA)
        first, second = desk.asked
        assert (first.argument, first.reason) == ("", "left the team")
        assert (second.word, second.subject, second.target) == (Word.REVOKE, "U0GRACE", "crm")
        assert (second.argument, second.reason) == ("17-18", "left the team"), "the typed reason stood in the form"

    def test_brings_what_was_picked(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = change_then(told("chosen"))
        town.slack.command(BOB, "change crm")
        seen.modal("Which one?")
        town.slack.submit(BOB, values={"access": "my_domain", "host": "acme", "account": "bob@acme.example"})
        seen.modal("@chosen")
        assert desk.asked[-1].choice == Choice(AccessType.MY_DOMAIN, host="acme", account="bob@acme.example")
        assert (desk.asked[-1].word, desk.asked[-1].target) == (Word.CHANGE, "crm")

    def test_that_does_not_open_asks_in_a_message_with_the_same_fields(
        self, town: Town, desk: Desk, seen: Seen
    ) -> None:
        desk.says = change_then(told("chosen"), kinds=samples.CRM_KINDS[:1])
        town.slack.fail_next("views.open", "expired_trigger_id")
        town.slack.command(BOB, "change crm")
        [asked] = seen.ephemerals("Which one?")
        town.slack.press(BOB, "Continue", message=asked)
        seen.ephemerals("@chosen")
        assert desk.asked[-1].choice == Choice(AccessType.PRODUCTION), "the one that was chosen already"

    def test_with_nothing_more_to_say_closes(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.says = reason_then()
        town.slack.command(ADA, "refresh @grace")
        seen.modal("Why do you ask?", user=ADA)
        assert town.slack.submit(ADA, values={"reason": "audit"}).ok
        assert not town.slack.views(ADA)


def revoke_then(*replies: Reply) -> Any:
    """As the real desk: what was not confirmed is asked about."""

    def says(request: Request) -> Iterator[Reply]:
        if request.argument:
            yield from replies
        else:
            asked = samples.revoke(Told(said=request.reason), "ask", samples.two_sides(Told()), own=False, target="")
            yield replace(asked, context={**asked.context, "who": Who("Grace Hopper", "U0GRACE", own=False)})

    return says


def change_then(*replies: Reply, kinds: tuple[AccessType, ...] = samples.CRM_KINDS) -> Any:
    """As the real desk: what was not chosen is asked for."""

    def says(request: Request) -> Iterator[Reply]:
        if request.choice:
            yield from replies
        else:
            card = replace(samples.bare(), state=State.NOT_SET_UP)
            offered = {"options": [str(kind) for kind in kinds], "picked": str(kinds[0]) if len(kinds) == 1 else ""}
            yield samples.change(Told(), card, **offered, accounts=["bob@acme.example"])

    return says


def raises(request: Request) -> Iterator[Reply]:
    yield from ()
    raise RuntimeError("the desk broke")


def breaks_after(reply: Reply) -> Any:
    def says(request: Request) -> Iterator[Reply]:
        yield reply
        raise RuntimeError("the desk broke")

    return says


class TestADeskThatFails:
    """The person reads a reference, and the operator finds the traceback by it."""

    def test_to_a_command(self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
        desk.says = breaks_after(told("one"))
        town.slack.command(BOB, "check")
        [shown] = seen.ephemerals("Something broke")
        assert logged(caplog) == REFERENCE.findall(shown.plain)
        assert "the desk broke" in caplog.text

    def test_to_a_press_in_a_lasting_message(
        self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture
    ) -> None:
        posted(town, ("creds.check", "Check again"))
        desk.says = raises
        town.slack.press(BOB, "Check again")
        [shown] = seen.ephemerals("Something broke", channel="app_dm")
        assert logged(caplog) == REFERENCE.findall(shown.plain)
        assert town.slack.messages(BOB)[0].edits == 0

    def test_in_a_modal(self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
        desk.says = raises
        town.slack.command(BOB, "change")
        assert logged_when_shown(seen.modal("Something broke"), caplog)

    def test_to_a_form(self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
        desk.says = reason_then(told("never"))
        town.slack.command(ADA, "refresh @grace")
        seen.modal("Why do you ask?", user=ADA)
        desk.says = raises
        assert town.slack.submit(ADA, values={"reason": "audit"}).ok
        assert logged_when_shown(seen.modal("Something broke", user=ADA), caplog)

    def test_with_words_that_no_template_knows(
        self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk.replies(Reply("not a template"))
        town.slack.command(BOB, "check")
        [shown] = seen.ephemerals("Something broke")
        assert logged(caplog) == REFERENCE.findall(shown.plain)

    def test_while_slack_is_away_leaves_the_reference_in_the_log(
        self, town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture
    ) -> None:
        for method in ("response_url", "chat.postMessage"):
            for _ in range(2):
                town.slack.fail_next(method, "internal_error")
        desk.says = raises
        town.slack.command(BOB, "check")
        town.slack.wait(lambda: "nobody could be told" in caplog.text, what="the line in the log")
        assert len(logged(caplog)) == 2
        assert len(set(logged(caplog))) == 1


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.__dict__["reference"]) for record in caplog.records if "reference" in record.__dict__]


def logged_when_shown(view: View, caplog: pytest.LogCaptureFixture) -> bool:
    return bool(logged(caplog)) and logged(caplog) == REFERENCE.findall(view.plain)


class TestTheHomeTab:
    def test_being_opened_is_told_to_the_desk(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies()
        assert town.slack.open_home(BOB).ok
        town.slack.wait(lambda: desk.ended == 1, what="the desk's end")
        assert desk.asked[0] == Request(Actor(TEAM, BOB), Word.HOME, delivery=desk.asked[0].delivery)
        assert not town.slack.messages(BOB)

    def test_shows_why_it_cannot_be_drawn(self, town: Town, desk: Desk, seen: Seen) -> None:
        desk.replies(Reply("slack_away", {"word": "home"}))
        town.slack.open_home(ADA)
        town.slack.wait(lambda: "Slack" in getattr(town.slack.home(ADA), "plain", ""), what="the words on the tab")
        assert not town.slack.messages(ADA), "no message for somebody who only looked"

    def test_of_messages_is_nothing_to_us(self, town: Town, desk: Desk, seen: Seen) -> None:
        payload = town.slack._payloads.home_opened(BOB)
        payload["event"]["tab"] = "messages"
        assert deliver(town, Sort.EVENT, payload).ok
        assert not desk.asked


def test_redeliveries_are_acknowledged_and_answered_once(town: Town, desk: Desk, seen: Seen) -> None:
    town.slack.command(BOB, "check")
    seen.ephemerals("@done")
    posted(town, ("creds.check", "Check again"))
    town.slack.press(BOB, "Check again")
    seen.ephemerals("@done", channel="app_dm")
    desk.replies()
    town.slack.open_home(BOB)
    town.slack.wait(lambda: desk.ended == 3, what="three answers")
    desk.replies(told("twice"))
    assert all(acked.ok and acked.seconds < AT_ONCE for acked in town.slack.redeliver(3))
    # One more request, so that the redelivered ones have had their turn.
    town.slack.command(BOB, "help")
    seen.ephemerals("@twice", 2)
    assert [request.word for request in desk.asked] == [Word.CHECK, Word.CHECK, Word.HOME, Word.HELP]
    assert len(town.slack.ephemerals(BOB, channel="app_dm")) == 1


def deliver(town: Town, sort: Sort, payload: dict[str, Any]) -> Acked:
    acked: Acked = town.slack._call(town.slack._delivery.deliver(Envelope(sort, payload)))
    return acked


def a_press() -> dict[str, Any]:
    """In its least form, from which each case takes something away."""
    return {
        "type": "block_actions",
        "user": {"id": BOB, "team_id": TEAM},
        "team": {"id": TEAM},
        "trigger_id": "1.2.3",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "D0BOB", "is_ephemeral": False},
        "actions": [{"type": "button", "action_id": "creds.check", "block_id": "b", "action_ts": "1.2"}],
    }


MALFORMED: dict[str, tuple[Sort, dict[str, Any]]] = {
    "a press of nothing": (Sort.INTERACTIVE, a_press() | {"actions": []}),
    "a press by nobody": (Sort.INTERACTIVE, a_press() | {"user": None, "actions": [{"action_id": "creds.check"}]}),
    "a press without a team": (Sort.INTERACTIVE, a_press() | {"team": None, "user": {"id": BOB}}),
    "a press of a list": (
        Sort.INTERACTIVE, a_press() | {"actions": [{"type": "button", "action_id": "creds.check", "value": ["x"]}]},
    ),
    "a command without anything": (Sort.COMMAND, {"command": "/creds"}),
    "a modal without a trigger": (
        Sort.COMMAND, {"command": "/creds", "text": "change", "user_id": BOB, "team_id": TEAM},
    ),
    "a visit of nobody": (
        Sort.EVENT, {"type": "event_callback", "event": {"type": "app_home_opened", "tab": "home"}},
    ),
    "an event of no use to us": (
        Sort.EVENT, {"type": "event_callback", "team_id": TEAM, "event": {"type": "tokens_revoked"}},
    ),
    "a shortcut that is not ours": (
        Sort.INTERACTIVE,
        {"type": "shortcut", "callback_id": "x", "user": {"id": BOB, "team_id": TEAM}, "trigger_id": "1.2.3"},
    ),
    "options that nobody asked for": (
        Sort.INTERACTIVE,
        {"type": "block_suggestion", "action_id": "x", "value": "", "user": {"id": BOB, "team_id": TEAM}},
    ),
    "a modal that was closed": (
        Sort.INTERACTIVE,
        {"type": "view_closed", "user": {"id": BOB, "team_id": TEAM}, "view": {"id": "V1", "callback_id": "creds"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sort", "payload"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_payload_is_acknowledged(town: Town, seen: Seen, sort: Sort, payload: dict[str, Any]) -> None:
    acked = deliver(town, sort, payload)
    assert acked.ok
    assert acked.seconds < AT_ONCE
    assert town.slack.command(BOB, "help").ok, "and the next one is served"
    seen.slack.wait(lambda: "@done" in town.slack.ephemerals(BOB)[-1].plain, what="its answer")


def test_a_listener_that_fails_tells_the_person(town: Town, seen: Seen, caplog: pytest.LogCaptureFixture) -> None:
    """Before there is a request at all: the payload has no trigger for the modal that it needs."""
    payload, _ = town.slack._payloads.command(BOB, "C0GENERAL", "/creds", "change")
    del payload["trigger_id"]
    assert deliver(town, Sort.COMMAND, payload).ok
    [shown] = seen.ephemerals("Something broke")
    assert logged(caplog) == REFERENCE.findall(shown.plain)


def test_a_form_of_another_time_is_answered_in_it(
    town: Town, desk: Desk, seen: Seen, caplog: pytest.LogCaptureFixture
) -> None:
    desk.says = reason_then(told("never"))
    town.slack.command(ADA, "refresh @grace")
    view = seen.modal("Why do you ask?", user=ADA)
    kept = town.slack._views.find(view.id)
    assert kept is not None
    kept.shown["private_metadata"] = '{"word": "revoke"}'
    assert town.slack.submit(ADA, values={"reason": "audit"}).ok
    assert logged_when_shown(seen.modal("Something broke", user=ADA), caplog)


class TestTheConnection:
    @pytest.mark.parametrize("how", ["abort", "refresh"])
    def test_that_breaks_is_made_anew(self, town: Town, desk: Desk, how: str) -> None:
        with town.running(desk, pace=SHORT):
            town.slack.drop_connections(how)
            town.slack.wait(lambda: town.slack.connections == 1, 5, "a new connection")
            answered(town, desk)

    def test_that_the_sdk_has_given_up_is_made_anew_by_the_watchdog(
        self, town: Town, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        with town.running(desk, pace=SHORT) as running:
            socket = running.intake
            town.serving.call(given_up(socket))
            town.slack.wait(lambda: not socket.connected, what="the notice that it is gone")
            town.slack.wait(lambda: socket.connected and town.slack.connections == 1, 5, "a new connection")
            answered(town, desk)
        assert "connecting anew" in caplog.text

    def test_comes_back_after_slack_was_down(self, town: Town, desk: Desk) -> None:
        with town.running(desk, pace=SHORT) as running:
            socket = running.intake
            town.slack.down(True)
            town.slack.wait(lambda: not socket.connected, 5, "the notice that it is gone")
            quiet = threading.Event()
            assert not quiet.wait(4 * SHORT.silent), "the watchdog tries in vain a few times"
            # What Slack once gave out for a connection has run out meanwhile, as it does after half a minute.
            town.slack._socket._tickets.clear()
            town.slack.down(False)
            town.slack.wait(lambda: socket.connected and town.slack.connections == 1, 8, "a new connection")
            answered(town, desk)
            assert not quiet.wait(2 * SHORT.silent)
            assert socket.connected
            assert town.slack.connections == 1, "and it stays one"


async def given_up(socket: SocketMode | HttpMode) -> None:
    """The state of bolt-python #1529: closed, and nobody in the SDK who would do anything about it."""
    assert isinstance(socket, SocketMode)
    assert socket._handler is not None
    client = socket._handler.client
    client.auto_reconnect_enabled = False
    assert client.current_session is not None
    await client.current_session.close()


def answered(town: Town, desk: Desk) -> None:
    before = len(town.slack.ephemerals(BOB))
    desk.replies(told("answered"))
    town.slack.wait(lambda: town.slack.command(BOB, "help").ok, 8, "an acknowledgement")
    town.slack.wait(lambda: len(town.slack.ephemerals(BOB)) > before, 5, "the answer")


class TestStopping:
    def test_lets_running_answers_end(self, town: Town, desk: Desk) -> None:
        desk.says = held_then(desk, told("one"), told("two"))
        with town.running(desk) as running:
            town.slack.command(BOB, "check")
            town.slack.wait(lambda: desk.asked, what="the request")
            stopping = threading.Thread(target=running.stop)
            stopping.start()
            town.slack.wait(lambda: town.slack.connections == 0, what="no new payloads")
            assert stopping.is_alive(), "an answer is under way"
            assert town.slack.command(BOB, "check").error == "dispatch_failed"
            desk.let_go()
            stopping.join(5)
            assert not stopping.is_alive()
            assert not running.intake.connected
            assert "@two" in town.slack.ephemerals(BOB)[-1].plain
        assert len(desk.asked) == 1

    def test_of_what_is_idle_takes_no_time(self, town: Town, desk: Desk) -> None:
        with town.running(desk) as running:
            began = time.monotonic()
            running.stop()
            assert time.monotonic() - began < 2
