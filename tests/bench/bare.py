"""The least that can stand where Relatch stands: Bolt over Socket Mode that answers every command with one word.

Started as a program of its own, with the settings that Relatch would get.
"""

from __future__ import annotations

import asyncio
import os
import ssl

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

WORD = "Hello"


async def serve(settings: dict[str, str]) -> None:
    client = AsyncWebClient(
        token=settings["RELATCH_SLACK_BOT_TOKEN"],
        base_url=settings["RELATCH_SLACK_API_URL"],
        ssl=ssl.create_default_context(cafile=settings["RELATCH_CA_BUNDLE"]),
    )
    app = AsyncApp(name="bare", client=client)

    @app.command("/creds")
    async def answer(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(WORD)

    handler = AsyncSocketModeHandler(app, settings["RELATCH_SLACK_APP_TOKEN"], web_client=client)
    await handler.connect_async()
    ready = web.Application()
    ready.router.add_get("/readyz", _ready)
    runner = web.AppRunner(ready)
    await runner.setup()
    host, _, port = settings["RELATCH_LISTEN"].rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    await asyncio.Event().wait()


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="ready")


if __name__ == "__main__":
    asyncio.run(serve(dict(os.environ)))
