"""How the contract test presses Google's switches and plays its sign-in. Only what is Google's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from providers.base import Access, AccessType, Credential, Link
from providers.google import Google
from providers.wire import Wire
from tests.sandbox.clock import SandboxClock
from tests.sandbox.google import GoogleServer
from tests.sandbox.people import Browser
from tests.sandbox.serving import Serving, own_tls

BOB = "bob@acme.example"
GRACE = "grace@acme.example"
GOOGLE = Access(AccessType.GOOGLE)
Saying = Callable[[Mapping[str, str]], dict[str, Any]]


class GoogleKit:
    """A Google of the sandbox, and our provider that is registered there. Bob and Grace have accounts."""

    def __init__(self, server: GoogleServer, clock: SandboxClock, ca_bundle: Path) -> None:
        self.server = server
        self.clock = clock
        self.ca_bundle = ca_bundle
        self.settings: dict[str, Any] = {}
        self._lies: dict[str, Callable[[Mapping[str, str]], web.Response]] = {}
        server.api_app.middlewares.insert(0, self._lie)

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[GoogleKit]:
        clock, serving = SandboxClock(directory / "clock"), Serving()
        server = GoogleServer(clock)
        kit = cls(server, clock, directory / "ca.pem")
        serving.start()
        try:
            tls = own_tls(directory / "ca.pem")
            api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
            login = f"http://login.google.localhost:{serving.serve(server.login_app)}"
            server.addresses(login=login, api=api)
            ours = web.Application()
            ours.router.add_get("/callback/google", _landing)
            callback = f"http://bot.localhost:{serving.serve(ours)}/callback/google"
            client_id, client_secret = server.register_client([callback])
            for email in (BOB, GRACE):
                server.add_account(email, password=f"password of {email}")
            kit.settings = {
                "client_id": client_id,
                "client_secret": client_secret,
                "redirect_uri": callback,
                "issuer": api,
                "gmail_url": api,
                "calendar_url": f"{api}/calendar/v3",
                "dns_url": f"{api}/resolve",
            }
            yield kit
        finally:
            serving.stop()

    def make(self, **others: Any) -> Google:
        """Our provider, with other settings where a test wants them."""
        settings = {"wire": Wire(ca_bundle=self.ca_bundle), "clock": self.clock.now, **self.settings}
        return Google(**(settings | others))

    @cached_property
    def provider(self) -> Google:
        return self.make()

    # The sign-in

    def answer(self, email: str = BOB, *, cancel: bool = False) -> tuple[dict[str, str], str]:
        """What Google's page sends back for a sign-in of `email`, and what `complete` must remember."""
        link = self.provider.begin(GOOGLE, "a state of ours", email)
        assert isinstance(link, Link)
        return _answer(link.url, email, cancel=cancel), link.remember

    def sign_in(self, email: str = BOB) -> Credential:
        return self.provider.complete(*self.answer(email))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.session_policy(BOB, True)

    def refuse(self) -> None:
        self.server.remove_access(BOB)

    def go_down(self) -> None:
        self.server.down(True)

    def go_slow(self, seconds: float) -> None:
        self.server.slow(seconds)

    def limit(self) -> None:
        self.server.rate_limit(True)

    def lie(self, body: bytes | dict[str, Any] | Saying, *, status: int = 200, path: str = "") -> None:
        """From now on every request to a program's address below `path` is answered with this."""

        def answer(query: Mapping[str, str]) -> web.Response:
            said = body(query) if callable(body) else body
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            kind = "text/html" if isinstance(said, bytes) else "application/json"
            return web.Response(body=text, status=status, content_type=kind)

        self._lies[path] = answer

    def tell_the_truth(self) -> None:
        self._lies.clear()

    def token_posts(self) -> int:
        return self.server.token_posts()

    @web.middleware
    async def _lie(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        for path, lie in self._lies.items():
            if request.path.startswith(path):
                return lie(request.query)
        return await handler(request)


def _answer(url: str, email: str, *, cancel: bool) -> dict[str, str]:
    browser = Browser()
    page = browser.get(url)
    while page.host.startswith("login.google."):
        chosen = [(form, button) for form in page.forms for button in form.buttons if button.value == email]
        if chosen:
            form, button = chosen[0]
            page = browser.submit(form, button=button)
        elif "wants access" in page.title:
            page = browser.click("Cancel" if cancel else "Continue")
        else:
            assert page.forms, f"Google's page leads nowhere: {page.text}"
            page = browser.click("Next")
    return dict(parse_qsl(urlsplit(page.url).query))


async def _landing(_request: web.Request) -> web.Response:
    return web.Response(text="Back at the bot")
