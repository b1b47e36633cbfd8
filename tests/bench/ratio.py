"""Ours beside a bare baseline: in turn, in one run, so that whatever else the machine does hits both."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Ratio:
    """Medians, in seconds."""

    ours: float
    bare: float

    @property
    def times(self) -> float:
        return self.ours / self.bare

    def __str__(self) -> str:
        return f"{self.ours * 1000:.2f} ms, bare {self.bare * 1000:.2f} ms: {self.times:.1f} times"


def compared(ours: Callable[[], object], bare: Callable[[], object], *, rounds: int) -> Ratio:
    """One of each in turn, after one of each that is not counted."""
    ours(), bare()
    gc.collect()
    taken = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
    return Ratio(ours=median(each for each, _ in taken), bare=median(each for _, each in taken))


def _seconds(act: Callable[[], object]) -> float:
    begun = perf_counter()
    act()
    return perf_counter() - begun
