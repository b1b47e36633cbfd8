"""Server-sent events: what happens in Slack, told to the open pages of those who see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.sandbox.slack.state import Change, Json, Post, State, View

# A comment now and then keeps the line open, and shows the server when the page has gone.
HEARTBEAT = 10.0


@dataclass(eq=False, slots=True)
class Listener:
    user: str
    events: asyncio.Queue[Json] = field(default_factory=asyncio.Queue)


class Stream:
    """`message` and `view` give the JSON that the page knows."""

    def __init__(
        self, state: State, *, message: Callable[[Post], Json], view: Callable[[View], Json]
    ) -> None:
        self._state = state
        self._message = message
        self._view = view
        self._listeners: list[Listener] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        state.listen(self._happened)

    async def serve(self, request: web.Request, user: str) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        listener = Listener(user)
        with self._state.lock:
            for view in self._state.stacks.get(user, []):
                listener.events.put_nowait({"type": "view_open", "view": self._view(view)})
            self._listeners.append(listener)
        try:
            await self._pump(listener, response)
        except ConnectionError:
            pass  # The page was closed.
        finally:
            self._listeners.remove(listener)
        return response

    def tell_all(self, event: Json) -> None:
        self._tell(event, {listener.user for listener in self._listeners})

    async def _pump(self, listener: Listener, response: web.StreamResponse) -> None:
        await response.write(b": hello\n\n")
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    event = await listener.events.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
            else:
                await response.write(f"data: {json.dumps(event)}\n\n".encode())

    def _happened(self, change: Change) -> None:
        """Runs in whatever thread changed something, with the state locked."""
        body = dict(change.body)
        if post := body.pop("post", None):
            body = {"channel": post.channel, **self._message(post)}
        elif view := body.pop("view", None):
            body = {"view": self._view(view)}
        self._tell({"type": change.kind, **body}, set(change.users))
        if change.kind in {"message", "ephemeral"}:
            for user in change.users:
                unread = self._state.unread(user, body["channel"])
                self._tell({"type": "badge", "channel": body["channel"], "unread": unread}, {user})

    def _tell(self, event: Json, users: set[str]) -> None:
        if self.loop is None or self.loop.is_closed():
            return
        for listener in list(self._listeners):
            if listener.user in users:
                self.loop.call_soon_threadsafe(listener.events.put_nowait, event)
