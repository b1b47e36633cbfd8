"""Slack in, Slack out: one listener for each kind of payload, one task for each request. It decides nothing.

How payloads come in, by a socket or over HTTP, is not known here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

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


class SlackSide:
    """`app` is what an intake hands payloads to: SocketMode, or HttpMode with the app's signing secret."""

    def __init__(
        self, *, desk: Desk, render: Renderer, slack: Connection, pools: Pools, signing_secret: str = ""
    ) -> None:
        self._desk = desk
        self._render = render
        self._slack = slack
        self._pools = pools
        self._tasks: set[asyncio.Task[None]] = set()
        self.app = self._application(signing_secret)

    async def stop(self) -> None:
        """Lets answers under way end. Its intake was stopped before."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN.total_seconds())

    def _application(self, signing_secret: str) -> AsyncApp:
        # Bolt's own loggers take the level of the one they are given; left alone, they log whole payloads at DEBUG.
        app = AsyncApp(
            name="bolt",  # Its loggers are named so. Without, it reads the source of every caller to find a name.
            client=self._slack.client,
            # Given none at all, Bolt would look for one in the environment.
            signing_secret=signing_secret,
            # It would be answered before the signature is looked at; HttpMode does that, for what Slack documents.
            ssl_check_enabled=False,
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
