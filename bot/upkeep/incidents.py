"""Ending the trouble of many people, and deciding about the messages that it held back. It sends nothing."""

from __future__ import annotations

from datetime import datetime

from bot.model import Event, Incident, IncidentKind, Kind
from bot.store.database import Tx
from bot.upkeep import tell

# Those that hold messages back until an admin or the operator decides.
HOLDING = frozenset({IncidentKind.GUARD, IncidentKind.RESTORED})


def end_incident(tx: Tx, incident: Incident, outcome: str, *, now: datetime) -> None:
    """The all-clear is a new message, since nobody is notified of an edit."""
    tx.incidents.close(incident.id, outcome, now)
    tx.events.append(
        Event(kind=Kind.INCIDENT_CLOSED, at=now, provider=incident.provider, cause=incident.cause, detail=outcome)
    )
    notice = tx.notices.find_open(f"incident:{incident.id}")
    if notice is not None:
        tx.notices.want(notice.id)
        tell.say_anew(tx, notice)
        tx.notices.close(notice.id, now)


def decide(tx: Tx, incident: Incident, *, send: bool, actor_id: int, now: datetime) -> int:
    """The held messages are sent, or dropped; how many."""
    count = tx.notices.release_held(incident.id) if send else tx.notices.drop_held(incident.id, now)
    notice = tx.notices.find_open(f"incident:{incident.id}")
    if notice is not None:
        tx.notices.want(notice.id, {"held": count})
    tx.events.append(
        Event(
            kind=Kind.RELEASED if send else Kind.DISMISSED,
            at=now,
            actor_id=actor_id,
            provider=incident.provider,
            number=count,
        )
    )
    end_incident(tx, incident, "released" if send else "dismissed", now=now)
    return count
