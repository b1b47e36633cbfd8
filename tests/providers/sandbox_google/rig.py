"""One Google of the sandbox and somebody who knows a client's secret. Nothing of ours runs here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from aiohttp import web

from tests.sandbox.browser import Browser, Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.google import GoogleServer
from tests.sandbox.oauth import s256
from tests.sandbox.serving import Serving, own_tls

AUTH = "https://www.googleapis.com/auth/"
METADATA = f"{AUTH}gmail.metadata"
EVENTS = f"{AUTH}calendar.events.readonly"
EMAIL = f"{AUTH}userinfo.email"
ASKED = f"openid email {METADATA} {EVENTS}"
BOB, GRACE = "bob@acme.example", "grace@acme.example"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """One Google, and somebody who knows a client's secret."""

    server: GoogleServer
    clock: SandboxClock
    login: str
    api: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str
    http: requests.Session
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize_url(self, **changes: str) -> str:
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "response_type": "code",
            "scope": ASKED,
            "state": "s1",
            "nonce": "n1",
            "access_type": "offline",
            "prompt": "consent",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        return f"{self.login}/o/oauth2/v2/auth?" + urlencode({k: v for k, v in asked.items() if v})

    def consent_page(self, browser: Browser, *, email: str = BOB, **changes: str) -> Page:
        browser.get(self.authorize_url(login_hint=email, **changes))
        return browser.click("Next")

    def answer(self, *, email: str = BOB, untick: str = "", **changes: str) -> dict[str, str]:
        """What the callback is told after `email` signed in and allowed everything but `untick`."""
        browser = Browser()
        page = self.consent_page(browser, email=email, **changes)
        if page.forms:
            ticked = [scope for name, scope in page.forms[0].boxes if name == "scope" and scope != untick]
            browser.submit_form({"scope": ticked}, button="Continue")
        return self.told(browser)

    def told(self, browser: Browser) -> dict[str, str]:
        """What Google sent the browser back with; empty when it did not."""
        url = browser.page.url
        if not url.startswith(self.back):
            return {}
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def token(self, **form: str) -> requests.Response:
        given = {"client_id": self.client_id, "client_secret": self.client_secret} | form
        return self.http.post(f"{self.api}/token", data={k: v for k, v in given.items() if v})

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {"code": code, "redirect_uri": self.back, "code_verifier": self.verifier} | changes
        return self.token(grant_type="authorization_code", **form)

    def signed_in(self, **how: str) -> dict[str, Any]:
        tokens: dict[str, Any] = self.redeem(self.answer(**how)["code"]).json()
        return tokens

    def refresh(self, tokens: dict[str, Any], **changes: str) -> requests.Response:
        return self.token(
            grant_type="refresh_token", **({"refresh_token": tokens["refresh_token"]} | changes)
        )

    def revoke(self, token: str) -> requests.Response:
        return self.http.post(f"{self.api}/revoke", data={"token": token})

    def get(self, path: str, tokens: dict[str, Any], **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.http.get(f"{self.api}{path}", params=query, headers=headers)

    def gmail(self, path: str, tokens: dict[str, Any], **query: Any) -> requests.Response:
        return self.get(f"/gmail/v1/users/me/{path}", tokens, **query)

    def events(self, tokens: dict[str, Any], **query: Any) -> requests.Response:
        return self.get("/calendar/v3/calendars/primary/events", tokens, **query)


async def landing(_request: web.Request) -> web.Response:
    """Where the application waits for its callback; the test reads what the address carried."""
    return web.Response(text="<title>Back in the app</title>", content_type="text/html")


@contextmanager
def serve(directory: Path) -> Iterator[World]:
    clock = SandboxClock(directory / "clock")
    server, serving = GoogleServer(clock), Serving()
    serving.start()
    tls = own_tls(directory / "ca.pem")
    login = f"http://login.google.localhost:{serving.serve(server.login_app)}"
    api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
    server.addresses(login=login, api=api)
    app = web.Application()
    app.router.add_get("/callback/google", landing)
    back = f"http://bot.localhost:{serving.serve(app)}/callback/google"
    client_id, client_secret = server.register_client([back])
    server.add_account(BOB, password="bobs", aliases=["builder@acme.example"])
    server.add_account(GRACE, password="graces")
    with requests.Session() as http:
        http.trust_env, http.verify = False, str(directory / "ca.pem")
        yield World(server, clock, login, api, client_id, client_secret, back, http)
    serving.stop()


def deliver(world: World, subject: str, *, at: datetime | None = None) -> str:
    return world.server.deliver(BOB, sender="cara@customer.example", subject=subject, at=at)


def schedule(world: World, title: str, *, start: datetime = NOW) -> str:
    return world.server.schedule(BOB, title=title, start=start, attendees=["cara@customer.example"])
