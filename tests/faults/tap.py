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

LONGEST_HELD = 60.0  # seconds


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
    """Renewals at a vendor: how many are under way, in all and for one account, and how long each takes.

    `owner` gives the account that a refresh token was made for.
    """

    def __init__(self, app: web.Application, owner: Callable[[str], str]) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._random = random.Random(11)
        self._now: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self.posts = 0
        self.delay = (0.0, 0.0)
        app.middlewares.insert(0, self._pass)

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
        if not request.path.endswith("/token"):
            return await handler(request)
        form = await request.post()
        email = self._owner(str(form.get("refresh_token", "")))
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


class Gate:
    """Keeps the next call of a kind, before or after its work, so that its program can be killed right there."""

    def __init__(self, app: web.Application, watched: Callable[[web.Request], bool]) -> None:
        self._watched = watched
        self._armed = self._done_first = False
        self._open = threading.Event()
        self._reached = threading.Event()
        app.middlewares.insert(0, self._pass)

    def close(self, *, done_first: bool) -> None:
        """The next call waits here, with its work done or not."""
        self._reached.clear()
        self._open.clear()
        self._armed, self._done_first = True, done_first

    def open(self) -> None:
        """What was kept gets no answer; what was not done never will be."""
        self._armed = False
        self._open.set()

    @property
    def holds(self) -> bool:
        return self._reached.is_set()

    @web.middleware
    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._armed or not self._watched(request):
            return await handler(request)
        self._armed = False
        await request.read()
        if self._done_first:
            await handler(request)
        self._reached.set()
        await asyncio.to_thread(self._open.wait, LONGEST_HELD)
        return _broken(request)


class Uses:
    """Every call that carries somebody's token, but for those that end it. `owner` knows a living token's account."""

    def __init__(self, app: web.Application, owner: Callable[[str], str]) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self.seen: list[tuple[str, str]] = []
        app.middlewares.insert(0, self._pass)

    def of(self, email: str) -> list[str]:
        """The paths. A token of which nobody knows the owner counts as everybody's."""
        with self._lock:
            return [path for owner, path in self.seen if owner in {email, ""}]

    def whose(self, token: str) -> str:
        """Also after it has ended, if it came by here before or was asked about."""
        with self._lock:
            if owner := self._owner(token):
                self._known[token] = owner
            return self._known.get(token, "")

    @web.middleware
    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token and request.method == "POST":
            token = str((await request.post()).get("refresh_token", ""))
        if token and not request.path.endswith("/revoke"):
            owner = self.whose(token)
            with self._lock:
                self.seen.append((owner, request.path))
        return await handler(request)


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
