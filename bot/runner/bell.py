"""Wakes the duties at once when the desk made something due. It knows no duty."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

# A flood of messages may take most of it: Slack takes one a second.
LONGEST_ROUND = timedelta(hours=1)


class Bell:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0

    def ring(self) -> None:
        with self._changed:
            self._rung += 1
            self._changed.notify_all()

    def wait(self, heard: int, timeout: timedelta) -> int:
        """Returns after the next ring past `heard`, or after `timeout`; hand its answer to the next wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._rung != heard, timeout.total_seconds())
            return self._rung


class Duty:
    """One thread that does one thing again and again until it is stopped.

    `work` is asked at every ring and at least every `every`. What it raises is a bug: it is logged, and the duty goes
    on, because a dead duty would be noticed by nobody.
    """

    def __init__(
        self, name: str, work: Callable[[], object], *, bell: Bell, every: timedelta, trouble: Callable[[str], None]
    ) -> None:
        self._work = work
        self._bell = bell
        self._every = every
        self._trouble = trouble
        self._stop = threading.Event()
        self._began: float | None = None
        self.thread = threading.Thread(target=self._run, name=f"duty-{name}", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def alive(self) -> bool:
        """Not ended, and not stuck in one round."""
        began = self._began
        return self.thread.is_alive() and (began is None or monotonic() - began < LONGEST_ROUND.total_seconds())

    def _run(self) -> None:
        heard = 0
        while not self._stop.is_set():
            self._began = monotonic()
            try:
                self._work()
            except Exception:  # noqa: BLE001 - the last resort of a thread; the callee logs it with its traceback
                self._trouble(self.thread.name)
                self._stop.wait(1)
            self._began = None
            heard = self._bell.wait(heard, self._every)
