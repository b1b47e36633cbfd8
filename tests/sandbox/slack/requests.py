"""HTTP mode: each payload a signed request to the address that the manifest names. It calls loopback only."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, TCPConnector, web
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.sandbox.slack.envelope import Envelope, Sort
from tests.sandbox.slack.faults import SOCKET, Faults
from tests.sandbox.slack.socket import NoConnection
from tests.sandbox.slack.state import Json, State

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
# What Slack names an answer that it cannot take.
THEIRS, OURS = "http_service_error", "http_client_error"


class NotTaken(Exception):
    """The app answered, but not with 200."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signed:
    """One request as it went out, to the byte."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Loopback(AbstractResolver):
    """Debian's resolver does not know names under localhost; every other name is none of the sandbox's."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != "localhost" and not host.endswith(".localhost"):
            raise OSError(f"the sandbox does not call {host}")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """It holds nothing."""


class HttpMode:
    """Its methods run in the loop of the API application."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state = state
        self._faults = faults
        self._session: ClientSession | None = None
        self.signing_secret = ""
        self.sent: list[Signed] = []

    async def send(self, envelope: Envelope, *, seconds: float) -> Json:
        """Gives what the app answered with. Raises NoConnection, NotTaken, or TimeoutError after `seconds`."""
        if self._faults.down:
            raise NoConnection
        async with asyncio.timeout(seconds):
            await asyncio.sleep(self._faults.delay(SOCKET))
            status, text = await self.post(self.sign(envelope))
            await asyncio.sleep(self._faults.delay(SOCKET))
        if status != web.HTTPOk.status_code:
            raise NotTaken(THEIRS if status >= web.HTTPInternalServerError.status_code else OURS)
        return _understood(text)

    async def verify(self) -> bool:
        """What Slack asks of an address before it takes it: docs.slack.dev/reference/events/url_verification."""
        challenge = secrets.token_hex(26)
        payload = {"token": "sandbox-verification", "challenge": challenge, "type": "url_verification"}
        status, text = await self.post(self.sign(Envelope(Sort.EVENT, payload)))
        return status == web.HTTPOk.status_code and _understood(text).get("challenge") == challenge

    def sign(self, envelope: Envelope) -> Signed:
        """docs.slack.dev/authentication/verifying-requests-from-slack. The time is the real one."""
        clock = self._state.clock
        stamp = str(int((clock.now() - clock.offset).timestamp()))
        kind, body = _encoded(envelope)
        digest = hmac.new(self.signing_secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
        }
        if envelope.attempt:
            headers |= {"X-Slack-Retry-Num": str(envelope.attempt), "X-Slack-Retry-Reason": envelope.reason}
        return Signed(self._address(envelope), headers, body)

    async def post(self, request: Signed) -> tuple[int, str]:
        """Raises NoConnection."""
        self.sent.append(request)
        try:
            async with self._client().post(
                request.url, data=request.body, headers=dict(request.headers), allow_redirects=False
            ) as response:
                return response.status, await response.text(encoding="utf-8")
        except (ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise NoConnection from error

    async def close(self, _app: web.Application) -> None:
        if self._session is not None:
            await self._session.close()

    def _address(self, envelope: Envelope) -> str:
        settings = self._state.setting
        match envelope.sort:
            case Sort.COMMAND:
                name = envelope.payload["command"]
                return str(next(each["url"] for each in self._state.commands if each["command"] == name))
            case Sort.INTERACTIVE:
                return str(settings("settings", "interactivity", "request_url"))
            case Sort.EVENT:
                return str(settings("settings", "event_subscriptions", "request_url"))

    def _client(self) -> ClientSession:
        if self._session is None:
            # A new connection each time: a bot that was restarted meanwhile is not called on the old one.
            self._session = ClientSession(connector=TCPConnector(resolver=Loopback(), force_close=True))
        return self._session


def _encoded(envelope: Envelope) -> tuple[str, bytes]:
    match envelope.sort:
        case Sort.COMMAND:
            return FORM, urlencode(envelope.payload).encode()
        case Sort.INTERACTIVE:
            return FORM, urlencode({"payload": json.dumps(envelope.payload)}).encode()
        case Sort.EVENT:
            return JSON, json.dumps(envelope.payload).encode()


def _understood(text: str) -> Json:
    """Words alone are a message, as in the acknowledgement of a command."""
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return answer if isinstance(answer, dict) else {"text": text}
