"""Notices: which messages are wanted, what of them stands in Slack, which are held. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Address, Notice, NoticeKind
from bot.store.rows import Row, given
from bot.store.tables import notice

_OPEN = notice.c.closed_at.is_(None)
_OLDEST = (notice.c.opened_at, notice.c.id)

_ADD = sa.insert(notice).returning(notice)
_GET = sa.select(notice).where(notice.c.id == given("id"))
_FIND_OPEN = sa.select(notice).where(notice.c.key == given("key"), _OPEN)
_OF_PERSON_OPEN = sa.select(notice).where(notice.c.person_id == given("person_id"), _OPEN)
_OF_KIND_OPEN = sa.select(notice).where(notice.c.kind == given("kind"), _OPEN).order_by(*_OLDEST)
# A failure that was mended before anybody heard of it needs no message.
_MOOT = sa.and_(notice.c.kind == NoticeKind.FAILURE, notice.c.closed_at.is_not(None), notice.c.sent_at.is_(None))
_BEHIND = (
    sa.select(notice)
    .where(notice.c.drawn < notice.c.wanted, notice.c.held_by.is_(None), notice.c.failed_at.is_(None))
    .where(sa.or_(notice.c.not_before.is_(None), notice.c.not_before <= given("now")))
    .where(sa.or_(notice.c.retry_at.is_(None), notice.c.retry_at <= given("now")), sa.not_(_MOOT))
    .order_by(*_OLDEST)
    .limit(given("limit"))
)

_SET = sa.update(notice).where(notice.c.id == given("which"))
_WANT = _SET.values(wanted=notice.c.wanted + 1)
_CLOSE = _SET.where(_OPEN)
_WANT_FOR_PERSON = (
    sa.update(notice).where(notice.c.person_id == given("whose"), _OPEN).values(wanted=notice.c.wanted + 1)
)
_WANT_HOME = _WANT_FOR_PERSON.where(notice.c.kind == NoticeKind.HOME)


class Notices:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def open(
        self,
        *,
        kind: NoticeKind,
        key: str,
        to: str,
        person_id: int | None = None,
        incident_id: int | None = None,
        facts: Mapping[str, Any] | None = None,
        now: datetime,
        not_before: datetime | None = None,
    ) -> Notice:
        """A new notice, or the open one with that key, wanted anew with these facts merged into its own."""
        found = self.find_open(key)
        if found is not None:
            self.want(found.id, facts)
            return self.get(found.id)
        added = {
            "kind": kind,
            "key": key,
            "to": to,
            "person_id": person_id,
            "incident_id": incident_id,
            "wanted": 1,
            "opened_at": now,
            "facts": dict(facts or {}),
            "not_before": not_before,
        }
        return _notice(self._database.execute(_ADD, added).one())

    def want(self, id: int, facts: Mapping[str, Any] | None = None) -> None:
        """Have it drawn once more, with these facts merged into its own. An earlier failure no longer counts."""
        merged = {"facts": {**self.get(id).facts, **facts}} if facts else {}
        self._database.execute(_WANT, {"which": id, **merged, "failed_at": None, "failed_code": ""})

    def want_home(self, person_id: int) -> None:
        """Redraw the Home tab, where the person has opened one."""
        self._database.execute(_WANT_HOME, {"whose": person_id})

    def want_for_person(self, person_id: int) -> None:
        """Redraw all that is open for the person, the Home tab too; what can not be delivered stays so."""
        self._database.execute(_WANT_FOR_PERSON, {"whose": person_id})

    def find_open(self, key: str) -> Notice | None:
        row = self._database.execute(_FIND_OPEN, {"key": key}).one_or_none()
        return None if row is None else _notice(row)

    def of_person_open(self, person_id: int) -> dict[str, Notice]:
        """All that is open for the person, by key."""
        found = self._database.execute(_OF_PERSON_OPEN, {"person_id": person_id})
        return {row.key: _notice(row) for row in found}

    def get(self, id: int) -> Notice:
        return _notice(self._database.execute(_GET, {"id": id}).one())

    def find(self, id: int) -> Notice | None:
        row = self._database.execute(_GET, {"id": id}).one_or_none()
        return None if row is None else _notice(row)

    def of_kind_open(self, kind: NoticeKind) -> list[Notice]:
        return [_notice(row) for row in self._database.execute(_OF_KIND_OPEN, {"kind": kind})]

    def behind(self, *, now: datetime, limit: int) -> list[Notice]:
        """What is to be drawn now, oldest first. A closed one too: its last revision says how it ended."""
        return [_notice(row) for row in self._database.execute(_BEHIND, {"now": now, "limit": limit})]

    def drawn(self, id: int, revision: int, *, channel: str, ts: str, now: datetime) -> None:
        """It stands there, as of that revision."""
        here = {"channel": channel, "ts": ts, "sent_at": now, "attempts": 0, "retry_at": None}
        self._set(id, drawn=revision, **here)

    def gone(self, id: int) -> None:
        """Its message no longer exists: it is posted anew."""
        self._set(id, channel="", ts="", drawn=0)

    def close(self, id: int, now: datetime) -> None:
        self._database.execute(_CLOSE, {"which": id, "closed_at": now})

    def retry(self, id: int, at: datetime, attempts: int) -> None:
        self._set(id, retry_at=at, attempts=attempts)

    def failed(self, id: int, code: str, now: datetime) -> None:
        """It can not be delivered, for Slack's reason `code`: left alone until it is wanted anew."""
        self._set(id, failed_at=now, failed_code=code)

    def move(self, id: int) -> Address | None:
        """Have it posted as a new message. Returns where the old one stands, None where there is none."""
        before = self.get(id)
        self.gone(id)
        return Address(channel=before.channel, ts=before.ts) if before.ts else None

    def note(self, id: int, facts: Mapping[str, Any]) -> None:
        """Merge facts that change nothing of what is shown."""
        self._set(id, facts={**self.get(id).facts, **facts})

    def hold(self, provider: str, incident_id: int) -> None:
        """Hold back the open failure notices that name the provider and are still to be posted, anew or at all."""
        named = sa.func.json_each(notice.c.facts, "$.providers").table_valued("value")
        names = sa.exists(sa.select(1).select_from(named).where(named.c.value == provider))
        unheard = sa.and_(notice.c.kind == NoticeKind.FAILURE, _OPEN, notice.c.ts == "")
        self._change(unheard, names, notice.c.held_by.is_(None), held_by=incident_id)

    def hold_all(self, incident_id: int) -> None:
        """Hold back whatever is still to be said to somebody in a message of its own."""
        unsaid = sa.and_(notice.c.ts == "", notice.c.drawn < notice.c.wanted, notice.c.person_id.is_not(None))
        self._change(unsaid, notice.c.kind != NoticeKind.HOME, notice.c.held_by.is_(None), held_by=incident_id)

    def release_held(self, incident_id: int) -> int:
        """How many are sent now after all."""
        return self._change(notice.c.held_by == incident_id, _OPEN, held_by=None)

    def drop_held(self, incident_id: int, now: datetime) -> int:
        """How many are closed now, unsent."""
        return self._change(notice.c.held_by == incident_id, _OPEN, closed_at=now)

    def held(self, incident_id: int) -> int:
        held = sa.select(sa.func.count()).select_from(notice).where(notice.c.held_by == incident_id, _OPEN)
        return int(self._database.execute(held).scalar_one())

    def _set(self, id: int, **columns: Any) -> None:
        self._database.execute(_SET, {"which": id, **columns})

    def _change(self, *where: sa.ColumnElement[bool], **columns: Any) -> int:
        return self._database.execute(sa.update(notice).where(*where).values(**columns)).rowcount


def _notice(row: Row) -> Notice:
    return Notice(
        id=row.id,
        kind=row.kind,
        to=row.to,
        person_id=row.person_id,
        incident_id=row.incident_id,
        channel=row.channel,
        ts=row.ts,
        wanted=row.wanted,
        drawn=row.drawn,
        attempts=row.attempts,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        facts=row.facts,
    )
