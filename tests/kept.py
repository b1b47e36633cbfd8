"""What the small Relatches of a process share: one store, the vendors, and what has been played on them before."""

from __future__ import annotations

import pickle
import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.store.database import Store
from bot.store.vault import KeysetFile
from tests.keeping import OLD, Play
from tests.memory_slack import MemorySlack
from tests.providers.kit import Kit, Kits


@dataclass(frozen=True, slots=True)
class Scene:
    """How a small Relatch stood after something had been played; `real` is the machine's time then.

    `learned` is what its providers knew by then: where their vendors are, and what these publish.
    """

    vendors: Mapping[str, Play]
    learned: Mapping[str, dict[str, Any]]
    database: bytes
    slack: bytes
    real: datetime
    played: float
    came_of_it: Any

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self.played > OLD


class Kept:
    """One store for all tests of a process, so that its statements stay compiled. Each test finds it empty, alone."""

    def __init__(self, folder: Path, kits: Kits) -> None:
        self.kits = kits
        self.scenes: dict[Hashable, Scene] = {}
        self.database = folder / "data" / "relatch.db"
        self._store = Store.open(self.database, KeysetFile(folder / "keys" / "keyset.json"))
        self._store.close()
        self._empty = self.database.read_bytes()
        self._lent = False

    @contextmanager
    def lent(self) -> Iterator[Store]:
        assert not self._lent, "two small Relatches at once would write into one database"
        self._fill(self._empty)
        self._lent = True
        try:
            yield self._store
        finally:
            self._lent = False
            self._store.close()

    def is_new(self, slack: MemorySlack, kits: Mapping[str, Kit[Any]]) -> bool:
        """Whether nothing has happened yet: not to the vendors, not in Slack, not in the store."""
        recent = self.database.with_name(f"{self.database.name}-wal")
        return (
            slack == MemorySlack()
            and all(kit.memory.is_new for kit in kits.values())
            and not (recent.exists() and recent.stat().st_size)
            and self.database.read_bytes() == self._empty
        )

    def scene(
        self,
        slack: MemorySlack,
        kits: Mapping[str, Kit[Any]],
        *,
        learned: Mapping[str, dict[str, Any]],
        real: datetime,
        came_of_it: Any,
    ) -> Scene:
        self._store.flush()
        return Scene(
            vendors={slug: kit.memory.keep() for slug, kit in kits.items()},
            learned=learned,
            database=self.database.read_bytes(),
            slack=pickle.dumps((slack.messages, slack.homes, slack.profiles, slack.said, slack.posted)),
            real=real,
            played=time.monotonic(),
            came_of_it=came_of_it,
        )

    def put_back(self, scene: Scene, slack: MemorySlack) -> None:
        """All but the vendors."""
        self._fill(scene.database)
        stood = pickle.loads(scene.slack)  # noqa: S301 - written above
        slack.messages, slack.homes, slack.profiles, slack.said, slack.posted = stood

    def _fill(self, content: bytes) -> None:
        self._store.close()
        for left in self.database.parent.iterdir():
            left.unlink()
        self.database.write_bytes(content)
