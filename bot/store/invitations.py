"""Invitations: the addresses behind sign-in buttons. They give no right, so that they need no secret."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa

from bot.model import Invitation, Word
from bot.store.rows import Row, access_columns, access_of
from bot.store.tables import invitation
from providers.base import Access, Side

ID_BYTES = 16


class Invitations:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def for_side(
        self,
        *,
        person_id: int,
        side: Side,
        word: Word,
        provider: str,
        access: Access,
        asked_by: int | None = None,
        hint: str = "",
        now: datetime,
    ) -> Invitation:
        """The invitation to exactly this. It is the same each time, so that a message may be drawn anew."""
        meant = {
            "person_id": person_id,
            "side": side,
            "word": word,
            "provider": provider,
            "asked_by": asked_by,
            "hint": hint,
        }
        meant |= access_columns(access)
        same = sa.and_(*(invitation.c[name].is_not_distinct_from(value) for name, value in meant.items()))
        used = sa.update(invitation).where(same).values(used_at=now)
        row = self._database.execute(used.returning(invitation)).one_or_none()
        if row is None:
            added = sa.insert(invitation).values(id=secrets.token_urlsafe(ID_BYTES), used_at=now, **meant)
            row = self._database.execute(added.returning(invitation)).one()
        return invitation_of(row)

    def get(self, id: str) -> Invitation | None:
        row = self._database.execute(sa.select(invitation).where(invitation.c.id == id)).one_or_none()
        return None if row is None else invitation_of(row)


def invitation_of(row: Row) -> Invitation:
    return Invitation(
        id=row.id,
        person_id=row.person_id,
        side=row.side,
        word=row.word,
        provider=row.provider,
        access=access_of(row),
        asked_by=row.asked_by,
        hint=row.hint,
    )
