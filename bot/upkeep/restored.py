"""A database that came from a backup: what it holds is tried one by one, and meanwhile no person is told anything.

What stands in it may be older than what the vendors know. The incident stays until an admin or the operator decides
about the messages that were held, or until everything has been tried and nothing was held.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.model import Connection, Event, Incident, IncidentKind, Kind, NoticeKind
from bot.rules.restores import turn, worth_telling
from bot.store.database import Tx
from bot.upkeep.incidents import end_incident

COUNTS = "restored"


@dataclass(frozen=True, slots=True)
class Counts:
    """Of `total` connections so many work and do not; the others wait for their turn. `made_at`: the backup."""

    made_at: datetime
    total: int
    works: int = 0
    broken: int = 0

    @property
    def checked(self) -> int:
        return self.works + self.broken


def begin(tx: Tx, *, made_at: datetime, admin_channel: str, now: datetime, real: datetime) -> int:
    """Doubt everything, and hold everything back. How many connections will be tried."""
    tx.credentials.doubt_all(now=now, real=real)
    counts = Counts(made_at=made_at, total=tx.connections.mark_restored(now))
    _put(tx, counts)
    incident, new = tx.incidents.open(kind=IncidentKind.RESTORED, provider="", cause=None, now=now)
    if new:
        opened = Event(kind=Kind.INCIDENT_OPENED, at=now, detail=str(IncidentKind.RESTORED))
        tx.events.append(opened)
    tx.notices.hold_all(incident.id)
    if admin_channel:
        key = f"incident:{incident.id}"
        tx.notices.open(kind=NoticeKind.INCIDENT, key=key, to=admin_channel, incident_id=incident.id, now=now)
    return counts.total


def spread(tx: Tx, *, now: datetime) -> None:
    """At each start: whoever still waits for a first try gets a turn, or all would be due at once."""
    places: dict[int, int] = {}
    for connection in tx.connections.unproven():
        # Both sides of a person are one run.
        place = places.setdefault(connection.person_id, len(places))
        tx.connections.due_now(connection.id, turn(place, now))
    _end_if_done(tx, now)


def hold(tx: Tx, provider: str) -> bool:
    """Whether the provider's messages about failures are held back, because a backup was restored."""
    incident = _open(tx)
    if incident is None:
        return False
    tx.notices.hold(provider, incident.id)
    return True


def looked(tx: Tx, connection: Connection, *, works: bool, now: datetime) -> None:
    """The vendor has said whether this one works. Only the first time counts."""
    if not tx.connections.proven(connection.id):
        return
    before = counts(tx)
    if before is None:
        return
    after = Counts(before.made_at, before.total, before.works + works, before.broken + (not works))
    _put(tx, after)
    incident = _open(tx)
    notice = tx.notices.find_open(f"incident:{incident.id}") if incident is not None else None
    if notice is not None and worth_telling(after.checked, after.total):
        tx.notices.want(notice.id)
    _end_if_done(tx, now)


def counts(tx: Tx) -> Counts | None:
    """None where this database was never restored from a backup."""
    text = tx.settings.get(COUNTS)
    if text is None:
        return None
    fields = json.loads(text)
    return Counts(**{**fields, "made_at": datetime.fromisoformat(fields["made_at"])})


def _end_if_done(tx: Tx, now: datetime) -> None:
    incident = _open(tx)
    if incident is not None and not tx.connections.unproven() and not tx.notices.held(incident.id):
        end_incident(tx, incident, "over", now=now)


def _open(tx: Tx) -> Incident | None:
    return tx.incidents.find_open(IncidentKind.RESTORED, "")


def _put(tx: Tx, counts: Counts) -> None:
    tx.settings.put(COUNTS, json.dumps({**asdict(counts), "made_at": counts.made_at.isoformat()}))
