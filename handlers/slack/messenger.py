"""Messages and the Home tab, for the core: the Messenger port."""

from __future__ import annotations

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Address, Reply
from handlers.slack.blocks import Renderer
from handlers.slack.calls import call


class SlackMessenger:
    """Links in messages are never unfurled: Slack would fetch them."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop, client: AsyncWebClient, render: Renderer) -> None:
        self._loop = loop
        self._client = client
        self._render = render

    def post(self, to: str, reply: Reply) -> Address:
        message = self._render.message(reply)
        answer = call(
            self._loop,
            self._client.chat_postMessage(
                channel=to, text=message.text, blocks=message.blocks, unfurl_links=False, unfurl_media=False
            ),
        )
        return Address(channel=answer["channel"], ts=answer["ts"])

    def update(self, at: Address, reply: Reply) -> None:
        message = self._render.message(reply)
        call(
            self._loop,
            self._client.chat_update(channel=at.channel, ts=at.ts, text=message.text, blocks=message.blocks),
        )

    def home(self, user_id: str, reply: Reply) -> None:
        call(self._loop, self._client.views_publish(user_id=user_id, view=self._render.home(reply)))
