"""One payload on its way to the app, whatever carries it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from tests.sandbox.slack.state import Json


class Sort(StrEnum):
    """The type of an envelope."""

    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


@dataclass(frozen=True, slots=True)
class Envelope:
    """`reason` is Slack's code for why the attempt before this one failed."""

    sort: Sort
    payload: Json
    attempt: int = 0
    reason: str = ""

    def frame(self) -> Json:
        """As Socket Mode carries it, which knows one reason only."""
        frame: Json = {
            "envelope_id": secrets.token_hex(16),
            "type": self.sort.value,
            "payload": self.payload,
            "accepts_response_payload": self.sort is not Sort.EVENT,
        }
        if self.sort is Sort.EVENT:
            frame |= {"retry_attempt": self.attempt, "retry_reason": "timeout" if self.attempt else ""}
        return frame
