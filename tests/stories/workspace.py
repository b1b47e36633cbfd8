"""The sandbox's Slack page and the sign-in pages as a person uses them: by labels, roles and words only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.sandbox.world import Person

# A status of 4xx is in the console too; a page that refuses somebody has it by design.
REFUSED_PAGE = "Failed to load resource: the server responded with a status of"
VENDOR = re.compile(r"//login\.\w+\.localhost:")
# On a vendor's page, the button that goes on; what leads elsewhere stands beside it.
GOES_ON = re.compile(r"^(Next|Sign in|Approve|Accept|Continue|Log In|Allow)$")


class Workspace:
    """One window of one browser. `complaints` are errors in the console of any of its tabs."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.complaints: list[str] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"{error.error}"))
        self.page = context.new_page()

    # Going somewhere

    def enter(self, person: Person, *, tab: str = "messages") -> None:
        """As this person, in Relatch's conversation."""
        self.page.goto(f"{self.address}/?user={person.id}&tab={tab}")
        # By its place: on a phone the rail is folded away, and an open dialog hides all else from roles.
        expect(self.page.locator("#rail .line")).to_have_text("Connected")
        if tab == "messages":
            self._is_filled()

    def _is_filled(self) -> None:
        """The beginning of a conversation is drawn together with its messages."""
        expect(self.page.locator(".introduction")).to_have_count(1)

    def become(self, person: Person) -> None:
        """By the switch in the rail, as a visitor of the demo does."""
        self.page.get_by_label("You are").select_option(label=person.real_name)
        expect(self.page.get_by_label("You are").locator("option:checked")).to_have_text(person.real_name)

    def channel(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Workspace").get_by_role("button", name=name).click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(name)
        self._is_filled()

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    # What is shown

    @property
    def articles(self) -> Locator:
        return self.page.get_by_role("article")

    @property
    def newest(self) -> Locator:
        return self.articles.last

    @property
    def home(self) -> Locator:
        return self.page.get_by_role("tabpanel", name="Home")

    @property
    def modal(self) -> Locator:
        return self.page.get_by_role("dialog").last

    @property
    def phone(self) -> Locator:
        return self.page.get_by_label("Phone notifications")

    def message(self, ts: str) -> Locator:
        return self.page.locator(f'[role="article"][data-ts="{ts}"]')

    def shows(self, words: str | re.Pattern[str], *, seconds: float = 15) -> Locator:
        """The newest message, once it has these words."""
        expect(self.newest).to_contain_text(words, timeout=seconds * 1000)
        return self.newest

    def button(self, label: str, *, within: Locator | None = None) -> Locator:
        words = re.compile(rf"^\s*{re.escape(label)}\s*$")
        return (within or self.newest).get_by_role("button").filter(has_text=words)

    # Doing something

    def type(self, text: str) -> None:
        # By its label: the dialog that an answer may open hides it from roles.
        box = self.page.get_by_label("Message", exact=True)
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("")

    def press(self, label: str, *, within: Locator | None = None) -> None:
        """By the words on it; what a screen reader says may be longer."""
        self.button(label, within=within).click()

    def open(self, label: str, *, within: Locator | None = None) -> Page:
        """Presses a sign-in button and gives the tab that it opens."""
        with self.context.expect_page() as opened:
            self.press(label, within=within)
        page = opened.value
        page.wait_for_load_state()
        return page

    def dismiss(self) -> None:
        """Closes the dialog on top; Slack keeps it open otherwise, whatever page one goes to."""
        self.modal.get_by_role("button", name="Dismiss").click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    @contextmanager
    def panel(self) -> Iterator[Locator]:
        """The side panel: open at first on a wide screen."""
        panel = self.page.get_by_role("complementary", name="Break things")
        if not panel.is_visible():
            self.page.get_by_role("button", name="Break things").click()
        yield panel

    def flip(self, switch: str, value: bool | float | None = None) -> None:
        """Presses a switch of the side panel, or sets it. Waits until the sandbox has done it."""
        control = self.page.locator(f'[data-switch="{switch}"]')
        if isinstance(value, bool) and control.is_checked() is value:
            return
        with self.page.expect_response(re.compile(rf"/page/switches/{re.escape(switch)}$")) as answered:
            match value:
                case None:
                    control.click()
                case bool():
                    control.set_checked(value)
                case _:
                    control.fill(f"{value:g}")
                    control.press("Tab")
        assert answered.value.ok, f"the switch {switch} was refused: {answered.value.text()}"

    def switches(self) -> set[str]:
        """The ids of all that the panel shows."""
        with self.panel() as panel:
            expect(panel.locator("[data-switch]").first).to_be_visible()
            found = panel.locator("[data-switch]").evaluate_all("all => all.map(one => one.dataset.switch)")
        return set(found)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSED_PAGE):
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")


def allow_at_slack(page: Page) -> None:
    """From Relatch's first page over Slack's consent and back."""
    page.get_by_role("link", name="Sign in with Slack").click()
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url(re.compile(r"//bot\.localhost:"))


def continue_to(page: Page, label: str) -> None:
    page.get_by_role("link", name=f"Continue to {label}").click()
    page.wait_for_url(VENDOR)


def continue_to_google(page: Page) -> None:
    continue_to(page, "Google")


def sign_in_at_google(page: Page, email: str = "") -> None:
    """Chooser where there is one, password, consent. `email` picks another account than the one expected."""
    if email and page.get_by_role("button", name="Use another account").count():
        page.get_by_role("button", name="Use another account").click()
    if email:
        page.get_by_role("button", name=email).click()
    page.get_by_role("button", name="Next").last.click()
    allow = page.get_by_role("button", name="Continue")
    if allow.count():
        allow.click()


def sign_in_at_vendor(page: Page, email: str) -> None:
    """Whatever the vendor shows one after the other: accounts, the password, a second factor, consent."""
    while VENDOR.search(page.url):
        account = page.get_by_role("button", name=email, exact=True)
        is_named = page.locator(f'input[value="{email}"]').count() > 0
        # The step is done when its page has gone: the next one may look the same.
        with page.expect_navigation():
            (account if account.count() and not is_named else page.get_by_role("button", name=GOES_ON).first).click()


def fill_in(page: Page, login: str, password: str) -> None:
    """Our own form, for a vendor without sign-in pages."""
    page.get_by_label("User name").fill(login)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Connect").click()
    page.wait_for_load_state()
