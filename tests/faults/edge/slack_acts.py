"""What Bob does in Slack, once of every kind, and the signed requests that it made. It knows no desk."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.middleware.request_verification.async_request_verification import AsyncRequestVerification

from handlers.slack.http import HttpMode
from tests.handlers.slack.kit import BOB, Running
from tests.sandbox.slack import Signed
from tests.sandbox.slack.envelope import Envelope, Sort

SHAPE, SIGNATURE, COPIES, SEEN = "shape", "signature", "copies", "seen"


class Shapeless(HttpMode):
    """Without `shape`: Bolt gets the headers as they come."""

    def look_at(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Whatever they are."""


class Unverified(HttpMode):
    """Without `signature`: Bolt looks at nobody's."""

    def __init__(self, app: AsyncApp) -> None:
        super().__init__(app)
        steps = app._async_middleware_list
        steps[:] = [step for step in steps if not isinstance(step, AsyncRequestVerification)]


class Repeating(HttpMode):
    """Without `copies`: each request is new."""

    def __init__(self, app: AsyncApp) -> None:
        super().__init__(app)
        app._async_middleware_list.pop()


def intake(without: str) -> type[HttpMode]:
    return {SHAPE: Shapeless, SIGNATURE: Unverified, COPIES: Repeating}.get(without, HttpMode)


def act(bot: Running) -> list[Signed]:
    """A command, one that opens a modal, a press, a submission, a closed modal, a visit of the Home tab."""
    slack = bot.town.slack
    slack._state.posts.clear()
    first = len(slack.requests)
    slack.command(BOB, "sync pause")
    slack.wait(lambda: "Resume" in [button.label for button in slack.ephemerals(BOB)[-1].buttons], what="Resume")
    slack.press(BOB, "Resume")
    slack.wait(lambda: "runs again" in slack.ephemerals(BOB)[-1].plain, what="the answer to the press")
    slack.command(BOB, "revoke mailbox")
    slack.wait(lambda: "Nothing has changed yet" in slack.views(BOB)[-1].plain, what="the question")
    view = slack._modal(BOB, None)
    slack.submit(BOB)
    slack.wait(lambda: "has stopped" in slack.views(BOB)[-1].plain, what="what was done")
    closed = Envelope(Sort.INTERACTIVE, slack._payloads.closed(view, cleared=False))
    assert slack._call(slack._delivery.deliver(closed)).ok
    slack.close(BOB)
    slack.open_home(BOB)
    slack.wait(lambda: is_quiet(bot), what="the end of it all")
    made = slack.requests[first:]
    assert len(made) == 6
    return made


def is_quiet(bot: Running) -> bool:
    return not bot.side._tasks


class Caller:
    """Sends requests as they are, headers twice or beyond ASCII included, over one connection."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._connection = self._connect()

    def send(self, body: bytes, headers: list[tuple[str, bytes]], *, method: str = "POST") -> tuple[int, bytes]:
        try:
            return self._send(body, headers, method)
        except (http.client.HTTPException, OSError):
            # It was closed after the answer before this one, as it may be.
            self._connection.close()
            self._connection = self._connect()
            return self._send(body, headers, method)

    def close(self) -> None:
        self._connection.close()

    def again(self, request: Signed) -> tuple[int, bytes]:
        return self.send(request.body, as_sent(request.headers))

    def _send(self, body: bytes, headers: list[tuple[str, bytes]], method: str) -> tuple[int, bytes]:
        wire = self._connection
        wire.putrequest(method, "/slack/events", skip_host=True, skip_accept_encoding=True)
        wire.putheader("Host", self._url.netloc)
        for name, value in headers:
            wire.putheader(name, value)
        wire.putheader("Content-Length", str(len(body)))
        wire.endheaders(body)
        answer = wire.getresponse()
        return answer.status, answer.read()

    def _connect(self) -> http.client.HTTPConnection:
        # Debian's resolver does not know names under localhost.
        return http.client.HTTPConnection("127.0.0.1", self._url.port or 80, timeout=10)


def as_sent(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("latin-1")) for name, value in headers.items()]
