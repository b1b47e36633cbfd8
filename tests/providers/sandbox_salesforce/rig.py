"""One Salesforce of the sandbox and somebody who knows a client's secret. Of ours, only the wire runs here."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from aiohttp import web
from simple_salesforce.api import Salesforce

from providers.wire import Wire
from tests.sandbox.browser import Browser, Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.oauth import s256
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.serving import Serving, own_tls

BOB, GRACE, CARA = "bob@acme.example", "grace@acme.example", "cara@customer.example"
ASKED = "api refresh_token openid id"
VERSION = "66.0"
DATA = f"/services/data/v{VERSION}"
Record = dict[str, Any]


@dataclass(slots=True)
class World:
    """One Salesforce, and somebody who knows a client's secret. `host` is a path: whose login page it is."""

    server: SalesforceServer
    clock: SandboxClock
    login: str
    api: str
    client_id: str
    client_secret: str = field(repr=False)
    back: str
    http: requests.Session
    wire: Wire
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def authorize_url(self, host: str = "production", **changes: str) -> str:
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "response_type": "code",
            "scope": ASKED,
            "state": "s1",
            "nonce": "n1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        } | changes
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{self.login}/{host}/services/oauth2/authorize?{query}"

    def approval_page(self, browser: Browser, *, email: str = BOB, host: str = "production", **changes: str) -> Page:
        browser.get(self.authorize_url(host, login_hint=email, **changes))
        return browser.click("Log In")

    def answer(self, *, email: str = BOB, host: str = "production", **changes: str) -> dict[str, str]:
        """What the callback is told after `email` logged in and allowed it."""
        browser = Browser()
        if self.approval_page(browser, email=email, host=host, **changes).title == "Allow Access?":
            browser.click("Allow")
        return self.told(browser)

    def told(self, browser: Browser) -> dict[str, str]:
        """What Salesforce sent the browser back with; empty when it did not."""
        url = browser.page.url
        if not url.startswith(self.back):
            return {}
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def token(self, *, host: str = "production", **form: str) -> requests.Response:
        given = {"client_id": self.client_id, "client_secret": self.client_secret} | form
        url = f"{self.api}/{host}/services/oauth2/token"
        return self.http.post(url, data={name: value for name, value in given.items() if value})

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {"code": code, "redirect_uri": self.back, "code_verifier": self.verifier} | changes
        return self.token(grant_type="authorization_code", **form)

    def signed_in(self, *, host: str = "production", **how: str) -> dict[str, Any]:
        tokens: dict[str, Any] = self.redeem(self.answer(host=host, **how)["code"], host=host).json()
        return tokens

    def refresh(self, tokens: dict[str, Any], **changes: str) -> requests.Response:
        return self.token(grant_type="refresh_token", **({"refresh_token": tokens["refresh_token"]} | changes))

    def post(self, name: str, **form: str) -> requests.Response:
        """To an OAuth address of the production host."""
        return self.http.post(f"{self.api}/production/services/oauth2/{name}", data=form)

    def call(
        self, method: str, path: str, tokens: dict[str, Any], *, json: Any = None, headers: Any = None, **query: str
    ) -> requests.Response:
        signed = {"Authorization": f"Bearer {tokens['access_token']}"} | (headers or {})
        return self.http.request(method, f"{self.api}{DATA}/{path}", json=json, headers=signed, params=query)

    def userinfo(self, tokens: dict[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self.http.get(f"{tokens['instance_url']}/services/oauth2/userinfo", headers=headers)

    def upsert(self, tokens: dict[str, Any], *records: Record, kind: str = "Task", **more: Any) -> requests.Response:
        body = {"allOrNone": False, "records": list(records)} | more
        return self.call("PATCH", f"composite/sobjects/{kind}/Relatch_Id__c", tokens, json=body)

    def query(self, tokens: dict[str, Any], soql: str, **headers: str) -> requests.Response:
        return self.call("GET", "query", tokens, headers=headers, q=soql)

    @contextmanager
    def salesforce(self, tokens: dict[str, Any]) -> Iterator[Any]:
        """The unmodified client, on a session of the product's own wire. Its own types know none of its objects."""
        with self.wire.session() as session:
            yield Salesforce(
                instance_url=tokens["instance_url"], session_id=tokens["access_token"], version=VERSION, session=session
            )


async def landing(_request: web.Request) -> web.Response:
    """Where the application waits for its callback; the test reads what the address carried."""
    return web.Response(text="<title>Back in the app</title>", content_type="text/html")


@contextmanager
def serve(directory: Path) -> Iterator[World]:
    clock = SandboxClock(directory / "clock")
    server, serving = SalesforceServer(clock), Serving()
    serving.start()
    tls = own_tls(directory / "ca.pem")
    login = f"http://login.salesforce.localhost:{serving.serve(server.login_app)}"
    api = f"https://localhost:{serving.serve(server.api_app, tls=tls)}"
    server.addresses(login=login, api=api)
    app = web.Application()
    app.router.add_get("/callback/salesforce", landing)
    back = f"http://bot.localhost:{serving.serve(app)}/callback/salesforce"
    client_id, client_secret = server.register_client([back])
    for email in (BOB, GRACE):
        server.add_user(email, password=f"{email}-at-salesforce")
    wire = Wire(ca_bundle=directory / "ca.pem")
    with requests.Session() as http:
        http.trust_env, http.verify = False, str(directory / "ca.pem")
        yield World(server, clock, login, api, client_id, client_secret, back, http, wire)
    serving.stop()


def task(key: str, **fields: Any) -> Record:
    return {"attributes": {"type": "Task"}, "Relatch_Id__c": key, "Subject": "Question", **fields}


def event(key: str, **fields: Any) -> Record:
    times = {"StartDateTime": "2026-11-21T12:00:00Z", "EndDateTime": "2026-11-21T13:00:00Z"}
    return {"attributes": {"type": "Event"}, "Relatch_Id__c": key, "Subject": "Demo", **times, **fields}
