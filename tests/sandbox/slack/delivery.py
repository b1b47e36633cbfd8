"""Delivering an envelope to the app: three seconds to acknowledge it, and Slack's second tries for events.

Every payload goes through `deliver`, whatever carries it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tests.sandbox.slack.socket import NoConnection, SocketMode
from tests.sandbox.slack.state import Json

# docs.slack.dev/interactivity/handling-user-interaction
ACK_SECONDS = 3.0
# docs.slack.dev/apis/events-api: at once, after one minute, after five.
EVENT_RETRIES = (0.0, 60.0, 300.0)
TIMEOUT = "operation_timeout"
NOBODY = "dispatch_failed"


class Sort(StrEnum):
    """The type of an envelope."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


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


@dataclass(frozen=True, slots=True)
class Envelope:
    sort: Sort
    payload: Json
    attempt: int = 0
    reason: str = ""

    def frame(self) -> Json:
        frame: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": self.sort.value,
            "payload": self.payload,
            "accepts_response_payload": self.sort is not Sort.EVENT,
        }
        if self.sort is Sort.EVENT:
            frame |= {"retry_attempt": self.attempt, "retry_reason": self.reason}
        return frame


class Delivery:
    def __init__(self, socket: SocketMode) -> None:
        self._socket = socket
        self._later: set[asyncio.Task[None]] = set()
        self.sent: list[Envelope] = []
        self.event_retries: Sequence[float] = EVENT_RETRIES

    async def deliver(self, envelope: Envelope) -> Acked:
        """Waits for the acknowledgement, and no longer than Slack does."""
        self.sent.append(envelope)
        began = time.monotonic()
        try:
            payload = await self._socket.send(envelope.frame(), seconds=ACK_SECONDS)
        except NoConnection:
            return Acked(ok=False, seconds=time.monotonic() - began, payload=None, error=NOBODY)
        except TimeoutError:
            return Acked(ok=False, seconds=time.monotonic() - began, payload=None, error=TIMEOUT)
        return Acked(ok=True, seconds=time.monotonic() - began, payload=payload)

    async def event(self, payload: Json) -> Acked:
        """The first try; the others follow by themselves where it was not acknowledged."""
        envelope = Envelope(Sort.EVENT, payload)
        acked = await self.deliver(envelope)
        if not acked.ok:
            task = asyncio.get_running_loop().create_task(self._again(envelope))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return acked

    async def redeliver(self, envelope: Envelope) -> Acked:
        """The same payload once more, as after an acknowledgement that got lost."""
        return await self.deliver(replace(envelope, attempt=envelope.attempt + 1, reason="timeout"))

    async def _again(self, envelope: Envelope) -> None:
        for attempt, wait in enumerate(self.event_retries, start=1):
            await asyncio.sleep(wait)
            acked = await self.deliver(replace(envelope, attempt=attempt, reason="timeout"))
            if acked.ok:
                return
