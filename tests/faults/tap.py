"""What passes at the doors of the sandbox's Google and Slack: counted, slowed, or failed at a chosen call.

It sits in front of the servers' own handling and imports nothing of the bot.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.sandbox.google import GoogleServer
from tests.sandbox.slack import SlackServer


class Failure(StrEnum):
    """How one call fails: a server error, a broken connection before the work is done, or one after it."""

    ERROR = "error"
    BROKEN = "broken"
    LOST = "lost"


class Tap:
    """Every call of a program to one server. `watched` gives the name under which a call is counted, or ''."""

    def __init__(self, app: web.Application, watched: Callable[[web.Request], str]) -> None:
        self._watched = watched
        self._lock = threading.Lock()
        self._failing: dict[int, Failure] = {}
        self.calls: list[str] = []
        app.middlewares.insert(0, self._pass)

    def fail(self, nth: int, how: Failure) -> None:
        """The `nth` call from now on, counted from 1."""
        with self._lock:
            self._failing[len(self.calls) + nth] = how

    def relent(self) -> int:
        """No call fails from now on. How many were still to fail."""
        with self._lock:
            spared = len(self._failing)
            self._failing.clear()
            return spared

    @web.middleware
    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = self._watched(request)
        if not name:
            return await handler(request)
        with self._lock:
            self.calls.append(name)
            how = self._failing.pop(len(self.calls), None)
        match how:
            case None:
                return await handler(request)
            case Failure.ERROR:
                return web.Response(status=503, text="upstream connect error")
            case Failure.BROKEN:
                return _broken(request)
            case Failure.LOST:
                await handler(request)
                return _broken(request)


class TokenDoor:
    """Renewals at Google: how many are under way, in all and for one account, and how long each takes."""

    def __init__(self, google: GoogleServer) -> None:
        self._google = google
        self._lock = threading.Lock()
        self._random = random.Random(11)
        self._now: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self.posts = 0
        self.delay = (0.0, 0.0)
        google.api_app.middlewares.insert(0, self._pass)

    @property
    def under_way(self) -> int:
        with self._lock:
            return self._now.total()

    @property
    def most_at_once(self) -> int:
        """The most renewals of any one account that were under way together."""
        with self._lock:
            return max(self._most.values(), default=0)

    @web.middleware
    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/token":
            return await handler(request)
        form = await request.post()
        email = self._google.state.tokens.owner(str(form.get("refresh_token", "")))
        with self._lock:
            self.posts += 1
            self._now[email] += 1
            self._most[email] = max(self._most[email], self._now[email])
        try:
            # Half of the wait comes before the old token ends and half after it: a cut may land in either.
            await self._wait()
            answer = await handler(request)
            await self._wait()
            return answer
        finally:
            with self._lock:
                self._now[email] -= 1

    async def _wait(self) -> None:
        await asyncio.sleep(self._random.uniform(*self.delay) / 2)


def google_calls(google: GoogleServer) -> Tap:
    return Tap(google.api_app, lambda request: request.path)


def slack_calls(slack: SlackServer) -> Tap:
    """The Web API and the posts to response_urls; the frames of Socket Mode are not calls."""
    watched = ("/api/", "/commands/", "/actions/")
    return Tap(slack.api_app, lambda request: request.path if request.path.startswith(watched) else "")


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
