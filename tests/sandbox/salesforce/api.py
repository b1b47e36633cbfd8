"""Salesforce's addresses for programs, and what happens around every request: refuse, misbehave."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.sandbox.log import LOST, Handler
from tests.sandbox.salesforce import errors
from tests.sandbox.salesforce.identity import Identity
from tests.sandbox.salesforce.people import CALLS_A_DAY, Org
from tests.sandbox.salesforce.rest import Call, Data, read_body
from tests.sandbox.salesforce.state import State
from tests.sandbox.salesforce.tokens import Session

NONSENSE = "<!doctype html><title>Salesforce</title><p>Please wait while we sign you in to this network.</p>"
VERSIONS = r"v[3-6]\d\.0"
# Each login host by its path, and the instance without one.
HOSTS = ("/{org:production|sandbox}", "/my/{org}", "")


class Api:
    """The https side. A handler takes the state's lock, so a request sees one state of things."""

    def __init__(self, state: State, identity: Identity) -> None:
        self._state = state
        self._identity = identity
        self._data = Data(state)

    def routes(self) -> list[web.RouteDef]:
        found = [web.route("*", f"/services/data/{{version:{VERSIONS}}}/{{place:.*}}", self._call)]
        for host in HOSTS:
            oauth2 = f"{host}/services/oauth2"
            found += [
                web.post(f"{oauth2}/token", self._token),
                web.post(f"{oauth2}/revoke", self._revoke),
                web.post(f"{oauth2}/introspect", self._introspect),
                web.get(f"{oauth2}/userinfo", self._userinfo),
                web.post(f"{oauth2}/userinfo", self._userinfo),
                web.get(f"{host}/id/keys", self._keys),
            ]
        found += [web.get(f"{host}/.well-known/openid-configuration", self._discovery) for host in HOSTS if host]
        return found

    async def _discovery(self, request: web.Request) -> web.Response:
        with self._state.lock:
            org = self._org(request)
            assert org is not None, "there is no discovery without a host"
            return web.json_response(self._identity.discovery(org))

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self._identity.keys())

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            org = self._org(request)
            answer = self._identity.token(org, form, request.headers.get("Authorization", ""))
            lost, self._state.faults.lose_token_answer = self._state.faults.lose_token_answer, False
        if lost and request.transport:
            request.transport.abort()
            request[LOST] = True
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            self._org(request)
            self._identity.revoke(form)
            return web.Response()

    async def _introspect(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            self._org(request)
            return web.json_response(self._identity.introspect(form, request.headers.get("Authorization", "")))

    async def _userinfo(self, request: web.Request) -> web.Response:
        with self._state.lock:
            self._org(request)
            session = self._bearer(request)
            if session is None:
                raise errors.bad_oauth_token()
            return web.json_response(self._identity.userinfo(session.user))

    async def _call(self, request: web.Request) -> web.Response:
        text = await request.text()
        with self._state.lock:
            user = self._admit(request).user
            call = Call(request.method, request.raw_path, read_body(text), request.headers)
            reply = self._data.answer(user, call)
            used = user.org.calls(self._state.clock.now())
        headers = {"Sforce-Limit-Info": f"api-usage={used}/{CALLS_A_DAY}"}
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        return web.json_response(reply.body, status=reply.status, headers=headers)

    def _admit(self, request: web.Request) -> Session:
        """The session that may use the data API now; the call is counted. Raises Refused."""
        session, faults = self._bearer(request), self._state.faults
        if session is None:
            raise errors.bad_session()
        if "api" not in session.grant.scopes:
            raise errors.session_without_api()
        if faults.api_disabled_for_org:
            raise errors.api_disabled_for_org()
        if not session.user.api_enabled:
            raise errors.api_disabled_for_user()
        now = self._state.clock.now()
        if faults.rate_limited or session.user.org.calls(now) >= CALLS_A_DAY:
            raise errors.calls_used_up()
        session.user.org.count_call(now)
        return session

    def _bearer(self, request: web.Request) -> Session | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        # Salesforce's own clients say OAuth where others say Bearer; it takes both.
        return self._state.tokens.bearer(value, self._state.clock.now()) if scheme in {"Bearer", "OAuth"} else None

    def _org(self, request: web.Request) -> Org | None:
        """None on the instance. A My Domain that nobody has is a page that is not there."""
        name = request.match_info.get("org")
        if name is None:
            return None
        if name not in self._state.orgs:
            raise web.HTTPNotFound(text="There is no such My Domain.")
        return self._state.orgs[name]

    @web.middleware
    async def refuse(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except errors.Refused as refusal:
            if isinstance(refusal.body, str):
                return web.Response(text=refusal.body, status=refusal.status, headers=refusal.headers)
            return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)

    @web.middleware
    async def misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._state.faults
        await asyncio.sleep(faults.slow)
        if faults.nonsense:
            text = NONSENSE if faults.nonsense == "html" else ""
            return web.Response(text=text, content_type="text/html")
        if faults.down:
            raise errors.unavailable()
        return await handler(request)
