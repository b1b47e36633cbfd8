"""Incidents: the troubles of many people, at most one open of a kind and provider."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.model import Cause, Incident, IncidentKind
from bot.store.rows import Row, cause_columns, cause_of
from bot.store.tables import incident

_OPEN = incident.c.closed_at.is_(None)


class Incidents:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def open(self, *, kind: IncidentKind, provider: str, cause: Cause | None, now: datetime) -> tuple[Incident, bool]:
        """The open one, or a new one and True."""
        found = self.find_open(kind, provider)
        if found is not None:
            return found, False
        added = sa.insert(incident).values(kind=kind, provider=provider, opened_at=now, **cause_columns(cause))
        return _incident(self._database.execute(added.returning(incident)).one()), True

    def find_open(self, kind: IncidentKind, provider: str) -> Incident | None:
        found = sa.select(incident).where(incident.c.kind == kind, incident.c.provider == provider, _OPEN)
        row = self._database.execute(found).one_or_none()
        return None if row is None else _incident(row)

    def get(self, id: int) -> Incident | None:
        row = self._database.execute(sa.select(incident).where(incident.c.id == id)).one_or_none()
        return None if row is None else _incident(row)

    def all_open(self) -> list[Incident]:
        found = sa.select(incident).where(_OPEN).order_by(incident.c.opened_at, incident.c.id)
        return [_incident(row) for row in self._database.execute(found)]

    def close(self, id: int, outcome: str, now: datetime) -> None:
        closed = sa.update(incident).where(incident.c.id == id, _OPEN).values(closed_at=now, outcome=outcome)
        self._database.execute(closed)


def _incident(row: Row) -> Incident:
    return Incident(
        id=row.id,
        kind=row.kind,
        provider=row.provider,
        cause=cause_of(row),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        outcome=row.outcome,
    )
