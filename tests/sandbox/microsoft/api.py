"""Microsoft's addresses for programs, and what happens around every request: refuse, misbehave."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from aiohttp import web

from tests.sandbox.exchange import ews
from tests.sandbox.log import LOST, Handler
from tests.sandbox.microsoft import calendar, errors, mail, rounds
from tests.sandbox.microsoft.identity import Identity
from tests.sandbox.microsoft.rounds import Round
from tests.sandbox.microsoft.scopes import CALENDARS, EWS, GRAPH, MAIL, OUTLOOK, PROFILE
from tests.sandbox.microsoft.state import Account, State

NONSENSE = "<!doctype html><title>Microsoft</title><p>Sorry, something went wrong. Please try again later.</p>"
EWS_CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", error="invalid_token"'
)


class Api:
    """The https side. A handler takes the state's lock, so a request sees one state of things."""

    def __init__(self, state: State, identity: Identity) -> None:
        self._state = state
        self._identity = identity

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
            web.get("/{tenant}/discovery/v2.0/keys", self._keys),
            web.post("/{tenant}/oauth2/v2.0/token", self._token),
            web.get("/v1.0/me", self._me),
            web.get("/v1.0/me/mailFolders/{folder}", self._folder),
            web.get("/v1.0/me/mailFolders/{folder}/messages/delta", self._messages_delta),
            web.get("/v1.0/me/calendarView/delta", self._calendar_delta),
            web.get("/v1.0/me/events/{event}", self._event),
            web.route("*", "/v1.0/{rest:.*}", self._unknown),
            web.post("/EWS/Exchange.asmx", self._ews),
        ]

    async def _discovery(self, request: web.Request) -> web.Response:
        with self._state.lock:
            return web.json_response(self._identity.discovery(request.match_info["tenant"]))

    async def _keys(self, request: web.Request) -> web.Response:
        with self._state.lock:
            return web.json_response(self._identity.keys(request.match_info["tenant"]))

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            answer = self._identity.token(request.match_info["tenant"], form)
            lost, self._state.faults.lose_token_answer = self._state.faults.lose_token_answer, False
        if lost and request.transport:
            request.transport.abort()
            request[LOST] = True
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _me(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._graph(request)
            if not scopes & PROFILE:
                raise errors.may_not_read_profile()
            return web.json_response(_profile(account, mail.names_in(request.query)))

    async def _folder(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, _ = self._mailbox(request, MAIL)
            found = mail.place(request.match_info["folder"], account.mailbox)
            return web.json_response(mail.folder(account.mailbox, found, request.query))

    async def _messages_delta(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._mailbox(request, MAIL)
            found = mail.place(request.match_info["folder"], account.mailbox)
            current = self._continued(request, account) or self._begun(request, mail.asked(request.query, scopes))
            now = mail.collection(account.mailbox, found, current.about, scopes)
            return _page(request, account, current, now)

    async def _calendar_delta(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._mailbox(request, CALENDARS)
            current = self._continued(request, account) or self._begun(request, calendar.asked(request.query))
            return _page(request, account, current, calendar.collection(account.mailbox, current.about, scopes))

    async def _event(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._mailbox(request, CALENDARS)
            found = calendar.event(account.mailbox, request.match_info["event"], request.query, scopes)
            return web.json_response(found)

    async def _unknown(self, request: web.Request) -> web.Response:
        segment = request.match_info["rest"].rpartition("/")[2]
        raise errors.bad_request(f"Resource not found for the segment '{segment}'.")

    async def _ews(self, request: web.Request) -> web.Response:
        """EWS with a Bearer token. How Exchange Online words the end of EWS is not published: a bare 403 here."""
        body = await request.read()
        with self._state.lock:
            token = self._state.tokens.bearer(_bearer(request), self._state.clock.now())
            if token is None or token.resource != OUTLOOK:
                return web.Response(status=401, headers={"WWW-Authenticate": EWS_CHALLENGE})
            if not self._state.faults.ews_enabled:
                return web.Response(status=403)
            account = self._state.accounts[token.email]
            refusal = self._ews_refusal(account, token.scopes)
            status, text = ews.answer(
                body, account.mailbox, refusal=refusal, neighbours=set(self._state.accounts) - {account.email}
            )
        return web.Response(status=status, body=text, content_type="text/xml", charset="utf-8")

    def _ews_refusal(self, account: Account, scopes: frozenset[str]) -> str:
        if self._state.faults.rate_limited:
            return "ErrorServerBusy"
        if EWS not in scopes or account.less_scope:
            return "ErrorAccessDenied"
        return "ErrorNonExistentMailbox" if account.no_mailbox else ""

    def _graph(self, request: web.Request) -> tuple[Account, frozenset[str]]:
        """The account behind the access token and what it may do. Raises Refused: 401 or 429."""
        value = _bearer(request)
        if not value:
            raise errors.bad_token("Access token is empty.")
        token = self._state.tokens.bearer(value, self._state.clock.now())
        if token is None:
            raise errors.bad_token("Lifetime validation failed, the token is expired.")
        if token.resource != GRAPH:
            raise errors.bad_token("Access token validation failure. Invalid audience.")
        if self._state.faults.rate_limited:
            raise errors.too_fast()
        account = self._state.accounts[token.email]
        return account, token.scopes - MAIL if account.less_scope else token.scopes

    def _mailbox(self, request: web.Request, any_of: frozenset[str]) -> tuple[Account, frozenset[str]]:
        """Raises Refused: 403 without any of these scopes, 404 without a mailbox."""
        account, scopes = self._graph(request)
        if not scopes & any_of:
            raise errors.access_denied()
        if account.no_mailbox:
            raise errors.no_mailbox()
        return account, scopes

    def _continued(self, request: web.Request, account: Account) -> Round | None:
        token = rounds.token_in(request.query)
        return account.rounds.find(token, self._base(request), self._state.faults.lost_sync_status) if token else None

    def _begun(self, request: web.Request, asked: dict[str, Any]) -> Round:
        return Round(about={"base": self._base(request), "query": request.rel_url.raw_query_string, **asked}, told={})

    def _base(self, request: web.Request) -> str:
        return f"{self._state.addresses.api}{request.path}"

    @web.middleware
    async def refuse(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except errors.Refused as refusal:
            given = request.headers.get("client-request-id", "") or str(uuid.uuid4())
            body = refusal.body(self._state.clock.now(), given)
            headers = {"client-request-id": given, **refusal.headers}
            return web.json_response(body, status=refusal.status, headers=headers)

    @web.middleware
    async def misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._state.faults
        await asyncio.sleep(faults.slow)
        if faults.nonsense:
            text = NONSENSE if faults.nonsense == "html" else ""
            return web.Response(text=text, content_type="text/html")
        if faults.down and request.path.startswith("/EWS/"):
            return web.Response(status=503, text="The service is unavailable.", content_type="text/html")
        if faults.down:
            raise errors.graph_unavailable() if request.path.startswith("/v1.0/") else errors.unavailable()
        return await handler(request)


def _page(request: web.Request, account: Account, current: Round, now: rounds.Collection) -> web.Response:
    return web.json_response(rounds.page(account.rounds, current, now, prefer=request.headers.get("Prefer", "")))


def _bearer(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if scheme == "Bearer" else ""


def _profile(account: Account, names: frozenset[str]) -> dict[str, Any]:
    """What `/me` gives unasked, and what it gives only when it is selected."""
    usual: dict[str, Any] = {
        "businessPhones": [],
        "displayName": account.display_name,
        "givenName": account.display_name,
        "jobTitle": None,
        "mail": None if account.no_mailbox else account.email,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": None,
        "userPrincipalName": account.email,
        "id": account.oid,
    }
    selectable = usual | {
        "accountEnabled": not account.disabled,
        "otherMails": [],
        "proxyAddresses": [f"SMTP:{account.email}", *(f"smtp:{alias}" for alias in account.mailbox.aliases)],
    }
    found = mail.selected(selectable, names, "user") if names else usual
    return {name: value for name, value in found.items() if not names or name in names}
