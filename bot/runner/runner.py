"""What happens by itself: one thread for each duty, one bell for all. One file for each duty stands beside this one."""

from __future__ import annotations

import logging
from datetime import timedelta
from time import monotonic

from bot.runner.alive import Alive
from bot.runner.bell import Bell, Duty
from bot.runner.heartbeats import Heartbeats
from bot.runner.notices import Notices
from bot.runner.pulse import Pulse
from bot.runner.retention import Retention
from bot.runner.revocations import Revocations
from bot.runner.sync import SyncRuns
from bot.runner.unfinished import Unfinished

LOOK = timedelta(milliseconds=500)
NOW_AND_THEN = timedelta(seconds=20)
EACH_MINUTE = timedelta(minutes=1)
HOURLY = timedelta(hours=1)
# What stopping keeps for the duties once runs have ended: to draw what came of them.
FLUSH = timedelta(seconds=4)

log = logging.getLogger(__name__)


class Runner:
    """Without `pulse` nobody outside is told that it lives."""

    def __init__(
        self,
        *,
        bell: Bell,
        sync: SyncRuns,
        notices: Notices,
        revocations: Revocations,
        heartbeats: Heartbeats,
        unfinished: Unfinished,
        retention: Retention,
        alive: Alive,
        pulse: Pulse | None,
    ) -> None:
        self._sync = sync
        self._alive = alive
        self._pulse = pulse
        self._bell = bell
        slow = Bell()
        self._duties = (
            Duty("sync", sync.work, bell=bell, every=LOOK, trouble=_log),
            Duty("notices", notices.work, bell=bell, every=LOOK, trouble=_log),
            Duty("revocations", revocations.work, bell=bell, every=LOOK, trouble=_log),
            Duty("unfinished", unfinished.work, bell=slow, every=NOW_AND_THEN, trouble=_log),
            Duty("heartbeats", heartbeats.work, bell=slow, every=HOURLY, trouble=_log),
            Duty("retention", retention.work, bell=slow, every=HOURLY, trouble=_log),
            # The last to start: its first beat would take one that has not started yet for stuck.
            Duty("alive", self._live, bell=slow, every=EACH_MINUTE, trouble=_log),
        )
        self._slow = slow

    def start(self) -> None:
        self._alive.begin()
        for duty in self._duties:
            duty.start()

    def stop(self, timeout: timedelta) -> None:
        """Claims nothing more, lets runs end after their page and notices be drawn, within `timeout` in all."""
        until = monotonic() + timeout.total_seconds()
        self._sync.stop(timeout - FLUSH)
        for duty in self._duties:
            duty.stop()
        self._bell.ring()
        self._slow.ring()
        for duty in self._duties:
            duty.thread.join(max(0.0, until - monotonic()))

    def _live(self) -> None:
        self._alive.work()
        if self._pulse is not None:
            self._pulse.beat(stuck=[duty.thread.name for duty in self._duties if not duty.alive])


def _log(duty: str) -> None:
    log.error("duty failed", exc_info=True, extra={"duty": duty})  # noqa: LOG014 - called where it was caught
