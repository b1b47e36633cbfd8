"""Slack in, Slack out: one listener for each kind of payload, one task for each request. It decides nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Coroutine, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Protocol

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.model import Reply, Request, Word
from handlers.slack import guard
from handlers.slack.blocks import Renderer
from handlers.slack.connect import Connection
from handlers.slack.guard import Body
from handlers.slack.parse import pressed, typed
from handlers.slack.surfaces import DirectMessage, Ephemeral, Modal, Surface

PING_SECONDS = 3.0
WATCH_SECONDS = 1.0
SILENT_SECONDS = 15.0
# A form must be answered within 3 seconds, and the answer takes the way back.
FIRST_REPLY_SECONDS = 2.3
DRAIN = timedelta(seconds=25)
MOMENT = Reply("moment")
ALL = re.compile(".*", re.DOTALL)

log = logging.getLogger(__name__)


class Desk(Protocol):
    def answer(self, request: Request) -> Iterator[Reply]:
        """Blocks. The first Reply comes within 2.5 seconds."""


@dataclass(frozen=True, slots=True)
class Pools:
    """`desk` waits for first replies, `later` for those that follow: a slow vendor must not keep people waiting."""

    desk: Executor
    later: Executor


class SlackSide:
    """Socket Mode over aiohttp, with a watchdog: its reconnecting has been seen to stop (bolt-python #1529)."""

    def __init__(self, *, desk: Desk, render: Renderer, slack: Connection, app_token: str, pools: Pools) -> None:
        self._desk = desk
        self._render = render
        self._slack = slack
        self._pools = pools
        self._app_token = app_token
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._handler: AsyncSocketModeHandler | None = None
        self.connected = False

    async def start(self) -> None:
        self._handler = AsyncSocketModeHandler(
            self._application(),
            self._app_token,
            web_client=self._slack.client,
            proxy=self._slack.proxy or None,
            ping_interval=PING_SECONDS,
        )
        await self._handler.connect_async()
        self._watch = asyncio.create_task(self._watchdog(self._handler))

    async def stop(self) -> None:
        """Takes nothing more, then lets answers under way end."""
        if self._watch is not None:
            self._watch.cancel()
        if self._handler is not None:
            await self._handler.close_async()
        self.connected = False
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN.total_seconds())

    def _application(self) -> AsyncApp:
        # Bolt's own loggers take the level of the one they are given; left alone, they log whole payloads at DEBUG.
        app = AsyncApp(client=self._slack.client, process_before_response=True, logger=logging.getLogger("slack_bolt"))
        app.command(ALL)(self.on_command)
        app.action(ALL)(self.on_press)
        app.view({"type": "view_submission", "callback_id": ALL})(self.on_submit)
        app.view({"type": "view_closed", "callback_id": ALL})(_acknowledge)
        app.event("app_home_opened")(self.on_home)
        app.error(_last_resort)
        return app

    async def on_command(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        request = typed(body.get("text") or "", actor=guard.actor(body), delivery=guard.delivery(body))
        if _wants_modal(request):
            self._begin(self._in_modal(request, body["trigger_id"]))
        else:
            self._begin(self._converse(request, self._at(body)))

    async def on_press(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        action = body["actions"][0]
        request = pressed(
            action.get("action_id", ""),
            action.get("value") or "",
            actor=guard.actor(body),
            delivery=guard.delivery(body),
        )
        if request is None:
            return
        if _wants_modal(request):
            self._begin(self._in_modal(request, body["trigger_id"]))
        else:
            self._begin(self._converse(request, self._at(body)))

    async def on_submit(self, ack: AsyncAck, body: Body) -> None:
        """The first reply goes back with the acknowledgement: Slack would let a later one be overtaken by it."""
        request = submitted(body)
        replies = self._desk.answer(request)
        surface = Modal(self._slack, self._render, body["view"]["id"])
        first = asyncio.ensure_future(self._next(replies, self._pools.desk))
        done, _ = await asyncio.wait({first}, timeout=FIRST_REPLY_SECONDS)
        if not done:
            await ack(response_action="update", view=self._render.modal(MOMENT))
            self._begin(self._rest(replies, surface, first))
            return
        try:
            reply = first.result()
        except Exception:  # noqa: BLE001 - logged in _failed, and told
            reply = _failed()
        if reply is None:
            await ack(response_action="clear")
            return
        await ack(response_action="update", view=self._render.modal(reply))
        self._begin(self._rest(replies, surface, None))

    async def on_home(self, body: Body) -> None:
        if body["event"].get("tab") == "home":
            request = Request(guard.actor(body), Word.HOME, delivery=guard.delivery(body))
            surface = DirectMessage(self._slack, self._render, request.actor.user_id)
            self._begin(self._converse(request, surface))

    def _at(self, body: Body) -> Surface:
        user_id, url = guard.actor(body).user_id, body.get("response_url", "")
        if not url:
            return DirectMessage(self._slack, self._render, user_id)
        ephemeral = bool(body.get("container", {}).get("is_ephemeral"))
        return Ephemeral(self._slack, self._render, url=url, user_id=user_id, again=ephemeral)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_modal(self, request: Request, trigger_id: str) -> None:
        """The trigger lives for 3 seconds, so that the modal opens before anything is looked up."""
        try:
            opened = await self._slack.client.views_open(trigger_id=trigger_id, view=self._render.modal(MOMENT))
            surface: Surface = Modal(self._slack, self._render, opened["view"]["id"])
        except Exception:
            log.exception("modal not opened")
            surface = DirectMessage(self._slack, self._render, request.actor.user_id)
        await self._converse(request, surface)

    async def _converse(self, request: Request, surface: Surface) -> None:
        replies = self._desk.answer(request)
        await self._rest(replies, surface, asyncio.ensure_future(self._next(replies, self._pools.desk)))

    async def _rest(
        self, replies: Iterator[Reply], surface: Surface, first: asyncio.Future[Reply | None] | None
    ) -> None:
        try:
            reply = await (first or self._next(replies, self._pools.later))
            while reply is not None:
                await surface.show(reply)
                reply = await self._next(replies, self._pools.later)
        except Exception:  # noqa: BLE001 - logged in _failed, and told
            await self._apologise(surface)

    async def _next(self, replies: Iterator[Reply], pool: Executor) -> Reply | None:
        return await asyncio.get_running_loop().run_in_executor(pool, next, replies, None)

    async def _apologise(self, surface: Surface) -> None:
        """Where the person stands, with a reference that the log has too."""
        reply = _failed()
        try:
            await surface.show(reply)
        except Exception:
            log.exception("nobody could be told", extra={"reference": reply.context["reference"]})

    async def _watchdog(self, handler: AsyncSocketModeHandler) -> None:
        seen = monotonic()
        while True:
            self.connected = await handler.client.is_connected()
            if self.connected:
                seen = monotonic()
            elif monotonic() - seen > SILENT_SECONDS:
                seen = monotonic()
                log.warning("no connection to Slack, connecting anew")
                try:
                    await handler.client.connect_to_new_endpoint(force=True)
                except Exception:
                    log.exception("connecting to Slack failed")
            await asyncio.sleep(WATCH_SECONDS)


def submitted(body: Body) -> Request:
    """The form that asked an admin for the reason: the same request again, now with one."""
    view = body["view"]
    asked = json.loads(view.get("private_metadata") or "{}")
    values = view.get("state", {}).get("values", {})
    reason = next((field["value"] for block in values.values() for field in block.values()), "") or ""
    return Request(
        guard.actor(body),
        Word(asked["word"]),
        subject=asked["subject"],
        target=asked["target"],
        argument=asked["argument"],
        reason=" ".join(reason.split())[:300],
        delivery=guard.delivery(body),
    )


def _wants_modal(request: Request) -> bool:
    """Change asks for a choice; what an admin does about somebody else wants a reason."""
    about_another = request.subject not in ("", request.actor.user_id)
    if request.word is Word.CHANGE and not about_another:
        return True
    pauses = request.word is Word.SYNC and request.argument == "pause"
    return about_another and (request.word in (Word.REFRESH, Word.CHANGE) or pauses) and not request.reason


def _failed() -> Reply:
    """To be called while the exception is at hand."""
    reference = secrets.token_hex(4).upper()
    log.error("request failed", exc_info=True, extra={"reference": reference})  # noqa: LOG014 - called where it was caught
    return Reply("error", {"reference": reference})


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()


async def _last_resort(error: Exception) -> BoltResponse:
    """A listener failed before its task began. Slack is answered all the same, else it shows its own error."""
    log.error("payload failed", exc_info=error)
    return BoltResponse(status=200, body="")
