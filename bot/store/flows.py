"""Flows: sign-ins under way, each bound to one browser session and used once within ten minutes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.model import Flow, Invitation
from bot.store.invitations import invitation_of
from bot.store.rows import Row, credential_of, credential_text, given, hashed
from bot.store.tables import flow, invitation
from bot.store.vault import Place, Vault
from providers.base import Credential, Side

LIFE = timedelta(minutes=10)

_BEGIN = sa.insert(flow).returning(flow)
_SET = sa.update(flow).where(flow.c.id == given("which"))
# Schedules may run ahead of real time in the sandbox, so that the later of the two counts.
_LATER = sa.func.max(invitation.c.used_at, given("real", type_=invitation.c.used_at.type))
_INVITED = sa.update(invitation).where(invitation.c.id == given("which")).values(used_at=_LATER)
_FRESH = sa.and_(flow.c.used_at.is_(None), flow.c.begun_at > given("expired"))
_OURS = sa.and_(flow.c.state_hash == given("state_hash"), flow.c.session_id == given("session_id"))
_TAKE = sa.select(flow).where(_OURS, _FRESH)
_USE = sa.update(flow).where(flow.c.id == given("which"), _FRESH)
_LOOK = sa.select(flow).where(flow.c.state_hash == given("state_hash"))
_INVITATION = sa.select(invitation).where(invitation.c.id == given("id"))


class Flows:
    def __init__(self, database: sa.Connection, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def begin(
        self,
        *,
        invitation_id: str,
        session_id: int,
        state: str,
        remember: str,
        awaiting: str = "",
        real: datetime,
    ) -> int:
        bound = {"invitation_id": invitation_id, "session_id": session_id, "state_hash": hashed(state)}
        row = self._database.execute(_BEGIN, {"awaiting": awaiting, "begun_at": real, **bound}).one()
        self._set(row.id, remember=self._vault.seal(self._place(row, "remember"), remember))
        self._database.execute(_INVITED, {"which": invitation_id, "real": real})
        return int(row.id)

    def take(self, state: str, *, session_id: int, real: datetime) -> Flow | None:
        """The flow of this state, once. None if it is unknown, used, expired, or of another session."""
        expired = real - LIFE
        ours = {"state_hash": hashed(state), "session_id": session_id}
        row = self._database.execute(_TAKE, {**ours, "expired": expired}).one_or_none()
        if row is None:
            return None
        used = {"which": row.id, "expired": expired, "used_at": real, "remember": None}
        if not self._database.execute(_USE, used).rowcount:
            return None
        return self._flow(row, remember=self._vault.open(self._place(row, "remember"), row.remember))

    def look(self, state: str, *, session_id: int, real: datetime) -> str:
        """ "unknown", "foreign", "used", "expired" or "open": only to choose the words of a refusal."""
        row = self._database.execute(_LOOK, {"state_hash": hashed(state)}).one_or_none()
        if row is None:
            return "unknown"
        if row.session_id != session_id:
            return "foreign"
        if row.used_at is not None:
            return "used"
        return "open" if row.begun_at > real - LIFE else "expired"

    def unfinished(self, real: datetime) -> list[Flow]:
        """Those that expired without a callback, not told yet. Their `remember` is empty: it stays sealed."""
        never_back = sa.and_(flow.c.used_at.is_(None), flow.c.awaiting == "")
        ended = sa.and_(never_back, flow.c.begun_at <= real - LIFE, flow.c.told == 0)
        found = sa.select(flow).where(ended).order_by(flow.c.begun_at, flow.c.id)
        return [self._flow(row, remember="") for row in self._database.execute(found)]

    def told(self, id: int) -> None:
        self._set(id, told=1)

    def ask(self, id: int, credential: Credential, expires_real: datetime) -> None:
        """Keep a proven credential, sealed, until its owner has said that this other address is meant."""
        row = self._database.execute(sa.select(flow).where(flow.c.id == id)).one()
        sealed = self._vault.seal(self._place(row, "asked"), credential_text(credential))
        self._set(id, asked=sealed, asked_until=expires_real)

    def answer(self, id: int, session_id: int, real: datetime) -> tuple[Flow, Credential] | None:
        """The waiting credential, once. None if there is none, it is too late, or the session is another."""
        waiting = sa.and_(flow.c.asked.is_not(None), flow.c.asked_until > real)
        ours = sa.and_(flow.c.id == id, flow.c.session_id == session_id)
        row = self._database.execute(sa.select(flow).where(ours, waiting)).one_or_none()
        if row is None:
            return None
        taken = sa.update(flow).where(flow.c.id == id, waiting).values(asked=None, asked_until=None)
        if not self._database.execute(taken).rowcount:
            return None
        credential = credential_of(self._vault.open(self._place(row, "asked"), row.asked))
        return self._flow(row, remember=""), credential

    def end(self, person_id: int, side: Side, now: datetime) -> None:
        """Sign-ins of this side that are under way, or wait for an answer: what comes back of them is refused."""
        mine = sa.select(invitation.c.id).where(invitation.c.person_id == person_id, invitation.c.side == side)
        over = {"used_at": sa.func.coalesce(flow.c.used_at, sa.bindparam("now", now, type_=flow.c.used_at.type))}
        ended = sa.update(flow).where(flow.c.invitation_id.in_(mine))
        self._database.execute(ended.values(**over, remember=None, asked=None, asked_until=None))

    def _flow(self, row: Row, *, remember: str) -> Flow:
        return Flow(
            id=row.id,
            invitation=self._invitation(row),
            session_id=row.session_id,
            remember=remember,
            awaiting=row.awaiting,
        )

    def _invitation(self, row: Row) -> Invitation:
        return invitation_of(self._database.execute(_INVITATION, {"id": row.invitation_id}).one())

    def _place(self, row: Row, field: str) -> Place:
        return place_of(row.id, row.session_id, self._invitation(row).provider, field)

    def _set(self, id: int, **columns: Any) -> None:
        self._database.execute(_SET, {"which": id, **columns})


def place_of(id: int, session_id: int, provider: str, field: str) -> Place:
    return Place(table="flow", row=id, owner=session_id, provider=provider, field=field)
