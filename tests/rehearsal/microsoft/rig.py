"""One Microsoft of the sandbox and somebody who knows a client's secret. Nothing of ours runs here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from tests.providers.world import OAuthWorld
from tests.sandbox.browser import Browser, Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.serving import Serving

ASKED = "openid profile offline_access User.Read Mail.ReadBasic Calendars.ReadBasic"
EWS = "https://outlook.office365.com/EWS.AccessAsUser.All"
ADA, BOB, GRACE = "ada@acme.example", "bob@acme.example", "grace@acme.example"
MALLORY = "mallory@evil.example"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACME = "acme.example"


class World(OAuthWorld):
    """One Microsoft, and somebody who knows a client's secret."""

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server = MicrosoftServer(clock)
        self.login = self.serve_pages("login.microsoft.localhost", self.server.login_app)
        self.api = self.serve(self.server.api_app)
        self.server.addresses(login=self.login, api=self.api)
        self.back = self.callback("microsoft")
        self.client_id, self.client_secret = self.server.register_client([self.back])
        self.server.add_account(ADA, password="adas")
        self.server.add_account(BOB, password="bobs", aliases=["builder@acme.example"])
        self.server.add_account(GRACE, password="graces")
        self.server.add_account(MALLORY, password="mallorys", tenant="evil.example")

    def authorize_url(self, *, tenant: str = "organizations", **changes: str) -> str:
        asked = {"scope": ASKED, "response_mode": "query"} | changes
        return f"{self.login}/{tenant}/oauth2/v2.0/authorize?{self.asking(**asked)}"

    def after_password(self, browser: Browser, *, email: str = BOB, **changes: str) -> Page:
        browser.get(self.authorize_url(login_hint=email, **changes))
        return browser.click("Sign in")

    def answer(self, *, email: str = BOB, **changes: str) -> dict[str, str]:
        """What the callback is told after `email` signed in and accepted, with a second factor where it is due."""
        browser = Browser()
        page = self.after_password(browser, email=email, **changes)
        if page.title == "Approve sign-in request":
            page = browser.click("Approve")
        if page.title == "Permissions requested":
            browser.click("Accept")
        return self.told(browser)

    def told_without_consent(self, email: str) -> dict[str, str]:
        """What the callback is told right after the password."""
        browser = Browser()
        self.after_password(browser, email=email)
        return self.told(browser)

    def token(self, *, tenant: str = "organizations", **form: str) -> requests.Response:
        return self.post_as_client(f"{self.api}/{tenant}/oauth2/v2.0/token", **form)

    def renewed(self, tokens: dict[str, Any], **changes: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.refresh(tokens, **changes).json()
        return answer

    def refusal(self, tokens: dict[str, Any], **changes: str) -> tuple[str, int, str]:
        """OAuth's error, Entra's number, and the suberror of a refused renewal; 0 stands for no number."""
        refused = self.refresh(tokens, **changes)
        assert refused.status_code in {400, 401}
        body = refused.json()
        return body["error"], next(iter(body["error_codes"]), 0), body.get("suberror", "")

    def get(self, address: str, tokens: dict[str, Any], page_size: int = 0, /, **query: str) -> requests.Response:
        """`address` is a path under Graph's, or a whole link."""
        url = address if address.startswith("https:") else f"{self.api}/v1.0{address}"
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        headers |= {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else {}
        return self.http.get(url, params=query, headers=headers)

    def ews(self, tokens: dict[str, Any], body: str = "") -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Content-Type": "text/xml; charset=utf-8"}
        return self.http.post(f"{self.api}/EWS/Exchange.asmx", data=body.encode(), headers=headers)


def deliver(world: World, subject: str, *, at: datetime | None = None, sender: str = "cara@customer.example") -> str:
    return world.server.deliver(BOB, sender=sender, subject=subject, at=at)


def schedule(world: World, title: str, *, start: datetime = NOW, weeks: int = 1, organizer: str = "") -> str:
    return world.server.schedule(
        BOB, title=title, start=start, attendees=["cara@customer.example"], weeks=weeks, organizer=organizer
    )
