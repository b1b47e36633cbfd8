"""Signing in: who stands before the browser, whose sign-in it is, and which account came back. By pages and rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bot.model import Kind, Reply, WebSession, Word
from providers.base import Reason
from tests.memory_slack import ADA, BOB, GRACE, MALLORY
from tests.rig import Rig, play_google

BOBS = "bob@acme.example"
TABLES = ("person", "connection", "credential", "flow", "web_session", "invitation", "notice", "event")


def counts(rig: Rig) -> dict[str, int]:
    return {table: rig.count(table) for table in TABLES}


def why(reply: Reply) -> str:
    assert reply.template == "refused", reply
    return str(reply.context["why"])


def back(rig: Rig, *, account: str = BOBS, invitation: str = "") -> tuple[WebSession, dict[str, str]]:
    """Bob's browser is about to come back from Google."""
    session, url = rig.visit(BOB, invitation)
    return session, play_google(url, account)


# Who


def test_without_a_session_nothing_is_shown_and_nothing_is_made(rig: Rig) -> None:
    door = rig.door(BOB)
    before = counts(rig)
    for invitation in (door, "no such address", ""):
        assert rig.sign_in.visit(invitation, None) == Reply("welcome")
    assert why(rig.sign_in.callback("google", {"state": "x", "code": "y"}, None)) == "foreign"
    assert counts(rig) == before


def test_somebody_elses_session_shows_nothing_of_the_owner(rig: Rig) -> None:
    rig.connected(BOB)
    door, graces = rig.door(BOB, Word.CHANGE), rig.session(GRACE)
    before = counts(rig)
    assert rig.sign_in.visit(door, graces) == Reply("not_yours")
    assert counts(rig) == before


def test_an_unknown_address_is_gone(rig: Rig) -> None:
    assert rig.sign_in.visit("no such address", rig.session(BOB)) == Reply("gone")


def test_who_is_of_another_workspace_gets_no_session(rig: Rig) -> None:
    assert rig.sign_in.arrive(code=MALLORY, nonce="n") == ("", Reply("not_proven", {"code": "other_workspace"}))
    assert rig.sign_in.arrive(code="nobody", nonce="n")[1] == Reply("not_proven", {"code": "bad_code"})
    rig.slack.away = True
    assert rig.sign_in.arrive(code=BOB, nonce="n")[1] == Reply("not_proven", {"code": "slack_away"})
    assert rig.count("web_session") == 0


def test_a_session_lives_twelve_hours(rig: Rig) -> None:
    token, _ = rig.sign_in.arrive(code=BOB, nonce="n")
    assert rig.sign_in.session(token) is not None
    rig.clock.ahead = timedelta(hours=12, seconds=1)
    assert rig.sign_in.session(token) is None


# The way back


def test_an_answer_counts_once(rig: Rig) -> None:
    session, query = back(rig)
    assert rig.sign_in.callback("google", query, session).template == "done"
    before, codes = counts(rig), rig.google.token_posts("authorization_code")
    assert why(rig.sign_in.callback("google", query, session)) == "used"
    assert counts(rig) == before
    assert rig.google.token_posts("authorization_code") == codes


def test_of_two_answers_at_once_one_counts(rig: Rig) -> None:
    session, query = back(rig)
    with ThreadPoolExecutor(2) as pool:
        replies = [pool.submit(rig.sign_in.callback, "google", query, session) for _ in range(2)]
    assert sorted(reply.result().template for reply in replies) == ["done", "refused"]
    assert rig.count("credential") == 1


def test_an_answer_to_somebody_elses_browser_is_foreign_and_asks_the_vendor_nothing(rig: Rig) -> None:
    session, query = back(rig)
    assert why(rig.sign_in.callback("google", query, rig.session(GRACE))) == "foreign"
    assert why(rig.sign_in.callback("google", query, rig.session(BOB))) == "foreign", "another browser of Bob's"
    assert rig.google.token_posts("authorization_code") == 0
    assert rig.sign_in.callback("google", query, session).template == "done", "and Bob's own is not used up"


def test_an_answer_that_nobody_asked_for_is_unknown(rig: Rig) -> None:
    assert why(rig.sign_in.callback("google", {"code": "x"}, rig.session(BOB))) == "unknown"
    assert why(rig.sign_in.callback("google", {"code": "x", "state": "made up"}, rig.session(BOB))) == "unknown"


def test_an_answer_that_comes_too_late_is_expired(rig: Rig) -> None:
    session, query = back(rig)
    rig.clock.ahead = timedelta(minutes=10, seconds=1)
    assert why(rig.sign_in.callback("google", query, session)) == "expired"
    assert rig.count("connection") == 0


def test_an_answer_at_another_providers_address_is_unknown(rig: Rig) -> None:
    session, query = back(rig)
    rig.providers["other"] = rig.provider
    assert why(rig.sign_in.callback("other", query, session)) == "unknown"
    assert why(rig.sign_in.callback("nothing", query, session)) == "used"
    assert rig.google.token_posts("authorization_code") == 0


# Which account


def test_the_same_account_again_keeps_place_and_counter(rig: Rig) -> None:
    rig.mail(3)
    rig.connected(BOB)
    cursor = rig.connection().cursor
    rig.connect(BOB)
    assert (rig.connection().items, rig.connection().cursor) == (3, cursor)
    rig.sync()
    assert rig.connection().items == 3
    assert rig.count("credential WHERE secret IS NOT NULL") == 1


def test_an_address_in_slack_that_google_does_not_name_is_asked_about(rig: Rig) -> None:
    rig.slack.change(BOB, email="robert@acme.example")
    assert rig.connect(BOB, account=BOBS).template == "ask"


def test_another_account_does_not_pass_for_a_refresh(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    before = rig.connection()
    reply = rig.connect(BOB, invitation=rig.door(BOB), account="grace@acme.example")
    assert why(reply) == "wrong_account"
    assert (reply.context["expected"], reply.context["got"]) == (BOBS, "grace@acme.example")
    assert rig.connection() == before
    assert rig.history()[-1].kind is Kind.SIGN_IN_REFUSED


def asked(rig: Rig) -> tuple[WebSession, Reply]:
    rig.google.add_account("builder@acme.example", password="of the builder")
    session, query = back(rig, account="builder@acme.example")
    return session, rig.sign_in.callback("google", query, session)


def test_another_address_of_the_own_domain_is_asked_about(rig: Rig) -> None:
    session, reply = asked(rig)
    assert (reply.template, reply.context["got"], reply.context["expected"]) == ("ask", "builder@acme.example", BOBS)
    assert rig.count("connection") == 0
    assert rig.sign_in.confirm(reply.context["flow_id"], session, yes=True).template == "done"
    assert why(rig.sign_in.confirm(reply.context["flow_id"], session, yes=True)) == "used"
    rig.sync()
    assert rig.connection().account == "builder@acme.example"


def test_no_means_no_and_the_key_is_forgotten(rig: Rig) -> None:
    session, reply = asked(rig)
    assert why(rig.sign_in.confirm(reply.context["flow_id"], session, yes=False)) == "cancelled"
    assert why(rig.sign_in.confirm(reply.context["flow_id"], session, yes=True)) == "used"
    assert (rig.count("connection"), rig.count("flow WHERE asked IS NOT NULL")) == (0, 0)


def test_the_question_is_for_the_browser_that_was_asked_and_for_ten_minutes(rig: Rig) -> None:
    session, reply = asked(rig)
    assert why(rig.sign_in.confirm(reply.context["flow_id"], rig.session(ADA), yes=True)) == "used"
    rig.clock.ahead = timedelta(minutes=10, seconds=1)
    assert why(rig.sign_in.confirm(reply.context["flow_id"], session, yes=True)) == "used"
    assert rig.count("connection") == 0


def test_another_account_by_change_starts_afresh(rig: Rig) -> None:
    rig.mail(3)
    rig.connected(BOB)
    session, reply = asked(rig)
    rig.sign_in.confirm(reply.context["flow_id"], session, yes=True)
    assert (rig.connection().items, rig.connection().cursor) == (0, "")
    assert Kind.CHANGED in [event.kind for event in rig.history()]


def test_a_foreign_domain_is_refused_until_it_is_allowed(rig: Rig) -> None:
    rig.google.add_account("bob@gmail.com", password="private")
    reply = rig.connect(BOB, account="bob@gmail.com")
    assert (why(reply), reply.context["got"]) == ("foreign_domain", "bob@gmail.com")
    assert rig.count("credential") == 0
    rig.allowed_domains = frozenset({"gmail.com"})
    rig.start("run:2")
    assert rig.connect(BOB, account="bob@gmail.com").template == "ask"


# What the vendor says


def test_who_cancels_changes_nothing_and_can_try_again(rig: Rig) -> None:
    rig.connected(BOB)
    before = rig.connection()
    reply = rig.connect(BOB, cancel=True)
    assert (why(reply), reply.context["cause"].reason) == ("cancelled", Reason.CONSENT_DECLINED)
    assert reply.context["door"].url.endswith(reply.context["door"].id)
    assert rig.connection() == before


def test_boxes_left_unticked_are_named(rig: Rig) -> None:
    rig.google.untick(BOBS, True)
    reply = rig.connect(BOB)
    assert (why(reply), reply.context["cause"].reason) == ("provider", Reason.SCOPE_MISSING)
    assert "gmail.metadata" in reply.context["cause"].code
    assert rig.count("credential") == 0


@pytest.mark.parametrize("error", ["invalid_client", "redirect_uri_mismatch", "made_up"])
def test_words_that_came_through_the_browser_open_no_incident(rig: Rig, error: str) -> None:
    session, query = back(rig)
    reply = rig.sign_in.callback("google", {"state": query["state"], "error": error}, session)
    assert why(reply) == "provider"
    assert rig.count("incident") == 0


def test_the_vendors_own_word_on_our_client_opens_one(rig: Rig) -> None:
    session, query = back(rig)
    rig.google.wrong_client_secret(True)
    assert why(rig.sign_in.callback("google", query, session)) == "provider"
    assert rig.rows("SELECT kind FROM incident") == [("misconfigured",)]


def test_a_vendor_that_is_down_is_said_before_anybody_is_sent_there(rig: Rig) -> None:
    door = rig.door(BOB)
    rig.google.down(True)
    reply = rig.sign_in.visit(door, rig.session(BOB))
    assert (why(reply), reply.context["cause"].reason) == ("provider", Reason.PROVIDER_DOWN)
    assert rig.count("flow") == 0


def test_the_page_names_what_is_connected_and_the_vendors_address(rig: Rig) -> None:
    rig.connected(BOB)
    reply = rig.sign_in.visit(rig.door(BOB, Word.CHANGE), rig.session(BOB))
    assert (reply.template, reply.context["who"], reply.context["account_expected"]) == ("connect", "Bob", BOBS)
    assert "login.google.localhost" in reply.context["url"]
    assert "login_hint=bob%40acme.example" in reply.context["url"]
