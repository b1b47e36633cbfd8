"""Google's addresses for programs, and what happens around every request: record, refuse, misbehave."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tests.sandbox.google import calendar, errors, gmail
from tests.sandbox.google.identity import Identity
from tests.sandbox.google.masks import BadMask, masked
from tests.sandbox.google.state import Account, State
from tests.sandbox.google.tokens import CALENDAR_READERS, GMAIL_READERS
from tests.sandbox.log import LOST, Handler

NONSENSE = "<!doctype html><title>Google</title><p>The server encountered an error. That's all we know.</p>"


class Api:
    """The https side. A handler takes the state's lock, so a request sees one state of things."""

    def __init__(self, state: State, identity: Identity) -> None:
        self._state = state
        self._identity = identity

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/openid-configuration", self._discovery),
            web.get("/oauth2/v3/certs", self._certs),
            web.post("/token", self._token),
            web.post("/revoke", self._revoke),
            web.get("/v1/userinfo", self._userinfo),
            web.get("/gmail/v1/users/{user}/profile", self._gmail_profile),
            web.get("/gmail/v1/users/{user}/messages", self._gmail_messages),
            web.get("/gmail/v1/users/{user}/messages/{id}", self._gmail_message),
            web.get("/gmail/v1/users/{user}/history", self._gmail_history),
            web.get("/calendar/v3/calendars/{calendar}/events", self._calendar_events),
            web.get("/resolve", self._resolve),
        ]

    async def _resolve(self, request: web.Request) -> web.Response:
        """Google's public resolver: a domain with an account here has its mail here."""
        domain = request.query.get("name", "").casefold()
        with self._state.lock:
            known = any(email.casefold().endswith(f"@{domain}") for email in self._state.accounts)
        question = {"name": f"{domain}.", "type": 15}
        record = {**question, "TTL": 300, "data": "1 smtp.google.com."}
        return web.json_response({"Status": 0 if known else 3, "Question": [question], "Answer": [record] * known})

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(self._identity.discovery())

    async def _certs(self, _request: web.Request) -> web.Response:
        return web.json_response(self._identity.keys())

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            answer = self._identity.token(form, request.headers.get("Authorization", ""))
            lost, self._state.faults.lose_token_answer = self._state.faults.lose_token_answer, False
        if lost and request.transport:
            request.transport.abort()
            request[LOST] = True
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            return web.json_response(self._identity.revoke(form))

    async def _userinfo(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._bearer(request, "oauth2", frozenset({"openid"}))
            return web.json_response(self._identity.userinfo(account, scopes))

    async def _gmail_profile(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, _ = self._mailbox(request)
            return _answer(request, gmail.profile(account))

    async def _gmail_messages(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._mailbox(request)
            return _answer(request, gmail.list_messages(account, scopes, request.query))

    async def _gmail_message(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, scopes = self._mailbox(request)
            message = gmail.get_message(account, scopes, request.match_info["id"], request.query)
            return _answer(request, message)

    async def _gmail_history(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, _ = self._mailbox(request)
            return _answer(request, gmail.list_history(account, self._state, request.query))

    async def _calendar_events(self, request: web.Request) -> web.Response:
        with self._state.lock:
            account, _ = self._bearer(request, "calendar", CALENDAR_READERS)
            if request.match_info["calendar"] not in {"primary", account.email}:
                raise errors.calendar(404, "notFound", "Not Found", domain="global")
            return _answer(request, calendar.list_events(account, request.query))

    def _mailbox(self, request: web.Request) -> tuple[Account, frozenset[str]]:
        account, scopes = self._bearer(request, "gmail", GMAIL_READERS)
        if request.match_info["user"] not in {"me", account.email}:
            raise errors.gmail(
                403, "forbidden", f"Delegation denied for {account.email}", "PERMISSION_DENIED"
            )
        return account, scopes

    def _bearer(
        self, request: web.Request, service: str, any_of: frozenset[str]
    ) -> tuple[Account, frozenset[str]]:
        """The account behind the access token and what it may do. Raises Refused: 401, 403, or a limit."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        token = self._state.tokens.bearer(value, self._state.clock.now()) if scheme == "Bearer" else None
        if token is None:
            raise errors.bad_token(service)
        if not token.scopes & any_of:
            raise errors.scopes_too_narrow(service)
        if self._state.faults.rate_limited:
            raise errors.too_fast(self._state.faults.rate_limited)
        return self._state.accounts[token.email], token.scopes

    @web.middleware
    async def refuse(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except errors.Refused as refusal:
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)

    @web.middleware
    async def misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._state.faults
        await asyncio.sleep(faults.slow)
        if faults.nonsense:
            text = NONSENSE if faults.nonsense == "html" else ""
            return web.Response(text=text, content_type="text/html")
        if faults.down:
            raise errors.internal_failure() if request.path in {"/token", "/revoke"} else errors.unavailable()
        return await handler(request)


def _answer(request: web.Request, document: dict[str, Any]) -> web.Response:
    if "fields" not in request.query:
        return web.json_response(document)
    try:
        return web.json_response(masked(document, request.query["fields"]))
    except BadMask as error:
        words = f"Invalid field selection {request.query['fields']}"
        raise errors.gmail(400, "invalidParameter", words, "INVALID_ARGUMENT") from error
