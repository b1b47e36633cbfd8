"""The adapters of handlers/slack before the sandbox's Slack, with a desk that a test tells what to say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from slack_bolt.app.async_app import AsyncApp

from bot.model import Reply, Request
from handlers.slack.app import Pools, SlackSide
from handlers.slack.connect import Connection, connected
from handlers.slack.http import HttpMode
from handlers.slack.manifest import manifest
from handlers.slack.socket import Pace, SocketMode
from handlers.web import app as web
from tests.handlers.slack.samples import NAMES, RENDER
from tests.handlers.web.rig import StandIn
from tests.rehearsal.slack.rig import Rig
from tests.sandbox.serving import Serving, free_port
from tests.sandbox.slack import SlackServer

ADA, BOB, GRACE, MALLORY = "U0ADA", "U0BOB", "U0GRACE", "U0MALLORY"
GUEST, ROBOT, LEAVER = "U0GUEST", "U0ROBOT", "U0LEAVER"
TEAM = "T_ACME"
PUBLIC_URL = "http://bot.localhost:9"
HELD = 15.0

Says = Callable[[Request], Iterator[Reply]]


class Town:
    """Slack with the cast and our app in it, and a loop like that of `relatch run`."""

    def __init__(self, directory: Path) -> None:
        self.rig = Rig(directory)
        self.slack: SlackServer = self.rig.slack
        self.slack.add_user(GUEST, "gus", "Gus Guest", "gus@acme.example", is_restricted=True)
        self.slack.add_user(ROBOT, "robbie", "Robbie", "", is_bot=True)
        self.slack.add_user(LEAVER, "lea", "Lea Left", "lea@acme.example", deleted=True)
        self.slack.install(manifest(PUBLIC_URL, NAMES))
        self.slack.limit_posting(False)
        self.ca = Path(self.rig.ca)
        self.render = RENDER
        self.serving = Serving()
        self.serving.start()
        self._stack = AsyncExitStack()
        self._front: Front | None = None
        self.connection = self.serving.call(self.connect())

    @property
    def loop(self) -> Any:
        return self.serving._loop

    async def connect(self, **others: Any) -> Connection:
        bot = {"token": self.rig.app.bot_token, "base_url": self.rig.api}
        given: dict[str, Any] = {**bot, "ca_bundle": self.ca, "proxy": ""}
        return await self._stack.enter_async_context(connected(**(given | others)))

    @contextmanager
    def running(self, desk: Answers, *, pace: Pace | None = None) -> Iterator[Running]:
        """By Socket Mode."""
        with self._side(desk) as side:
            intake = SocketMode(
                side.app, slack=self.connection, app_token=self.rig.app.app_token, pace=pace or Pace()
            )
            running = Running(self, side, intake)
            self.serving.call(intake.start())
            self.slack.wait(lambda: self.slack.connections == 1 and intake.connected, what="the connection")
            try:
                yield running
            finally:
                desk.let_go()
                running.stop()
                self.slack.wait(lambda: self.slack.connections == 0, what="the end of the connection")

    @contextmanager
    def called(self, desk: Answers, make: Callable[[AsyncApp], HttpMode] = HttpMode) -> Iterator[Running]:
        """Over HTTP, through the web application. `make` may leave a guard out, to see what it guarded."""
        if self._front is None:
            self._front = Front(self)
        with self._side(desk) as side:
            self._front.intake = intake = make(side.app)
            running = Running(self, side, intake, url=self._front.url)
            self.serving.call(intake.start())
            self.slack.install(manifest(self._front.url, NAMES, http=True))
            try:
                yield running
            finally:
                self.slack.install(manifest(PUBLIC_URL, NAMES))
                desk.let_go()
                running.stop()

    @contextmanager
    def _side(self, desk: Answers) -> Iterator[SlackSide]:
        with ThreadPoolExecutor(4) as first, ThreadPoolExecutor(4) as later:
            yield SlackSide(
                desk=desk,
                render=self.render,
                slack=self.connection,
                pools=Pools(desk=first, later=later),
                signing_secret=self.rig.app.signing_secret,
            )

    def close(self) -> None:
        if self._front is not None:
            self._front.close()
        self.serving.call(self._stack.aclose())
        self.serving.stop()
        self.rig.serving.stop()


@dataclass(frozen=True, slots=True)
class Running:
    """Our side of Slack and what listens; `url` is where Slack calls us, where it does."""

    town: Town
    side: SlackSide
    intake: SocketMode | HttpMode
    url: str = ""

    def stop(self) -> None:
        """As `relatch run` does: nothing more comes in, then what is under way ends."""
        self.town.serving.call(self.intake.stop())
        self.town.serving.call(self.side.stop())


class Front:
    """The web application on a port, for one intake after the other: to start a server takes half a second."""

    def __init__(self, town: Town) -> None:
        port = free_port()
        self.url = f"http://bot.localhost:{port}"
        self.intake: HttpMode | None = None
        self._pool = ThreadPoolExecutor(1)
        app = web.create(
            sign_in=StandIn(),
            ready=dict,
            names=NAMES,
            public_url=self.url,
            pool=self._pool,
            slack_app_url=town.connection.app_url,
            slack_events=self,
        )
        self._server = web.serve(app, "127.0.0.1", port)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), town.loop)
        town.slack.wait(lambda: self._server.started, what="the web server")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert self.intake is not None, "nobody is called yet"
        await self.intake(scope, receive, send)

    def close(self) -> None:
        self._server.should_exit = True
        self._serving.result(HELD)
        self._pool.shutdown()


class Answers(Protocol):
    """A desk, and the end of a test: whatever waits in it may go on."""

    def answer(self, request: Request) -> Iterator[Reply]: ...

    def let_go(self) -> None: ...


class Desk:
    """Keeps what it was asked, answers a delivery once, and says what a test lets it say: `says`, `replies`."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.ended = 0
        self._seen: set[str] = set()
        self._gate = threading.Event()
        self.replies(told("done"))

    def replies(self, *replies: Reply) -> None:
        self.says: Says = lambda _: iter(replies)

    def hold(self) -> None:
        """The desk waits here until `let_go`, as for a vendor who does not answer."""
        assert self._gate.wait(HELD), "nobody let go of the desk"

    def let_go(self) -> None:
        self._gate.set()

    def answer(self, request: Request) -> Iterator[Reply]:
        if request.delivery in self._seen:
            return
        self._seen.add(request.delivery)
        self.asked.append(request)
        yield from self.says(request)
        self.ended += 1


def told(words: str) -> Reply:
    """A reply by which a test can see which one it is."""
    return Reply("nobody", {"typed": f"@{words}"})


def held_then(desk: Desk, *replies: Reply) -> Says:
    def says(_: Request) -> Iterator[Reply]:
        desk.hold()
        yield from replies

    return says
