"""DMs that were held because so many broke at once: an admin sends them or drops them."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import Event, IncidentKind, Kind, Reply
from bot.upkeep.record import end_incident


def release(tools: Tools, asked: Asked) -> Iterator[Reply]:
    yield _decide(tools, asked, send=True)


def dismiss(tools: Tools, asked: Asked) -> Iterator[Reply]:
    yield _decide(tools, asked, send=False)


def _decide(tools: Tools, asked: Asked, *, send: bool) -> Reply:
    now = tools.clock.now()
    with tools.store.write() as tx:
        number = asked.request.argument
        incident = tx.incidents.get(int(number)) if number.isdecimal() and len(number) < 10 else None
        if incident is None or incident.kind is not IncidentKind.GUARD or incident.closed_at is not None:
            return Reply("held", {"did": "gone", "number": 0})
        count = tx.notices.release_held(incident.id) if send else tx.notices.drop_held(incident.id, now)
        notice = tx.notices.find_open(f"incident:{incident.id}")
        if notice is not None:
            tx.notices.want(notice.id, {"held": count})
        tx.events.append(
            Event(
                kind=Kind.RELEASED if send else Kind.DISMISSED,
                at=now,
                actor_id=asked.actor.id,
                provider=incident.provider,
                number=count,
            )
        )
        end_incident(tx, incident, "released" if send else "dismissed", now=now)
    tools.ring()
    return Reply("held", {"did": "released" if send else "dismissed", "number": count})
