"""Forgetting what has outlived its use. How long each table keeps what is bot/store/retention's."""

from __future__ import annotations

from datetime import timedelta

from bot.model import Clock
from bot.store.database import Store


class Retention:
    """`kept` is how long the history stays, as the operator has set it."""

    def __init__(self, *, store: Store, clock: Clock, kept: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._kept = kept

    def work(self) -> None:
        """Step by step, so that no writer waits long: until nothing is left to forget."""
        while self._step():
            pass

    def _step(self) -> int:
        with self._store.write() as tx:
            return tx.retention.forget(now=self._clock.now(), real=self._clock.real(), kept=self._kept)
