"""What the sandbox's people do in their browsers, going by what pages show and not by their addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.sandbox.browser import Browser, Page

__all__ = ["Browser", "sign_in"]

STEPS = 12
# On a page of the bot, in the order of preference: to Slack, to Google, else simply on.
ONWARD = (
    re.compile("google", re.I),
    re.compile("slack", re.I),
    re.compile("continue|connect|sign in|start", re.I),
)


def sign_in(
    browser: Browser, url: str, *, slack_user: str = "U0BOB", google: str = "bob@acme.example"
) -> Page:
    """Goes from a connect address over Slack's and Google's pages back to the bot.

    Gives the page that ends it: the bot's after Google's callback, or one of Google that leads nowhere.
    """
    page, been_at_google = browser.get(url), False
    for _ in range(STEPS):
        if page.host.startswith("slack."):
            page = _allow_at_slack(browser, slack_user)
        elif page.host.startswith("login.google."):
            if not page.forms:
                return page
            page, been_at_google = _one_step_at_google(browser, google), True
        elif been_at_google or page.status >= 400:
            return page
        else:
            page = _onward(browser)
    raise AssertionError(f"still not signed in after {STEPS} pages, last on {page.url}: {page.text}")


def _allow_at_slack(browser: Browser, user: str) -> Page:
    page = browser.page
    if browser.cookies(page.host).get("slack_user") != user:
        address = urlsplit(page.url)
        browser.post_json(f"{address.scheme}://{address.netloc}/page/whoami", {"user": user})
        browser.get(page.url)
    return browser.click("Allow")


def _one_step_at_google(browser: Browser, email: str) -> Page:
    """The chooser, the password page, or the consent page: whichever is shown."""
    page = browser.page
    for form in page.forms:
        for button in form.buttons:
            if button.value == email:
                return browser.submit(form, button=button)
    if email not in page.text:
        # The app named the account that it expects; this person takes another one.
        return browser.click("Use another account")
    return browser.click("Continue" if "wants access" in page.title else "Next")


def _onward(browser: Browser) -> Page:
    """Straight to Google where a link leads there. Buttons go before links, for help pages are links too."""
    for link in browser.page.links:
        if (urlsplit(link.url).hostname or "").startswith("login.google."):
            return browser.follow(link)
    for wanted in ONWARD:
        for form in browser.page.forms:
            for button in form.buttons:
                if wanted.search(button.text):
                    return browser.submit(form, button=button)
        for link in browser.page.links:
            if wanted.search(link.text):
                return browser.follow(link)
    raise AssertionError(f"nothing leads on from {browser.page.url}: {browser.page.text}")
