"""How long each table keeps what it holds, and forgetting what is older, in small steps. Decides nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.store import flows, sessions
from bot.store.events import Events
from bot.store.tables import account_used, connection, flow, incident, invitation, notice, seen, web_session

KEPT_SEEN = timedelta(hours=24)
KEPT_FLOWS = timedelta(days=1)
KEPT_SESSIONS = sessions.LIFE + flows.LIFE
KEPT_CLOSED_NOTICES = timedelta(days=30)
KEPT_INVITATIONS = timedelta(days=180)
# So many rows in one transaction: nobody waits for the end of it.
AT_ONCE = 500


class Retention:
    """`kept` is how long the history, the accounts used before and the incidents that are over stay."""

    def __init__(self, database: sa.Connection, events: Events) -> None:
        self._database = database
        self._events = events

    def forget(self, *, now: datetime, real: datetime, kept: timedelta) -> int:
        """Up to AT_ONCE rows of each table that have outlived their use. How many: 0 when none is left."""
        gone = self._events.sweep(now - kept, AT_ONCE)
        for table, outlived in _outlived(now, real, now - kept):
            row: sa.ColumnClause[int] = sa.literal_column("rowid")
            some = sa.select(row).select_from(table).where(outlived).limit(AT_ONCE).correlate(None)
            gone += self._database.execute(sa.delete(table).where(row.in_(some))).rowcount
        return gone


def _outlived(now: datetime, real: datetime, before: datetime) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool]]]:
    yield seen, seen.c.at <= real - KEPT_SEEN
    yield flow, flow.c.begun_at <= real - KEPT_FLOWS
    yield web_session, web_session.c.opened_at <= real - KEPT_SESSIONS
    yield notice, notice.c.closed_at <= now - KEPT_CLOSED_NOTICES
    used = sa.select(flow.c.id).where(flow.c.invitation_id == invitation.c.id).exists()
    yield invitation, sa.and_(invitation.c.used_at <= now - KEPT_INVITATIONS, sa.not_(used))
    told = sa.or_(notice.c.incident_id == incident.c.id, notice.c.held_by == incident.c.id)
    yield incident, sa.and_(incident.c.closed_at <= before, sa.not_(sa.select(notice.c.id).where(told).exists()))
    connected = sa.and_(
        connection.c.person_id == account_used.c.person_id,
        connection.c.provider == account_used.c.provider,
        connection.c.account == account_used.c.account,
        connection.c.credential_id.is_not(None),
    )
    in_use = sa.select(connection.c.id).where(connected).exists()
    yield account_used, sa.and_(account_used.c.used_at <= before, sa.not_(in_use))
