"""Where an answer is shown: each Reply replaces the one before at the same place."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.model import Reply
from handlers.slack.blocks import Message, Renderer
from handlers.slack.calls import translated
from handlers.slack.connect import Connection

log = logging.getLogger(__name__)

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


class Original(StrEnum):
    """What stood at the response_url before: for Slack's replace_original that is the message to be replaced."""

    NOTHING = "nothing"
    EPHEMERAL = "ephemeral"
    LASTING = "lasting"


class Ephemeral:
    """Seen only by the one who asked. After four posts, or where Slack takes none, it goes on as a direct message."""

    def __init__(self, slack: Connection, render: Renderer, *, url: str, user_id: str, original: Original) -> None:
        self._slack = slack
        self._render = render
        self._url = url
        self._posts = 0
        self._original = original
        self._rest = DirectMessage(slack, render, user_id)

    async def show(self, reply: Reply) -> None:
        message = self._render.message(reply)
        self._posts += 1
        if self._posts <= POSTS:
            try:
                await self._post(message, replace=self._replaces())
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                # The address is used up or too old, or Slack does not answer there: the answer must not be lost.
                log.warning("no answer in place", extra={"cause": type(error).__name__})
                self._posts = POSTS
            else:
                return
        await self._rest.show(reply)

    def _replaces(self) -> bool:
        match self._original:
            case Original.NOTHING:
                return self._posts > 1
            case Original.EPHEMERAL:
                return True
            case Original.LASTING:
                # That message is kept true by others, and a second answer cannot replace our first one.
                return False

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
        try:
            await self._slack.client.views_update(view_id=self._view_id, view=self._render.modal(reply))
        except SlackApiError as error:
            # The person has closed it, and with it what it would have said.
            if translated(error).code != "not_found":
                raise


class HomeTab:
    """For what keeps the Home tab from being drawn; what it shows otherwise is a notice."""

    def __init__(self, slack: Connection, render: Renderer, user_id: str) -> None:
        self._slack = slack
        self._render = render
        self._user_id = user_id

    async def show(self, reply: Reply) -> None:
        await self._slack.client.views_publish(user_id=self._user_id, view=self._render.home(reply))
