"""The Web API over HTTP: arguments, tokens, scopes, limits and faults. What a method does is in methods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import BasicAuth, web

from tests.sandbox.slack.errors import ApiError
from tests.sandbox.slack.faults import Faults
from tests.sandbox.slack.messages import Messages
from tests.sandbox.slack.methods import Call, Method
from tests.sandbox.slack.state import Grant, Json, State

SECRETS = {"token", "client_secret", "code", "code_verifier", "refresh_token"}
RESPONSE_URL = "response_url"
NO_GRANT = Grant(kind="", user="", scopes=frozenset())


@dataclass(slots=True)
class ApiCall:
    """One call of the app, tokens left out. `error` is Slack's code once it was refused."""

    method: str
    arguments: Json
    at: datetime
    error: str = ""


class WebApi:
    def __init__(
        self, state: State, faults: Faults, messages: Messages, methods: Mapping[str, Method]
    ) -> None:
        self._state = state
        self._faults = faults
        self._messages = messages
        self._methods = methods
        self.sent: list[ApiCall] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self.call),
            web.post("/commands/{team}/{token}", self.respond),
            web.post("/actions/{team}/{token}", self.respond),
        ]

    async def call(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        arguments = await _arguments(request)
        record = self._record(name, arguments)
        await asyncio.sleep(self._faults.delay(name))
        try:
            if self._faults.down:
                raise web.HTTPServiceUnavailable(text="upstream connect error")
            self._faults.refuse(name)
            answer, headers = self._answer(name, _token(request, arguments), arguments)
        except ApiError as error:
            record.error = error.code
            return _refusal(error)
        if self._faults.loses_answer(name) and request.transport is not None:
            request.transport.abort()
        return web.json_response({"ok": True, **answer}, headers=headers)

    async def respond(self, request: web.Request) -> web.Response:
        """A post to a response_url: JSON without a token. The answer to a good one is the word ok."""
        try:
            body = await request.json()
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        record = self._record(RESPONSE_URL, body)
        await asyncio.sleep(self._faults.delay(RESPONSE_URL))
        try:
            if self._faults.down:
                raise web.HTTPServiceUnavailable(text="upstream connect error")
            self._faults.refuse(RESPONSE_URL)
            self._messages.respond(request.match_info["token"], body)
        except ApiError as error:
            record.error = error.code
            gone = error.code in {"used_url", "expired_url"}
            return _refusal(error, status=404 if gone else 400)
        if self._faults.loses_answer(RESPONSE_URL) and request.transport is not None:
            request.transport.abort()
        return web.Response(text="ok")

    def _answer(self, name: str, token: str, arguments: Json) -> tuple[Json, dict[str, str]]:
        method = self._methods.get(name)
        if method is None:
            raise ApiError("unknown_method", req_method=name)
        grant = self._grant(method, token)
        if method.scopes and not grant.scopes.intersection(method.scopes):
            raise ApiError(
                "missing_scope", needed=",".join(method.scopes), provided=",".join(sorted(grant.scopes))
            )
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(grant.scopes)),
            "X-Accepted-OAuth-Scopes": ",".join(method.scopes),
        }
        with self._state.lock:
            return method.run(Call(arguments, grant)), headers

    def _grant(self, method: Method, token: str) -> Grant:
        if not method.kinds:
            return NO_GRANT
        if not token:
            raise ApiError("not_authed")
        grant = self._state.grants.get(token)
        if grant is None:
            raise ApiError("invalid_auth")
        if self._faults.revoked:
            raise ApiError("account_inactive")
        if grant.kind not in method.kinds:
            raise ApiError("not_allowed_token_type")
        return grant

    def _record(self, name: str, arguments: Json) -> ApiCall:
        shown = {key: value for key, value in arguments.items() if key not in SECRETS}
        record = ApiCall(name, shown, self._state.clock.now())
        self.sent.append(record)
        return record


async def _arguments(request: web.Request) -> Json:
    """Query, form or JSON, as the client chose; its credentials may stand in Basic authentication."""
    arguments: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        arguments |= body if isinstance(body, dict) else {}
    else:
        arguments |= dict(await request.post())
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith("Basic "):
        client = BasicAuth.decode(authorization)
        arguments |= {"client_id": client.login, "client_secret": client.password}
    return arguments


def _token(request: web.Request, arguments: Json) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if scheme == "Bearer" else str(arguments.get("token", ""))


def _refusal(error: ApiError, *, status: int = 200) -> web.Response:
    if error.retry_after is not None:
        headers = {"Retry-After": str(int(error.retry_after))}
        return web.json_response(error.body, status=429, headers=headers)
    return web.json_response(error.body, status=status)
