"""People: who they are, when they are due, and the claim of the run that works for one. No secrets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from bot.model import Health, Person, Profile
from bot.store.rows import Row, given
from bot.store.tables import connection, person

CLAIM = timedelta(minutes=2)
BY_HAND_EVERY = timedelta(minutes=1)

# Whatever has a next try is tried, except what is ended. No IN: it cannot run for many rows at once.
_ALIVE = sa.or_(connection.c.health == Health.ACTIVE, connection.c.health == Health.SUSPENDED)
_TRIED = sa.and_(_ALIVE, connection.c.next_try_at.is_not(None))

_FIND = sa.select(person).where(person.c.team_id == given("team_id"), person.c.user_id == given("user_id"))
_GET = sa.select(person).where(person.c.id == given("id"))
_NEW = insert(person)
_TODAY = {name: _NEW.excluded[name] for name in ("name", "email", "timezone")}
_MEET = _NEW.on_conflict_do_update(index_elements=["team_id", "user_id"], set_=_TODAY).returning(person)
_SET = sa.update(person).where(person.c.id == given("which"))
_FIRST = sa.select(sa.func.min(connection.c.next_try_at)).where(connection.c.person_id == person.c.id, _TRIED)
_BY_THE_FIRST = {"next_run_at": _FIRST.scalar_subquery()}
_RESCHEDULE = _SET.values(_BY_THE_FIRST)

_FREE = sa.or_(person.c.claim_until.is_(None), person.c.claim_until <= given("real"))
_DUE = sa.select(connection.c.id).where(
    connection.c.person_id == person.c.id, _TRIED, connection.c.next_try_at <= given("now")
)
_DUE_OF_OTHERS = _DUE.where(connection.c.provider.not_in(given("without", expanding=True)))
_MOST_OVERDUE = (
    sa.select(person)
    .where(person.c.paused_at.is_(None), person.c.next_run_at <= given("now"), _FREE)
    # Somebody who asked for a run has nothing due by itself, and is served all the same.
    .where(sa.or_(sa.not_(_DUE.exists()), _DUE_OF_OTHERS.exists()))
    .order_by(person.c.next_run_at, person.c.id)
    .limit(given("limit"))
)
_DROP_CLAIMS = sa.update(person).values(claim_owner="", claim_until=None)
_CLAIM = _SET.where(_FREE)
_OURS = _SET.where(person.c.claim_owner == given("mine"))
_KEEP_CLAIM = _OURS.returning(person)
_END_CLAIM = _OURS.values(_BY_THE_FIRST)
_WAITING = sa.select(sa.func.count()).where(person.c.paused_at.is_(None), person.c.next_run_at <= given("now"))


class People:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def find(self, team_id: str, user_id: str) -> Person | None:
        row = self._database.execute(_FIND, {"team_id": team_id, "user_id": user_id}).one_or_none()
        return None if row is None else _person(row)

    def named(self, text: str) -> list[Person]:
        """Those with this Slack user id or e-mail address."""
        email = sa.and_(person.c.email != "", sa.func.lower(person.c.email) == text.lower())
        found = sa.select(person).where(sa.or_(person.c.user_id == text, email)).order_by(person.c.id)
        return [_person(row) for row in self._database.execute(found)]

    def get(self, id: int) -> Person:
        return _person(self._database.execute(_GET, {"id": id}).one())

    def meet(self, profile: Profile, now: datetime) -> Person:
        """The person of this profile, new or with name, address and time zone as they are today."""
        today = {"name": profile.name, "email": profile.email, "timezone": profile.timezone}
        found = {"team_id": profile.team_id, "user_id": profile.user_id, "met_at": now, **today}
        return _person(self._database.execute(_MEET, found).one())

    def pause(self, id: int, now: datetime) -> None:
        self._set(id, paused_at=now)

    def resume(self, id: int, now: datetime) -> None:
        """Ends the pause and makes what is active due at once."""
        active = sa.and_(connection.c.person_id == id, connection.c.health == Health.ACTIVE)
        self._database.execute(sa.update(connection).where(active).values(next_try_at=now))
        self._set(id, paused_at=None)
        self.reschedule(id)

    def due_now(self, id: int, now: datetime) -> None:
        self._set(id, next_run_at=now)

    def reschedule(self, *ids: int) -> None:
        """They are due when the first of their connections is, or never."""
        if ids:
            self._database.execute(_RESCHEDULE, [{"which": id} for id in ids])

    def claim_due(
        self, *, now: datetime, real: datetime, owner: str, limit: int, without: Iterable[str]
    ) -> list[Person]:
        """The most overdue first. Left alone is whoever has only connections of `without` due."""
        meant = {"now": now, "real": real, "without": list(without), "limit": limit}
        claimed = [_person(row) for row in self._database.execute(_MOST_OVERDUE, meant)]
        for each in claimed:
            self._set(each.id, claim_owner=owner, claim_until=real + CLAIM)
        return claimed

    def due(self, now: datetime) -> int:
        """How many wait for a run."""
        return int(self._database.execute(_WAITING, {"now": now}).scalar_one())

    def claim_one(self, id: int, *, owner: str, real: datetime) -> bool:
        """Claim this one, due or not. False while another's claim lives."""
        claimed = {"claim_owner": owner, "claim_until": real + CLAIM}
        return self._database.execute(_CLAIM, {"which": id, "real": real, **claimed}).rowcount == 1

    def drop_claims(self) -> None:
        """At start, holding the lock file: the claims of a process that died."""
        self._database.execute(_DROP_CLAIMS)

    def keep_claim(self, id: int, owner: str, real: datetime) -> Person | None:
        """The person as of now; None when the claim is no longer the owner's: the run must stop without writing."""
        kept = {"which": id, "mine": owner, "claim_until": real + CLAIM}
        row = self._database.execute(_KEEP_CLAIM, kept).one_or_none()
        return None if row is None else _person(row)

    def end_claim(self, id: int, owner: str) -> None:
        """Due again when the first connection is. Does nothing when the claim is no longer the owner's."""
        self._database.execute(_END_CLAIM, {"which": id, "mine": owner, "claim_owner": "", "claim_until": None})

    def by_hand(self, id: int, now: datetime) -> bool:
        """Whether a run asked for by hand is allowed now. It counts as the last one if it is."""
        last = person.c.synced_by_hand_at
        rested = sa.and_(person.c.id == id, sa.or_(last.is_(None), last <= now - BY_HAND_EVERY))
        return self._database.execute(sa.update(person).where(rested).values(synced_by_hand_at=now)).rowcount == 1

    def all_ids(self) -> list[int]:
        return list(self._database.scalars(sa.select(person.c.id).order_by(person.c.id)))

    def paused(self) -> list[Person]:
        paused = sa.select(person).where(person.c.paused_at.is_not(None)).order_by(person.c.id)
        return [_person(row) for row in self._database.execute(paused)]

    def _set(self, id: int, **columns: datetime | str | None) -> None:
        self._database.execute(_SET, {"which": id, **columns})


def _person(row: Row) -> Person:
    return Person(
        id=row.id,
        team_id=row.team_id,
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        timezone=row.timezone,
        paused_at=row.paused_at,
        next_run_at=row.next_run_at,
        synced_by_hand_at=row.synced_by_hand_at,
    )
