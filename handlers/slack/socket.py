"""We call Slack: one WebSocket, and a watchdog over it. What its payloads mean is not known here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from time import monotonic

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from handlers.slack.connect import Connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: how often the connection is pinged and looked at, and how long it may be gone."""

    ping: float = 3.0
    watch: float = 1.0
    silent: float = 15.0


class Handler(AsyncSocketModeHandler):
    """Acknowledges even what Bolt cannot read: Slack would send it again, or show the person its own error."""

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as Bolt's
        try:
            await super().handle(client, req)
        except Exception:
            log.exception("payload not read")
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


class SocketMode:
    """Over aiohttp, with a watchdog: its reconnecting has been seen to stop (bolt-python #1529)."""

    def __init__(self, app: AsyncApp, *, slack: Connection, app_token: str, pace: Pace = Pace()) -> None:
        self._app = app
        self._slack = slack
        self._app_token = app_token
        self._pace = pace
        self._watch: asyncio.Task[None] | None = None
        self._handler: AsyncSocketModeHandler | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.connected = False

    async def start(self) -> None:
        await self._connect()
        self._watch = asyncio.create_task(self._watchdog())

    async def stop(self) -> None:
        """Nothing comes in from here on."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        if self._handler is not None:
            await self._handler.close_async()
        if self._closing:
            await asyncio.wait(self._closing, timeout=self._pace.silent)
        self.connected = False

    async def _connect(self) -> None:
        """With a new client each time: the SDK's own tries go on with an address that Slack has long let expire."""
        old, proxy = self._handler, self._slack.proxy or None
        self._handler = Handler(
            self._app, self._app_token, web_client=self._slack.client, proxy=proxy, ping_interval=self._pace.ping
        )
        # Given to the constructor, none would mean the one of the environment.
        self._handler.client.proxy = proxy
        if old is not None:
            closing = asyncio.create_task(old.close_async())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt gives it no types.

    async def _watchdog(self) -> None:
        seen = monotonic()
        while True:
            self.connected = self._handler is not None and await self._handler.client.is_connected()
            if self.connected:
                seen = monotonic()
            elif monotonic() - seen > self._pace.silent:
                log.warning("no connection to Slack, connecting anew")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.silent):
                        await self._connect()
                seen = monotonic()
            await asyncio.sleep(self._pace.watch)
