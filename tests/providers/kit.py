"""What the kits of all vendors share: a server that the tests of a process borrow in turn, our provider, and lies."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from providers.base import Access, Credential, Provider
from providers.wire import Wire
from tests.keeping import Memory
from tests.sandbox.clock import SandboxClock
from tests.sandbox.log import Seen
from tests.sandbox.serving import Serving, own_tls

ADA = "ada@acme.example"
BOB = "bob@acme.example"
GRACE = "grace@acme.example"
P = TypeVar("P", bound=Provider)
V = TypeVar("V", bound="Vendor")
Lie = Callable[[web.Request], web.Response | None]
Saying = Callable[[Mapping[str, str]], dict[str, Any]]
Body = bytes | str | dict[str, Any] | list[Any] | Saying


class Server(Protocol):
    """What every vendor's has: these switches, and what it was asked."""

    @property
    def requests(self) -> list[Seen]: ...
    def down(self, on: bool) -> None: ...
    def slow(self, seconds: float) -> None: ...
    def rate_limit(self, on: bool) -> None: ...


class OAuthServer(Protocol):
    """One with pages for people, an address for programs, and clients."""

    login_app: web.Application
    api_app: web.Application

    def addresses(self, *, login: str, api: str) -> None: ...
    def register_client(self, redirect_uris: Sequence[str]) -> tuple[str, str]: ...


class Vendor:
    """A vendor of the sandbox, served. What a test does to it is undone for the next."""

    # Whose word its certificate is.
    authority: ClassVar[str] = "the sandbox"

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        self.clock = clock
        self.ca_bundle = folder / "ca.pem"
        self.memory = Memory(clock, self)
        self._serving = serving

    def let_go(self) -> None:
        """Ends what nobody but the borrower uses."""

    def serve(self, app: web.Application) -> str:
        """Serves what programs ask, behind a certificate of `ca_bundle`. Gives its address."""
        tls = own_tls(self.ca_bundle, authority=self.authority)
        return f"https://localhost:{self._serving.serve(app, tls=tls)}"

    def serve_pages(self, host: str, app: web.Application) -> str:
        """Serves what browsers see."""
        return f"http://{host}:{self._serving.serve(app)}"

    def callback(self, vendor: str) -> str:
        """Where the vendor sends browsers back to: a page that says so and nothing else."""
        ours = web.Application()
        ours.router.add_get(f"/callback/{vendor}", _landing)
        return f"{self.serve_pages('bot.localhost', ours)}/callback/{vendor}"


class Kit(Vendor, ABC, Generic[P]):
    """A vendor, and our provider that may use it. The person of its switches is Bob."""

    access: ClassVar[Access]
    server: Server

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.settings: dict[str, Any] = {}
        self._lies: dict[str, Lie] = {}

    def let_go(self) -> None:
        vars(self).pop("provider", None)

    @abstractmethod
    def make(self, **others: Any) -> P:
        """Our provider, with other settings where a test wants them."""

    @cached_property
    def provider(self) -> P:
        return self.make()

    @cached_property
    def wire(self) -> Wire:
        return Wire(ca_bundle=self.ca_bundle)

    @abstractmethod
    def answer(self, email: str = BOB, *, cancel: bool = False) -> tuple[dict[str, str], str]:
        """What comes back from a sign-in of `email`, and what `complete` must remember."""

    def sign_in(self, email: str = BOB) -> Credential:
        return self._once(email, lambda: self.provider.complete(*self.answer(email)))

    def _once(self, what: Hashable, play: Callable[[], Credential]) -> Credential:
        """Played anew where something has happened before. Our provider learns from it either way."""
        credential, learned = self.memory.once(what, lambda: (play(), self.copied(vars(self.provider))))
        vars(self.provider).update(self.copied(learned))
        return credential

    def copied(self, learned: dict[str, Any]) -> dict[str, Any]:
        """What a provider has learned, for another on the same wire and by the same clock."""
        return copy.deepcopy(learned, {id(same): same for same in (self.wire, self.clock)})

    def serve_registered(self, vendor: str, server: OAuthServer) -> str:
        """Serves it, with our client known there, which `settings` begin with. Gives the address of its programs."""
        api = self.serve(server.api_app)
        server.addresses(login=self.serve_pages(f"login.{vendor}.localhost", server.login_app), api=api)
        callback = self.callback(vendor)
        client_id, client_secret = server.register_client([callback])
        self.settings = {"client_id": client_id, "client_secret": client_secret, "redirect_uri": callback}
        return api

    # The switches

    @abstractmethod
    def refuse_definitely(self) -> None:
        """Bob's sign-in is over, in words that leave no doubt."""

    @abstractmethod
    def refuse(self) -> None:
        """Bob's sign-in is refused, in words that may be a mistake where the vendor has such."""

    def go_down(self) -> None:
        self.server.down(True)

    def go_slow(self, seconds: float) -> None:
        self.server.slow(seconds)

    def limit(self) -> None:
        self.server.rate_limit(True)

    @abstractmethod
    def token_posts(self) -> int:
        """How many renewals have been asked for."""

    # Lies

    def intercept(self, path: str, lie: Lie) -> None:
        """From now on it answers requests of programs with `path` in theirs. Where it gives None, the vendor does."""
        self._lies[path] = lie

    def lie(
        self,
        body: Body,
        *,
        status: int = 200,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        kind: str = "",
    ) -> None:
        """From now on every request of a program with `path` in its own is answered with this."""

        def answer(request: web.Request) -> web.Response:
            said = body(request.query) if callable(body) else body
            is_page = isinstance(said, bytes | str)
            text, usual = (said, "text/html") if is_page else (json.dumps(said), "application/json")
            return web.Response(body=text, status=status, content_type=kind or usual, headers=headers)

        self.intercept(path, answer)

    def tell_the_truth(self) -> None:
        self._lies.clear()

    def serve(self, app: web.Application) -> str:
        app.middlewares.insert(0, self._lie)
        return super().serve(app)

    @web.middleware
    async def _lie(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        for path, lie in self._lies.items():
            answer = lie(request) if path in request.path else None
            if answer is not None:
                return answer
        return await handler(request)


class Kits:
    """The vendors of a process, under one clock. Whoever borrows one finds it as it was made."""

    def __init__(self, folder: Path) -> None:
        self.clock = SandboxClock(folder / "clock")
        self._folder = folder
        self._serving = Serving()
        self._serving.start()
        self._made: dict[type, Vendor] = {}
        self._lent: list[type] = []

    @contextmanager
    def lent(self, kind: type[V]) -> Iterator[V]:
        """One of each kind at a time."""
        assert kind not in self._lent, "two tests at once would find what the other left"
        if not self._lent:
            self.clock.move(-self.clock.offset)
        vendor = self._of(kind)
        vendor.memory.as_new()
        self._lent.append(kind)
        try:
            yield vendor
        finally:
            vendor.let_go()
            self._serving.calm()
            self._lent.remove(kind)

    def end(self) -> None:
        self._serving.stop()

    def _of(self, kind: type[V]) -> V:
        if kind not in self._made:
            folder = self._folder / f"{kind.__module__}.{kind.__name__}"
            folder.mkdir()
            self._made[kind] = kind(self._serving, self.clock, folder)
        made = self._made[kind]
        assert isinstance(made, kind)
        return made


async def _landing(_request: web.Request) -> web.Response:
    return web.Response(text="Back at the bot")
