"""Where an answer is shown: each Reply replaces the one before at the same place."""

from __future__ import annotations

from typing import Any, Protocol

import aiohttp

from bot.model import Reply
from handlers.slack.blocks import Message, Renderer
from handlers.slack.connect import Connection

# Slack takes 5 posts in 30 minutes; one is kept for an error.
POSTS = 4


class Surface(Protocol):
    async def show(self, reply: Reply) -> None: ...


class DirectMessage:
    """The person's own conversation with us: lasting, and edited as often as need be."""

    def __init__(self, slack: Connection, render: Renderer, user_id: str) -> None:
        self._slack = slack
        self._render = render
        self._user_id = user_id
        self._at: dict[str, Any] = {}

    async def show(self, reply: Reply) -> None:
        message = self._render.message(reply)
        if self._at:
            await self._slack.client.chat_update(**self._at, text=message.text, blocks=message.blocks)
            return
        sent = await self._slack.client.chat_postMessage(
            channel=self._user_id,
            text=message.text,
            blocks=message.blocks,
            unfurl_links=False,
            unfurl_media=False,
        )
        self._at = {"channel": sent["channel"], "ts": sent["ts"]}


class Ephemeral:
    """Seen only by the one who asked; `again` means that the press came from such a message, which is replaced."""

    def __init__(self, slack: Connection, render: Renderer, *, url: str, user_id: str, again: bool) -> None:
        self._slack = slack
        self._render = render
        self._url = url
        self._posts = 0
        self._again = again
        self._rest = DirectMessage(slack, render, user_id)

    async def show(self, reply: Reply) -> None:
        self._posts += 1
        if self._posts > POSTS:
            await self._rest.show(reply)
            return
        await self._post(self._render.message(reply), replace=self._again or self._posts > 1)

    async def _post(self, message: Message, *, replace: bool) -> None:
        body = {
            "response_type": "ephemeral",
            "replace_original": replace,
            "text": message.text,
            "blocks": message.blocks,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        async with self._slack.session.post(self._url, json=body, proxy=self._slack.proxy or None) as answer:
            if answer.status >= 400:
                raise aiohttp.ClientResponseError(answer.request_info, answer.history, status=answer.status)


class Modal:
    """A modal that is open already, with "One moment" in it."""

    def __init__(self, slack: Connection, render: Renderer, view_id: str) -> None:
        self._slack = slack
        self._render = render
        self._view_id = view_id

    async def show(self, reply: Reply) -> None:
        await self._slack.client.views_update(view_id=self._view_id, view=self._render.modal(reply))
