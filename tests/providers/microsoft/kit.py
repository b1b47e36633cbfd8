"""How the contract test presses Microsoft's switches and plays its sign-in. Only what is Microsoft's own."""

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
from providers.microsoft import Microsoft
from providers.wire import Wire
from tests.sandbox.browser import Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.people import Browser
from tests.sandbox.serving import Serving, own_tls

ADA = "ada@acme.example"
BOB = "bob@acme.example"
GRACE = "grace@acme.example"
OFFICE365 = Access(AccessType.OFFICE365)
Saying = Callable[[Mapping[str, str]], dict[str, Any]]
# What a person presses on each of Microsoft's pages that leads on.
ONWARD = {"Enter password": "Sign in", "Update your password": "Sign in", "Approve sign-in request": "Approve"}


class MicrosoftKit:
    """A Microsoft of the sandbox, and our provider that is registered there. Ada administers Bob's company."""

    def __init__(self, server: MicrosoftServer, clock: SandboxClock, ca_bundle: Path) -> None:
        self.server = server
        self.clock = clock
        self.ca_bundle = ca_bundle
        self.settings: dict[str, Any] = {}
        self._lies: dict[str, Callable[[Mapping[str, str]], web.Response]] = {}
        server.api_app.middlewares.insert(0, self._lie)

    @classmethod
    @contextmanager
    def running(cls, directory: Path) -> Iterator[MicrosoftKit]:
        clock, serving = SandboxClock(directory / "clock"), Serving()
        server = MicrosoftServer(clock)
        kit = cls(server, clock, directory / "ca.pem")
        serving.start()
        try:
            tls = own_tls(directory / "ca.pem")
            api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
            login = f"http://login.microsoft.localhost:{serving.serve(server.login_app)}"
            server.addresses(login=login, api=api)
            ours = web.Application()
            ours.router.add_get("/callback/microsoft", _landing)
            callback = f"http://bot.localhost:{serving.serve(ours)}/callback/microsoft"
            client_id, client_secret = server.register_client([callback])
            for email in (ADA, BOB, GRACE):
                server.add_account(email, password=f"password of {email}")
            kit.settings = {
                "client_id": client_id,
                "client_secret": client_secret,
                "redirect_uri": callback,
                "authority": f"{api}/organizations",
                "graph_url": f"{api}/v1.0",
            }
            yield kit
        finally:
            serving.stop()

    def make(self, **others: Any) -> Microsoft:
        """Our provider, with other settings where a test wants them."""
        settings = {"wire": Wire(ca_bundle=self.ca_bundle), "clock": self.clock.now, **self.settings}
        return Microsoft(**(settings | others))

    @cached_property
    def provider(self) -> Microsoft:
        return self.make()

    # The sign-in

    def answer(self, email: str = BOB, *, cancel: bool = False) -> tuple[dict[str, str], str]:
        """What Microsoft's pages send back for a sign-in of `email`, and what `complete` must remember."""
        link = self.provider.begin(OFFICE365, "a state of ours", email)
        assert isinstance(link, Link)
        page = visit(link.url, email, cancel=cancel)
        assert page.path == "/callback/microsoft", f"Microsoft's pages lead nowhere: {page.text}"
        return dict(parse_qsl(urlsplit(page.url).query)), link.remember

    def sign_in(self, email: str = BOB) -> Credential:
        return self.provider.complete(*self.answer(email))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.revoke_sessions(BOB)

    def refuse(self) -> None:
        self.server.plain_refusal(BOB)

    def go_down(self) -> None:
        self.server.down(True)

    def go_slow(self, seconds: float) -> None:
        self.server.slow(seconds)

    def limit(self) -> None:
        self.server.rate_limit(True)

    def lie(
        self,
        body: bytes | dict[str, Any] | Saying,
        *,
        status: int = 200,
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """From now on every request to a program's address below `path` is answered with this."""

        def answer(query: Mapping[str, str]) -> web.Response:
            said = body(query) if callable(body) else body
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            kind = "text/html" if isinstance(said, bytes) else "application/json"
            return web.Response(body=text, status=status, content_type=kind, headers=headers)

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


def visit(url: str, email: str, *, cancel: bool = False) -> Page:
    """Goes on through Microsoft's pages until one leads nowhere, or back to the bot."""
    browser = Browser()
    page = browser.get(url)
    while page.host.startswith("login.microsoft."):
        if page.title == "Pick an account":
            chosen = [(form, button) for form in page.forms for button in form.buttons if button.value == email]
            page = browser.submit(chosen[0][0], button=chosen[0][1])
        elif page.title == "Permissions requested":
            page = browser.click("Cancel" if cancel else "Accept")
        elif page.title in ONWARD:
            page = browser.click(ONWARD[page.title])
        else:
            return page
    return page


async def _landing(_request: web.Request) -> web.Response:
    return web.Response(text="Back at the bot")
