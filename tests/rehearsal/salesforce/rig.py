"""One Salesforce of the sandbox and somebody who knows a client's secret. Of ours, only the wire runs here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from simple_salesforce.api import Salesforce

from providers.wire import Wire
from tests.providers.world import OAuthWorld
from tests.sandbox.browser import Browser, Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.serving import Serving

BOB, GRACE, CARA = "bob@acme.example", "grace@acme.example", "cara@customer.example"
ASKED = "api refresh_token openid id"
VERSION = "66.0"
DATA = f"/services/data/v{VERSION}"
Record = dict[str, Any]


class World(OAuthWorld):
    """One Salesforce, and somebody who knows a client's secret. `host` is a path: whose login page it is."""

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server = SalesforceServer(clock)
        self.login = self.serve_pages("login.salesforce.localhost", self.server.login_app)
        self.api = self.serve(self.server.api_app)
        self.server.addresses(login=self.login, api=self.api)
        self.back = self.callback("salesforce")
        self.client_id, self.client_secret = self.server.register_client([self.back])
        for email in (BOB, GRACE):
            self.server.add_user(email, password=f"{email}-at-salesforce")

    @cached_property
    def wire(self) -> Wire:
        return Wire(ca_bundle=self.ca_bundle)

    def authorize_url(self, host: str = "production", **changes: str) -> str:
        return f"{self.login}/{host}/services/oauth2/authorize?{self.asking(**({'scope': ASKED} | changes))}"

    def approval_page(self, browser: Browser, *, email: str = BOB, host: str = "production", **changes: str) -> Page:
        browser.get(self.authorize_url(host, login_hint=email, **changes))
        return browser.click("Log In")

    def answer(self, *, email: str = BOB, host: str = "production", **changes: str) -> dict[str, str]:
        """What the callback is told after `email` logged in and allowed it."""
        browser = Browser()
        if self.approval_page(browser, email=email, host=host, **changes).title == "Allow Access?":
            browser.click("Allow")
        return self.told(browser)

    def token(self, *, host: str = "production", **form: str) -> requests.Response:
        return self.post_as_client(f"{self.api}/{host}/services/oauth2/token", **form)

    def _sign_in(self, *, host: str = "production", **how: str) -> dict[str, Any]:
        tokens: dict[str, Any] = self.redeem(self.answer(host=host, **how)["code"], host=host).json()
        return tokens

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


def task(key: str, **fields: Any) -> Record:
    return {"attributes": {"type": "Task"}, "Relatch_Id__c": key, "Subject": "Question", **fields}


def event(key: str, **fields: Any) -> Record:
    times = {"StartDateTime": "2026-11-21T12:00:00Z", "EndDateTime": "2026-11-21T13:00:00Z"}
    return {"attributes": {"type": "Event"}, "Relatch_Id__c": key, "Subject": "Demo", **times, **fields}
