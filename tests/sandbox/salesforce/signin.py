"""Salesforce's web server flow in the browser, from the authorize address to the callback.

The token endpoint is not here; both meet in the codes that this file issues.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from tests.sandbox.oauth import Codes, Pkce, with_query
from tests.sandbox.salesforce import pages
from tests.sandbox.salesforce.people import Org, User
from tests.sandbox.salesforce.state import Client, State

CODE_LIFE = timedelta(minutes=15)
CODE_PREFIX = "aPrx"
COOKIE = "sid"
ERROR_PAGE = "/setup/secur/RemoteAccessErrorPage.apexp"
SCOPE_WORDS = {
    "id": "Access the identity URL service",
    "openid": "Access unique user identifiers",
    "api": "Manage user data via APIs",
    "refresh_token": "Perform requests at any time",
    "offline_access": "Perform requests at any time",
}
WRONG_LOGIN = (
    "Please check your username and password. If you still can't log in, contact your Salesforce administrator."
)
GENERIC = "An unexpected error has occurred during authentication. Please try again."


@dataclass(frozen=True, slots=True)
class Ask:
    """What the application asked for, and who the person is once that is known."""

    org: Org
    client: Client
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str
    pkce: Pkce
    prompt: frozenset[str]
    user: User | None = None

    def back(self, **answer: str) -> web.Response:
        return _back(self.redirect_uri, self.state, answer)


@dataclass(frozen=True, slots=True)
class Granted:
    """What an authorization code stands for."""

    user: User
    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    pkce: Pkce = field(repr=False)
    nonce: str


class Stopped(Exception):
    """The authorize address was wrong. Salesforce says so on its own page and never sends the browser back."""

    def __init__(self, error: str, words: str) -> None:
        super().__init__(error)
        self.error = error
        self.words = words


class SentBack(Exception):
    """The authorize address was wrong in a way that the application is told."""

    def __init__(self, error: str, words: str) -> None:
        super().__init__(error)
        self.error = error
        self.words = words


class SignIn:
    """The pages behind the authorize addresses of all orgs."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._flows: dict[str, Ask] = {}
        self._browsers: dict[str, User] = {}
        self.codes: Codes[Granted] = Codes(CODE_LIFE, prefix=CODE_PREFIX)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{org:production|sandbox}/services/oauth2/authorize", self.authorize),
            web.get("/my/{org}/services/oauth2/authorize", self.authorize),
            web.post("/signin/user", self.choose),
            web.post("/signin/login", self.login),
            web.post("/signin/approve", self.approve),
            web.get(ERROR_PAGE, self.error),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        with self._state.lock:
            org = self._state.orgs.get(request.match_info["org"])
            if org is None:
                raise web.HTTPNotFound(text="There is no such My Domain.")
            try:
                ask = _read(request.query, org, _client(request.query, self._state))
            except Stopped as problem:
                return _error_page(problem.error, problem.words)
            except SentBack as problem:
                told = {"error": problem.error, "error_description": problem.words}
                return _back(request.query["redirect_uri"], request.query.get("state", ""), told)
            flow = secrets.token_urlsafe(16)
            known = self._browsers.get(request.cookies.get(COOKIE, ""))
            if known and known.org is org and known.active and "login" not in ask.prompt:
                ask = replace(ask, user=known)
            self._flows[flow] = ask
            return self._show(flow, hint=request.query.get("login_hint", ""))

    async def choose(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, _ = self._flow(form)
            return self._show(flow, hint=str(form.get("username", "")))

    async def login(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            name = str(form.get("username", ""))
            user = self._state.user(ask.org, name)
            if user is None or not user.active or form.get("password") != user.password:
                return _html(pages.login(flow, _label(ask.org), username=name, problem=WRONG_LOGIN))
            self._flows[flow] = replace(ask, user=user)
            response = self._show(flow)
            session = secrets.token_urlsafe(24)
            self._browsers[session] = user
            response.set_cookie(COOKIE, session, httponly=True, samesite="Lax")
            return response

    async def approve(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            if ask.user is None:
                raise web.HTTPBadRequest(text="Log in first.")
            decision = form.get("decision")
            if decision == "other":
                self._flows[flow] = replace(ask, user=None)
                return self._show(flow)
            if decision != "allow":
                del self._flows[flow]
                return ask.back(
                    error="access_denied",
                    error_description="end-user denied authorization",
                )
            ask.user.approved[ask.client.id] = ask.scopes
            return self._finish(flow, ask.user)

    async def error(self, request: web.Request) -> web.Response:
        told = request.query
        generic = told.get("error") == "invalid_client"
        page = (
            pages.error("OAUTH_APPROVAL_ERROR_GENERIC", GENERIC)
            if generic
            else pages.error(told.get("error", ""), told.get("error_description", ""))
        )
        return _html(page)

    def _show(self, flow: str, *, hint: str = "") -> web.Response:
        """The next page for where the person stands."""
        ask = self._flows[flow]
        if ask.user is None:
            hinted = self._state.user(ask.org, hint)
            names = [user.email for user in self._state.users_of(ask.org)]
            filled_in = hinted.password if hinted else ""
            page = pages.login(flow, _label(ask.org), username=hint, filled_in=filled_in, saved=names)
            return _html(page)
        if self._state.faults.app_not_installed:
            del self._flows[flow]
            return _error_page("invalid_client", "app must be installed into org")
        if "consent" not in ask.prompt and ask.scopes <= ask.user.approved.get(ask.client.id, frozenset()):
            return self._finish(flow, ask.user)
        wishes = dict.fromkeys(words for scope, words in SCOPE_WORDS.items() if scope in ask.scopes)
        return _html(pages.approve(flow, ask.client.name, ask.user.email, wishes))

    def _finish(self, flow: str, user: User) -> web.Response:
        ask = self._flows.pop(flow)
        granted = Granted(user, ask.client.id, ask.redirect_uri, ask.scopes, ask.pkce, ask.nonce)
        return ask.back(
            code=self.codes.issue(granted, self._state.clock.now()),
        )

    def _flow(self, form: MultiMapping[object]) -> tuple[str, Ask]:
        flow = str(form.get("flow", ""))
        if flow not in self._flows:
            raise web.HTTPBadRequest(text="This login is over. Start again from the app.")
        return flow, self._flows[flow]


def _client(query: MultiMapping[str], state: State) -> Client:
    client = state.clients.get(query.get("client_id", ""))
    if client is None:
        raise Stopped("invalid_client_id", "client identifier invalid")
    if query.get("redirect_uri", "") not in client.redirect_uris:
        raise Stopped("redirect_uri_mismatch", "redirect_uri must match configuration")
    return client


def _read(query: MultiMapping[str], org: Org, client: Client) -> Ask:
    """Raises SentBack for what the application is told on its callback."""
    if query.get("response_type") != "code":
        raise SentBack("unsupported_response_type", "response type is not supported")
    scopes = frozenset(query.get("scope", "").split())
    if not scopes or not scopes <= SCOPE_WORDS.keys():
        raise SentBack("invalid_scope", "the requested scope is not allowed")
    pkce = Pkce(query.get("code_challenge", ""), query.get("code_challenge_method", "S256"))
    if not pkce.challenge:
        raise SentBack("invalid_request", "missing required code challenge")
    if pkce.method != "S256":
        raise SentBack("invalid_request", "invalid code challenge method")
    return Ask(
        org=org,
        client=client,
        redirect_uri=query["redirect_uri"],
        scopes=scopes,
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        pkce=pkce,
        prompt=frozenset(query.get("prompt", "").split()),
    )


def _back(redirect_uri: str, state: str, answer: Mapping[str, str]) -> web.Response:
    told = {"state": state} if state else {}
    return web.Response(status=302, headers={"Location": with_query(redirect_uri, **answer, **told)})


def _error_page(error: str, description: str) -> web.Response:
    query = urlencode({"error": error, "error_description": description})
    return web.Response(status=302, headers={"Location": f"{ERROR_PAGE}?{query}"})


def _label(org: Org) -> str:
    match org.name:
        case "production":
            return "login.salesforce.com"
        case "sandbox":
            return "test.salesforce.com"
        case name:
            return f"{name}.my.salesforce.com"


def _html(page: str) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return web.Response(text=page, content_type="text/html", headers=headers)
