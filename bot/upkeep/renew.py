"""Renewing one credential, at most one POST at a time. It decides no health and tells nobody.

The lease stands in the store, so that threads and one-shot commands keep off each other. The new secret is committed
before the access token is used: a crash in between would lose a rotated refresh token.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

from bot.model import Clock
from bot.store.credentials import Lease, Stored
from bot.store.database import Store
from bot.store.refused import StoreAway
from providers.base import Blocked, Credential, Misconfigured, Provider, Reason, Rejected, Unavailable

MARGIN = timedelta(minutes=5)
LOOK_AGAIN = timedelta(milliseconds=50)
PATIENCE = timedelta(seconds=25)


class Renewals:
    """Hands out credentials whose access token will last for a while."""

    def __init__(self, *, store: Store, providers: Mapping[str, Provider], clock: Clock, owner: str) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._owner = owner

    def fresh(self, credential_id: int, *, force: bool = False, refused: Stored | None = None) -> Stored:
        """The stored credential, renewed where it is stale, still the `refused` one, or `force` asks for it.

        Raises ProviderError as the vendor answered, and CredentialGone when it was given up or destroyed.
        """
        first = self._load(credential_id)
        if refused is not None and first.version > refused.version:
            return first
        if not force and refused is None and not self._stale(first.credential):
            return first
        stored, lease = self._take(first)
        return stored if lease is None else self._renew(stored, lease)

    def _take(self, first: Stored) -> tuple[Stored, Lease | None]:
        """The lease, or no lease and what another has renewed meanwhile."""
        until = self._clock.real() + PATIENCE
        while True:
            with self._store.write() as tx:
                lease = tx.credentials.take_lease(first.id, owner=self._owner, real=self._clock.real())
                stored = tx.credentials.load(first.id)
                if stored.version > first.version:
                    if lease is not None:
                        tx.credentials.release(lease)
                    return stored, None
                if lease is not None:
                    tx.credentials.in_doubt(lease, self._clock.real())
                    return stored, lease
            if self._clock.real() >= until:
                raise Unavailable(Reason.UNKNOWN, "renewal still under way")
            threading.Event().wait(LOOK_AGAIN.total_seconds())

    def _renew(self, stored: Stored, lease: Lease) -> Stored:
        """`stored` is as it was before the lease: its doubt is that of an earlier renewal."""
        try:
            renewed = self._providers[stored.provider].refresh(stored.credential)
        except Rejected as error:
            return self._refused(stored, lease, error)
        except (Unavailable, Blocked, Misconfigured) as error:
            lost = isinstance(error, Unavailable) and error.reason is Reason.NETWORK and error.sent
            self._unsettled(stored, lease, lost=lost)
            raise
        self._keep(renewed, lease)
        kept = self._load(stored.id)
        if kept.version == stored.version:
            raise Unavailable(Reason.UNKNOWN, "renewal overtaken")
        return kept

    def _keep(self, renewed: Credential, lease: Lease) -> None:
        """A rotated secret exists nowhere else: while the lease lasts, a store that is away is tried again."""
        while True:
            try:
                with self._store.write() as tx:
                    if not tx.credentials.store_renewed(lease, renewed, now=self._clock.now()):
                        tx.credentials.store_too_late(lease.credential_id, renewed, now=self._clock.now())
                    return
            except StoreAway:
                if self._clock.real() >= lease.until:
                    raise
            threading.Event().wait(LOOK_AGAIN.total_seconds())

    def _refused(self, stored: Stored, lease: Lease, error: Rejected) -> Stored:
        """Another may have won meanwhile; else a renewal that was left in doubt explains a plain refusal."""
        with self._store.write() as tx:
            if stored.in_doubt_at is None:
                # An earlier doubt stays: a cut before this refusal is recorded must not turn it into a plain one.
                tx.credentials.clear_doubt(lease)
            tx.credentials.release(lease)
            now_stored = tx.credentials.load(stored.id)
        if now_stored.version > stored.version:
            return now_stored
        if stored.in_doubt_at is not None and not error.definite:
            raise Rejected(Reason.ROTATION_LOST, error.code, error.trace, definite=True) from error
        raise error

    def _unsettled(self, stored: Stored, lease: Lease, *, lost: bool) -> None:
        """No word on the token itself: an earlier doubt stands, and a lost answer makes one."""
        with self._store.write() as tx:
            if not lost and stored.in_doubt_at is None:
                tx.credentials.clear_doubt(lease)
            tx.credentials.release(lease)

    def _load(self, credential_id: int) -> Stored:
        with self._store.read() as tx:
            return tx.credentials.load(credential_id)

    def _stale(self, credential: Credential) -> bool:
        return credential.expires_at is not None and credential.expires_at - self._clock.now() < MARGIN
