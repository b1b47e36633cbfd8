"""The adapters of handlers/slack before the sandbox's Slack, with a desk that a test tells what to say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

from bot.model import Reply, Request
from handlers.slack.app import Pace, Pools, SlackSide
from handlers.slack.blocks import Renderer
from handlers.slack.connect import Connection, connected
from handlers.slack.manifest import manifest
from tests.handlers.sandbox_slack.rig import Rig
from tests.handlers.slack.samples import NAMES
from tests.sandbox.serving import Serving
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
        self.render = Renderer(NAMES)
        self.serving = Serving()
        self.serving.start()
        self._stack = AsyncExitStack()
        self.connection = self.serving.call(self.connect())

    @property
    def loop(self) -> Any:
        return self.serving._loop

    async def connect(self, **others: Any) -> Connection:
        bot = {"token": self.rig.app.bot_token, "base_url": self.rig.api}
        given: dict[str, Any] = {**bot, "ca_bundle": self.ca, "proxy": ""}
        return await self._stack.enter_async_context(connected(**(given | others)))

    @contextmanager
    def running(self, desk: Desk, *, pace: Pace | None = None) -> Iterator[SlackSide]:
        with ThreadPoolExecutor(4) as first, ThreadPoolExecutor(4) as later:
            pools = Pools(desk=first, later=later)
            side = self.serving.call(self._side(desk, pools, pace or Pace()))
            self.serving.call(side.start())
            self.slack.wait(lambda: self.slack.connections == 1 and side.connected, what="the connection")
            try:
                yield side
            finally:
                desk.let_go()
                self.serving.call(side.stop())
                self.slack.wait(lambda: self.slack.connections == 0, what="the end of the connection")

    async def _side(self, desk: Desk, pools: Pools, pace: Pace) -> SlackSide:
        return SlackSide(
            desk=desk,
            render=self.render,
            slack=self.connection,
            app_token=self.rig.app.app_token,
            pools=pools,
            pace=pace,
        )

    def close(self) -> None:
        self.serving.call(self._stack.aclose())
        self.serving.stop()
        self.rig.serving.stop()


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
