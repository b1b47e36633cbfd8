"""The web application on a real port, with a sign-in that keeps its state in memory and counts calls."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import requests

from bot.model import Names, Reply, WebSession, Word
from handlers.web.app import create, serve
from providers.base import Field, Side
from tests.sandbox.browser import Browser, Page

BOB, ADA = "U0BOB", "U0ADA"
INVITATION = "bobs-mailbox"
SLACK = "http://slack.localhost:9/openid/connect/authorize"
GOOGLE = "http://login.google.localhost:9/o/oauth2/v2/auth?state=held-by-the-desk"
BACK = "http://slack.localhost:9/app"
NAMES = Names(product="Relatch", company="Acme", engine="sync")


@dataclass(slots=True)
class StandIn:
    """The desk's sign-in as its contract says. `made` counts would-be rows, `replies` overrides by method."""

    calls: list[str] = field(default_factory=list)
    made: int = 0
    sessions: dict[str, WebSession] = field(default_factory=dict)
    replies: dict[str, Reply | Exception] = field(default_factory=dict)
    callbacks: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    answers: list[tuple[int, str, bool]] = field(default_factory=list)
    filled: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def forget(self) -> None:
        self.made = 0
        for kept in (self.calls, self.sessions, self.replies, self.callbacks, self.answers, self.filled):
            kept.clear()

    def slack_url(self, *, state: str, nonce: str) -> str:
        return f"{SLACK}?{urlencode({'state': state, 'nonce': nonce})}"

    def arrive(self, *, code: str, nonce: str) -> tuple[str, Reply | None]:
        """The code is the user id, and it must come with a nonce."""
        self.calls.append("arrive")
        assert nonce
        if "arrive" in self.replies:
            return "", self._told("arrive", "")
        self.made += 1
        token = secrets.token_urlsafe(32)
        name = "Bob" if code == BOB else "Ada"
        self.sessions[token] = WebSession(
            id=self.made, team_id="T0ACME", user_id=code, email="", name=name, csrf=secrets.token_urlsafe(16)
        )
        return token, None

    def session(self, token: str) -> WebSession | None:
        return self.sessions.get(token)

    def visit(self, invitation_id: str, session: WebSession | None) -> Reply:
        self.calls.append("visit")
        if session is None:
            return Reply("welcome")
        if invitation_id != INVITATION:
            return Reply("gone")
        if session.user_id != BOB:
            return Reply("not_yours")
        self.made += 1
        return self._told("visit", "connect", **connect(who=session.name))

    def callback(self, slug: str, query: Mapping[str, str], session: WebSession | None) -> Reply:
        self.calls.append("callback")
        self.callbacks.append((slug, dict(query), session.user_id if session else ""))
        if session is None:
            return refused("foreign")
        return self._told("callback", "done", **done())

    def approval_answered(self, slug: str, query: Mapping[str, str]) -> Reply:
        self.calls.append("approval_answered")
        return Reply("approval", {"label": "Office 365", "given": "error" not in query})

    def fill(self, slug: str, filled: Mapping[str, str], session: WebSession) -> Reply:
        self.calls.append("fill")
        self.filled.append((slug, dict(filled), session.user_id))
        return self._told("fill", "done", **done())

    def confirm(self, flow_id: int, session: WebSession, *, yes: bool) -> Reply:
        self.calls.append("confirm")
        self.answers.append((flow_id, session.user_id, yes))
        return self._told("confirm", "done", **done()) if yes else refused("cancelled")

    def _told(self, method: str, template: str, **context: object) -> Reply:
        reply = self.replies.get(method, Reply(template, context))
        if isinstance(reply, Exception):
            raise reply
        return reply


def connect(**given: object) -> dict[str, object]:
    usual = {
        "who": "Bob",
        "side": Side.MAILBOX,
        "slug": "google",
        "label": "Google",
        "word": Word.REFRESH,
        "account_expected": "bob@acme.example",
        "url": GOOGLE,
        "allows_more": False,
        "minutes": 10,
    }
    return usual | given


def form(session: WebSession, **given: object) -> Reply:
    fields = (
        Field("login", "User name or e-mail"),
        Field("password", "Password", secret=True),
        Field("ews_url", "EWS address", advanced=True),
    )
    kept = {"login": "ACME\\bob", "password": "", "ews_url": ""}
    shown = {"fields": fields, "kept": kept, "state": "a-state", "csrf": session.csrf, "cause": None}
    usual = {name: value for name, value in connect().items() if name not in ("url", "allows_more")}
    return Reply("form", usual | {"slug": "exchange", "label": "Microsoft Exchange"} | shown | given)


def done(**given: object) -> dict[str, object]:
    usual = {"label": "Google", "account": "bob@acme.example", "word": Word.REFRESH, "side": Side.MAILBOX}
    return usual | given


def refused(why: str, **given: object) -> Reply:
    usual = {"why": why, "expected": "", "got": "", "label": "Google", "cause": None, "door": None}
    return Reply("refused", usual | given)


def ask(session: WebSession, **given: object) -> Reply:
    usual = {
        "flow_id": 7,
        "got": "robert@acme.example",
        "expected": "bob@acme.example",
        "label": "Google",
        "csrf": session.csrf,
    }
    return Reply("ask", usual | given)


@dataclass(slots=True)
class Web:
    """A running application: `url` is its public address, `at` makes a request as any client could."""

    port: int
    url: str
    desk: StandIn
    parts: dict[str, bool]

    def at(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
    ) -> requests.Response:
        return requests.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Host": self.url.partition("://")[2], **(headers or {})},
            data=data,
            allow_redirects=False,
            timeout=10,
        )

    def browser(self, user: str = "") -> Browser:
        """A new browser; with `user`, one in which that person has signed in with Slack."""
        browser = Browser()
        if user:
            self.sign_in(browser, user)
        return browser

    def sign_in(self, browser: Browser, user: str, invitation: str = INVITATION) -> Page:
        """What Slack's page would do: it sends the browser back with a code and the state."""
        page = browser.get(f"{self.url}/connect/{invitation}")
        link = next(link for link in page.links if link.url.startswith(SLACK))
        return browser.get(f"{self.url}/callback/slack?{urlencode({'code': user, 'state': state_of(link.url)})}")


def state_of(url: str) -> str:
    return url.partition("state=")[2].partition("&")[0]


@contextmanager
def running(
    *, ready: Callable[[], Mapping[str, bool]] | None = None, scheme: str = "http", names: Names = NAMES
) -> Iterator[Web]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"{scheme}://bot.localhost:{port}"
    web = Web(port=port, url=url, desk=StandIn(), parts={"slack": True, "database": True})
    pool = ThreadPoolExecutor(4)
    app = create(
        sign_in=web.desk,
        ready=ready or (lambda: web.parts),
        names=names,
        public_url=url,
        pool=pool,
        slack_app_url=BACK,
    )
    server = serve(app, "127.0.0.1", port)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        _wait_for(port)
        yield web
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        pool.shutdown()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.02)
    raise AssertionError("the server did not come up")
