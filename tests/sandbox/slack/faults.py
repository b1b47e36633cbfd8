"""What is broken at Slack today, and how fast apps may post. It answers questions; servers act on them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.sandbox.slack.errors import ApiError
from tests.sandbox.switches import Kind, Switch

# docs.slack.dev/apis/web-api/rate-limits: one message a second and channel; short bursts are let through.
BURST = 5
REFILL = 1.0
EVERY = "*"
# `slow` takes this beside the names of methods: every payload to the app, and the answer.
SOCKET = "socket"


@dataclass(slots=True)
class Bucket:
    left: float
    at: float

    def take(self, now: float) -> float:
        """0 when a message may pass, else the seconds until the next one may."""
        self.left = min(float(BURST), self.left + (now - self.at) * REFILL)
        self.at = now
        if self.left < 1:
            return (1 - self.left) / REFILL
        self.left -= 1
        return 0


class Faults:
    """`method` is a Web API method's name, or `*` for every one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limited_until: dict[str, float] = {}
        self._slow: dict[str, float] = {}
        self._failing: dict[str, list[str]] = {}
        self._losing: dict[str, int] = {}
        self._buckets: dict[str, Bucket] = {}
        self.down = False
        self.posting_limited = True
        self.revoked = False

    def rate_limit(self, method: str, seconds: float) -> None:
        self._limited_until[method] = time.monotonic() + seconds

    def slow(self, method: str, seconds: float) -> None:
        self._slow[method] = seconds

    def fail_next(self, method: str, error: str) -> None:
        with self._lock:
            self._failing.setdefault(method, []).append(error)

    def lose_answer(self, method: str) -> None:
        with self._lock:
            self._losing[method] = self._losing.get(method, 0) + 1

    def delay(self, method: str) -> float:
        return self._slow.get(method, 0.0 if method == SOCKET else self._slow.get(EVERY, 0.0))

    def refuse(self, method: str) -> None:
        """Raises ApiError where this call is limited or was chosen to fail."""
        left = max(self._limited_until.get(name, 0.0) for name in (method, EVERY)) - time.monotonic()
        if left > 0:
            raise ApiError("ratelimited", retry_after=math.ceil(left))
        with self._lock:
            chosen = next((self._failing[name] for name in (method, EVERY) if self._failing.get(name)), None)
            if chosen:
                raise ApiError(chosen.pop(0))

    def refuse_flood(self, channel: str) -> None:
        """Counts one message to this channel. Raises ApiError above the burst."""
        if not self.posting_limited:
            return
        with self._lock:
            now = time.monotonic()
            wait = self._buckets.setdefault(channel, Bucket(BURST, now)).take(now)
        if wait:
            raise ApiError("ratelimited", retry_after=math.ceil(wait))

    def loses_answer(self, method: str) -> bool:
        with self._lock:
            if not self._losing.get(method):
                return False
            self._losing[method] -= 1
            return True


def fault_switches(
    faults: Faults, *, down: Callable[[bool], None], drop: Callable[[str], None]
) -> Iterator[Switch]:
    """The faults as the side panel shows them."""

    def set_unlimited(on: object) -> None:
        faults.posting_limited = not on

    def set_revoked(on: object) -> None:
        faults.revoked = bool(on)

    toggles = (
        ("down", "Slack is down", "Every call is answered 503, and connections are cut.",
         lambda: faults.down, lambda on: down(bool(on))),
        ("unlimited", "Posting without limit", "Else more than one message a second to a channel gets a 429.",
         lambda: not faults.posting_limited, set_unlimited),
        ("revoked", "Uninstall the app", "The bot's token is refused: account_inactive.",
         lambda: faults.revoked, set_revoked),
    )  # fmt: skip
    presses = (
        ("abort", "Cut the connection", "Socket Mode breaks off without a word.",
         lambda _: drop("abort")),
        ("refresh", "Renew the connection", "Slack asks for a new one, as it does every few hours.",
         lambda _: drop("refresh")),
        ("pause", "Ask for a pause", "Every call is answered 429 for ten seconds.",
         lambda _: faults.rate_limit(EVERY, 10)),
        ("lose", "Lose an answer", "The next message is posted, but the bot never hears of it.",
         lambda _: faults.lose_answer("chat.postMessage")),
    )  # fmt: skip
    for name, label, explain, read, press in toggles:
        yield Switch(f"slack.{name}", "Slack", label, explain, Kind.TOGGLE, read, press)
    yield Switch(
        id="slack.slow",
        group="Slack",
        label="Slow answers",
        explain="Seconds that every call of the bot waits for its answer.",
        kind=Kind.NUMBER,
        read=lambda: faults.delay(EVERY),
        press=lambda seconds: faults.slow(EVERY, float(str(seconds))),
    )
    for name, label, explain, press in presses:
        yield Switch(f"slack.{name}", "Slack", label, explain, Kind.PRESS, lambda: None, press)
