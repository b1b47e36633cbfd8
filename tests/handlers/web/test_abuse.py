"""What strangers, crawlers and other sites try: nothing is made, nobody is sent elsewhere."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.handlers.web.rig import ADA, BOB, INVITATION, Web, ask, state_of
from tests.sandbox.browser import Browser

SLACKBOT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"
ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
)
NAMES = ("next", "url", "redirect", "return_to", "redirect_uri", "continue", "state", "code")


def begun(web: Web, browser: Browser) -> str:
    return state_of(browser.get(f"{web.url}/connect/{INVITATION}").links[0].url)


def asked(web: Web) -> Browser:
    """Bob's browser, which shows the question about another address."""
    browser = web.browser(BOB)
    web.desk.replies["callback"] = ask(next(iter(web.desk.sessions.values())))
    browser.get(f"{web.url}/callback/google?state=s")
    return browser


def cookie(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies("bot.localhost").items())


def test_a_hundred_looks_by_slackbot_make_nothing_and_the_link_still_works(web: Web) -> None:
    for _ in range(100):
        assert web.at("GET", f"/connect/{INVITATION}", headers={"User-Agent": SLACKBOT}).status_code == 200
        assert web.at("HEAD", f"/connect/{INVITATION}", headers={"User-Agent": SLACKBOT}).status_code == 405
    assert web.desk.made == 0
    assert web.desk.calls == ["visit"] * 100
    assert "Continue to Google" in web.browser(BOB).page.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "POST"])
@pytest.mark.parametrize("path", [f"/connect/{INVITATION}", "/callback/slack?code=c", "/callback/google?code=c"])
def test_other_methods_do_nothing_even_with_a_session(web: Web, method: str, path: str) -> None:
    browser = web.browser(BOB)
    web.desk.calls.clear()
    answer = web.at(method, path, headers={"Cookie": cookie(browser)})
    assert (answer.status_code, web.desk.calls) == (405, [])
    assert "Set-Cookie" not in answer.headers


def test_a_callback_that_this_browser_did_not_begin_is_refused(web: Web) -> None:
    theirs = begun(web, web.browser())
    browser = web.browser()
    mine = begun(web, browser)
    page = browser.get(f"{web.url}/callback/slack?code={ADA}&state={theirs}")
    assert (page.status, web.desk.made) == (400, 0)
    assert "began in another browser" in page.text
    # The sign-in that this browser did begin is not spoilt by it.
    assert "Continue to Google" in browser.get(f"{web.url}/callback/slack?code={BOB}&state={mine}").text


@pytest.mark.parametrize("state", ["", "x", "\u00e4"])
def test_a_callback_without_the_cookie_or_the_state_is_refused(web: Web, state: str) -> None:
    page = web.browser().get(f"{web.url}/callback/slack?code={BOB}&state={quote(state)}")
    browser = web.browser()
    begun(web, browser)
    other = browser.get(f"{web.url}/callback/slack?code={BOB}&state={quote(state)}")
    assert (page.status, other.status, web.desk.calls.count("arrive")) == (400, 400, 0)


def test_a_state_works_once(web: Web) -> None:
    browser = web.browser()
    address = f"{web.url}/callback/slack?code={BOB}&state={begun(web, browser)}"
    assert browser.get(address).status == 200
    assert browser.get(address).status == 400
    assert web.desk.calls.count("arrive") == 1


def test_a_parameter_that_comes_twice_is_refused(web: Web) -> None:
    browser = web.browser(BOB)
    assert browser.get(f"{web.url}/callback/google?state=a&state=b").status == 400
    assert web.desk.callbacks == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.localhost"},
    ],
)
def test_an_answer_from_another_site_is_refused(web: Web, headers: dict[str, str]) -> None:
    browser = asked(web)
    fields = dict(browser.page.forms[0].fields) | {"answer": "yes"}
    answer = web.at("POST", "/confirm", data=fields, headers={"Cookie": cookie(browser), **headers})
    assert (answer.status_code, web.desk.answers) == (403, [])


@pytest.mark.parametrize("csrf", ["", "wrong", "\u00e4"])
def test_an_answer_without_the_token_is_refused(web: Web, csrf: str) -> None:
    browser = asked(web)
    page = browser.submit_form({"csrf": csrf}, button="Yes")
    assert (page.status, web.desk.answers) == (403, [])


def test_the_token_of_another_session_is_refused(web: Web) -> None:
    browser = asked(web)
    web.browser(ADA)
    adas = list(web.desk.sessions.values())[-1].csrf
    assert browser.submit_form({"csrf": adas}, button="Yes").status == 403
    assert web.desk.answers == []


def test_an_answer_without_a_session_says_that_it_took_too_long(web: Web) -> None:
    browser = asked(web)
    web.desk.sessions.clear()
    page = browser.click("Yes")
    assert "took too long" in page.text
    assert web.desk.answers == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x" * 5000, "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 400),
        (b"\xff=1", "application/x-www-form-urlencoded", 400),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused(web: Web, body: bytes, kind: str, status: int) -> None:
    assert web.at("POST", "/confirm", data=body, headers={"Content-Type": kind}).status_code == status


@pytest.mark.parametrize(
    "values", [{"flow_id": "x"}, {"flow_id": "-1"}, {"flow_id": "9" * 30}, {"flow_id": ""}], ids=str
)
def test_an_answer_to_nothing_is_refused(web: Web, values: dict[str, str]) -> None:
    assert asked(web).submit_form(values, button="Yes").status == 400
    assert web.desk.answers == []


def test_nobody_is_ever_sent_to_another_site(web: Web) -> None:
    browser = web.browser(BOB)
    headers = {"Cookie": cookie(browser)}
    paths = [f"/connect/{INVITATION}?{name}={quote(to)}" for name in NAMES for to in ELSEWHERE]
    paths += [
        f"/callback/{where}?{name}={quote(to)}" for where in ("slack", "google") for name in NAMES for to in ELSEWHERE
    ]
    paths += [f"/connect/{quote(to, safe='')}" for to in ELSEWHERE] + [
        f"//{host}/" for host in ("evil.example", "x@evil")
    ]
    paths += [
        "/connect/",
        "/healthz/",
        "/confirm/",
        "/callback/slack/",
        "/%2f%2fevil.example",
        "/connect/a%0d%0aX:1",
    ]
    assert [path for path in paths if "Location" in web.at("GET", path, headers=headers).headers] == []


def test_a_cookie_of_another_hand_leads_nowhere_else(web: Web) -> None:
    for invitation in ("//evil.example", "https://evil.example", "a/../../b", "a\\b"):
        headers = {"Cookie": f"__Host-relatch-in=s.n.{invitation}"}
        answer = web.at("GET", f"/callback/slack?code={BOB}&state=s", headers=headers)
        assert (answer.status_code, web.desk.made) == (400, 0)
