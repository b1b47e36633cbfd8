"""Invitations: the addresses behind sign-in buttons. They give no right, so that they need no secret."""

from __future__ import annotations

import secrets
from datetime import datetime

import sqlalchemy as sa

from bot.model import Invitation, Word
from bot.store.rows import Row, access_columns, access_of, given
from bot.store.tables import invitation
from providers.base import Access, Side

ID_BYTES = 16

_MEANT = ("person_id", "side", "word", "provider", "asked_by", "hint", "access_type", "access_host")
_SAME = sa.and_(*(invitation.c[name].is_not_distinct_from(given(f"meant_{name}")) for name in _MEANT))
_USE = sa.update(invitation).where(_SAME).returning(invitation)
_ADD = sa.insert(invitation).returning(invitation)
_GET = sa.select(invitation).where(invitation.c.id == given("id"))


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
        same = {f"meant_{name}": meant[name] for name in _MEANT}
        row = self._database.execute(_USE, {"used_at": now, **same}).one_or_none()
        if row is None:
            added = {"id": secrets.token_urlsafe(ID_BYTES), "used_at": now, **meant}
            row = self._database.execute(_ADD, added).one()
        return invitation_of(row)

    def get(self, id: str) -> Invitation | None:
        row = self._database.execute(_GET, {"id": id}).one_or_none()
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
