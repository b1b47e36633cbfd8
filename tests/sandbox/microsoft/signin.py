"""Microsoft's sign-in in the browser, from the authorize address to the callback.

The token endpoint is not here; both meet in the codes that this file issues.
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from tests.sandbox.microsoft import errors, pages
from tests.sandbox.microsoft.asking import Blocked, client_asking, html, scopes_asked, tenant_asked
from tests.sandbox.microsoft.scopes import SIGN_IN, WORDS
from tests.sandbox.microsoft.state import Account, Client, State, Tenant
from tests.sandbox.oauth import Codes, Pkce, with_query

CODE_LIFE = timedelta(minutes=10)
PROMPTS = {"", "login", "select_account", "consent"}


@dataclass(frozen=True, slots=True)
class Ask:
    """What the application asked for, and how far the person has come."""

    client: Client
    tenant: Tenant | None
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str
    pkce: Pkce
    with_client_info: bool
    force_consent: bool
    email: str = ""
    signed_in: bool = False
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """What an authorization code stands for."""

    email: str
    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    pkce: Pkce = field(repr=False)
    nonce: str
    mfa: bool


class SignIn:
    """The pages behind the authorize address."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._flows: dict[str, Ask] = {}
        self.codes: Codes[Granted] = Codes(CODE_LIFE, prefix="1.AX")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/oauth2/v2.0/authorize", self.authorize),
            web.post("/signin/account", self.choose),
            web.post("/signin/password", self.prove),
            web.post("/signin/new-password", self.renew_password),
            web.post("/signin/approve", self.approve),
            web.post("/signin/consent", self.consent),
        ]

    async def authorize(self, request: web.Request) -> web.Response:
        with self._state.lock:
            try:
                ask = _read(request, self._state)
            except Blocked as problem:
                return problem.page()
            flow = secrets.token_urlsafe(16)
            hinted = self._state.account(request.query.get("login_hint", ""))
            choosing = request.query.get("prompt") == "select_account"
            self._flows[flow] = replace(ask, email=hinted.email if hinted and not choosing else "")
            return self._show(flow)

    async def choose(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            login = str(form.get("email", ""))
            account = self._state.account(login)
            if login and account is None:
                problem = "This username may be incorrect. Make sure you typed it correctly."
                return self._chooser(flow, ask, problem=problem)
            self._flows[flow] = replace(ask, email=account.email if account else "", signed_in=False, approved=False)
            return self._show(flow)

    async def prove(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form)
            account = self._state.accounts[ask.email]
            if form.get("password") != account.password:
                problem = "Your account or password is incorrect. If you don't remember your password, reset it now."
                return html(pages.password(flow, account.email, "", problem=problem))
            self._flows[flow] = replace(ask, signed_in=True)
            return self._show(flow)

    async def renew_password(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form, needs_password=True)
            account, wanted = self._state.accounts[ask.email], str(form.get("password", ""))
            if not wanted or wanted == account.password:
                problem = "Choose a password you haven't used before."
                return html(pages.new_password(flow, account.email, "", problem=problem))
            account.password, account.password_expired = wanted, False
            return self._show(flow)

    async def approve(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form, needs_password=True)
            self._flows[flow] = replace(ask, approved=True)
            return self._show(flow)

    async def consent(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            flow, ask = self._flow(form, needs_password=True)
            stop = self._stop(flow, ask, self._state.accounts[ask.email])
            if stop is not None:
                return stop
            del self._flows[flow]
            return self._finish(ask) if form.get("decision") == "allow" else self._declined(ask)

    def _show(self, flow: str) -> web.Response:
        """The next page for where the person stands."""
        ask = self._flows[flow]
        if not ask.email:
            return self._chooser(flow, ask)
        account = self._state.accounts[ask.email]
        if ask.tenant is not None and ask.tenant is not account.tenant:
            return _foreign(account, ask).page()
        if not ask.signed_in:
            return html(pages.password(flow, account.email, account.password))
        stop = self._stop(flow, ask, account)
        if stop is not None:
            return stop
        if not ask.force_consent and ask.scopes - SIGN_IN <= account.consented:
            del self._flows[flow]
            return self._finish(ask)
        words = [words for scope, words in WORDS.items() if scope in ask.scopes]
        return html(pages.consent(flow, ask.client.name, account.email, words))

    def _stop(self, flow: str, ask: Ask, account: Account) -> web.Response | None:
        """What stands between the password and the consent, in the order in which Entra asks."""
        if account.locked:
            words = "Your account is temporarily locked to prevent unauthorized use. Try again later."
            return html(pages.blocked("Your account is temporarily locked", words, "AADSTS50053"))
        if account.disabled:
            words = f"{account.email} has been locked. Contact your support person to unlock it, then try again."
            return html(pages.blocked("Your account has been locked", words, errors.disabled().headline))
        if account.password_expired:
            return html(pages.new_password(flow, account.email, account.password + "-new"))
        if self._state.faults.tenant_restricted:
            words = "Your network administrator has blocked access to this organization."
            return html(pages.blocked("Access is blocked", words, "AADSTS500021"))
        if account.mfa and not ask.approved:
            return html(pages.second_factor(flow, account.email))
        if account.conditional_access:
            words = "Your sign-in was successful but does not meet the criteria to access this resource."
            return html(pages.blocked("You cannot access this right now", words, "Error Code: 53003"))
        if account.unassigned:
            refused = errors.unassigned(ask.client.id, ask.client.name, account.email)
            return Blocked(refused.code, refused.words).page()
        if account.tenant.needs_approval:
            return html(pages.needs_admin(ask.client.name, account.email))
        return None

    def _finish(self, ask: Ask) -> web.Response:
        account = self._state.accounts[ask.email]
        account.granted |= ask.scopes - SIGN_IN
        granted = Granted(
            email=account.email,
            client_id=ask.client.id,
            redirect_uri=ask.redirect_uri,
            scopes=ask.scopes,
            pkce=ask.pkce,
            nonce=ask.nonce,
            mfa=ask.approved,
        )
        info = {"client_info": client_info(account)} if ask.with_client_info else {}
        code = self.codes.issue(granted, self._state.clock.now())
        return _back(ask, code=code, session_state=str(uuid.uuid4()), **info)

    def _declined(self, ask: Ask) -> web.Response:
        told = errors.declined().body(self._state.clock.now(), str(uuid.uuid4()))
        return _back(ask, error=told["error"], error_subcode="cancel", error_description=told["error_description"])

    def _chooser(self, flow: str, ask: Ask, *, problem: str = "") -> web.Response:
        return html(pages.chooser(flow, ask.client.name, self._state.accounts, problem=problem))

    def _flow(self, form: MultiMapping[object], *, needs_password: bool = False) -> tuple[str, Ask]:
        flow = str(form.get("flow", ""))
        if flow not in self._flows:
            raise web.HTTPBadRequest(text="This sign-in is over. Start again from the app.")
        if needs_password and not self._flows[flow].signed_in:
            raise web.HTTPBadRequest(text="Sign in first.")
        return flow, self._flows[flow]


def client_info(account: Account) -> str:
    """Who it was, for a client that asked with `client_info=1`: unpadded base64 of JSON."""
    told = json.dumps({"uid": account.oid, "utid": account.tenant.id})
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _read(request: web.Request, state: State) -> Ask:
    """Raises Blocked for everything that Microsoft refuses on its own page."""
    query = request.query
    tenant, client, scopes = tenant_asked(request, state), client_asking(query, state), scopes_asked(query)
    if query.get("response_type") != "code" or query.get("response_mode", "query") != "query":
        raise Blocked(900144, "The request must contain response_type=code, and the sandbox answers by query only.")
    if query.get("prompt", "") not in PROMPTS:
        raise Blocked(90023, f"Unsupported 'prompt' value '{query['prompt']}'.")
    pkce = Pkce(query.get("code_challenge", ""), query.get("code_challenge_method", "plain"))
    if not pkce.is_known:
        raise Blocked(501491, "Invalid code_challenge_method.")
    return Ask(
        client=client,
        tenant=tenant,
        redirect_uri=query["redirect_uri"],
        scopes=scopes,
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        pkce=pkce,
        with_client_info=query.get("client_info") == "1",
        force_consent=query.get("prompt") == "consent",
    )


def _foreign(account: Account, ask: Ask) -> Blocked:
    wanted = ask.tenant.name if ask.tenant else ""
    words = (
        f"User account '{account.email}' from identity provider '{account.tenant.domain}' does not exist in tenant "
        f"'{wanted}' and cannot access the application '{ask.client.id}'({ask.client.name}) in that tenant. The "
        "account needs to be added as an external user in the tenant first. Sign out and sign in again with a "
        "different user account."
    )
    return Blocked(50020, words)


def _back(ask: Ask, **answer: str) -> web.Response:
    told = {"state": ask.state} if ask.state else {}
    return web.Response(status=302, headers={"Location": with_query(ask.redirect_uri, **answer, **told)})
