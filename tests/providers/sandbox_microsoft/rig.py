"""One Microsoft of the sandbox and somebody who knows a client's secret. Nothing of ours runs here."""

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
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.oauth import s256
from tests.sandbox.serving import Serving, own_tls

ASKED = "openid profile offline_access User.Read Mail.ReadBasic Calendars.ReadBasic"
EWS = "https://outlook.office365.com/EWS.AccessAsUser.All"
ADA, BOB, GRACE = "ada@acme.example", "bob@acme.example", "grace@acme.example"
MALLORY = "mallory@evil.example"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACME = "acme.example"


@dataclass(slots=True)
class World:
    """One Microsoft, and somebody who knows a client's secret."""

    server: MicrosoftServer
    clock: SandboxClock
    login: str
    api: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str
    ca_bundle: Path
    http: requests.Session
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize_url(self, *, tenant: str = "organizations", **changes: str) -> str:
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "response_type": "code",
            "response_mode": "query",
            "scope": ASKED,
            "state": "s1",
            "nonce": "n1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        return f"{self.login}/{tenant}/oauth2/v2.0/authorize?" + urlencode({k: v for k, v in asked.items() if v})

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

    def told(self, browser: Browser) -> dict[str, str]:
        """What Microsoft sent the browser back with; empty when it did not."""
        url = browser.page.url
        if not url.startswith(self.back):
            return {}
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def token(self, *, tenant: str = "organizations", **form: str) -> requests.Response:
        given = {"client_id": self.client_id, "client_secret": self.client_secret} | form
        address = f"{self.api}/{tenant}/oauth2/v2.0/token"
        return self.http.post(address, data={k: v for k, v in given.items() if v})

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {"code": code, "redirect_uri": self.back, "code_verifier": self.verifier} | changes
        return self.token(grant_type="authorization_code", **form)

    def signed_in(self, **how: str) -> dict[str, Any]:
        tokens: dict[str, Any] = self.redeem(self.answer(**how)["code"]).json()
        return tokens

    def refresh(self, tokens: dict[str, Any], **changes: str) -> requests.Response:
        return self.token(grant_type="refresh_token", **({"refresh_token": tokens["refresh_token"]} | changes))

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


async def landing(_request: web.Request) -> web.Response:
    """Where the application waits for its callback; the test reads what the address carried."""
    return web.Response(text="<title>Back in the app</title>", content_type="text/html")


@contextmanager
def serve(directory: Path) -> Iterator[World]:
    clock = SandboxClock(directory / "clock")
    server, serving = MicrosoftServer(clock), Serving()
    serving.start()
    tls = own_tls(directory / "ca.pem")
    login = f"http://login.microsoft.localhost:{serving.serve(server.login_app)}"
    api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
    server.addresses(login=login, api=api)
    app = web.Application()
    app.router.add_get("/callback/microsoft", landing)
    back = f"http://bot.localhost:{serving.serve(app)}/callback/microsoft"
    client_id, client_secret = server.register_client([back])
    server.add_account(ADA, password="adas")
    server.add_account(BOB, password="bobs", aliases=["builder@acme.example"])
    server.add_account(GRACE, password="graces")
    server.add_account(MALLORY, password="mallorys", tenant="evil.example")
    with requests.Session() as http:
        http.trust_env, http.verify = False, str(directory / "ca.pem")
        yield World(server, clock, login, api, client_id, client_secret, back, directory / "ca.pem", http)
    serving.stop()


def deliver(world: World, subject: str, *, at: datetime | None = None, sender: str = "cara@customer.example") -> str:
    return world.server.deliver(BOB, sender=sender, subject=subject, at=at)


def schedule(world: World, title: str, *, start: datetime = NOW, weeks: int = 1, organizer: str = "") -> str:
    return world.server.schedule(
        BOB, title=title, start=start, attendees=["cara@customer.example"], weeks=weeks, organizer=organizer
    )
