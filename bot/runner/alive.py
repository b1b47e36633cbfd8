"""Noting each minute that we live, so that after a gap the admins hear of it. It sends nothing and runs nobody."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.model import Clock, NoticeKind
from bot.store.database import Store, Tx

# A restart or an upgrade is no absence that anybody would notice.
LONGEST_UNNOTICED = timedelta(minutes=10)
ALIVE_AT = "alive.at"

log = logging.getLogger(__name__)


class Alive:
    """`admin_channel` is empty where there is none: then the log alone tells."""

    def __init__(self, *, store: Store, clock: Clock, admin_channel: str) -> None:
        self._store = store
        self._clock = clock
        self._admin_channel = admin_channel

    def begin(self) -> None:
        """At start, before any run is claimed: what waits is counted."""
        if self._admin_channel:
            self._greet()
        self.work()

    def work(self) -> None:
        """By real time: a machine that slept was away too."""
        until = self._clock.real()
        with self._store.write() as tx:
            noted = tx.settings.get(ALIVE_AT)
            tx.settings.put(ALIVE_AT, until.isoformat())
            if noted is not None and until - datetime.fromisoformat(noted) > LONGEST_UNNOTICED:
                self._tell(tx, noted, until)

    def _tell(self, tx: Tx, since: str, until: datetime) -> None:
        now = self._clock.now()
        facts = {"since": since, "until": until.isoformat(), "runs": tx.people.due(now)}
        log.warning("was away", extra=facts)
        if facts["runs"] and self._admin_channel:
            key = f"{NoticeKind.AWAY}:{since}"
            notice = tx.notices.open(kind=NoticeKind.AWAY, key=key, to=self._admin_channel, facts=facts, now=now)
            # Drawn once all the same, and done.
            tx.notices.close(notice.id, now)

    def _greet(self) -> None:
        """A message to a channel that has had none. What could not be posted is tried anew at each start."""
        key = f"{NoticeKind.HELLO}:{self._admin_channel}"
        with self._store.write() as tx:
            greeted = tx.notices.find_open(key)
            if greeted is None or not greeted.ts:
                tx.notices.open(kind=NoticeKind.HELLO, key=key, to=self._admin_channel, now=self._clock.now())
