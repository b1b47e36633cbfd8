"""The sandbox's time: real time plus an offset that tests and the side panel move. It knows no vendor.

Vendors' token lifetimes, Slack's timestamps and mail dates follow it. TLS, cookies and deadlines do not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.sandbox.switches import Kind, Switch

STEPS = {
    "1m": ("1 minute", timedelta(minutes=1)),
    "10m": ("10 minutes", timedelta(minutes=10)),
    "1h": ("1 hour", timedelta(hours=1)),
    "6h": ("6 hours", timedelta(hours=6)),
    "1d": ("1 day", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "6mo": ("6 months", timedelta(days=183)),
}


class SandboxClock:
    """Writes its offset in whole seconds, as plain text, to the file that the bot reads too."""

    def __init__(self, path: Path, *, offset: timedelta = timedelta()) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._offset = offset
        self._write()

    @property
    def offset(self) -> timedelta:
        return self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC) + self._offset

    def move(self, by: timedelta) -> None:
        with self._lock:
            self._offset += by
            self._write()

    def stand_at(self, moment: datetime) -> None:
        """Time goes on from `moment`. For a test that puts back what was then: no vendor expects time to return."""
        with self._lock:
            self._offset = moment - datetime.fromtimestamp(time.time(), UTC)
            self._write()

    def _write(self) -> None:
        # The bot may read at any moment. A rename shows it the old text or the new one, never half of it.
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(f"{int(self._offset.total_seconds())}\n", encoding="ascii")
        fresh.replace(self._path)


def clock_switches(clock: SandboxClock) -> Iterator[Switch]:
    """One press for each step forward. None goes back: no vendor and no schedule expects time to return."""

    def mover(step: timedelta) -> Callable[[object], None]:
        return lambda _: clock.move(step)

    for key, (label, step) in STEPS.items():
        yield Switch(
            id=f"clock.{key}",
            group="Time",
            label=f"Plus {label}",
            explain=f"Moves the clock of the bot and of the vendors {label} forward.",
            kind=Kind.PRESS,
            read=lambda: None,
            press=mover(step),
        )
