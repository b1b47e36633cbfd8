"""What a person does in Slack: commands, presses, submissions. The hands of tests and of the page alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.sandbox.slack.delivery import NOBODY, TIMEOUT, Acked, Delivery
from tests.sandbox.slack.envelope import Envelope, Sort
from tests.sandbox.slack.errors import ApiError, NothingThere
from tests.sandbox.slack.inputs import Entered, action_of, complaints, find, value_of
from tests.sandbox.slack.messages import Messages
from tests.sandbox.slack.mrkdwn import as_sent
from tests.sandbox.slack.payloads import Payloads
from tests.sandbox.slack.requests import OURS, THEIRS
from tests.sandbox.slack.state import Channel, Json, Post, State, View
from tests.sandbox.slack.views import Views

NO_COMMAND = "not_a_command"
NOT_INTERACTIVE = "not_interactive"
MODAL_TROUBLE = "We had some trouble connecting. Try again?"
WORDS = {
    TIMEOUT: "Operation timed out. Apps need to respond within 3 seconds.",
    NOBODY: "This app is not responding right now. Try again later.",
    OURS: "This app did not take it. Try again later.",
    THEIRS: "This app ran into an error of its own. Try again later.",
    NOT_INTERACTIVE: "This app is not configured to handle interactive responses.",
    "not_subscribed": "This app does not listen for visits of its Home tab.",
}


@dataclass(slots=True)
class People:
    state: State
    messages: Messages
    views: Views
    payloads: Payloads
    delivery: Delivery

    async def command(self, user: str, command: str, text: str, *, channel: str) -> Acked:
        """Words in the acknowledgement are shown to the person alone, as Slack does unless told otherwise."""
        place = self.channel(user, channel)
        known = next((each for each in self.state.commands if each["command"] == command), None)
        if known is None:
            return Acked(ok=False, seconds=0, payload=None, error=NO_COMMAND)
        escaped = as_sent(
            text,
            user_id=self.state.user_named,
            channel_id=self.state.channel_named,
            should_escape=bool(known.get("should_escape")),
        )
        payload, token = self.payloads.command(user, place.id, command, escaped)
        acked = await self.delivery.deliver(Envelope(Sort.COMMAND, payload))
        if acked.payload:
            try:
                self.messages.answer(self.state.response_urls[token], acked.payload)
            except ApiError:
                return replace(acked, ok=False, error="invalid_command_response")
        return acked

    def say(self, user: str, channel: str, text: str) -> None:
        """A message of the person herself. The app asked for no message events, so it never hears of it."""
        place = self.channel(user, channel)
        sent = as_sent(
            text, user_id=self.state.user_named, channel_id=self.state.channel_named, should_escape=True
        )
        self.messages.post(place.id, text=sent, blocks=[], author=user)

    async def press_in_message(
        self,
        user: str,
        post: Post,
        block_id: str,
        action_id: str,
        chosen: object,
        *,
        entered: Entered | None = None,
    ) -> Acked:
        element = find(post.blocks, block_id, action_id)
        action = action_of(element, block_id, chosen, ts=self.state.new_ts())
        payload = self.payloads.pressed_in_message(
            user, post, action, _with(entered or {}, element, block_id, chosen)
        )
        return await self._interact(element, payload)

    async def press_in_view(self, view: View, block_id: str, action_id: str, chosen: object) -> Acked:
        element = find(view.shown["blocks"], block_id, action_id)
        action = action_of(element, block_id, chosen, ts=self.state.new_ts())
        view.entered = _with(view.entered, element, block_id, chosen)
        return await self._interact(element, self.payloads.pressed_in_view(view, action))

    def refuse_forged(self, blocks: list[Json], block_id: str, action_id: str, element: Json) -> None:
        """A page may press only what is there. Raises NothingThere where the element has another value."""
        there = find(blocks, block_id, action_id)
        if there["type"] == "button" and "value" in element and element["value"] != there.get("value", ""):
            raise NothingThere("This button has another value.")

    def enter(self, view: View, values: Json) -> None:
        """`values` as a page sends them: {block id: {action id: what was entered}}."""
        for block_id, actions in values.items():
            for action_id, chosen in actions.items():
                element = find(view.shown["blocks"], block_id, action_id)
                view.entered[(block_id, action_id)] = value_of(element, chosen)

    async def submit(self, view: View) -> Acked:
        """`ok` means that the app took it. Errors under fields, Slack's or the app's, are in the payload."""
        if errors := complaints(view.shown["blocks"], view.entered):
            return _refused(Acked(ok=True, seconds=0, payload=None), errors)
        acked = await self.delivery.deliver(Envelope(Sort.INTERACTIVE, self.payloads.submitted(view)))
        if not acked.ok:
            return replace(acked, error=f"{acked.error}: {MODAL_TROUBLE}")
        try:
            errors = self.views.answer(view, acked.payload or {})
        except ApiError as trouble:
            return replace(acked, ok=False, error=f"{trouble.code}: {MODAL_TROUBLE}")
        return _refused(acked, errors) if errors else acked

    async def close(self, view: View) -> None:
        for each in self.views.close(view):
            if each.shown["notify_on_close"]:
                payload = self.payloads.closed(each, cleared=bool(view.shown["clear_on_close"]))
                await self.delivery.deliver(Envelope(Sort.INTERACTIVE, payload))

    async def open_home(self, user: str) -> Acked:
        if not self.state.subscribes_to("app_home_opened"):
            return Acked(ok=False, seconds=0, payload=None, error="not_subscribed")
        return await self.delivery.event(self.payloads.home_opened(user))

    def channel(self, user: str, channel: str) -> Channel:
        """`app_dm` is the conversation with the app. Raises NothingThere where the person is not a member."""
        place = self.state.dm(user) if channel == "app_dm" else self.state.channels.get(channel)
        if place is None or user not in place.members:
            raise NothingThere(f"{user} is not in {channel}")
        return place

    async def _interact(self, element: Json, payload: Json) -> Acked:
        url = str(element.get("url", ""))
        if not self.state.setting("settings", "interactivity", "is_enabled"):
            return Acked(ok=bool(url), seconds=0, payload=None, error=NOT_INTERACTIVE, url=url)
        return replace(await self.delivery.deliver(Envelope(Sort.INTERACTIVE, payload)), url=url)


def words_for(acked: Acked, *, command: str = "") -> str:
    """What Slack shows the person when it went wrong."""
    if acked.error == NO_COMMAND:
        return f"{command} is not a valid command. Messages that start with a slash are taken for commands."
    if command:
        return f'{command} failed with the error "{acked.error}"'
    return WORDS.get(acked.error, acked.error)


def _with(entered: Entered, element: Json, block_id: str, chosen: object) -> Entered:
    if element["type"] in {"button", "overflow"}:
        return entered
    return entered | {(block_id, element["action_id"]): value_of(element, chosen)}


def _refused(acked: Acked, errors: dict[str, str]) -> Acked:
    payload = {"response_action": "errors", "errors": errors}
    return replace(acked, ok=False, payload=payload, error="; ".join(errors.values()))
