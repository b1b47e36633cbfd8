"""Why the store does not start or does not answer. No SQL in this file."""

from __future__ import annotations


class StoreRefused(Exception):
    """Relatch must not start like this. `words` tell the operator what is wrong and how to mend it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class StoreAway(Exception):
    """The database does not answer for now: locked for too long, a full disk, a failing one."""
