"""What a person has on her screen, as plain values for tests: messages, views, buttons, all visible words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial

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


@dataclass(frozen=True)
class Message:
    """`text` is as the app sent it. The rest is drawn when somebody looks: tests count messages far more often."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json]
    edits: int
    ephemeral: bool
    _read: Callable[[str], str] = field(repr=False, compare=False)

    @cached_property
    def buttons(self) -> list[Button]:
        return list(buttons(self.blocks))

    @cached_property
    def plain(self) -> str:
        """All visible words, the blocks' where there are blocks."""
        return words(self.blocks, self._read) if self.blocks else self._read(self.text)


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

    def messages(self, posts: Iterable[Post], user: str) -> list[Message]:
        read = self._reader(user)
        return [
            Message(
                ts=post.ts,
                channel=post.channel,
                user=post.author,
                text=post.text,
                blocks=post.blocks,
                edits=post.edits,
                ephemeral=bool(post.viewer),
                _read=read,
            )
            for post in posts
        ]

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
                line for line in (title, words(shown["blocks"], self._reader(held.user)), submit) if line
            ),
        )

    def notification(self, post: Post, user: str) -> Json:
        """What a phone shows: `text` and nothing of the blocks."""
        channel = self._state.channels[post.channel]
        app = self._state.app_name
        title = app if channel.user else f"{app} in #{channel.name}"
        return {"ts": post.ts, "title": title, "text": self._reader(user)(post.text) or UNSEEABLE}

    def _reader(self, user: str) -> Callable[[str], str]:
        """What this person reads of a text now."""
        zone = self._state.users[user].tz
        return partial(visible, name=self._state.name_of, now=self._state.clock.now(), zone=zone)


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
