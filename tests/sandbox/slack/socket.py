"""Socket Mode: tickets, up to ten connections, frames over one of them. It does not know what it carries."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.sandbox.slack.faults import SOCKET, Faults
from tests.sandbox.slack.state import APP, Json, State

MOST_CONNECTIONS = 10
# How long the old connection stays open after it was told to go.
REFRESH_GRACE = 10.0
HOST = "applink-sandbox"


class NoConnection(Exception):
    """The app has no open connection: Slack has nobody to tell."""


@dataclass(eq=False, slots=True)
class Connection:
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    leaving: bool = False


@dataclass(slots=True)
class SocketMode:
    """Its methods run in the loop of the API application."""

    state: State
    faults: Faults
    address: str = ""
    _tickets: set[str] = field(default_factory=set)
    _connections: list[Connection] = field(default_factory=list)
    _waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)

    def new_url(self) -> str:
        """Good for one connection."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        scheme, _, rest = self.address.partition("://")
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/link/?ticket={ticket}&app_id={APP}"

    @property
    def connections(self) -> int:
        return sum(not each.leaving and not each.socket.closed for each in self._connections)

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or self.faults.down:
            raise web.HTTPForbidden(text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if reason := self._unwelcome():
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}})
            await socket.close()
            return socket
        connection = Connection(socket, request.transport)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello())
            await self._listen(connection)
        finally:
            self._connections.remove(connection)
        return socket

    async def send(self, frame: Json, *, seconds: float) -> Json:
        """Gives the payload of the acknowledgement. Raises NoConnection, or TimeoutError after `seconds`."""
        chosen = self._choose()
        acknowledged: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[frame["envelope_id"]] = acknowledged
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(self.faults.delay(SOCKET))
                # A connection that broke meanwhile loses the frame, and the acknowledgement never comes.
                with contextlib.suppress(ConnectionError):
                    await chosen.socket.send_str(json.dumps(frame))
                return await acknowledged
        finally:
            self._waiting.pop(frame["envelope_id"], None)

    async def drop(self, how: str) -> None:
        """`abort` cuts the TCP connections; `refresh` asks for new ones and closes the old ones later."""
        for connection in list(self._connections):
            if how == "abort":
                self._abort(connection)
            else:
                connection.leaving = True
                frame = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": HOST}}
                await connection.socket.send_json(frame)
                asyncio.get_running_loop().call_later(REFRESH_GRACE, self._abort, connection)

    async def close(self, _app: web.Application) -> None:
        for connection in list(self._connections):
            await connection.socket.close(code=1001, drain=False)

    def _choose(self) -> Connection:
        open_ones = [each for each in self._connections if not each.socket.closed]
        staying = [each for each in open_ones if not each.leaving]
        if not open_ones:
            raise NoConnection
        return random.choice(staying or open_ones)

    def _abort(self, connection: Connection) -> None:
        if connection.transport is not None:
            connection.transport.abort()

    def _unwelcome(self) -> str:
        if not self.state.setting("settings", "socket_mode_enabled"):
            return "link_disabled"
        return "too_many_websockets" if self.connections >= MOST_CONNECTIONS else ""

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connections,
            "connection_info": {"app_id": APP},
            "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18060},
        }

    async def _listen(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            await asyncio.sleep(self.faults.delay(SOCKET))
            said: dict[str, Any] = json.loads(frame.data)
            waiting = self._waiting.get(str(said.get("envelope_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(said.get("payload") or {})
