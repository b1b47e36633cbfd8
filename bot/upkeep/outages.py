"""What Relatch remembers, while it runs, of each provider's trouble: the breaker. The incident is in the store."""

from __future__ import annotations

import threading
from datetime import datetime

from bot.model import IncidentKind
from bot.rules.outages import FAILURES_UNTIL_OPEN, Breaker, failed, succeeded
from bot.store.database import Tx


class Breakers:
    """One per provider. A restart begins with those whose outage is still an open incident."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, Breaker] = {}

    def recall(self, tx: Tx) -> None:
        with self._lock:
            for incident in tx.incidents.all_open():
                if incident.kind is IncidentKind.OUTAGE:
                    at = incident.opened_at
                    self._of[incident.provider] = Breaker(
                        failures=FAILURES_UNTIL_OPEN, opened_at=at, next_probe_at=at
                    )

    def is_open(self, provider: str) -> bool:
        with self._lock:
            return self._of.get(provider, Breaker()).open

    def failed(self, provider: str, *, connection_id: int, total: int, now: datetime) -> bool:
        """One more failure that counts. True while it is open."""
        with self._lock:
            self._of[provider] = failed(self._of.get(provider, Breaker()), connection_id, total, now)
            return self._of[provider].open

    def heal(self, provider: str) -> bool:
        """True when this success closed it."""
        with self._lock:
            was = self._of.get(provider, Breaker())
            self._of[provider] = succeeded(was)
            return was.open

    def probe_due(self, provider: str, now: datetime) -> bool:
        with self._lock:
            breaker = self._of.get(provider, Breaker())
            return breaker.open and breaker.next_probe_at is not None and breaker.next_probe_at <= now
