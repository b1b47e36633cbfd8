"""`/creds`: the two connections and what can be done."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools, cards_of
from bot.model import Reply


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    with tools.store.write() as tx:
        cards = cards_of(tools, tx, asked)
    yield Reply("status", {"who": asked.who, "cards": cards})
