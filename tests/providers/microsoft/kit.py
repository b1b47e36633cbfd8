"""How the contract test presses Microsoft's switches and plays its sign-in. Only what is Microsoft's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from providers.base import Access, AccessType, Link
from providers.microsoft import Microsoft
from tests.providers.kit import ADA, BOB, GRACE, Kit
from tests.sandbox.browser import Page
from tests.sandbox.clock import SandboxClock
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.people import Browser
from tests.sandbox.serving import Serving

OFFICE365 = Access(AccessType.OFFICE365)
# What a person presses on each of Microsoft's pages that leads on.
ONWARD = {"Enter password": "Sign in", "Update your password": "Sign in", "Approve sign-in request": "Approve"}


class MicrosoftKit(Kit[Microsoft]):
    """A Microsoft of the sandbox, and our provider that is registered there. Ada administers Bob's company."""

    access = OFFICE365

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server: MicrosoftServer = MicrosoftServer(clock)
        api = self.serve_registered("microsoft", self.server)
        for email in (ADA, BOB, GRACE):
            self.server.add_account(email, password=f"password of {email}")
        self.settings |= {
            "authority": f"{api}/organizations",
            "graph_url": f"{api}/v1.0",
        }

    def make(self, **others: Any) -> Microsoft:
        settings = {"wire": self.wire, "clock": self.clock.now, **self.settings}
        return Microsoft(**(settings | others))

    def answer(self, email: str = BOB, *, cancel: bool = False) -> tuple[dict[str, str], str]:
        link = self.provider.begin(OFFICE365, "a state of ours", email)
        assert isinstance(link, Link)
        page = visit(link.url, email, cancel=cancel)
        assert page.path == "/callback/microsoft", f"Microsoft's pages lead nowhere: {page.text}"
        return dict(parse_qsl(urlsplit(page.url).query)), link.remember

    # The switches

    def refuse_definitely(self) -> None:
        self.server.revoke_sessions(BOB)

    def refuse(self) -> None:
        self.server.plain_refusal(BOB)

    def token_posts(self) -> int:
        return self.server.token_posts()


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
