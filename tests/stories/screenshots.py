"""The README's pictures, taken from the running demo: `make screenshots` writes docs/pictures."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.sandbox import opening
from tests.sandbox.world import ADA, BOB, GRACE, Vendor
from tests.stage import Stage
from tests.stories.conftest import ARGUMENTS, DESKTOP
from tests.stories.workspace import Workspace, allow_at_slack, continue_to_google, sign_in_at_google

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
PHONE: ViewportSize = {"width": 400, "height": 800}
REASON = "need the Q4 mails"


def main() -> int:
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    into.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="relatch-pictures-") as directory,
        Stage(Path(directory), offset=opening.STARTS, vendors=tuple(Vendor)) as stage,
        sync_playwright() as playwright,
    ):
        opening.play(stage.world)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        Photographer(stage, browser, into).take_all()
        browser.close()
    return 0


class Photographer:
    def __init__(self, stage: Stage, browser: Browser, into: Path) -> None:
        self._stage = stage
        self._browser = browser
        self._into = into

    def take_all(self) -> None:
        bob = self._window()
        self._broken(bob)
        self._hand_off(bob)
        self._green(bob)
        self._change_and_revoke()

    def _broken(self, bob: Workspace) -> None:
        """What waits for Bob, at his desk and on his phone."""
        bob.enter(BOB)
        bob.shows("Google")
        self._take(bob.page, "bob-is-told")
        on_the_go = self._window(PHONE)
        on_the_go.enter(BOB)
        on_the_go.shows("Google")
        self._take(on_the_go.page, "phone")
        # In the channel where he is, for what he sees there goes with nobody, and would stand in the way below.
        bob.channel("general")
        bob.type("/creds")
        bob.shows("Your connections")
        self._take(bob.page, "creds")
        bob.enter(BOB)

    def _hand_off(self, bob: Workspace) -> None:
        ada = self._window()
        ada.enter(ADA)
        ada.type(f"/creds refresh @bob {REASON}")
        asked = bob.articles.filter(has_text=REASON).last
        page = bob.open("Refresh", within=asked)
        self._take(page, "who-are-you")
        allow_at_slack(page)
        self._take(page, "sign-in")
        page.set_viewport_size(PHONE)
        self._take(page, "sign-in-phone")
        page.set_viewport_size(DESKTOP)
        continue_to_google(page)
        self._stage.world.google.deliver(BOB.email, sender="cara@customer.example", subject="Q4")
        sign_in_at_google(page)
        page.get_by_role("heading", name="connected").wait_for()
        self._take(page, "done")
        page.close()
        ada.articles.filter(has_text=REASON).filter(has_text="aught up").last.wait_for()
        ada.page.wait_for_timeout(2500)  # the highlight of an edit fades
        self._take(ada.page, "hand-off")

    def _green(self, bob: Workspace) -> None:
        bob.articles.filter(has_text="copied to Salesforce").last.wait_for()
        bob.page.wait_for_timeout(2500)  # the highlight of an edit fades
        self._take(bob.page, "green-again")
        bob.enter(BOB, tab="home")
        bob.home.get_by_text(BOB.email).first.wait_for()
        self._take(bob.page, "app-home")

    def _change_and_revoke(self) -> None:
        """Grace moves to Microsoft Exchange, as far as its form, and gives up Salesforce."""
        grace = self._window()
        grace.enter(GRACE)
        grace.type("/creds change mailbox")
        grace.modal.get_by_role("radio", name="Microsoft Exchange").check()
        self._take(grace.page, "change")
        grace.press("Continue", within=grace.modal)
        page = grace.open("Sign in with Microsoft Exchange", within=grace.modal)
        allow_at_slack(page)
        page.get_by_label("Password").wait_for()
        self._take(page, "password-form")
        page.set_viewport_size(PHONE)
        self._take(page, "password-form-phone")
        page.close()
        grace.dismiss()
        grace.type("/creds revoke crm")
        grace.press("Revoke", within=grace.modal)
        grace.modal.get_by_text("has stopped").wait_for()
        grace.dismiss()
        grace.articles.filter(has_text="Saved sign-in destroyed").last.wait_for()
        grace.page.wait_for_timeout(2500)  # the highlight of an edit fades
        self._take(grace.page, "revoked")

    def _window(self, size: ViewportSize = DESKTOP) -> Workspace:
        context = self._browser.new_context(viewport=size, timezone_id="Europe/Berlin", locale="en-GB")
        return Workspace(context, self._stage.world.page_url)

    def _take(self, page: Page, name: str) -> None:
        page.wait_for_timeout(300)
        page.screenshot(path=self._into / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main())
