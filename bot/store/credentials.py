"""Credentials: sealed on the way in, opened on the way out, and renewed by one holder of a lease at a time.

The lease keeps two from sending the same secret at once. The fence is what counts: it rises with every lease,
with Change and with revoke, and whoever comes with an older one writes nothing. What is given up is gone for all
who would use it; it only waits to be ended at its vendor and destroyed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.model import Health
from bot.store.rows import Row, credential_of, credential_text, given
from bot.store.tables import connection, person
from bot.store.tables import credential as table
from bot.store.vault import Place, Vault
from providers.base import Credential

LEASE = timedelta(seconds=90)
# A renewal takes 20 seconds at most: by then what it brought is stored, or it never will be.
RENEWAL_ENDS = timedelta(seconds=30)

_USABLE = sa.and_(table.c.secret.is_not(None), table.c.revoke_at.is_(None))

_ADD = sa.insert(table).returning(table.c.id)
_GET = sa.select(table).where(table.c.id == given("id"))
_GET_FENCED = _GET.where(table.c.fence == given("fence"), table.c.secret.is_not(None))
_GET_GIVEN_UP = _GET.where(table.c.revoke_at.is_not(None))
_SET = sa.update(table).where(table.c.id == given("which"))
_SET_FENCED = _SET.where(table.c.fence == given("held"))
_RAISE = _SET.values(fence=table.c.fence + 1)
_FREE = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= given("real"))
_TAKE_LEASE = _RAISE.where(_USABLE, _FREE).returning(table.c.fence)
_DROP_LEASES = sa.update(table).values(lease_owner="", lease_until=None)
_IS_USABLE = sa.select(_USABLE).where(table.c.id == given("id"))
_IS_LEASED = sa.select(table.c.lease_until > given("real")).where(table.c.id == given("id"))
_SETTLED = sa.or_(table.c.in_doubt_at.is_(None), table.c.in_doubt_at <= given("renewals_end"))
_GIVEN_UP = (
    sa.select(table.c.id)
    .where(table.c.revoke_at <= given("now"), table.c.secret.is_not(None), _SETTLED)
    .order_by(table.c.revoke_at, table.c.id)
    .limit(given("limit"))
)


class CredentialGone(Exception):
    """The secret was given up or destroyed. `id` is the row that stays."""

    def __init__(self, id: int) -> None:
        super().__init__(f"credential {id}")
        self.id = id


@dataclass(frozen=True, slots=True)
class Stored:
    """A credential and what is known of it. `in_doubt_at`: a renewal may have changed it unseen."""

    id: int
    person_id: int
    provider: str
    version: int
    fence: int
    credential: Credential
    in_doubt_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Unended:
    """What was given up, and whose end at the vendor is not known yet after so many `attempts`."""

    name: str
    provider: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to renew one credential, until `until` or until the fence moves."""

    credential_id: int
    fence: int
    owner: str
    until: datetime


class Credentials:
    def __init__(self, database: sa.Connection, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def add(self, *, person_id: int, provider: str, credential: Credential, now: datetime) -> int:
        added = {"person_id": person_id, "provider": provider, "version": 1, "changed_at": now}
        id: int = self._database.execute(_ADD, added).scalar_one()
        # The seal names the row, so that the row comes first.
        sealed = self._vault.seal(place_of(id, person_id, provider, version=1), credential_text(credential))
        self._database.execute(_SET, {"which": id, "secret": sealed})
        return id

    def load(self, id: int) -> Stored:
        """Raises CredentialGone when it was given up or destroyed, SecretUnreadable when it does not fit the row."""
        row = self._database.execute(_GET, {"id": id}).one()
        if row.secret is None or row.revoke_at is not None:
            raise CredentialGone(id)
        return self._stored(row)

    def load_given_up(self, id: int) -> Stored:
        """For ending it at the vendor, and for nothing else. Raises CredentialGone when it was destroyed."""
        row = self._database.execute(_GET, {"id": id}).one()
        if row.secret is None or row.revoke_at is None:
            raise CredentialGone(id)
        return self._stored(row)

    def _stored(self, row: Row) -> Stored:
        id = row.id
        text = self._vault.open(place_of(id, row.person_id, row.provider, version=row.version), row.secret)
        return Stored(
            id=id,
            person_id=row.person_id,
            provider=row.provider,
            version=row.version,
            fence=row.fence,
            credential=credential_of(text),
            in_doubt_at=row.in_doubt_at,
            changed_at=row.changed_at,
        )

    def take_lease(self, id: int, *, owner: str, real: datetime) -> Lease | None:
        """None while a lease lives, whoever took it: two threads of one owner must not both renew.

        Raises CredentialGone when it was given up or destroyed.
        """
        until = real + LEASE
        taken = {"which": id, "real": real, "lease_owner": owner, "lease_until": until}
        fence = self._database.execute(_TAKE_LEASE, taken).scalar_one_or_none()
        if fence is not None:
            return Lease(credential_id=id, fence=fence, owner=owner, until=until)
        if not self._database.execute(_IS_USABLE, {"id": id}).scalar_one():
            raise CredentialGone(id)
        return None

    def leased(self, id: int, real: datetime) -> bool:
        """Whether somebody is renewing it right now."""
        return bool(self._database.execute(_IS_LEASED, {"id": id, "real": real}).scalar_one())

    def drop_leases(self) -> None:
        """At start, holding the lock file: the leases of a process that died. Doubts stay."""
        self._database.execute(_DROP_LEASES)

    def in_doubt(self, lease: Lease, real: datetime) -> bool:
        """Note that the vendor is about to be asked. False where the fence moved: do not ask."""
        return self._where_ours(lease, in_doubt_at=real)

    def clear_doubt(self, lease: Lease) -> None:
        self._where_ours(lease, in_doubt_at=None)

    def store_renewed(self, lease: Lease, credential: Credential, *, now: datetime) -> bool:
        """Write the renewed secret, end doubt and lease. False where the fence moved: nothing was written."""
        ours = self._database.execute(_GET_FENCED, {"id": lease.credential_id, "fence": lease.fence}).one_or_none()
        if ours is None:
            return False
        self._write(ours, credential, now=now)
        return True

    def store_too_late(self, id: int, credential: Credential, *, now: datetime) -> None:
        """What a renewal brought for a credential that was given up meanwhile: this is what must be ended now."""
        given_up = self._database.execute(_GET_GIVEN_UP, {"id": id}).one_or_none()
        if given_up is not None:
            self._write(given_up, credential, now=now)

    def _write(self, row: Row, credential: Credential, *, now: datetime) -> None:
        version = row.version + 1
        place = place_of(row.id, row.person_id, row.provider, version=version)
        sealed = self._vault.seal(place, credential_text(credential))
        released = {"in_doubt_at": None, "lease_owner": "", "lease_until": None}
        written = {"version": version, "secret": sealed, "changed_at": now, **released}
        self._database.execute(_SET, {"which": row.id, **written})

    def release(self, lease: Lease) -> None:
        self._where_ours(lease, lease_owner="", lease_until=None)

    def raise_fence(self, id: int) -> None:
        """Whoever renews it now will write nothing. A doubt stays."""
        self._database.execute(_RAISE, {"which": id, "lease_owner": "", "lease_until": None})

    def give_up(self, id: int, now: datetime) -> None:
        """From now on nobody may use it: it waits to be ended at its vendor."""
        self.raise_fence(id)
        self._database.execute(_SET.where(_USABLE), {"which": id, "revoke_at": now})

    def doubt_all(self, *, now: datetime, real: datetime) -> None:
        """They come from a backup: each may have been renewed since, and then the vendor takes it no more.

        Their access tokens are left aside, so that the next use asks the token endpoint. What has none, a password,
        cannot be in doubt: it is right or wrong.
        """
        for row in self._database.execute(sa.select(table).where(_USABLE)).all():
            credential = self._stored(row).credential
            if credential.expires_at is None:
                continue
            self._write(row, replace(credential, expires_at=min(now, credential.expires_at)), now=now)
            self._database.execute(_SET, {"which": row.id, "in_doubt_at": real})

    def given_up(self, *, now: datetime, real: datetime, limit: int) -> list[int]:
        """Those to be ended at their vendor now, the longest waiting first.

        One in the middle of a renewal is left out until that is over: it may bring a newer secret.
        """
        meant = {"now": now, "renewals_end": real - RENEWAL_ENDS, "limit": limit}
        return list(self._database.scalars(_GIVEN_UP, meant))

    def unended(self) -> list[Unended]:
        """Those that were tried in vain, the most tried first."""
        waiting = (
            sa.select(person.c.name, table.c.provider, table.c.revoke_attempts)
            .join(person, person.c.id == table.c.person_id)
            .where(table.c.revoke_at.is_not(None), table.c.revoke_attempts > 0)
            .order_by(table.c.revoke_attempts.desc(), table.c.id)
        )
        return [Unended(*row) for row in self._database.execute(waiting)]

    def revoke_attempts(self, id: int) -> int:
        return int(self._database.execute(sa.select(table.c.revoke_attempts).where(table.c.id == id)).scalar_one())

    def revoke_later(self, id: int, at: datetime) -> None:
        """One more attempt has shown nothing: the next is then."""
        tried = _SET.where(table.c.revoke_at.is_not(None)).values(revoke_attempts=table.c.revoke_attempts + 1)
        self._database.execute(tried, {"which": id, "revoke_at": at})

    def destroy(self, id: int) -> None:
        """The secret is gone for good; the row stays and tells so."""
        self.raise_fence(id)
        self._database.execute(_SET, {"which": id, "secret": None, "in_doubt_at": None, "revoke_at": None})

    def stale_of_paused(self, before: datetime) -> list[int]:
        """Active connections of paused people, of which the credential has not changed since."""
        stale = (
            sa.select(connection.c.id)
            .join(person, person.c.id == connection.c.person_id)
            .join(table, table.c.id == connection.c.credential_id)
            .where(person.c.paused_at.is_not(None), connection.c.health == Health.ACTIVE)
            .where(table.c.changed_at < before, _USABLE)
            .order_by(table.c.changed_at)
        )
        return list(self._database.scalars(stale))

    def _where_ours(self, lease: Lease, **columns: datetime | str | None) -> bool:
        ours = {"which": lease.credential_id, "held": lease.fence, **columns}
        return self._database.execute(_SET_FENCED, ours).rowcount == 1


def place_of(id: int, person_id: int, provider: str, *, version: int) -> Place:
    return Place(table="credential", row=id, owner=person_id, provider=provider, field="secret", version=version)
