"""Credentials: sealed on the way in, opened on the way out, and renewed by one holder of a lease at a time.

The lease keeps two from sending the same secret at once. The fence is what counts: it rises with every lease,
with Change and with revoke, and whoever comes with an older one writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.model import Health
from bot.store.rows import credential_of, credential_text
from bot.store.tables import connection, person
from bot.store.tables import credential as table
from bot.store.vault import Place, Vault
from providers.base import Credential

LEASE = timedelta(seconds=90)


class CredentialGone(Exception):
    """The secret was destroyed. `id` is the row that stays."""

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
        added = sa.insert(table).values(person_id=person_id, provider=provider, version=1, changed_at=now)
        id: int = self._database.execute(added.returning(table.c.id)).scalar_one()
        # The seal names the row, so that the row comes first.
        sealed = self._vault.seal(_place(id, person_id, provider, version=1), credential_text(credential))
        self._database.execute(sa.update(table).where(table.c.id == id).values(secret=sealed))
        return id

    def load(self, id: int) -> Stored:
        """Raises CredentialGone when it was destroyed, SecretUnreadable when it does not fit the row."""
        row = self._database.execute(sa.select(table).where(table.c.id == id)).one()
        if row.secret is None:
            raise CredentialGone(id)
        text = self._vault.open(_place(id, row.person_id, row.provider, version=row.version), row.secret)
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

        Raises CredentialGone when it was destroyed.
        """
        free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= real)
        taken = sa.update(table).where(table.c.id == id, table.c.secret.is_not(None), free)
        until = real + LEASE
        changed = taken.values(fence=table.c.fence + 1, lease_owner=owner, lease_until=until).returning(table.c.fence)
        fence = self._database.execute(changed).scalar_one_or_none()
        if fence is not None:
            return Lease(credential_id=id, fence=fence, owner=owner, until=until)
        if self._database.execute(sa.select(table.c.secret.is_(None)).where(table.c.id == id)).scalar_one():
            raise CredentialGone(id)
        return None

    def leased(self, id: int, real: datetime) -> bool:
        """Whether somebody is renewing it right now."""
        return bool(self._database.execute(sa.select(table.c.lease_until > real).where(table.c.id == id)).scalar_one())

    def drop_leases(self) -> None:
        """At start, holding the lock file: the leases of a process that died. Doubts stay."""
        self._database.execute(sa.update(table).values(lease_owner="", lease_until=None))

    def in_doubt(self, lease: Lease, real: datetime) -> bool:
        """Note that the vendor is about to be asked. False where the fence moved: do not ask."""
        return self._where_ours(lease, in_doubt_at=real)

    def clear_doubt(self, lease: Lease) -> None:
        self._where_ours(lease, in_doubt_at=None)

    def store_renewed(self, lease: Lease, credential: Credential, *, now: datetime) -> bool:
        """Write the renewed secret, end doubt and lease. False where the fence moved: nothing was written."""
        ours = sa.and_(table.c.id == lease.credential_id, table.c.fence == lease.fence, table.c.secret.is_not(None))
        row = self._database.execute(sa.select(table).where(ours)).one_or_none()
        if row is None:
            return False
        version = row.version + 1
        place = _place(row.id, row.person_id, row.provider, version=version)
        sealed = self._vault.seal(place, credential_text(credential))
        released = {"in_doubt_at": None, "lease_owner": "", "lease_until": None}
        written = {"version": version, "secret": sealed, "changed_at": now, **released}
        return self._database.execute(sa.update(table).where(ours).values(**written)).rowcount == 1

    def release(self, lease: Lease) -> None:
        self._where_ours(lease, lease_owner="", lease_until=None)

    def raise_fence(self, id: int) -> None:
        """Whoever renews it now will write nothing. A doubt stays."""
        raised = {"fence": table.c.fence + 1, "lease_owner": "", "lease_until": None}
        self._database.execute(sa.update(table).where(table.c.id == id).values(**raised))

    def destroy(self, id: int) -> None:
        """The secret is gone for good; the row stays and tells so."""
        self.raise_fence(id)
        self._database.execute(sa.update(table).where(table.c.id == id).values(secret=None, in_doubt_at=None))

    def stale_of_paused(self, before: datetime) -> list[int]:
        """Active connections of paused people, of which the credential has not changed since."""
        stale = (
            sa.select(connection.c.id)
            .join(person, person.c.id == connection.c.person_id)
            .join(table, table.c.id == connection.c.credential_id)
            .where(person.c.paused_at.is_not(None), connection.c.health == Health.ACTIVE)
            .where(table.c.changed_at < before, table.c.secret.is_not(None))
            .order_by(table.c.changed_at)
        )
        return list(self._database.scalars(stale))

    def _where_ours(self, lease: Lease, **columns: datetime | str | None) -> bool:
        ours = sa.and_(table.c.id == lease.credential_id, table.c.fence == lease.fence)
        return self._database.execute(sa.update(table).where(ours).values(**columns)).rowcount == 1


def _place(id: int, person_id: int, provider: str, *, version: int) -> Place:
    return Place(table="credential", row=id, owner=person_id, provider=provider, field="secret", version=version)
