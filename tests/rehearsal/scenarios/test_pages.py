"""The real pages under abuse: what another browser, another person or another vendor sends back changes nothing."""

from __future__ import annotations

import re

import pytest

from tests.sandbox.browser import Page
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.world import ADA, BOB, GRACE, MALLORY, Person
from tests.stage import Stage
from tests.traces import rows


@pytest.fixture(scope="module")
def bobs_address(stage: Stage) -> str:
    stage.world.google.remove_access(BOB.email)
    stage.slack.command(BOB.id, "refresh")
    address: str = stage.wait(lambda: stage.door(BOB, "Refresh").url, "Bob's sign-in button")
    return address


def at_relatch(stage: Stage, person: Person, address: str) -> Browser:
    """A browser that has proven to be this person's, on the page of this address."""
    browser = Browser()
    browser.get(address)
    browser.post_json(f"{stage.world.page_url}/page/whoami", {"user": person.id})
    browser.click("Sign in with Slack")
    if browser.page.host.startswith("slack.") and browser.page.forms:
        browser.click("Allow")
    return browser


def test_without_slack_nobody_sees_whose_address_it_is(bobs_address: str) -> None:
    page = Browser().get(bobs_address)
    assert page.status == 200
    assert BOB.email not in page.html
    assert BOB.real_name not in page.html
    assert "Google" not in page.text


@pytest.mark.parametrize("person", [ADA, GRACE, MALLORY], ids=lambda person: person.name)
def test_somebody_else_is_shown_nothing_of_bob(stage: Stage, bobs_address: str, person: Person) -> None:
    page = at_relatch(stage, person, bobs_address).page
    assert BOB.email not in page.html
    assert BOB.real_name not in page.html
    assert not [link for link in page.links if "google" in link.url]


def test_crawlers_make_nothing(stage: Stage, bobs_address: str) -> None:
    before = rows(stage)
    for _ in range(20):
        Browser().get(bobs_address)
    assert rows(stage) == before


def test_a_callback_in_another_browser_is_refused(stage: Stage, bobs_address: str) -> None:
    """Mallory begins, and hopes that Bob finishes: his mailbox would be hers, or hers his."""
    bobs = at_relatch(stage, BOB, bobs_address)
    link = next(link for link in bobs.page.links if "login.google" in link.url)
    graces = at_relatch(stage, GRACE, bobs_address)
    page = sign_in(graces, link.url, slack_user=GRACE.id, account=BOB.email)
    assert refused(page)
    assert still_broken(stage)


def test_a_state_works_once(stage: Stage, bobs_address: str) -> None:
    browser = at_relatch(stage, BOB, bobs_address)
    done = browser.get(bobs_address)
    link = next(link for link in done.links if "login.google" in link.url)
    page = sign_in(browser, link.url, slack_user=BOB.id, account=GRACE.email)
    assert GRACE.email in page.text, "the wrong account is named"
    assert BOB.email in page.text, "and the right one"
    again = browser.get(page.url)
    assert refused(again)
    assert still_broken(stage)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=",
        "?state=x&code=y",
        "?error=access_denied",
        "?error=invalid_client&state=x",
        "?code=y",
        "?state=a&state=b",
    ],
)
def test_invented_callbacks_are_refused_and_leave_nothing(stage: Stage, bobs_address: str, query: str) -> None:
    browser = at_relatch(stage, BOB, bobs_address)
    before = {name: kept for name, kept in rows(stage).items() if name not in {"flow", "web_session"}}
    page = browser.get(f"{stage.world.public_url}/callback/google{query}")
    assert refused(page) or page.status == 400
    assert "Traceback" not in page.text
    after = {name: kept for name, kept in rows(stage).items() if name not in {"flow", "web_session"}}
    assert after == before


def test_bob_himself_still_gets_in(stage: Stage, bobs_address: str) -> None:
    page = sign_in(Browser(), bobs_address, slack_user=BOB.id, account=BOB.email)
    assert "connected" in page.text
    stage.wait(lambda: not still_broken(stage), "Bob's mailbox works")


def refused(page: Page) -> bool:
    return "is connected" not in page.text and bool(
        re.search("so it was stopped|already over|do not know|another account|Nothing was", page.text)
    )


def still_broken(stage: Stage) -> bool:
    connections = rows(stage)["connection"]
    return any("suspended" in map(str, row) for row in connections)
