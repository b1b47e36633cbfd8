"""`/creds why`: one timeline of sign-ins, checks, runs, messages and what admins did."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import Reply
from bot.upkeep.history import lines

LINES = 15


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    with tools.store.read() as tx:
        told = lines(tx, asked.subject, tools.cards, limit=LINES)
    yield Reply("why", {"who": asked.who, "lines": told})
