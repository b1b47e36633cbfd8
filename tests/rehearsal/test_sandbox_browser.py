"""The sandbox's browser does as a real one where a server can tell: what breaks there breaks here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp import web

from tests.sandbox.browser import Browser
from tests.sandbox.serving import Serving

Handler = Callable[[web.Request], Awaitable[web.Response]]

FORM = (
    '<form method="post" action="{}"><input type="hidden" name="csrf" value="t1"><button>Go</button></form>'
)


class Site:
    """A web server whose pages the test lays down; it remembers the headers of each request."""

    def __init__(self, serving: Serving) -> None:
        self._app = web.Application()
        self._app.router.add_route("*", "/{path:.*}", self._answer)
        self._pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.seen: list[web.Request] = []
        self._port = serving.serve(self._app)

    def url(self, host: str, path: str) -> str:
        return f"http://{host}.localhost:{self._port}{path}"

    def lay(self, path: str, html: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._pages[path] = (html, named)

    def header(self, name: str) -> str:
        """Of the last request; empty when it had none."""
        return self.seen[-1].headers.get(name, "")

    async def _answer(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        html, headers = self._pages.get(request.path, ("", {}))
        status = 303 if "Location" in headers else 200
        return web.Response(text=html, headers=headers, status=status, content_type="text/html")


@pytest.fixture
def site() -> Iterator[Site]:
    serving = Serving()
    serving.start()
    yield Site(serving)
    serving.stop()


@pytest.mark.parametrize(("policy", "comes_back"), [("Strict", False), ("Lax", True), ("None", True)])
def test_a_callback_from_another_site_carries_all_but_strict_cookies(
    site: Site, policy: str, comes_back: bool
) -> None:
    site.lay("/set", Set_Cookie=f"who=bob; SameSite={policy}; Path=/")
    site.lay("/vendor", f'<a href="{site.url("bot", "/callback")}">Back</a>')
    browser = Browser()
    browser.get(site.url("bot", "/set"))
    browser.get(site.url("login.google", "/vendor"))
    browser.click("Back")
    assert bool(site.header("Cookie")) is comes_back
    assert site.header("Sec-Fetch-Site") == "cross-site"


def test_a_post_from_another_site_carries_no_lax_cookie(site: Site) -> None:
    site.lay("/set", Set_Cookie="who=bob; SameSite=Lax; Path=/")
    site.lay("/evil", FORM.format(site.url("bot", "/do")))
    browser = Browser()
    browser.get(site.url("bot", "/set"))
    browser.get(site.url("evil", "/evil"))
    browser.submit_form()
    assert site.header("Cookie") == ""
    assert site.header("Origin") == site.url("evil", "")


def test_a_host_cookie_that_is_not_bound_to_its_host_is_refused(site: Site) -> None:
    site.lay("/good", Set_Cookie="__Host-s=1; Secure; Path=/; HttpOnly")
    site.lay("/bad", Set_Cookie="__Host-t=1; Path=/")
    browser = Browser()
    browser.get(site.url("bot", "/good"))
    browser.get(site.url("bot", "/bad"))
    assert browser.cookies("bot.localhost") == {"__Host-s": "1"}


def test_a_form_under_no_referrer_says_origin_null_even_at_home(site: Site) -> None:
    site.lay("/ask", FORM.format("/do"), Referrer_Policy="no-referrer")
    browser = Browser()
    browser.get(site.url("bot", "/ask"))
    browser.click("Go")
    assert site.header("Origin") == "null"
    assert site.header("Sec-Fetch-Site") == "same-origin"


def test_form_action_also_binds_the_redirect_after_a_post(site: Site) -> None:
    site.lay("/ask", FORM.format("/do"), Content_Security_Policy="default-src 'none'; form-action 'self'")
    site.lay("/do", Location=site.url("login.google", "/"))
    browser = Browser()
    browser.get(site.url("bot", "/ask"))
    with pytest.raises(AssertionError, match="form-action"):
        browser.click("Go")


def test_what_a_page_does_not_offer_cannot_be_clicked(site: Site) -> None:
    site.lay("/ask", "<h1>Hello</h1>" + FORM.format("/do"))
    browser = Browser()
    browser.get(site.url("bot", "/ask"))
    with pytest.raises(AssertionError, match="Hello"):
        browser.click("Delete")
