"""How the contract test presses Salesforce's switches and plays its sign-in. Only what is Salesforce's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from providers.base import Access, AccessType, Activity, Credential, Link
from providers.salesforce import Salesforce
from providers.wire import Wire
from tests.sandbox.clock import SandboxClock
from tests.sandbox.people import Browser
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.serving import Serving, own_tls

BOB = "bob@acme.example"
GRACE = "grace@acme.example"
# A customer, of whom each org has a contact.
CARA = "cara@customer.example"
PRODUCTION = Access(AccessType.PRODUCTION)
SANDBOX = Access(AccessType.SANDBOX)
ACME = Access(AccessType.MY_DOMAIN, "acme")
ORGS = {PRODUCTION: "production", SANDBOX: "sandbox", ACME: "acme"}
Lie = Callable[[web.Request], web.Response | None]


class SalesforceKit:
    """A Salesforce of the sandbox, and our provider that is registered there. Bob and Grace are in all three orgs."""

    def __init__(self, server: SalesforceServer, clock: SandboxClock, ca_bundle: Path) -> None:
        self.server = server
        self.clock = clock
        self.ca_bundle = ca_bundle
        self.settings: dict[str, Any] = {}
        self.api = ""
        self._lies: dict[str, Lie] = {}
        server.api_app.middlewares.insert(0, self._lie)

    @classmethod
    @contextmanager
    def running(cls, directory: Path, clock: SandboxClock | None = None) -> Iterator[SalesforceKit]:
        """`clock` is that of another vendor's kit, where both are needed."""
        clock, serving = clock or SandboxClock(directory / "clock"), Serving()
        server = SalesforceServer(clock)
        kit = cls(server, clock, directory / "ca.pem")
        serving.start()
        try:
            tls = own_tls(directory / "ca.pem")
            kit.api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
            login = f"http://login.salesforce.localhost:{serving.serve(server.login_app)}"
            server.addresses(login=login, api=kit.api)
            ours = web.Application()
            ours.router.add_get("/callback/salesforce", _landing)
            callback = f"http://bot.localhost:{serving.serve(ours)}/callback/salesforce"
            client_id, client_secret = server.register_client([callback])
            for org in ORGS.values():
                for email in (BOB, GRACE):
                    server.add_user(email, password=f"password of {email}", org=org)
                server.add_contact(org, email=CARA, name="Cara Customer")
            kit.settings = {
                "client_id": client_id,
                "client_secret": client_secret,
                "redirect_uri": callback,
                "production_url": f"{kit.api}/production",
                "sandbox_url": f"{kit.api}/sandbox",
                "my_domain_url": f"{kit.api}/my/{{name}}",
            }
            yield kit
        finally:
            serving.stop()

    def make(self, **others: Any) -> Salesforce:
        """Our provider, with other settings where a test wants them."""
        settings = {"wire": Wire(ca_bundle=self.ca_bundle), "clock": self.clock.now, **self.settings}
        return Salesforce(**(settings | others))

    @cached_property
    def provider(self) -> Salesforce:
        return self.make()

    # The sign-in

    def answer(
        self, email: str = BOB, access: Access = PRODUCTION, *, cancel: bool = False
    ) -> tuple[dict[str, str], str]:
        """What Salesforce's page sends back for a sign-in of `email`, and what `complete` must remember."""
        link = self.provider.begin(access, "a state of ours", email)
        assert isinstance(link, Link)
        return play_salesforce(link.url, cancel=cancel), link.remember

    def sign_in(self, email: str = BOB, access: Access = PRODUCTION) -> Credential:
        return self.provider.complete(*self.answer(email, access))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.change_password(BOB)

    def refuse(self) -> None:
        self.server.revoke_grant(BOB)

    def go_down(self) -> None:
        self.server.down(True)

    def go_slow(self, seconds: float) -> None:
        self.server.slow(seconds)

    def limit(self) -> None:
        self.server.rate_limit(True)

    def lie(self, body: bytes | str | dict[str, Any] | list[Any], *, status: int = 200, path: str = "") -> None:
        """From now on every request to a program's address with `path` in it is answered with this."""
        text, kind = (body, "text/html") if isinstance(body, bytes | str) else (json.dumps(body), "application/json")
        self.intercept(path, lambda _: web.Response(body=text, status=status, content_type=kind))

    def intercept(self, path: str, lie: Lie) -> None:
        """Where it gives None, Salesforce answers for itself."""
        self._lies[path] = lie

    def tell_the_truth(self) -> None:
        self._lies.clear()

    def token_posts(self) -> int:
        return self.server.token_posts()

    @web.middleware
    async def _lie(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        for path, lie in self._lies.items():
            answer = lie(request) if path in request.path else None
            if answer is not None:
                return answer
        return await handler(request)

    # What the sync writes

    def message(self, key: str, *, about: str, at: datetime | None = None, **others: Any) -> Activity:
        given: dict[str, Any] = {"subject": "Offer", "start": at or self.clock.now()}
        return Activity(key=key, about=about, **(given | others))

    def meeting(self, key: str, *, about: str, **others: Any) -> Activity:
        start = self.clock.now()
        given: dict[str, Any] = {"subject": "Demo", "start": start, "end": start + timedelta(hours=1)}
        return Activity(key=key, about=about, **(given | others))


def play_salesforce(url: str, *, cancel: bool = False) -> dict[str, str]:
    """What Salesforce sends back for a sign-in at this address."""
    browser = Browser()
    page = browser.get(url)
    while page.host.startswith("login.salesforce."):
        if page.title == "Allow Access?":
            page = browser.click("Deny" if cancel else "Allow")
        else:
            assert page.forms, f"Salesforce's page leads nowhere: {page.text}"
            page = browser.click("Log In")
    return dict(parse_qsl(urlsplit(page.url).query))


async def _landing(_request: web.Request) -> web.Response:
    return web.Response(text="Back at the bot")
