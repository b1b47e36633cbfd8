"""Delivering an envelope to the app: three seconds to acknowledge it, and Slack's second tries for events.

Every payload goes through `deliver`, whatever carries it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.sandbox.slack.envelope import Envelope, Sort
from tests.sandbox.slack.requests import HttpMode, NotTaken
from tests.sandbox.slack.socket import NoConnection, SocketMode
from tests.sandbox.slack.state import Json, State

# docs.slack.dev/interactivity/handling-user-interaction
ACK_SECONDS = 3.0
# docs.slack.dev/apis/events-api: at once, after one minute, after five.
EVENT_RETRIES = (0.0, 60.0, 300.0)
TIMEOUT = "operation_timeout"
NOBODY = "dispatch_failed"
# docs.slack.dev/apis/events-api: why an event comes again.
REASONS = {TIMEOUT: "http_timeout", NOBODY: "connection_failed"}
OTHER_REASON = "http_error"


@dataclass(frozen=True, slots=True)
class Acked:
    """How the app answered. `payload` is what its acknowledgement carried, None where there was none.

    `error` is Slack's code, or the words that the person sees in a modal; `url` is that of a link button.
    """

    ok: bool
    seconds: float
    payload: Json | None
    error: str = ""
    url: str = ""


class Delivery:
    def __init__(self, state: State, socket: SocketMode, http: HttpMode) -> None:
        self._state = state
        self._socket = socket
        self._http = http
        self._later: set[asyncio.Task[None]] = set()
        self.sent: list[Envelope] = []
        self.event_retries: Sequence[float] = EVENT_RETRIES

    async def deliver(self, envelope: Envelope) -> Acked:
        """Waits for the acknowledgement, and no longer than Slack does."""
        self.sent.append(envelope)
        began = time.monotonic()
        try:
            payload = await self._carry(envelope)
        except NoConnection:
            return Acked(ok=False, seconds=time.monotonic() - began, payload=None, error=NOBODY)
        except TimeoutError:
            return Acked(ok=False, seconds=time.monotonic() - began, payload=None, error=TIMEOUT)
        except NotTaken as refusal:
            return Acked(ok=False, seconds=time.monotonic() - began, payload=None, error=refusal.code)
        return Acked(ok=True, seconds=time.monotonic() - began, payload=payload)

    async def event(self, payload: Json) -> Acked:
        """The first try; the others follow by themselves where it was not acknowledged."""
        envelope = Envelope(Sort.EVENT, payload)
        acked = await self.deliver(envelope)
        if not acked.ok:
            task = asyncio.get_running_loop().create_task(self._again(envelope, acked))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return acked

    async def redeliver(self, envelope: Envelope) -> Acked:
        """The same payload once more, as after an acknowledgement that got lost."""
        return await self.deliver(replace(envelope, attempt=envelope.attempt + 1, reason=REASONS[TIMEOUT]))

    async def _again(self, envelope: Envelope, acked: Acked) -> None:
        for attempt, wait in enumerate(self.event_retries, start=1):
            await asyncio.sleep(wait)
            reason = REASONS.get(acked.error, OTHER_REASON)
            acked = await self.deliver(replace(envelope, attempt=attempt, reason=reason))
            if acked.ok:
                return

    async def _carry(self, envelope: Envelope) -> Json:
        """By the way that the installed manifest has chosen."""
        if self._state.setting("settings", "socket_mode_enabled"):
            return await self._socket.send(envelope.frame(), seconds=ACK_SECONDS)
        return await self._http.send(envelope, seconds=ACK_SECONDS)
