"""What the sandbox's people do in their browsers, going by what pages show and not by their addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.sandbox.browser import Browser, Page

__all__ = ["Browser", "sign_in"]

STEPS = 14
VENDOR = re.compile(r"login\.(google|microsoft|salesforce)\.")
# On a vendor's page, the button that goes on: "Cancel", "Back" and "Deny" stand beside it.
YES = re.compile(r"next|continue|sign in|approve|accept|log in|allow", re.I)
# On a page of the bot, in the order of preference: to Slack, to the vendor, else simply on.
ONWARD = (
    re.compile("google|office 365|salesforce", re.I),
    re.compile("slack", re.I),
    re.compile("continue|connect|sign in|start", re.I),
)


def sign_in(
    browser: Browser, url: str, *, slack_user: str = "U0BOB", account: str = "bob@acme.example", password: str = ""
) -> Page:
    """Goes from a connect address over Slack's and the vendor's pages, or our own form, back to the bot.

    Gives the page that ends it: the bot's after the callback, or one of the vendor that leads nowhere.
    """
    page, been_there = browser.get(url), False
    for _ in range(STEPS):
        if page.host.startswith("slack."):
            page = _allow_at_slack(browser, slack_user)
        elif VENDOR.match(page.host):
            if not page.forms:
                return page
            page, been_there = _one_step_at_vendor(browser, account), True
        elif been_there or page.status >= 400:
            return page
        elif _asks_for_a_password(page):
            return browser.submit_form({"login": account, "password": password})
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


def _one_step_at_vendor(browser: Browser, email: str) -> Page:
    """The chooser, the password page, or the consent page: whichever is shown."""
    page = browser.page
    chosen = any(field == ("username", email) for form in page.forms for field in form.fields)
    for form in page.forms:
        for button in form.buttons:
            if button.value == email and not chosen:
                return browser.submit(form, button=button)
    if email not in page.html:
        # The app named the account that it expects; this person takes another one.
        return browser.click("Use another account")
    for form in page.forms:
        for button in form.buttons:
            if YES.search(button.text):
                return browser.submit(form, button=button)
    raise AssertionError(f"no button goes on from {page.url}: {page.text}")


def _asks_for_a_password(page: Page) -> bool:
    return any(name == "password" for form in page.forms for name, _ in form.fields)


def _onward(browser: Browser) -> Page:
    """Straight to the vendor where a link leads there. Buttons go before links, for help pages are links too."""
    for link in browser.page.links:
        if VENDOR.match(urlsplit(link.url).hostname or ""):
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
