"""Google's sign-in in the browser, from the authorize address to the callback.

The token endpoint is not here; both meet in the codes that this file issues.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from tests.sandbox.google import pages
from tests.sandbox.google.state import Account, Client, State
from tests.sandbox.google.tokens import API
from tests.sandbox.oauth import Codes, Pkce, with_query

CODE_LIFE = timedelta(minutes=10)
# Google takes the short names and answers with the long ones.
LONG_NAMES = {"email": f"{API}userinfo.email", "profile": f"{API}userinfo.profile"}
SIGN_IN_SCOPES = frozenset({"openid", *LONG_NAMES.values()})
SCOPE_WORDS = {
    f"{API}gmail.metadata": (
        "View your email message metadata such as labels and headers, but not the email body"
    ),
    f"{API}gmail.readonly": "View your email messages and settings",
    f"{API}gmail.modify": "Read, compose, and send emails from your Gmail account",
    "https://mail.google.com/": "Read, compose, send, and permanently delete all your email from Gmail",
    f"{API}calendar": "See, edit, share, and permanently delete all the calendars you can access",
    f"{API}calendar.readonly": "See and download any calendar you can access using your Google Calendar",
    f"{API}calendar.events": "View and edit events on all your calendars",
    f"{API}calendar.events.readonly": "View events on all your calendars",
    f"{API}calendar.events.owned": "See, create, change, and delete events on Google calendars you own",
    f"{API}calendar.events.owned.readonly": "See the events on Google calendars you own",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What the application asked for, and how far the person has come."""

    client: Client
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    pkce: Pkce
    offline: bool
    with_granted: bool
    force_consent: bool
    email: str = ""
    signed_in: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """What an authorization code stands for."""

    email: str
    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    pkce: Pkce = field(repr=False)
    nonce: str
    offline: bool


class Blocked(Exception):
    """The authorize address was wrong. Google says so on its own page and never sends the browser back."""

    def __init__(self, code: int, error: str, words: str) -> None:
        super().__init__(error)
        self.code = code
        self.error = error
        self.words = words


class SignIn:
    """The pages behind the authorize address."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._flows: dict[str, Ask] = {}
        self.codes: Codes[Granted] = Codes(CODE_LIFE, prefix="4/0A")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/o/oauth2/v2/auth", self.authorize),
            web.post("/signin/account", self.choose),
            web.post("/signin/password", self.prove),
            web.post("/signin/consent", self.consent),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        with self._state.lock:
            try:
                ask = _read(request.query, self._state)
            except Blocked as problem:
                return _html(
                    pages.blocked("This app", problem.code, problem.error, problem.words), problem.code
                )
            flow = secrets.token_urlsafe(16)
            hinted = self._state.account(request.query.get("login_hint", ""))
            choosing = "select_account" in request.query.get("prompt", "").split()
            self._flows[flow] = replace(ask, email=hinted.email if hinted and not choosing else "")
            return self._show(flow)

    async def choose(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            login = str(form.get("email", ""))
            account = self._state.account(login)
            if login and account is None:
                return self._chooser(flow, ask, problem="Couldn't find your Google Account")
            self._flows[flow] = replace(ask, email=account.email if account else "", signed_in=False)
            return self._show(flow)

    async def prove(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            account = self._state.accounts[ask.email]
            if form.get("password") != account.password:
                problem = "Wrong password. Try again or click Forgot password to reset it."
                return _html(pages.password(flow, account.email, "", problem=problem))
            self._flows[flow] = replace(ask, signed_in=True)
            return self._show(flow)

    async def consent(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            if not ask.signed_in:
                raise web.HTTPBadRequest(text="Sign in first.")
            del self._flows[flow]
            if form.get("decision") != "allow":
                return _back(ask, error="access_denied")
            ticked = {str(scope) for scope in form.getall("scope", [])}
            scopes = {scope for scope in ask.scopes if scope in SIGN_IN_SCOPES or scope in ticked}
            return self._finish(ask, frozenset(scopes), shown=True)

    def _show(self, flow: str) -> web.Response:
        """The next page for where the person stands."""
        ask = self._flows[flow]
        if not ask.email:
            return self._chooser(flow, ask)
        account = self._state.accounts[ask.email]
        if not ask.signed_in:
            return _html(pages.password(flow, account.email, account.password))
        if account.suspended:
            words = f"{account.email} has been disabled. Ask your administrator."
            return _html(pages.blocked(ask.client.name, 403, "account_disabled", words))
        if self._state.faults.admin_approval:
            return _html(pages.needs_admin(ask.client.name, account.email))
        if not ask.force_consent and set(ask.scopes) <= account.granted:
            del self._flows[flow]
            return self._finish(ask, frozenset(ask.scopes), shown=False)
        choices = [(scope, SCOPE_WORDS[scope]) for scope in ask.scopes if scope in SCOPE_WORDS]
        page = pages.consent(flow, ask.client.name, account.email, choices, ticked=not account.unticked)
        return _html(page)

    def _finish(self, ask: Ask, scopes: frozenset[str], *, shown: bool) -> web.Response:
        account = self._state.accounts[ask.email]
        given = scopes | account.granted if ask.with_granted else scopes
        account.granted |= scopes
        granted = Granted(
            email=account.email,
            client_id=ask.client.id,
            redirect_uri=ask.redirect_uri,
            scopes=given,
            pkce=ask.pkce,
            nonce=ask.nonce,
            # Without a shown consent there is no refresh token, however often it is asked for.
            offline=ask.offline and shown,
        )
        code = self.codes.issue(granted, self._state.clock.now())
        return _back(ask, code=code, scope=" ".join(sorted(given)), authuser="0", **_hosted(account))

    def _chooser(self, flow: str, ask: Ask, *, problem: str = "") -> web.Response:
        return _html(pages.chooser(flow, ask.client.name, self._state.accounts, problem=problem))

    def _flow(self, form: MultiMapping[object]) -> tuple[str, Ask]:
        flow = str(form.get("flow", ""))
        if flow not in self._flows:
            raise web.HTTPBadRequest(text="This sign-in is over. Start again from the app.")
        return flow, self._flows[flow]


def _read(query: MultiMapping[str], state: State) -> Ask:
    """Raises Blocked for everything that Google refuses on its own page."""
    client = state.clients.get(query.get("client_id", ""))
    if client is None:
        raise Blocked(401, "invalid_client", "The OAuth client was not found.")
    if query.get("redirect_uri", "") not in client.redirect_uris:
        raise Blocked(
            400, "redirect_uri_mismatch", f"{client.name} sent a redirect address that is not registered."
        )
    if query.get("response_type") != "code":
        raise Blocked(400, "invalid_request", "Required parameter is missing or wrong: response_type")
    scopes = tuple(LONG_NAMES.get(scope, scope) for scope in query.get("scope", "").split())
    unknown = [scope for scope in scopes if scope not in SIGN_IN_SCOPES and scope not in SCOPE_WORDS]
    if unknown or not scopes:
        raise Blocked(400, "invalid_scope", f"Some requested scopes were invalid: {unknown}")
    pkce = Pkce(query.get("code_challenge", ""), query.get("code_challenge_method", "plain"))
    if not pkce.is_known:
        raise Blocked(400, "invalid_request", "Invalid code_challenge_method")
    return Ask(
        client=client,
        redirect_uri=query["redirect_uri"],
        scopes=scopes,
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        pkce=pkce,
        offline=query.get("access_type") == "offline",
        with_granted=query.get("include_granted_scopes") == "true",
        force_consent="consent" in query.get("prompt", "").split(),
    )


def _back(ask: Ask, **answer: str) -> web.Response:
    told = {"state": ask.state} if ask.state else {}
    return web.Response(status=302, headers={"Location": with_query(ask.redirect_uri, **told, **answer)})


def _hosted(account: Account) -> dict[str, str]:
    return {"hd": account.hosted_domain} if account.hosted_domain else {}


def _html(page: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
