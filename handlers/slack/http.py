"""Slack calls us: what cannot be a request of Slack's is refused before Bolt reads it, and each is taken once.

It is a bare ASGI application and knows no route and no page.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_BYTES = 1_000_000
# Slack gives up on an answer after 3 seconds: who sends slower is not Slack.
READ_SECONDS = 3.0
# The slowest honest answer is that to a form, which waits for the desk.
ANSWER_SECONDS = 3.0
# Bolt takes a timestamp up to five minutes old and as much ahead, so that a copy may come ten minutes later.
REPLAYABLE = timedelta(minutes=10)

SIGNED = (
    (b"x-slack-request-timestamp", re.compile(rb"[0-9]{10}")),
    (b"x-slack-signature", re.compile(rb"v0=[0-9a-f]{64}")),
)
SIGNATURE = "x-slack-signature"

log = logging.getLogger(__name__)


class Refused(Exception):
    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Ledger:
    """Which signatures were taken. In memory: across a restart the desk's own ledger knows every delivery."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, float] = OrderedDict()

    def first_time(self, signature: str) -> bool:
        now = monotonic()
        while self._taken and next(iter(self._taken.values())) < now - REPLAYABLE.total_seconds():
            self._taken.popitem(last=False)
        if signature in self._taken:
            return False
        self._taken[signature] = now
        return True


class HttpMode:
    """What stands behind the request URL of the manifest. It takes requests between `start` and `stop`."""

    def __init__(self, app: AsyncApp) -> None:
        self._app = app
        self._ledger = Ledger()
        self._under_way = 0
        self.connected = False
        # It stands behind Bolt's check of the signature, so that nobody else can fill the ledger.
        app.middleware(self.once)

    async def start(self) -> None:
        """Slack has been asked who we are before anything was made, so that there is nothing to wait for."""
        self.connected = True

    async def stop(self) -> None:
        """New requests are refused from here on; returns when those under way are answered, 3 seconds at most."""
        self.connected = False
        until = monotonic() + ANSWER_SECONDS
        while self._under_way and monotonic() < until:  # noqa: ASYNC110 - once in a process's life, at its end
            await asyncio.sleep(0.01)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._under_way += 1
        try:
            answer = await self._answer(scope, receive)
            headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        finally:
            self._under_way -= 1

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        if not self.connected:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE)
        if scope["method"] != "POST":
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": "POST"})
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await self._read(receive)
            if _asks_for_certificate_only(body):
                return Answer(HTTPStatus.OK)
            self.look_at(scope["headers"])
            request = self._understood(scope["headers"], body)
        except TimeoutError:
            return Answer(HTTPStatus.REQUEST_TIMEOUT, {"connection": "close"})
        except Refused as refusal:
            return Answer(refusal.status)
        return await self._dispatch(request)

    async def _read(self, receive: Receive) -> bytes:
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(HTTPStatus.BAD_REQUEST)
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > BODY_BYTES:
                raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return bytes(body)

    def look_at(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Bolt answers 500 to a timestamp that is no number and to a signature beyond ASCII (tried). Raises Refused."""
        for wanted, shape in SIGNED:
            values = [value for name, value in headers if name.lower() == wanted]
            if len(values) != 1 or not shape.fullmatch(values[0]):
                raise Refused(HTTPStatus.UNAUTHORIZED)

    def _understood(self, headers: list[tuple[bytes, bytes]], body: bytes) -> AsyncBoltRequest:
        named: dict[str, str | Sequence[str]] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in headers
        }
        try:
            return AsyncBoltRequest(body=body.decode(), headers=named)
        except Exception as error:
            # Bolt reads the body before it checks the signature, and stumbles in many ways: it is not even Slack's.
            raise Refused(HTTPStatus.BAD_REQUEST) from error

    async def _dispatch(self, request: AsyncBoltRequest) -> Answer:
        try:
            response = await self._app.async_dispatch(request)
        except Exception:
            # Anything else, Slack would send again, or show the person its own error.
            log.exception("payload not read")
            return Answer(HTTPStatus.OK)
        return Answer(response.status, response.first_headers_without_set_cookie(), response.body.encode())

    async def once(self, request: AsyncBoltRequest, next_: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
        """A copy of a request has its signature: it is acknowledged, and nothing begins."""
        if self._ledger.first_time(request.headers[SIGNATURE][0]):
            return await next_()
        log.warning("a copy of a request of Slack's was refused")
        return BoltResponse(status=200, body="")


def _asks_for_certificate_only(body: bytes) -> bool:
    """Not signed; docs.slack.dev/interactivity/implementing-slash-commands: "please do confirm receipt" with a 200."""
    return b"ssl_check=1" in body.split(b"&")
