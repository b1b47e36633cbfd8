"""DMs that were held because so many broke at once: an admin sends them or drops them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import Reply
from bot.upkeep.incidents import HOLDING, decide


def release(tools: Tools, asked: Asked) -> Iterator[Reply]:
    yield _decide(tools, asked, send=True)


def dismiss(tools: Tools, asked: Asked) -> Iterator[Reply]:
    yield _decide(tools, asked, send=False)


def _decide(tools: Tools, asked: Asked, *, send: bool) -> Reply:
    now = tools.clock.now()
    with tools.store.write() as tx:
        number = asked.request.argument
        incident = tx.incidents.get(int(number)) if number.isdecimal() and len(number) < 10 else None
        if incident is None or incident.kind not in HOLDING or incident.closed_at is not None:
            return Reply("held", {"did": "gone", "number": 0})
        count = decide(tx, incident, send=send, actor_id=asked.actor.id, now=now)
    tools.ring()
    return Reply("held", {"did": "released" if send else "dismissed", "number": count})
