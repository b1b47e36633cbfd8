"""What a person has on her screen, as plain values for tests: messages, views, buttons, all visible words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.sandbox.slack import state
from tests.sandbox.slack.blocks import elements_of
from tests.sandbox.slack.inputs import state_values
from tests.sandbox.slack.mrkdwn import visible, words
from tests.sandbox.slack.state import Json, Post, State

UNSEEABLE = "This content can't be displayed."


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    action_id: str
    value: str
    url: str
    style: str
    block_id: str


@dataclass(frozen=True, slots=True)
class Message:
    """`text` is as the app sent it; `plain` are all visible words, the blocks' where there are blocks."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json]
    edits: int
    ephemeral: bool
    buttons: list[Button]
    plain: str


@dataclass(frozen=True, slots=True)
class View:
    """`values` is what is filled in now: {block id: {action id: state value}}."""

    id: str
    type: str
    title: str
    submit: str
    callback_id: str
    private_metadata: str
    hash: str
    blocks: list[Json]
    values: Json
    buttons: list[Button]
    plain: str


class Screen:
    """Turns what the server holds into what one person sees."""

    def __init__(self, held: State) -> None:
        self._state = held

    def message(self, post: Post, user: str) -> Message:
        return Message(
            ts=post.ts,
            channel=post.channel,
            user=post.author,
            text=post.text,
            blocks=post.blocks,
            edits=post.edits,
            ephemeral=bool(post.viewer),
            buttons=list(buttons(post.blocks)),
            plain=self._words(post.blocks, user) if post.blocks else self.read(post.text, user),
        )

    def view(self, held: state.View) -> View:
        shown = held.shown
        title, submit = _label(shown["title"]), _label(shown["submit"])
        return View(
            id=held.id,
            type=shown["type"],
            title=title,
            submit=submit,
            callback_id=shown["callback_id"],
            private_metadata=shown["private_metadata"],
            hash=shown["hash"],
            blocks=shown["blocks"],
            values=state_values(shown["blocks"], held.entered),
            buttons=list(buttons(shown["blocks"])),
            plain="\n".join(
                line for line in (title, self._words(shown["blocks"], held.user), submit) if line
            ),
        )

    def notification(self, post: Post, user: str) -> Json:
        """What a phone shows: `text` and nothing of the blocks."""
        channel = self._state.channels[post.channel]
        app = self._state.app_name
        title = app if channel.user else f"{app} in #{channel.name}"
        return {"ts": post.ts, "title": title, "text": self.read(post.text, user) or UNSEEABLE}

    def read(self, text: str, user: str) -> str:
        zone = self._state.users[user].tz
        return visible(text, name=self._state.name_of, now=self._state.clock.now(), zone=zone)

    def _words(self, blocks: list[Json], user: str) -> str:
        return words(blocks, lambda text: self.read(text, user))


def buttons(blocks: list[Json]) -> Iterator[Button]:
    for block in blocks:
        for element in elements_of(block):
            if element["type"] == "button":
                yield Button(
                    label=element["text"]["text"],
                    action_id=element["action_id"],
                    value=element.get("value", ""),
                    url=element.get("url", ""),
                    style=element.get("style", ""),
                    block_id=block["block_id"],
                )


def _label(text: Json | None) -> str:
    return str(text["text"]) if text else ""
