"""What a person meets in the browser, from the address in Slack to the page that says it is done."""

from __future__ import annotations

import pytest

from bot.model import Cause, Culprit, Door, Reply, Word
from providers.base import Reason
from tests.handlers.web.rig import (
    ADA,
    BACK,
    BOB,
    GOOGLE,
    INVITATION,
    SLACK,
    Web,
    ask,
    connect,
    form,
    refused,
    state_of,
)
from tests.sandbox.browser import Browser, Page

DOOR = Door(word=Word.REFRESH, provider="google", label="Google", url="http://bot.localhost/connect/again", id="again")


def cause(culprit: Culprit, reason: Reason = Reason.UNKNOWN) -> Cause:
    return Cause(culprit=culprit, reason=reason, code="vendor_code", trace="trace-1")


def test_bob_goes_from_the_address_over_slack_to_google_and_back(web: Web) -> None:
    browser = web.browser()
    assert "who you are" in browser.get(f"{web.url}/connect/{INVITATION}").text
    page = web.sign_in(browser, BOB)
    assert page.url == f"{web.url}/connect/{INVITATION}"
    assert "You are connecting Bob \N{RIGHT SINGLE QUOTATION MARK}s mailbox" in page.text
    assert "Sign in with this account bob@acme.example" in page.text
    assert [link.url for link in page.links if link.text == "Continue to Google"] == [GOOGLE]
    done = browser.get(f"{web.url}/callback/google?code=c&state=s")
    assert "Your mailbox is connected" in done.text
    assert [link.url for link in done.links] == [BACK]
    assert web.desk.callbacks == [("google", {"code": "c", "state": "s"}, BOB)]


def test_the_page_says_what_relatch_cannot_read(web: Web) -> None:
    text = web.browser(BOB).page.text
    assert "It cannot read the text or attachments of your mail: the permission does not allow it" in text
    assert "Signed in as Bob . Not you?" in text


def test_a_permission_that_allows_more_than_is_read_is_not_called_a_narrow_one(web: Web) -> None:
    web.desk.replies["visit"] = Reply("connect", connect(slug="microsoft", label="Office 365", allows_more=True))
    text = web.browser(BOB).page.text
    assert "it never fetches the text or attachments of your mail, though this permission would allow it" in text
    assert "does not allow it" not in text


def test_changing_says_that_the_old_account_stays_in_use_meanwhile(web: Web) -> None:
    web.desk.replies["visit"] = Reply("connect", connect(word=Word.CHANGE))
    assert "stays in use until the new sign-in has worked" in web.browser(BOB).page.text


def test_who_is_signed_in_already_does_not_see_slack_again(web: Web) -> None:
    browser = web.browser(BOB)
    assert "Continue to Google" in browser.get(f"{web.url}/connect/{INVITATION}").text


def test_somebody_elses_session_sees_nothing_of_bob(web: Web) -> None:
    page = web.browser(ADA).page
    assert (page.status, web.desk.made) == (403, 1)  # Ada's own session, and no flow.
    assert "for somebody else" in page.text
    assert "Bob" not in page.html
    assert "bob@" not in page.html


def test_not_you_leads_over_slack_to_another_session(web: Web) -> None:
    browser = web.browser(ADA)
    assert "Continue to Google" in web.sign_in(browser, BOB).text


def test_an_address_that_is_not_known_says_where_to_go(web: Web) -> None:
    browser = web.browser(BOB)
    page = browser.get(f"{web.url}/connect/nobody-knows-it")
    assert page.status == 404
    assert "no longer used" in page.text


def test_the_address_opened_twice_lets_the_older_tab_go_on(web: Web) -> None:
    browser = web.browser()
    older = browser.get(f"{web.url}/connect/{INVITATION}").links[0].url
    browser.get(f"{web.url}/connect/{INVITATION}")
    page = browser.get(f"{web.url}/callback/slack?code={BOB}&state={state_of(older)}")
    assert "Continue to Google" in page.text


def test_cancelling_at_slack_offers_to_try_again(web: Web) -> None:
    browser = web.browser()
    state = state_of(browser.get(f"{web.url}/connect/{INVITATION}").links[0].url)
    page = browser.get(f"{web.url}/callback/slack?error=access_denied&state={state}")
    assert "You did not sign in" in page.text
    again = page.links[0].url
    assert again.startswith(SLACK)
    assert state_of(again) != state
    assert "Continue to Google" in browser.get(f"{web.url}/callback/slack?code={BOB}&state={state_of(again)}").text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("other_workspace", "another workspace"),
        ("slack_away", "Slack did not answer"),
        ("bad_nonce", "what Slack said: bad_nonce"),
    ],
)
def test_slack_proved_nobody(web: Web, code: str, words: str) -> None:
    web.desk.replies["arrive"] = Reply("not_proven", {"code": code})
    browser = web.browser(BOB)
    assert words in browser.page.text
    assert "__Host-relatch" not in browser.cookies("bot.localhost")
    assert browser.page.links[0].url.startswith(SLACK)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            refused("wrong_account", expected="bob@acme.example", got="b@gmail.example"),
            "We expected bob@acme",
        ),
        (refused("foreign_domain", got="bob@other.example"), "That account is not of Acme"),
        (refused("cancelled"), "Nothing was connected"),
        (refused("used"), "already over"),
        (refused("expired"), "took too long"),
        (refused("foreign"), "your own links come from Relatch in Slack"),
        (refused("unknown"), "do not know this sign-in"),
        (refused("provider"), "Google did not answer"),
        (refused("provider", cause=cause(Culprit.NOBODY)), "Try again in a few minutes"),
        (refused("provider", cause=cause(Culprit.ADMINISTRATOR)), "Your administrator must allow this first"),
        (refused("provider", cause=cause(Culprit.OPERATOR)), "vendor_code trace-1"),
        (refused("provider", cause=cause(Culprit.PERSON)), "did not accept the sign-in"),
        (refused("provider", cause=cause(Culprit.PERSON, Reason.SCOPE_MISSING)), "tick all of them"),
    ],
)
def test_a_refusal_says_what_happened(web: Web, reply: Reply, words: str) -> None:
    browser = web.browser(BOB)
    web.desk.replies["callback"] = reply
    page = browser.get(f"{web.url}/callback/google?state=s")
    assert page.status == 400
    assert words in page.text
    assert page.links[-1].url == BACK


def test_a_refusal_with_a_door_offers_to_try_again(web: Web) -> None:
    browser = web.browser(BOB)
    web.desk.replies["callback"] = refused("cancelled", door=DOOR)
    page = browser.get(f"{web.url}/callback/google?state=s")
    assert [link.url for link in page.links] == [DOOR.url, BACK]


@pytest.mark.parametrize(("button", "yes", "words"), [("Yes", True, "is connected"), ("No", False, "Nothing was")])
def test_another_address_is_asked_about_and_answered_by_a_page(web: Web, button: str, yes: bool, words: str) -> None:
    browser = web.browser(BOB)
    web.desk.replies["callback"] = ask(next(iter(web.desk.sessions.values())))
    page = browser.get(f"{web.url}/callback/google?state=s")
    assert "You signed in as robert@acme.example We expected bob@acme.example" in page.text
    answer = browser.click(button)
    assert (answer.status, answer.path) == (200, "/confirm")
    assert words in answer.text
    assert web.desk.answers == [(7, BOB, yes)]


HOSTILE = ("<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}", "\u202egnirts", "a" * 500)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_words(web: Web, name: str) -> None:
    browser = web.browser(BOB)
    session = next(iter(web.desk.sessions.values()))
    for reply in (
        Reply("connect", connect(who=name, account_expected=name)),
        refused("wrong_account", expected=name, got=name),
        refused("provider", label=name, cause=Cause(Culprit.PERSON, Reason.UNKNOWN, code=name, trace=name)),
        ask(session, got=name, expected=name, label=name),
        Reply("done", {"label": name, "account": name, "word": Word.REFRESH, "side": "mailbox"}),
    ):
        web.desk.replies["callback"] = reply
        page = browser.get(f"{web.url}/callback/google?state=s")
        assert name in page.text
        assert "<script" not in page.html
        assert "<img" not in page.html


def shown_form(web: Web, **given: object) -> tuple[Browser, Page]:
    browser = web.browser(BOB)
    session = next(iter(web.desk.sessions.values()))
    web.desk.replies["visit"] = form(session, **given)
    return browser, browser.get(f"{web.url}/connect/{INVITATION}")


def test_a_form_of_ours_asks_for_the_password_and_hides_the_address_under_advanced(web: Web) -> None:
    browser, page = shown_form(web)
    assert "Advanced setup" in page.text
    assert 'type="password"' in page.html
    assert ("login", "ACME\\bob") in page.forms[0].fields
    filled = browser.submit_form({"password": "correct horse"})
    assert filled.status == 200
    slug, values, user = web.desk.filled[-1]
    assert (slug, user) == ("exchange", BOB)
    assert values == {"state": "a-state", "login": "ACME\\bob", "password": "correct horse", "ews_url": ""}
    assert "correct horse" not in filled.html


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.PASSWORD_WRONG, "did not accept this user name and password"),
        (Reason.ENDPOINT_WRONG, "no mail server of Acme at that address"),
        (Reason.MAILBOX_MISSING, "not this mailbox"),
    ],
)
def test_a_refused_form_is_shown_once_more_without_the_password(web: Web, reason: Reason, words: str) -> None:
    browser, _ = shown_form(web)
    session = next(iter(web.desk.sessions.values()))
    web.desk.replies["fill"] = form(session, cause=cause(Culprit.PERSON, reason))
    again = browser.submit_form({"password": "correct horse"})
    assert words in again.text
    assert "correct horse" not in again.html
    assert ("password", "") in again.forms[0].fields


def test_a_form_that_is_not_ours_is_not_taken(web: Web) -> None:
    browser, _ = shown_form(web)
    assert browser.submit_form({"password": "x", "csrf": "forged"}).status == 403
    assert not web.desk.filled


@pytest.mark.parametrize(
    ("more", "words"), [("", "tries everybody again who waited"), ("&error=consent_required", "Nothing was approved")]
)
def test_an_administrator_who_approved_comes_back_to_a_page_of_ours(web: Web, more: str, words: str) -> None:
    page = web.browser().get(f"{web.url}/callback/microsoft?admin_consent=True&tenant=t&state=approval{more}")
    assert (page.status, web.desk.calls) == (200, ["approval_answered"])
    assert words in page.text
