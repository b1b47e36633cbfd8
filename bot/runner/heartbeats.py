"""Keeping the sign-ins of paused people alive: an idle one lapses, at Google after six months."""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.model import Clock, Connection
from bot.store.database import Store, StoreAway
from bot.upkeep.probe import Probes, left_alone

IDLE = timedelta(days=7)

log = logging.getLogger(__name__)


class Heartbeats:
    def __init__(self, *, store: Store, probes: Probes, clock: Clock) -> None:
        self._store = store
        self._probes = probes
        self._clock = clock

    def work(self) -> None:
        with self._store.read() as tx:
            idle = [tx.connections.get(i) for i in tx.credentials.stale_of_paused(self._clock.now() - IDLE)]
        for connection in idle:
            if not left_alone(connection):
                self._beat(connection)

    def _beat(self, connection: Connection) -> None:
        try:
            self._probes.look(connection, force=True, actor_id=None)
        except StoreAway:
            raise
        except Exception:
            # The others still need theirs.
            log.exception("heartbeat failed", extra={"connection": connection.id})
