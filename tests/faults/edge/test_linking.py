"""Whose account ends up with whom: sixteen kinds of account, and every way to hand over somebody else's sign-in.

Nobody is linked to an account that is not meant, nothing usable is kept of what was refused, and no vendor is asked
to take a code for a browser that has not begun the sign-in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from bot.desk.sign_in import SignIn
from bot.model import Actor, Flow, Person, Reply, Request, WebSession, Word
from bot.store.rows import hashed
from providers.base import Credential, Side
from tests.faults.edge.linking import OAUTH, Citizen, Town
from tests.memory_slack import TEAM
from tests.sandbox.browser import Browser, Page

# Ours are made once for all of these tests, and pytest forgets what they have said of MSAL's warning.
pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post'")

EVERYBODY = (*OAUTH, "exchange")
DONE = "Done"


class Unbound(SignIn):
    """Without `browser_binding`: whoever brings a state is taken for the browser that began with it."""

    def callback(self, slug: str, query: Mapping[str, str], session: WebSession | None) -> Reply:
        return super().callback(slug, query, self._whose(query.get("state", "")) or session)

    def fill(self, slug: str, filled: Mapping[str, str], session: WebSession) -> Reply:
        return super().fill(slug, filled, self._whose(filled.get("state", "")) or session)

    def _whose(self, state: str) -> WebSession | None:
        with self._tools.store.read() as tx:
            found = tx.flows._database.exec_driver_sql(
                "SELECT s.id, s.team_id, s.user_id, s.csrf FROM web_session s JOIN flow f ON f.session_id = s.id "
                "WHERE f.state_hash = ?",
                (hashed(state),),
            ).one_or_none()
        return WebSession(found[0], found[1], found[2], "", "", found[3]) if found else None


class Unproven(SignIn):
    """Without `identity`: whichever account comes back is the right one."""

    def _judge(self, flow: Flow, person: Person, session: WebSession, credential: Credential) -> Reply:
        return self._store(flow, person, credential)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Town]:
    left_out = {"browser_binding": Unbound, "identity": Unproven}
    sign_in = left_out.get(str(pytestconfig.getoption("--without-control")), SignIn)
    with Town.opened(tmp_path_factory.mktemp("town"), sign_in) as town:
        yield town


# Which account


@pytest.mark.parametrize("slug", EVERYBODY)
def test_identity_the_same_person_is_linked(town: Town, slug: str) -> None:
    bob = town.hire()
    assert DONE in town.connect(bob, slug).title
    before = town.linked(bob)
    assert DONE in town.connect(bob, slug, word=Word.REFRESH).title
    assert town.linked(bob) == before != ""


@pytest.mark.parametrize("slug", EVERYBODY)
def test_identity_another_person_is_not_linked(town: Town, slug: str) -> None:
    """Neither at first, where an address of the same company is asked about, nor when Bob's own is renewed."""
    bob, grace = town.hire(), town.hire()
    assert DONE not in town.connect(bob, slug, account=grace).title
    assert town.linked(bob) == ""
    assert DONE in town.connect(bob, slug).title
    before, kept = town.linked(bob), town.secrets()
    page = town.connect(bob, slug, account=grace, word=Word.REFRESH)
    assert DONE not in page.title
    assert (town.linked(bob), town.linked(grace), town.secrets()) == (before, "", kept)


@pytest.mark.parametrize("slug", EVERYBODY)
def test_identity_the_same_address_elsewhere_is_not_linked(town: Town, slug: str) -> None:
    """Another tenant, org or server, where somebody else has made an account of Bob's name."""
    bob = town.hire()
    assert DONE in town.connect(bob, slug).title
    before, kept = town.linked(bob), town.secrets()
    if slug == "exchange":
        browser, _ = town.visit(bob, slug, Word.REFRESH)
        typed = {"login": bob.email, "password": bob.password, "ews_url": "https://mail.evil.example/EWS/Exchange.asmx"}
        page = browser.submit_form(typed)
    else:
        move_elsewhere(town, bob, slug)
        page = town.connect(bob, slug, word=Word.REFRESH)
    assert DONE not in page.title
    assert (town.linked(bob), town.secrets()) == (before, kept)


def move_elsewhere(town: Town, bob: Citizen, slug: str) -> None:
    match slug:
        case "google":
            town.world.google.add_account(bob.email, password=bob.password, sub="118000000000000000666")
        case "microsoft":
            state = town.world.microsoft.state
            state.accounts[bob.email].tenant = state.directory("evil.example")
        case _:
            [user] = town.world.salesforce.state.named(bob.email)
            user.id = user.id[:-6] + "EVIL99"


@pytest.mark.parametrize("slug", EVERYBODY)
def test_identity_a_foreign_or_unverified_address_is_not_linked(town: Town, slug: str) -> None:
    bob, kept = town.hire(), town.secrets()
    if slug == "google":
        with town.tampered.changed(claims=lambda claims: claims.update(email_verified=False)):
            page = town.connect(bob, slug)
    else:
        mallory = town.hire(email=f"mallory-{slug}@evil.example")
        page = town.connect(bob, slug, account=mallory)
    assert DONE not in page.title
    assert (town.linked(bob), town.secrets()) == ("", kept)


# Whose sign-in

Attempt = Callable[[Town, str, Citizen, Citizen], Page]


def other(slug: str) -> str:
    return OAUTH[(OAUTH.index(slug) + 1) % len(OAUTH)]


def foreign_cookie(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    _, url = town.visit(bob, slug)
    hers, _ = town.visit(grace, slug)
    return town.deliver(hers, slug, town.play(url, bob))


def the_victim_consents(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    """Bob sends Grace the address that our page showed him, and she signs in with her own account."""
    _, url = town.visit(bob, slug)
    hers = Browser()
    assert "Continue to" not in town.house.arrive(hers, town.house.door(bob.user_id, slug), grace.user_id).text
    return town.deliver(hers, slug, town.play(url, grace))


def no_cookie(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    _, url = town.visit(bob, slug)
    return town.deliver(Browser(), slug, town.play(url, bob))


def state_of_another_provider(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    invitation = town.house.door(bob.user_id, other(slug))
    browser, url = town.visit(bob, slug)
    theirs = browser.get(f"{town.house.public_url}/connect/{invitation}")
    [there] = [link.url for link in theirs.links if f"login.{other(slug)}." in link.url]
    state = dict(parse_qsl(urlsplit(there).query))["state"]
    return town.deliver(browser, slug, town.play(url, bob) | {"state": state})


def code_at_another_callback(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    browser, url = town.visit(bob, slug)
    return town.deliver(browser, other(slug), town.play(url, bob))


def expired(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    browser, url = town.visit(bob, slug)
    query = town.play(url, bob)
    town.house.clock.ahead += timedelta(minutes=11)
    return town.deliver(browser, slug, query)


def unknown_state(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    browser, url = town.visit(bob, slug)
    return town.deliver(browser, slug, town.play(url, bob) | {"state": "A" * 43})


def session_of_somebody_else(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    """In one browser: Bob begins, Grace signs in with Slack, and Bob's callback comes."""
    browser, url = town.visit(bob, slug)
    query = town.play(url, bob)
    browser.get(f"{town.house.public_url}/connect/{town.house.door(grace.user_id, slug)}")
    town.house.prove(browser, grace.user_id)
    return town.deliver(browser, slug, query)


def after_revoke(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    assert DONE in town.connect(bob, slug).title
    browser, url = town.visit(bob, slug, Word.REFRESH)
    query = town.play(url, bob)
    revoke(town, bob, slug)
    return town.deliver(browser, slug, query)


def revoke(town: Town, bob: Citizen, slug: str) -> None:
    side = Side.CRM if slug == "salesforce" else Side.MAILBOX
    shown = town.house.connections(bob.user_id)[side].credential_id
    request = Request(Actor(TEAM, bob.user_id), Word.REVOKE, target=str(side), argument=str(shown))
    assert [reply.context["stage"] for reply in town.house.desk.answer(request)] == ["started"]


NOTHING_IS_ASKED: dict[str, Attempt] = {
    attempt.__name__: attempt
    for attempt in (
        foreign_cookie,
        the_victim_consents,
        no_cookie,
        state_of_another_provider,
        code_at_another_callback,
        expired,
        unknown_state,
        session_of_somebody_else,
        after_revoke,
    )
}


@pytest.mark.parametrize("slug", OAUTH)
@pytest.mark.parametrize("name", NOTHING_IS_ASKED)
def test_protocol_a_callback_of_another_browser_asks_nobody_and_links_nothing(town: Town, slug: str, name: str) -> None:
    bob, grace = town.hire(), town.hire()
    asked, kept, before = town.asked(), town.secrets(), 0
    if name == "after_revoke":
        # The sign-in that is revoked has asked for itself.
        before = 1
    page = NOTHING_IS_ASKED[name](town, slug, bob, grace)
    assert DONE not in page.title, page.text
    assert page.status >= 400
    assert (town.linked(bob), town.linked(grace), town.secrets()) == ("", "", kept)
    assert town.asked() == asked + before


def swapped_code(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    browser, url = town.visit(bob, slug)
    _, hers = town.visit(grace, slug)
    return town.deliver(browser, slug, town.play(url, bob) | {"code": town.play(hers, bob)["code"]})


def foreign_challenge(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    """The code was asked for by somebody who has another verifier."""
    browser, url = town.visit(bob, slug)
    query = dict(parse_qsl(urlsplit(url).query)) | {"code_challenge": "E" * 43}
    return town.deliver(browser, slug, town.play(f"{url.partition('?')[0]}?{urlencode(query)}", bob))


def wrong_issuer(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    browser, url = town.visit(bob, slug)
    query = town.play(url, bob)
    match slug:
        case "google":
            return town.deliver(browser, slug, query | {"iss": "https://accounts.evil.example"})
        case "microsoft":
            change = {"claims": lambda claims: claims.update(iss="https://evil.example/v2.0")}
        case _:
            change = {"answer": lambda said: said.update(id="https://evil.example/id/00DEVIL/005EVIL")}
    with town.tampered.changed(**change):
        return town.deliver(browser, slug, query)


def wrong_nonce(town: Town, slug: str, bob: Citizen, grace: Citizen) -> Page:
    """Of Salesforce no ID token is asked: there the tokens are for somebody else's host."""
    browser, url = town.visit(bob, slug)
    query = town.play(url, bob)
    with town.tampered.changed(
        claims=lambda claims: claims.update(nonce="of another sign-in"),
        answer=lambda said: said.update(instance_url="https://evil.example") if slug == "salesforce" else None,
    ):
        return town.deliver(browser, slug, query)


THE_VENDOR_IS_ASKED: dict[str, Attempt] = {
    attempt.__name__: attempt for attempt in (swapped_code, foreign_challenge, wrong_issuer, wrong_nonce)
}


@pytest.mark.parametrize("slug", OAUTH)
@pytest.mark.parametrize("name", THE_VENDOR_IS_ASKED)
def test_protocol_an_answer_that_was_meddled_with_links_nothing(town: Town, slug: str, name: str) -> None:
    bob, grace = town.hire(), town.hire()
    asked, kept = town.asked(), town.secrets()
    page = THE_VENDOR_IS_ASKED[name](town, slug, bob, grace)
    assert DONE not in page.title, page.text
    assert (town.linked(bob), town.linked(grace), town.secrets()) == ("", "", kept)
    assert town.asked() <= asked + 1


@pytest.mark.parametrize("slug", OAUTH)
def test_protocol_a_state_is_good_once(town: Town, slug: str) -> None:
    bob = town.hire()
    browser, url = town.visit(bob, slug)
    query, asked = town.play(url, bob), town.asked()
    assert DONE in town.deliver(browser, slug, query).title
    before, kept = town.linked(bob), town.secrets()
    again = town.deliver(browser, slug, query)
    assert DONE not in again.title
    assert (town.linked(bob), town.secrets(), town.asked()) == (before, kept, asked + 1)


# Our own form, for Exchange

Typed = dict[str, str]


def form(town: Town, bob: Citizen, word: Word = Word.CHANGE) -> tuple[Browser, Typed]:
    browser, _ = town.visit(bob, "exchange", word)
    return browser, dict(browser.page.forms[0].fields) | {"login": bob.email, "password": bob.password}


def form_foreign_session(town: Town, bob: Citizen, grace: Citizen) -> Page:
    _, typed = form(town, bob)
    hers, _ = form(town, grace)
    return town.post(hers, "/fill/exchange", typed)


def form_foreign_session_with_its_own_token(town: Town, bob: Citizen, grace: Citizen) -> Page:
    _, typed = form(town, bob)
    hers, of_hers = form(town, grace)
    return town.post(hers, "/fill/exchange", typed | {"csrf": of_hers["csrf"]})


def form_no_session(town: Town, bob: Citizen, grace: Citizen) -> Page:
    _, typed = form(town, bob)
    nobodys = Browser()
    nobodys.get(f"{town.house.public_url}/")
    return town.post(nobodys, "/fill/exchange", typed)


def form_no_token(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    return town.post(browser, "/fill/exchange", typed | {"csrf": ""})


def form_no_state(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    return town.post(browser, "/fill/exchange", typed | {"state": ""})


def form_state_of_another_provider(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    shown = browser.get(f"{town.house.public_url}/connect/{town.house.door(bob.user_id, 'google')}")
    [there] = [link.url for link in shown.links if "login.google." in link.url]
    return town.post(browser, "/fill/exchange", typed | {"state": dict(parse_qsl(urlsplit(there).query))["state"]})


def form_at_another_address(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    return town.post(browser, "/fill/google", typed)


def form_as_a_callback(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    return town.deliver(browser, "exchange", typed | {"code": "anything"})


def form_expired(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    town.house.clock.ahead += timedelta(minutes=11)
    return town.post(browser, "/fill/exchange", typed)


def form_session_of_somebody_else(town: Town, bob: Citizen, grace: Citizen) -> Page:
    browser, typed = form(town, bob)
    browser.get(f"{town.house.public_url}/connect/{town.house.door(grace.user_id, 'exchange')}")
    town.house.prove(browser, grace.user_id)
    return town.post(browser, "/fill/exchange", typed)


def form_by_another_site(town: Town, bob: Citizen, grace: Citizen) -> Page:
    """The page that it is sent from is Slack's, so that the cookie stays behind and the browser says so."""
    browser, typed = form(town, bob)
    browser.get(town.world.page_url)
    return town.post(browser, "/fill/exchange", typed)


def form_after_revoke(town: Town, bob: Citizen, grace: Citizen) -> Page:
    assert DONE in town.connect(bob, "exchange").title
    browser, typed = form(town, bob, Word.REFRESH)
    revoke(town, bob, "exchange")
    return town.post(browser, "/fill/exchange", typed)


FORMS: dict[str, Callable[[Town, Citizen, Citizen], Page]] = {
    attempt.__name__: attempt
    for attempt in (
        form_foreign_session,
        form_foreign_session_with_its_own_token,
        form_no_session,
        form_no_token,
        form_no_state,
        form_state_of_another_provider,
        form_at_another_address,
        form_as_a_callback,
        form_expired,
        form_session_of_somebody_else,
        form_by_another_site,
        form_after_revoke,
    )
}


@pytest.mark.parametrize("name", FORMS)
def test_protocol_a_form_of_another_browser_sends_no_password_and_links_nothing(town: Town, name: str) -> None:
    bob, grace = town.hire(), town.hire()
    kept, passwords = town.secrets(), town.world.exchange.logins(bob.email)
    page = FORMS[name](town, bob, grace)
    assert DONE not in page.title, page.text
    assert (town.linked(bob), town.linked(grace), town.secrets()) == ("", "", kept)
    assert town.world.exchange.logins(bob.email) == passwords + first_sign_in(name)


def first_sign_in(name: str) -> int:
    """How many logins the sign-in took that was revoked again."""
    return 1 if name == "form_after_revoke" else 0


def test_protocol_a_form_is_good_once(town: Town) -> None:
    bob = town.hire()
    browser, typed = form(town, bob)
    assert DONE in town.post(browser, "/fill/exchange", typed).title
    before, logins = town.linked(bob), town.world.exchange.logins(bob.email)
    assert DONE not in town.post(browser, "/fill/exchange", typed).title
    assert (town.linked(bob), town.world.exchange.logins(bob.email)) == (before, logins)
