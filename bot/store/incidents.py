"""Incidents: the troubles of many people, at most one open of a kind and provider."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bot.model import Cause, Incident, IncidentKind
from bot.store.rows import Row, cause_columns, cause_of, given
from bot.store.tables import incident

_OPEN = incident.c.closed_at.is_(None)
_ADD = sa.insert(incident).returning(incident)
_GET = sa.select(incident).where(incident.c.id == given("id"))
_FIND_OPEN = sa.select(incident).where(
    incident.c.kind == given("kind"), incident.c.provider == given("provider"), _OPEN
)
_OPEN_OF = sa.select(incident).where(incident.c.provider == given("provider"), _OPEN)
_ALL_OPEN = sa.select(incident).where(_OPEN).order_by(incident.c.opened_at, incident.c.id)
_CLOSE = sa.update(incident).where(incident.c.id == given("which"), _OPEN)


class Incidents:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def open(self, *, kind: IncidentKind, provider: str, cause: Cause | None, now: datetime) -> tuple[Incident, bool]:
        """The open one, or a new one and True."""
        found = self.find_open(kind, provider)
        if found is not None:
            return found, False
        added = {"kind": kind, "provider": provider, "opened_at": now, **cause_columns(cause)}
        return _incident(self._database.execute(_ADD, added).one()), True

    def find_open(self, kind: IncidentKind, provider: str) -> Incident | None:
        row = self._database.execute(_FIND_OPEN, {"kind": kind, "provider": provider}).one_or_none()
        return None if row is None else _incident(row)

    def open_of(self, provider: str) -> dict[IncidentKind, Incident]:
        found = self._database.execute(_OPEN_OF, {"provider": provider})
        return {each.kind: each for each in map(_incident, found)}

    def get(self, id: int) -> Incident | None:
        row = self._database.execute(_GET, {"id": id}).one_or_none()
        return None if row is None else _incident(row)

    def all_open(self) -> list[Incident]:
        return [_incident(row) for row in self._database.execute(_ALL_OPEN)]

    def close(self, id: int, outcome: str, now: datetime) -> None:
        self._database.execute(_CLOSE, {"which": id, "closed_at": now, "outcome": outcome})


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
