"""Ending at their vendors what people gave up, asked again until it is known; only then is the secret destroyed.

A cut at any step leaves the row as it was or as it is afterwards: a vendor who is asked twice says that it is dead.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping

from bot.model import Cause, Clock, Condition, Event, Health, Kind
from bot.rules.revocations import LONGEST_WAIT, Again, Ending, Over, after, must_be_kept
from bot.store.credentials import Stored
from bot.store.database import Store, StoreAway, Tx
from providers.base import Misconfigured, Provider, ProviderError, Reason, Revocation, Unavailable

AT_ONCE = 50

log = logging.getLogger(__name__)


class Revocations:
    def __init__(
        self,
        *,
        store: Store,
        providers: Mapping[str, Provider],
        clock: Clock,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._jitter = jitter

    def work(self) -> None:
        """Asks about each that is due, once. A vendor who does not answer is not asked again in the same round."""
        away: dict[str, Unavailable] = {}
        with self._store.read() as tx:
            due = tx.credentials.given_up(now=self._clock.now(), real=self._clock.real(), limit=AT_ONCE)
        for credential_id in due:
            try:
                self._end(credential_id, away)
            except StoreAway:
                raise
            except Exception:
                # One that cannot be ended must not keep all the others from it.
                log.exception("revocation failed", extra={"credential": credential_id})
                with self._store.write() as tx:
                    tx.credentials.revoke_later(credential_id, self._clock.now() + LONGEST_WAIT)

    def _end(self, credential_id: int, away: dict[str, Unavailable]) -> None:
        with self._store.read() as tx:
            stored = tx.credentials.load_given_up(credential_id)
            kept = self._must_be_kept(tx, stored)
        if kept:
            self._over(stored, Over(Ending.KEPT))
            return
        answer = away.get(stored.provider) or self._ask(stored)
        if isinstance(answer, Unavailable):
            away[stored.provider] = answer
        self._heard(stored, answer)

    def _must_be_kept(self, tx: Tx, stored: Stored) -> bool:
        """What a person asked to end is ended, unless she has signed in to the same account since."""
        provider, asked = self._providers.get(stored.provider), tx.connections.revoking(stored.id) is not None
        in_use = bool(tx.connections.held_by(stored.provider, stored.credential.identity))
        return provider is not None and must_be_kept(provider.revokes_replaced, in_use=in_use and not asked)

    def _ask(self, stored: Stored) -> Revocation | ProviderError:
        provider = self._providers.get(stored.provider)
        if provider is None:
            return Misconfigured(Reason.CLIENT_MISCONFIGURED, "no settings for this provider")
        try:
            return provider.revoke(stored.credential)
        except ProviderError as error:
            return error

    def _heard(self, stored: Stored, answer: Revocation | ProviderError) -> None:
        with self._store.read() as tx:
            attempts = tx.credentials.revoke_attempts(stored.id)
        match after(answer, attempts=attempts, jitter=self._jitter()):
            case Over() as over:
                self._over(stored, over)
            case Again() as again:
                self._later(stored, again)

    def _over(self, stored: Stored, over: Over) -> None:
        """Destroyed, and told, in one transaction."""
        now = self._clock.now()
        with self._store.write() as tx:
            if tx.credentials.load_given_up(stored.id).version != stored.version:
                # A renewal that was under way has brought a newer one: that one must be ended.
                return
            tx.credentials.destroy(stored.id)
            waits = tx.connections.revoking(stored.id)
            if waits is not None:
                ended = Condition(health=Health.REVOKED, since=now, last_ok_at=waits.condition.last_ok_at)
                tx.connections.revoked(waits.id, ended)
            kind = Kind.REVOKED if waits else Kind.GIVEN_UP
            self._note(tx, stored, kind, cause=over.cause, detail=str(over.ending))
            receipt = tx.notices.find_open(f"revoke:{stored.id}")
            if receipt is not None:
                told = {"ending": str(over.ending), "link": over.link, "ended_at": now.isoformat(), "trouble": ""}
                tx.notices.want(receipt.id, told)
                tx.notices.close(receipt.id, now)
            tx.notices.want_for_person(stored.person_id)

    def _later(self, stored: Stored, again: Again) -> None:
        """A receipt says once that it takes longer; what was only replaced is tried again without a word."""
        with self._store.write() as tx:
            tx.credentials.revoke_later(stored.id, self._clock.now() + again.wait)
            receipt = tx.notices.find_open(f"revoke:{stored.id}")
            if receipt is not None and receipt.facts.get("trouble") != again.cause.culprit:
                tx.notices.want(receipt.id, {"trouble": str(again.cause.culprit)})
                self._note(tx, stored, Kind.REVOKE_WAITS, cause=again.cause)

    def _note(self, tx: Tx, stored: Stored, kind: Kind, *, cause: Cause | None = None, detail: str = "") -> None:
        provider = self._providers.get(stored.provider)
        tx.events.append(
            Event(
                kind=kind,
                at=self._clock.now(),
                person_id=stored.person_id,
                side=provider.side if provider else None,
                provider=stored.provider,
                cause=cause,
                detail=detail,
            )
        )
