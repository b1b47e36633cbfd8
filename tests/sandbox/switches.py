"""The registry of everything that can be broken or moved; the side panel shows it. It knows no vendor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """How the side panel draws a switch: a button, a check box, or a number."""

    PRESS = "press"
    TOGGLE = "toggle"
    NUMBER = "number"


@dataclass(slots=True)
class Switch:
    """One thing that a person can break, mend or move. `read` gives what is set now."""

    id: str
    group: str
    label: str
    explain: str
    kind: Kind
    read: Callable[[], object]
    press: Callable[[object], None]


class Switches:
    """All switches of one sandbox, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._switches: dict[str, Switch] = {}
        self._listeners: list[Callable[[], None]] = []

    def add(self, switch: Switch) -> None:
        with self._lock:
            if switch.id in self._switches:
                raise ValueError(f"there are two switches named {switch.id}")
            self._switches[switch.id] = switch

    def listing(self) -> list[dict[str, Any]]:
        """Groups as the page's API gives them: [{name, switches: [{id, label, explain, kind, value}]}]."""
        groups: dict[str, list[dict[str, Any]]] = {}
        with self._lock:
            for switch in self._switches.values():
                groups.setdefault(switch.group, []).append(_as_json(switch))
        return [{"name": name, "switches": switches} for name, switches in groups.items()]

    def press(self, id: str, value: object = None) -> None:
        """Does it and tells the listeners. KeyError: no such switch. ValueError: not for such a value."""
        with self._lock:
            switch = self._switches[id]
            listeners = tuple(self._listeners)
        switch.press(_fitting(switch.kind, value))
        for listener in listeners:
            listener()

    def on_change(self, callback: Callable[[], None]) -> None:
        """`callback` runs in the thread that pressed."""
        with self._lock:
            self._listeners.append(callback)


def _as_json(switch: Switch) -> dict[str, Any]:
    return {
        "id": switch.id,
        "label": switch.label,
        "explain": switch.explain,
        "kind": switch.kind.value,
        "value": switch.read(),
    }


def _fitting(kind: Kind, value: object) -> object:
    match kind:
        case Kind.PRESS:
            return None
        case Kind.TOGGLE:
            if not isinstance(value, bool):
                raise ValueError("a toggle takes true or false")
            return value
        case Kind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError("a number switch takes a number")
            return float(value)
