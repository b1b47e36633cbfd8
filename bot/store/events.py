"""The history: lines are added, never changed, and each is chained to the one before by its hash.

The hash is SHA-256 over the previous hash and the line as canonical JSON. The setting `events.head` holds
number and hash of the last line, `events.start` those of the last one swept: a line missing at an end shows too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Event, Kind
from bot.store.ledger import Settings
from bot.store.rows import Row, cause_columns, cause_of, given
from bot.store.tables import event as table
from providers.base import Side

HEAD = "events.head"
START = "events.start"
AT_ONCE = 1000

_APPEND = sa.insert(table)
_OF_PERSON = sa.select(table).where(table.c.person_id == given("person_id")).order_by(table.c.id.desc())
_OF_PERSON = _OF_PERSON.limit(given("limit"))
_OF_KIND = _OF_PERSON.where(table.c.kind == given("kind"))
_OF_KIND_AND_SIDE = _OF_KIND.where(table.c.side == given("side"))


class ChainBroken(Exception):
    """The history was changed. `event_id` is the first line that does not fit."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"event {event_id}")
        self.event_id = event_id


class Events:
    def __init__(self, database: sa.Connection, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        # What is added in this transaction ends here: no other can add to it meanwhile.
        self._end: tuple[int, str] | None = None

    def append(self, event: Event) -> None:
        """Add it at the end. Its `id` is given here, whatever it holds."""
        last, before = self._end or self._link(HEAD)
        id, link = last + 1, _link(before, last + 1, event)
        line = {
            "at": event.at,
            "kind": event.kind,
            "person_id": event.person_id,
            "actor_id": event.actor_id,
            "side": event.side,
            "provider": event.provider,
            **cause_columns(event.cause),
            "detail": event.detail,
            "number": event.number,
        }
        self._database.execute(_APPEND, {"id": id, "hash": link, **line})
        self._settings.put(HEAD, f"{id}:{link}")
        self._end = id, link

    def of_person(self, person_id: int, limit: int = 30) -> list[Event]:
        """What concerns the person, the newest first."""
        found = self._database.execute(_OF_PERSON, {"person_id": person_id, "limit": limit})
        return [_event(row) for row in found]

    def last(self, person_id: int, kind: Kind, side: Side | None = None) -> Event | None:
        """The newest of this kind; of any side where none is named."""
        meant: dict[str, Any] = {"person_id": person_id, "kind": kind, "limit": 1}
        if side is None:
            row = self._database.execute(_OF_KIND, meant).one_or_none()
        else:
            row = self._database.execute(_OF_KIND_AND_SIDE, {**meant, "side": side}).one_or_none()
        return None if row is None else _event(row)

    def since(self, at: datetime | None, person_id: int | None) -> Iterator[tuple[Event, str]]:
        """Each line with its hash, the oldest first: of one person or of all, from `at` on or from the start."""
        found = sa.select(table).order_by(table.c.id).execution_options(yield_per=AT_ONCE)
        if at is not None:
            found = found.where(table.c.at >= at)
        if person_id is not None:
            found = found.where(table.c.person_id == person_id)
        for row in self._database.execute(found):
            yield _event(row), row.hash

    def verify(self) -> int:
        """How many lines were checked. Raises ChainBroken at the first that does not fit."""
        checked = 0
        last, before = self._link(START)
        for row in self._database.execute(sa.select(table).order_by(table.c.id)):
            if row.id != last + 1 or row.hash != _link(before, row.id, _event(row)):
                raise ChainBroken(row.id)
            checked, last, before = checked + 1, row.id, row.hash
        if (last, before) != self._link(HEAD):
            raise ChainBroken(last + 1)
        return checked

    def sweep(self, before: datetime, limit: int) -> int:
        """Forget what is older, from the start on: the first line that is young enough keeps all after it.

        `limit` lines at most. How many they were.
        """
        kept = sa.select(sa.func.min(table.c.id)).where(table.c.at >= before).scalar_subquery()
        until = sa.func.min(sa.func.coalesce(kept, self._link(HEAD)[0] + 1), self._link(START)[0] + limit + 1)
        newest = sa.select(table.c.id, table.c.hash).where(table.c.id < until).order_by(table.c.id.desc()).limit(1)
        row = self._database.execute(newest).one_or_none()
        if row is None:
            return 0
        self._settings.put(START, f"{row.id}:{row.hash}")
        return self._database.execute(sa.delete(table).where(table.c.id <= row.id)).rowcount

    def _link(self, setting: str) -> tuple[int, str]:
        id, _, link = (self._settings.get(setting) or "0:").partition(":")
        return int(id), link


def _link(before: str, id: int, event: Event) -> str:
    cause = cause_columns(event.cause)
    line = [id, event.at.astimezone(UTC).isoformat(), event.kind, event.person_id, event.actor_id, event.side]
    line += [event.provider, *cause.values(), event.detail, event.number]
    return hashlib.sha256(f"{before}\n{json.dumps(line, separators=(',', ':'))}".encode()).hexdigest()


def _event(row: Row) -> Event:
    return Event(
        kind=row.kind,
        at=row.at,
        person_id=row.person_id,
        actor_id=row.actor_id,
        side=row.side,
        provider=row.provider,
        cause=cause_of(row),
        detail=row.detail,
        number=row.number,
        id=row.id,
    )
