"""How the contract test presses Salesforce's switches and plays its sign-in. Only what is Salesforce's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from providers.base import Access, AccessType, Activity, Credential, Link
from providers.salesforce import Salesforce
from tests.providers.kit import BOB, GRACE, Kit
from tests.sandbox.clock import SandboxClock
from tests.sandbox.people import Browser
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.serving import Serving

# A customer, of whom each org has a contact.
CARA = "cara@customer.example"
PRODUCTION = Access(AccessType.PRODUCTION)
SANDBOX = Access(AccessType.SANDBOX)
ACME = Access(AccessType.MY_DOMAIN, "acme")
ORGS = {PRODUCTION: "production", SANDBOX: "sandbox", ACME: "acme"}


class SalesforceKit(Kit[Salesforce]):
    """A Salesforce of the sandbox, and our provider that is registered there. Bob and Grace are in all three orgs."""

    access = PRODUCTION

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server: SalesforceServer = SalesforceServer(clock)
        self.api = self.serve_registered("salesforce", self.server)
        for org in ORGS.values():
            for email in (BOB, GRACE):
                self.server.add_user(email, password=f"password of {email}", org=org)
            self.server.add_contact(org, email=CARA, name="Cara Customer")
        self.settings |= {
            "production_url": f"{self.api}/production",
            "sandbox_url": f"{self.api}/sandbox",
            "my_domain_url": f"{self.api}/my/{{name}}",
        }

    def make(self, **others: Any) -> Salesforce:
        settings = {"wire": self.wire, "clock": self.clock.now, **self.settings}
        return Salesforce(**(settings | others))

    def answer(
        self, email: str = BOB, access: Access = PRODUCTION, *, cancel: bool = False
    ) -> tuple[dict[str, str], str]:
        link = self.provider.begin(access, "a state of ours", email)
        assert isinstance(link, Link)
        return play_salesforce(link.url, cancel=cancel), link.remember

    def sign_in(self, email: str = BOB, access: Access = PRODUCTION) -> Credential:
        return self._once((email, access), lambda: self.provider.complete(*self.answer(email, access)))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.change_password(BOB)

    def refuse(self) -> None:
        self.server.revoke_grant(BOB)

    def token_posts(self) -> int:
        return self.server.token_posts()

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
