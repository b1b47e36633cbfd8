"""How the contract test presses Exchange's switches and fills in its form. Only what is Exchange's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from providers.base import Access, AccessType, Credential, Form
from providers.exchange import Exchange
from providers.wire import Wire
from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange import ExchangeServer
from tests.sandbox.serving import Serving, own_tls

ADA = "ada@acme.example"
BOB = "bob@acme.example"
GRACE = "grace@acme.example"
GRACES_LOGIN = "ACME\\grace"
# No Latin-1 has it all, and a colon parts the two halves of a Basic login.
BOBS_PASSWORD = "bob's: päss€ 密"
GRACES_PASSWORD = "grace's pass"
LOGINS = {BOB: BOB, GRACE: GRACES_LOGIN, ADA: ADA}
PASSWORDS = {BOB: BOBS_PASSWORD, GRACE: GRACES_PASSWORD, ADA: "ada's"}
EXCHANGE = Access(AccessType.EXCHANGE)


class ExchangeKit:
    """An Exchange of the sandbox, and our provider that may use it. Ada, Bob and Grace have mailboxes."""

    def __init__(self, server: ExchangeServer, clock: SandboxClock, ca_bundle: Path) -> None:
        self.server = server
        self.clock = clock
        self.ca_bundle = ca_bundle
        self._serving = Serving()
        self._said: tuple[bytes, int, dict[str, str], bytes, str] | None = None
        self._autodiscover: Handler | None = None
        # What was asked, oldest first, as it came over the wire.
        self.asked: list[bytes] = []
        server.api_app.middlewares.insert(0, self._lying)

    @classmethod
    @contextmanager
    def running(cls, directory: Path, *, authority: str = "the sandbox") -> Iterator[ExchangeKit]:
        clock = SandboxClock(directory / "clock")
        kit = cls(ExchangeServer(clock), clock, directory / "ca.pem")
        kit._serving.start()
        try:
            tls = own_tls(directory / "ca.pem", authority=authority)
            port = kit._serving.serve(kit.server.api_app, tls=tls)
            kit.server.addresses(api=f"https://localhost:{port}")
            for email in (BOB, GRACE, ADA):
                kit.server.add_account(email, login=LOGINS[email], password=PASSWORDS[email])
            yield kit
        finally:
            kit._serving.stop()

    @property
    def host(self) -> str:
        return self.server.ews_url.split("/")[2]

    def make(self, **others: Any) -> Exchange:
        """Our provider, with other settings where a test wants them."""
        settings: dict[str, Any] = {
            "wire": Wire(ca_bundle=self.ca_bundle),
            "clock": self.clock.now,
            "hosts": frozenset({self.host}),
        }
        return Exchange(**(settings | others))

    @cached_property
    def provider(self) -> Exchange:
        return self.make()

    # The sign-in

    def answer(self, email: str = BOB, *, cancel: bool = False, **others: Any) -> tuple[dict[str, str], str]:
        """What somebody types into the form for `email`, and what `complete` must remember. A form has no Cancel."""
        assert not cancel
        form = self.provider.begin(EXCHANGE, "a state of ours", email)
        assert isinstance(form, Form)
        typed = {"login": LOGINS[email], "password": PASSWORDS[email], "ews_url": ""}
        return typed | others, form.remember

    def sign_in(self, email: str = BOB, **others: Any) -> Credential:
        return self.provider.complete(*self.answer(email, **others))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.change_password(BOB)

    def refuse(self) -> None:
        self.server.change_password(BOB)

    def go_down(self) -> None:
        self.server.down(True)

    def go_slow(self, seconds: float) -> None:
        self.server.slow(seconds)

    def limit(self) -> None:
        self.server.rate_limit(True)

    def lie(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        if_asked: bytes = b"",
        kind: str = "text/xml",
    ) -> None:
        """From now on this is the answer to everything, or to whatever carries `if_asked` in its body."""
        self._said = (body, status, headers or {}, if_asked, kind)

    def on_autodiscover(self, answer: Handler) -> None:
        """Who answers when somebody asks where EWS is."""
        self._autodiscover = answer

    def tell_the_truth(self) -> None:
        self._said = None

    def token_posts(self) -> int:
        """A password is not renewed: every request that has come."""
        return len(self.server.requests)

    @web.middleware
    async def _lying(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(await request.read())
        if self._said is not None:
            body, status, headers, if_asked, kind = self._said
            if if_asked in self.asked[-1]:
                return web.Response(body=body, status=status, headers=headers, content_type=kind)
        if self._autodiscover is not None and "autodiscover" in request.path:
            return await self._autodiscover(request)
        return await handler(request)
