"""One Google of the sandbox and somebody who knows a client's secret. Nothing of ours runs here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from tests.providers.world import OAuthWorld
from tests.sandbox.browser import Browser, Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.google import GoogleServer
from tests.sandbox.serving import Serving

AUTH = "https://www.googleapis.com/auth/"
METADATA = f"{AUTH}gmail.metadata"
EVENTS = f"{AUTH}calendar.events.readonly"
EMAIL = f"{AUTH}userinfo.email"
ASKED = f"openid email {METADATA} {EVENTS}"
BOB, GRACE = "bob@acme.example", "grace@acme.example"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class World(OAuthWorld):
    """One Google, and somebody who knows a client's secret."""

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server = GoogleServer(clock)
        self.login = self.serve_pages("login.google.localhost", self.server.login_app)
        self.api = self.serve(self.server.api_app)
        self.server.addresses(login=self.login, api=self.api)
        self.back = self.callback("google")
        self.client_id, self.client_secret = self.server.register_client([self.back])
        self.server.add_account(BOB, password="bobs", aliases=["builder@acme.example"])
        self.server.add_account(GRACE, password="graces")

    def authorize_url(self, **changes: str) -> str:
        asked = {"scope": ASKED, "access_type": "offline", "prompt": "consent"} | changes
        return f"{self.login}/o/oauth2/v2/auth?{self.asking(**asked)}"

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

    def token(self, **form: str) -> requests.Response:
        return self.post_as_client(f"{self.api}/token", **form)

    def revoke(self, token: str) -> requests.Response:
        return self.http.post(f"{self.api}/revoke", data={"token": token})

    def get(self, path: str, tokens: dict[str, Any], **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.http.get(f"{self.api}{path}", params=query, headers=headers)

    def gmail(self, path: str, tokens: dict[str, Any], **query: Any) -> requests.Response:
        return self.get(f"/gmail/v1/users/me/{path}", tokens, **query)

    def events(self, tokens: dict[str, Any], **query: Any) -> requests.Response:
        return self.get("/calendar/v3/calendars/primary/events", tokens, **query)


def deliver(world: World, subject: str, *, at: datetime | None = None) -> str:
    return world.server.deliver(BOB, sender="cara@customer.example", subject=subject, at=at)


def schedule(world: World, title: str, *, start: datetime = NOW) -> str:
    return world.server.schedule(BOB, title=title, start=start, attendees=["cara@customer.example"])
