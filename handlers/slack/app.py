"""Slack in, Slack out: one listener for each kind of payload, one task for each request. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Protocol

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.model import Reply, Request, Word
from handlers.slack import guard
from handlers.slack.blocks import Renderer, mark_of
from handlers.slack.calls import UNANSWERED, translated
from handlers.slack.connect import Connection
from handlers.slack.guard import Body
from handlers.slack.parse import filled_in, pressed, typed
from handlers.slack.surfaces import DirectMessage, Ephemeral, HomeTab, Modal, Original, Surface

# A form must be answered within 3 seconds, and the answer takes the way back.
FIRST_REPLY_SECONDS = 2.3
# What the acknowledgement shows must stand before anything replaces it; they take different ways to Slack.
ACKNOWLEDGED_SECONDS = 0.5
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


class SlackSide:
    """Socket Mode over aiohttp, with a watchdog: its reconnecting has been seen to stop (bolt-python #1529)."""

    def __init__(
        self,
        *,
        desk: Desk,
        render: Renderer,
        slack: Connection,
        app_token: str,
        pools: Pools,
        pace: Pace = Pace(),
    ) -> None:
        self._desk = desk
        self._render = render
        self._slack = slack
        self._pools = pools
        self._app_token = app_token
        self._pace = pace
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._app = self._application()
        self._handler: AsyncSocketModeHandler | None = None
        self.connected = False

    async def start(self) -> None:
        await self._connect()
        self._watch = asyncio.create_task(self._watchdog())

    async def stop(self) -> None:
        """Takes nothing more, then lets answers under way end."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        if self._handler is not None:
            await self._handler.close_async()
        self.connected = False
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN.total_seconds())

    async def _connect(self) -> None:
        """With a new client each time: the SDK's own tries go on with an address that Slack has long let expire."""
        old, proxy = self._handler, self._slack.proxy or None
        self._handler = Handler(
            self._app, self._app_token, web_client=self._slack.client, proxy=proxy, ping_interval=self._pace.ping
        )
        # Given to the constructor, none would mean the one of the environment.
        self._handler.client.proxy = proxy
        if old is not None:
            self._begin(old.close_async())
        await self._handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt gives it no types.

    def _application(self) -> AsyncApp:
        # Bolt's own loggers take the level of the one they are given; left alone, they log whole payloads at DEBUG.
        app = AsyncApp(
            client=self._slack.client,
            authorize=self._known(),
            process_before_response=True,
            raise_error_for_unhandled_request=True,
            logger=logging.getLogger("slack_bolt"),
        )
        app.command(ALL)(self.on_command)
        app.action(ALL)(self.on_press)
        app.view({"type": "view_submission", "callback_id": ALL})(self.on_submit)
        app.view({"type": "view_closed", "callback_id": ALL})(_acknowledge)
        app.event("app_home_opened")(self.on_home)
        app.error(self.on_error)
        return app

    def _known(self) -> Callable[[], Awaitable[AuthorizeResult]]:
        """Who we are is known since the start. Bolt would ask at the first payload, and be late where Slack is."""
        slack = self._slack
        us = AuthorizeResult(
            enterprise_id=None, team_id=slack.team_id, bot_user_id=slack.user_id, bot_token=slack.client.token
        )

        async def authorize() -> AuthorizeResult:
            return us

        return authorize

    async def on_command(self, ack: AsyncAck, body: Body) -> None:
        await ack()
        self._answer(typed(body.get("text") or "", actor=guard.actor(body), delivery=guard.delivery(body)), body)

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
        request = replace(request, mark=mark_of(action.get("block_id", "")), at=guard.stands_at(body))
        values = (body.get("view") or body).get("state", {}).get("values", {})
        self._answer(filled_in(request, values), body)

    async def on_submit(self, ack: AsyncAck, body: Body) -> None:
        """The first reply goes back with the acknowledgement: Slack would let a later one be overtaken by it."""
        request = submitted(body)
        replies = self._desk.answer(request)
        surface = Modal(self._slack, self._render, body["view"]["id"])
        first = asyncio.ensure_future(self._next(replies, self._pools.desk))
        done, _ = await asyncio.wait({first}, timeout=FIRST_REPLY_SECONDS)
        if not done:
            await ack(response_action="update", view=self._render.modal(MOMENT))
            self._begin(self._rest_acknowledged(replies, surface, first))
            return
        try:
            reply = first.result()
        except Exception as error:  # noqa: BLE001 - logged in _failed, and told
            reply = _failed(error)
        if reply is None:
            await ack(response_action="clear")
            return
        await ack(response_action="update", view=self._render.modal(reply))
        self._begin(self._rest_acknowledged(replies, surface, None))

    async def on_home(self, body: Body) -> None:
        if body["event"].get("tab") == "home":
            request = Request(guard.actor(body), Word.HOME, delivery=guard.delivery(body))
            self._begin(self._converse(request, HomeTab(self._slack, self._render, request.actor.user_id)))

    async def on_error(self, error: Exception, body: Body) -> BoltResponse:
        """A listener failed before its task began. Slack is answered all the same, else it shows its own error."""
        if isinstance(error, BoltUnhandledRequestError):
            log.warning("payload of no use to us", extra={"type": str(body.get("type", ""))})
            return BoltResponse(status=200, body="")
        reply = _failed(error)
        if body.get("type") == "view_submission":
            return BoltResponse(status=200, body={"response_action": "update", "view": self._render.modal(reply)})
        if guard.actor(body).user_id:
            self._begin(self._tell(self._at(body), reply))
        return BoltResponse(status=200, body="")

    def _answer(self, request: Request, body: Body) -> None:
        """Where the person stands; what asks for a choice or a reason opens a modal, unless one is open already."""
        surface = self._at(body)
        if _wants_modal(request) and not isinstance(surface, Modal):
            self._begin(self._in_modal(request, body["trigger_id"], surface))
        else:
            self._begin(self._converse(request, surface))

    def _at(self, body: Body) -> Surface:
        user_id, view = guard.actor(body).user_id, body.get("view") or {}
        if view.get("type") == "modal":
            return Modal(self._slack, self._render, view["id"])
        if not (url := body.get("response_url", "")):
            return DirectMessage(self._slack, self._render, user_id)
        original = Original.NOTHING
        if container := body.get("container"):
            original = Original.EPHEMERAL if container.get("is_ephemeral") else Original.LASTING
        return Ephemeral(self._slack, self._render, url=url, user_id=user_id, original=original)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_modal(self, request: Request, trigger_id: str, otherwise: Surface) -> None:
        """The trigger lives for 3 seconds, so that the modal opens before anything is looked up."""
        surface = otherwise
        try:
            opened = await self._slack.client.views_open(trigger_id=trigger_id, view=self._render.modal(MOMENT))
            surface = Modal(self._slack, self._render, opened["view"]["id"])
        except SlackApiError as error:
            log.warning("modal not opened", extra={"code": translated(error).code})
        except UNANSWERED as error:
            log.warning("modal not opened", extra={"code": type(error).__name__})
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
        except Exception as error:  # noqa: BLE001 - logged in _failed, and told
            await self._tell(surface, _failed(error))

    async def _next(self, replies: Iterator[Reply], pool: Executor) -> Reply | None:
        return await asyncio.get_running_loop().run_in_executor(pool, next, replies, None)

    async def _rest_acknowledged(
        self, replies: Iterator[Reply], surface: Surface, first: asyncio.Future[Reply | None] | None
    ) -> None:
        await asyncio.sleep(ACKNOWLEDGED_SECONDS)
        await self._rest(replies, surface, first)

    async def _tell(self, surface: Surface, reply: Reply) -> None:
        """An error where the person stands, with a reference that the log has too."""
        try:
            await surface.show(reply)
        except Exception:
            log.exception("nobody could be told", extra={"reference": reply.context["reference"]})

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


def submitted(body: Body) -> Request:
    """The form that was shown for a request: the same again, now with what was filled in."""
    view = body["view"]
    asked = json.loads(view.get("private_metadata") or "{}")
    request = Request(
        guard.actor(body),
        Word(asked["word"]),
        subject=asked["subject"],
        target=asked["target"],
        argument=asked["argument"],
        delivery=guard.delivery(body),
    )
    return filled_in(request, view.get("state", {}).get("values", {}))


def _wants_modal(request: Request) -> bool:
    """Change asks for a choice, revoke whether it is meant; what an admin does about somebody else wants a reason."""
    about_another = request.subject not in ("", request.actor.user_id)
    if request.word is Word.REVOKE:
        return not request.argument
    if request.word is Word.CHANGE and not about_another:
        return request.choice is None
    pauses = request.word is Word.SYNC and request.argument == "pause"
    return about_another and (request.word in (Word.REFRESH, Word.CHANGE) or pauses) and not request.reason


def _failed(error: Exception) -> Reply:
    reference = secrets.token_hex(4).upper()
    log.error("request failed", exc_info=error, extra={"reference": reference})
    return Reply("error", {"reference": reference})


async def _acknowledge(ack: AsyncAck) -> None:
    await ack()
