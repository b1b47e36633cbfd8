"""What the sandbox's servers hold, kept to be put back: what many tests begin with is played once. No vendor here."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.clock import SandboxClock
from tests.sandbox.serving import Serving

T = TypeVar("T")

# What was played longer ago than so many seconds is played anew: else the clock would go back by more than a moment.
OLD = 120


class Keepsake:
    """What `root` holds now, and the parts that it is made of: objects of the tests that are attributes of each other.

    The parts stay the same objects, for servers' routes point at them; what they hold is copied.
    """

    def __init__(self, root: object) -> None:
        self._parts = list(_parts(root))
        self._same: dict[int, object] = {id(part): part for part in self._parts}
        # The names are kept apart: which of them share their letters with a value shows in what is written.
        self._names, values = self._now()
        # Reading it back once settles how it is written, so that what is put back is known again.
        self._values = self._written(self._read(self._written(values)))

    def is_still_so(self) -> bool:
        names, values = self._now()
        try:
            return names == self._names and self._written(values) == self._values
        except (pickle.PicklingError, TypeError, AttributeError):
            return False  # A test put something in that no server holds by itself.

    def put_back(self) -> None:
        """Nobody else may be using the parts meanwhile."""
        for part, names, values in zip(self._parts, self._names, self._read(self._values), strict=True):
            for name in [name for name in vars(part) if name not in names and _is_held(part, name)]:
                delattr(part, name)
            vars(part).update(zip(names, values, strict=True))

    def _now(self) -> tuple[list[list[str]], list[list[Any]]]:
        """Names and values of each part."""
        names = [[name for name in vars(part) if _is_held(part, name)] for part in self._parts]
        return names, [[vars(part)[name] for name in each] for part, each in zip(self._parts, names, strict=True)]

    def _written(self, values: list[list[Any]]) -> bytes:
        file = io.BytesIO()
        _Writer(file, self._same).dump(values)
        return file.getvalue()

    def _read(self, written: bytes) -> list[list[Any]]:
        read: list[list[Any]] = _Reader(io.BytesIO(written), self._same).load()
        return read


@dataclass(frozen=True, slots=True)
class Play:
    """What came of something that was played, and how things stood then; `at` is of the sandbox's clock."""

    came_of_it: Any
    after: Keepsake
    at: datetime


class Memory:
    """What `root` was like when it was made, and what came of what has been played on it since."""

    def __init__(self, clock: SandboxClock, root: object) -> None:
        self._clock = clock
        self._root = root
        self._new: Keepsake | None = None
        self._plays: dict[Hashable, Play] = {}

    @property
    def is_new(self) -> bool:
        """Whether nothing has happened yet. The clock is not asked."""
        return self._new is not None and self._new.is_still_so()

    def as_new(self) -> None:
        """The first time, what is now is what is new."""
        if self._new is None:
            self._new = Keepsake(self._root)
        self._new.put_back()

    def keep(self, came_of_it: Any = None) -> Play:
        return Play(came_of_it, Keepsake(self._root), self._clock.now())

    def put_back(self, play: Play) -> None:
        self._clock.stand_at(play.at)
        play.after.put_back()

    def once(self, what: Hashable, play: Callable[[], T]) -> T:
        """What came of `play`, and all is as it was then.

        It is played anew where something has happened already, and where a test has moved the clock.
        """
        if not self.is_new:
            return play()
        kept = self._plays.get(what)
        if kept is None or abs(kept.at - self._clock.now()).total_seconds() > OLD:
            kept = self._plays[what] = self.keep(play())
        else:
            self.put_back(kept)
        came_of_it: T = kept.came_of_it
        return came_of_it


# These stay as they are: a lock, a clock and an open port are nothing that a test finds changed.
STAYS = (
    type(threading.Lock()),
    type(threading.RLock()),
    Memory,
    Serving,
    SandboxClock,
    WeakKeyDictionary,
    rsa.RSAPrivateKey,
    web.Application,
)


class _Staying(dict[type, bool]):
    """Whether a kind is one of STAYS. Kept, since it is asked of everything that is held, down to each number."""

    def __missing__(self, kind: type) -> bool:
        return self.setdefault(kind, issubclass(kind, STAYS))


STAYING = _Staying()


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, same: dict[int, object]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._same = same

    def persistent_id(self, one: object) -> int | None:
        if STAYING[type(one)]:
            self._same[id(one)] = one
        return id(one) if id(one) in self._same else None


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, same: dict[int, object]) -> None:
        super().__init__(file)
        self._same = same

    def persistent_load(self, pid: int) -> object:
        return self._same[pid]


def _parts(root: object) -> Iterator[object]:
    found, left = {id(root)}, [root]
    while left:
        part = left.pop()
        yield part
        for name, held in vars(part).items():
            if id(held) not in found and _is_part(held) and _is_held(part, name):
                found.add(id(held))
                left.append(held)


def _is_part(held: object) -> bool:
    return type(held).__module__.startswith("tests.") and hasattr(held, "__dict__") and not STAYING[type(held)]


def _is_held(part: object, name: str) -> bool:
    """Not what was only worked out from the rest."""
    return not isinstance(getattr(type(part), name, None), cached_property)
