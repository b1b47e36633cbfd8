"""Connections: what each side of a person is connected to, its condition, cursor and counters. No secrets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.model import Condition, Connection, Culprit, Health
from bot.store.people import People
from bot.store.rows import Row, access_columns, access_of, cause_columns, cause_of, given
from bot.store.tables import connection, person
from providers.base import Access, Side

_IN_TURN = (connection.c.next_try_at, connection.c.id)
_OF = sa.select(connection).where(connection.c.person_id == given("person_id")).order_by(*_IN_TURN)
_GET = sa.select(connection).where(connection.c.id == given("id"))
_RECOVERED = sa.select(connection.c.items_since).where(connection.c.id == given("id"))
_ADD = sa.insert(connection).returning(connection.c.id)
_SET = sa.update(connection).where(connection.c.id == given("which"))
_SET_AND_WHOSE = _SET.returning(connection.c.person_id)
_COPIED = _SET.values(
    {"items": connection.c["items"] + given("more"), "items_since": connection.c.items_since + given("more")}
)
_REVOKING = sa.select(connection).where(connection.c.revoking_id == given("credential_id")).order_by(*_IN_TURN)
# What the mailbox of somebody has can be taken again: one that works, and would be tried later than that.
_LATER = (
    sa.update(connection)
    .where(connection.c.person_id == given("whose"), connection.c.side == Side.MAILBOX)
    .where(connection.c.health == Health.ACTIVE, connection.c.failures == 0, connection.c.rejections == 0)
    .where(connection.c.struck_at.is_(None), connection.c.next_try_at > given("then"))
)
_PROVEN = _SET.where(connection.c.restored_at.is_not(None))
_COUNT = sa.select(sa.func.count()).select_from(connection).where(connection.c.provider == given("provider"))
_TOTAL = _COUNT.where(connection.c.health != Health.REVOKED)
_TURNED_BAD = _COUNT.where(
    connection.c.since >= given("since"), connection.c.culprit.in_([Culprit.PERSON, Culprit.ADMINISTRATOR])
)


class Connections:
    def __init__(self, database: sa.Connection, people: People) -> None:
        self._database = database
        self._people = people

    def of(self, person_id: int) -> dict[Side, Connection]:
        found = self._database.execute(_OF, {"person_id": person_id})
        return {each.side: each for each in map(_connection, found)}

    def get(self, id: int) -> Connection:
        return _connection(self._database.execute(_GET, {"id": id}).one())

    def connect(
        self,
        *,
        person_id: int,
        side: Side,
        provider: str,
        access: Access,
        account: str,
        identity: str,
        credential_id: int,
        now: datetime,
        keep_cursor: bool,
    ) -> Connection:
        """Connect a side, anew or in place of what it had. It is active and due at once.

        Counter, last success and day of connection belong to the account: they stay while the identity does.
        """
        before = self.of(person_id).get(side)
        same = before is not None and (before.provider, before.identity) == (provider, identity)
        condition = Condition(next_try_at=now, last_ok_at=before.condition.last_ok_at if before and same else None)
        columns = {
            "provider": provider,
            **access_columns(access),
            "account": account,
            "identity": identity,
            "credential_id": credential_id,
            "revoking_id": None,
            "items_since": 0,
            **_condition_columns(condition),
        }
        if not same:
            columns |= {"items": 0, "connected_at": now}
        if not keep_cursor:
            columns["cursor"] = ""
        if before is None:
            id: int = self._database.execute(_ADD, {"person_id": person_id, "side": side, **columns}).scalar_one()
        else:
            id = before.id
            self._set(id, columns)
        self._people.reschedule(person_id)
        return self.get(id)

    def set_condition(self, id: int, condition: Condition) -> None:
        self._reschedule(id, _condition_columns(condition))

    def revoke(self, id: int, credential_id: int, condition: Condition) -> None:
        """What it was connected with is no longer its own: a run under way sees that and stops.

        Cursor and counter are not kept: whoever sets it up again starts afresh.
        """
        self._set(id, {"credential_id": None, "revoking_id": credential_id, "cursor": "", "items": 0})
        self.set_condition(id, condition)

    def revoking(self, credential_id: int) -> Connection | None:
        """The connection that waits for this credential to be ended; none where one was only replaced."""
        row = self._database.execute(_REVOKING, {"credential_id": credential_id}).first()
        return None if row is None else _connection(row)

    def revoked(self, id: int, condition: Condition) -> None:
        self._set(id, {"revoking_id": None})
        self.set_condition(id, condition)

    def held_by(self, provider: str, identity: str) -> list[Connection]:
        """Those connected to this account now, whosever they are."""
        same = sa.and_(connection.c.provider == provider, connection.c.identity == identity)
        return self._select(same, connection.c.credential_id.is_not(None))

    def save_page(self, id: int, *, cursor: str, items: int) -> None:
        """Where the next pull starts, and `items` more that were copied."""
        self._database.execute(_COPIED, {"which": id, "more": items, "cursor": cursor})

    def copied(self, id: int, items: int) -> None:
        """`items` more, from here or to here."""
        self._database.execute(_COPIED, {"which": id, "more": items})

    def recovered_items(self, id: int) -> int:
        """How many items were copied since the last sign-in or `clear_recovered`."""
        return int(self._database.execute(_RECOVERED, {"id": id}).scalar_one())

    def clear_recovered(self, id: int) -> None:
        self._set(id, {"items_since": 0})

    def turned_bad_since(self, provider: str, since: datetime) -> int:
        """How many of the provider's began then or later to need a person or an administrator."""
        return int(self._database.execute(_TURNED_BAD, {"provider": provider, "since": since}).scalar_one())

    def total(self, provider: str) -> int:
        """How many there are of the provider, without the revoked."""
        return int(self._database.execute(_TOTAL, {"provider": provider}).scalar_one())

    def alive(self) -> list[Connection]:
        """All that is connected, in trouble or not."""
        return self._select(connection.c.credential_id.is_not(None))

    def due_everything(self, provider: str, now: datetime, spread: timedelta) -> None:
        """After an outage: all active ones are due within `spread`, evenly, in the order of before.

        The mailboxes beside them too: where a CRM was away, these waited.
        """
        active = self._select(connection.c.provider == provider, connection.c.health == Health.ACTIVE)
        for place, each in enumerate(active):
            at = now + spread * place / len(active)
            self._set(each.id, {"next_try_at": at})
            if each.side is Side.CRM:
                self.copy_again(each.person_id, at)
        self._people.reschedule(*(each.person_id for each in active))

    def copy_again(self, person_id: int, at: datetime) -> None:
        """What the mailbox has can be taken again: it is due then, if not before. One in trouble keeps its own time."""
        self._database.execute(_LATER, {"whose": person_id, "then": at, "next_try_at": at})
        self._people.reschedule(person_id)

    def due_now(self, id: int, now: datetime) -> None:
        self._reschedule(id, {"next_try_at": now})

    def next_probe(self, provider: str) -> Connection | None:
        """The active one that waits longest for a try; one of a paused person only when there is no other."""
        waiting = (
            sa.select(connection)
            .join(person)
            .where(connection.c.provider == provider, connection.c.health == Health.ACTIVE)
            .order_by(person.c.paused_at.is_not(None), connection.c.next_try_at, connection.c.id)
            .limit(1)
        )
        row = self._database.execute(waiting).one_or_none()
        return None if row is None else _connection(row)

    def waiting_for_admin(self, provider: str) -> list[Connection]:
        blocked = sa.and_(connection.c.health == Health.SUSPENDED, connection.c.culprit == Culprit.ADMINISTRATOR)
        return self._select(connection.c.provider == provider, blocked)

    def mark_restored(self, at: datetime) -> int:
        """All that is going to be tried by itself came from a backup. How many they are."""
        alive = connection.c.health.in_([Health.ACTIVE, Health.SUSPENDED])
        unpaused = sa.select(person.c.id).where(person.c.paused_at.is_(None))
        tried = sa.and_(alive, connection.c.next_try_at.is_not(None), connection.c.person_id.in_(unpaused))
        return self._database.execute(sa.update(connection).where(tried).values(restored_at=at)).rowcount

    def proven(self, id: int) -> bool:
        """It was tried since it came from a backup. True the first time."""
        return self._database.execute(_PROVEN, {"which": id, "restored_at": None}).rowcount == 1

    def unproven(self) -> list[Connection]:
        """Those that wait to be tried for the first time since they came from a backup, the first due first."""
        return self._select(connection.c.restored_at.is_not(None))

    def _select(self, *where: sa.ColumnElement[bool]) -> list[Connection]:
        found = sa.select(connection).where(*where).order_by(*_IN_TURN)
        return [_connection(row) for row in self._database.execute(found)]

    def _reschedule(self, id: int, columns: dict[str, Any]) -> None:
        """What is set here decides when its person is due."""
        self._people.reschedule(self._database.execute(_SET_AND_WHOSE, {"which": id, **columns}).scalar_one())

    def _set(self, id: int, columns: dict[str, Any]) -> None:
        self._database.execute(_SET, {"which": id, **columns})


def _condition_columns(condition: Condition) -> dict[str, Any]:
    return {
        "health": condition.health,
        **cause_columns(condition.cause),
        "failures": condition.failures,
        "rejections": condition.rejections,
        "struck_at": condition.struck_at,
        "since": condition.since,
        "next_try_at": condition.next_try_at,
        "last_ok_at": condition.last_ok_at,
    }


def _connection(row: Row) -> Connection:
    condition = Condition(
        health=row.health,
        cause=cause_of(row),
        failures=row.failures,
        rejections=row.rejections,
        struck_at=row.struck_at,
        since=row.since,
        next_try_at=row.next_try_at,
        last_ok_at=row.last_ok_at,
    )
    return Connection(
        id=row.id,
        person_id=row.person_id,
        side=row.side,
        provider=row.provider,
        access=access_of(row),
        account=row.account,
        identity=row.identity,
        credential_id=row.credential_id,
        cursor=row.cursor,
        items=row.items,
        connected_at=row.connected_at,
        condition=condition,
    )
