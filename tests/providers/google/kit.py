"""How the contract test presses Google's switches and plays its sign-in. Only what is Google's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from providers.base import Access, AccessType, Link
from providers.google import Google
from tests.providers.kit import ADA, BOB, GRACE, Kit
from tests.sandbox.clock import SandboxClock
from tests.sandbox.google import GoogleServer
from tests.sandbox.people import Browser
from tests.sandbox.serving import Serving

GOOGLE = Access(AccessType.GOOGLE)


class GoogleKit(Kit[Google]):
    """A Google of the sandbox, and our provider that is registered there. Ada, Bob and Grace have accounts."""

    access = GOOGLE

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server: GoogleServer = GoogleServer(clock)
        api = self.serve_registered("google", self.server)
        for email in (ADA, BOB, GRACE):
            self.server.add_account(email, password=f"password of {email}")
        self.settings |= {
            "issuer": api,
            "gmail_url": api,
            "calendar_url": f"{api}/calendar/v3",
            "dns_url": f"{api}/resolve",
        }

    def make(self, **others: Any) -> Google:
        settings = {"wire": self.wire, "clock": self.clock.now, **self.settings}
        return Google(**(settings | others))

    def answer(self, email: str = BOB, *, cancel: bool = False) -> tuple[dict[str, str], str]:
        link = self.provider.begin(GOOGLE, "a state of ours", email)
        assert isinstance(link, Link)
        return _answer(link.url, email, cancel=cancel), link.remember

    # The switches

    def refuse_definitely(self) -> None:
        self.server.session_policy(BOB, True)

    def refuse(self) -> None:
        self.server.remove_access(BOB)

    def token_posts(self) -> int:
        return self.server.token_posts()


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
