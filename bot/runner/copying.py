"""One person's run: what is new in the mailbox goes to the CRM, page by page. Nobody is told here.

The cursor is committed after the push: a page whose push failed is pulled again, and its keys make that harmless.
Where the CRM cannot take anything the cursor waits, and the mailbox is looked at instead, so that its sign-in stays
alive and its health true. Where no CRM is offered at all, items are pulled and counted, no more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import cast

from bot.model import Clock, Connection, Event, Health, Kind, Person, Stage
from bot.rules.activities import Own
from bot.rules.health import Ok, Outcome, in_trouble
from bot.runner.crm import CrmEnd, CrmFailed, Superseded, Taken
from bot.store.credentials import CredentialGone, Stored
from bot.store.database import Store, StoreAway
from bot.upkeep import tell
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import (
    Crm,
    Mailbox,
    Misconfigured,
    Page,
    Provider,
    ProviderError,
    Reason,
    Rejected,
    Side,
    Unavailable,
)

AT_ONCE_PER_PROVIDER = 16

log = logging.getLogger(__name__)


class Copying:
    """`owner` is whose claims these are; once `stopping` is set, a run ends after its page.

    Where a CRM is offered, a mailbox waits for the person to connect one. Where none is, reading is all there is.
    """

    def __init__(
        self,
        *,
        store: Store,
        providers: Mapping[str, Provider],
        clock: Clock,
        renewals: Renewals,
        records: Records,
        probes: Probes,
        owner: str,
        stopping: threading.Event,
        crm_is_offered: bool,
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._renewals = renewals
        self._records = records
        self._probes = probes
        self._owner = owner
        self._stopping = stopping
        self._room = {slug: threading.Semaphore(AT_ONCE_PER_PROVIDER) for slug in providers}
        self._crm_is_offered = crm_is_offered

    def run(self, person: Person, held_back: frozenset[str]) -> None:
        """What is due of a person who is claimed. Raises StoreAway and Superseded."""
        sides = self._sides(person)
        mailbox, crm = sides.get(Side.MAILBOX), sides.get(Side.CRM)
        if mailbox is not None and self._due(mailbox, held_back):
            if crm is not None and self._can_take(crm, held_back):
                self._copy(person, mailbox, self._end(crm))
            elif self._crm_is_offered or _connected(crm):
                self._wait(person, mailbox, crm, held_back)
            else:
                self._copy(person, mailbox, None)
            sides = self._sides(person)
            crm = sides.get(Side.CRM)
        if crm is not None and self._due(crm, held_back):
            self._look(crm, sides.get(Side.MAILBOX))

    def _sides(self, person: Person) -> dict[Side, Connection]:
        with self._store.read() as tx:
            return tx.connections.of(person.id)

    def _due(self, connection: Connection, held_back: frozenset[str]) -> bool:
        at, health = connection.condition.next_try_at, connection.condition.health
        alive = health in (Health.ACTIVE, Health.SUSPENDED)
        return alive and at is not None and at <= self._clock.now() and connection.provider not in held_back

    def _can_take(self, crm: Connection, held_back: frozenset[str]) -> bool:
        """Not while it rests from a failure: its next try is its own."""
        condition = crm.condition
        resting = in_trouble(condition) and not self._due(crm, held_back)
        away = crm.provider in held_back or crm.provider not in self._providers
        return condition.health is Health.ACTIVE and not resting and not away

    def _end(self, crm: Connection) -> CrmEnd:
        provider = cast(Crm, self._providers[crm.provider])
        return CrmEnd(connection=crm, provider=provider, renewals=self._renewals, room=self._room[crm.provider])

    def _copy(self, person: Person, mailbox: Connection, crm: CrmEnd | None) -> None:
        try:
            stage, outcome = self._attempt(mailbox, lambda: self._pull(person, mailbox, crm))
            if crm is not None and isinstance(outcome, Ok):
                self._finish(person, crm)
        except CrmFailed as failed:
            known = self._records.outcome(failed.connection, failed.error, stage=failed.stage, ran=True)
            if known is None:
                raise Superseded from None
            # The mailbox was read. Its next run comes in its own time, or at once when the CRM works again.
            self._records.outcome(mailbox, Ok(), stage=Stage.USE, ran=False, due=True)
            return
        self._records.outcome(mailbox, outcome, stage=stage, ran=True)

    def _finish(self, person: Person, crm: CrmEnd) -> None:
        """What was written has proven the CRM. Where nothing was, it is asked if it is due or somebody waits for it."""
        if not crm.proven:
            with self._store.read() as tx:
                asked = tell.awaited(tx, person.id, Side.CRM)
            if not asked and not self._due(crm.connection, frozenset()):
                return
            crm.check()
        self._records.outcome(crm.connection, Ok(), stage=Stage.USE, ran=True)

    def _wait(self, person: Person, mailbox: Connection, crm: Connection | None, held_back: frozenset[str]) -> None:
        self._look(mailbox, crm)
        crm = self._sides(person).get(Side.CRM)
        if crm is not None and self._can_take(crm, held_back):
            # It came back in between, and made the mailbox due, which the look has undone.
            with self._store.write() as tx:
                tx.connections.copy_again(person.id, self._clock.now())

    def _look(self, connection: Connection, other: Connection | None) -> None:
        """In place of a run: it works or not, and nothing is copied."""
        stage, outcome = self._attempt(connection, lambda: self._probes.ask(connection, force=False))
        after = self._records.outcome(connection, outcome, stage=stage, ran=False, due=True)
        if after is not None and isinstance(outcome, Ok) and not _connected(other):
            self._records.alone(after)

    def _attempt(self, connection: Connection, what: Callable[[], tuple[Stage, Outcome]]) -> tuple[Stage, Outcome]:
        try:
            with self._room.get(connection.provider, nullcontext()):
                return what()
        except (Superseded, StoreAway, CrmFailed):
            raise
        except Exception as error:
            log.exception("run failed", extra={"connection": connection.id})
            # It needs a next try that lies ahead, or the same row would fail again at once, for ever.
            return Stage.USE, Unavailable(Reason.UNKNOWN, type(error).__name__)

    def _pull(self, person: Person, mailbox: Connection, crm: CrmEnd | None) -> tuple[Stage, Outcome]:
        provider, stage = self._providers.get(mailbox.provider), Stage.RENEWAL
        if provider is None:
            return Stage.USE, Misconfigured(Reason.CLIENT_MISCONFIGURED, "no settings for this provider")
        if mailbox.credential_id is None:
            raise Superseded
        refused: Stored | None = None
        try:
            while True:
                stage = Stage.RENEWAL
                stored = self._renewals.fresh(mailbox.credential_id, refused=refused)
                stage = Stage.USE
                try:
                    self._pages(person, cast(Mailbox, provider), mailbox.id, stored, crm)
                except Rejected as error:
                    if error.definite or refused is not None:
                        raise
                    # The access token died before its time; the token endpoint knows why. Asked once.
                    refused = stored
                    continue
                return stage, Ok()
        except CredentialGone:
            raise Superseded from None
        except ProviderError as error:
            return stage, error

    def _pages(self, person: Person, provider: Mailbox, mailbox_id: int, stored: Stored, crm: CrmEnd | None) -> None:
        with self._store.read() as tx:
            mailbox = tx.connections.get(mailbox_id)
        own = Own.of(person, stored.credential.account, *stored.credential.aliases)
        for page in provider.pull(stored.credential, mailbox.cursor):
            if crm is None:
                taken = Taken(copied=len(page.items), refused={})
            else:
                taken = crm.take(page.items, own, self._clock.now())
            self._commit(person, mailbox, stored, crm, page, taken)
            if self._stopping.is_set():
                raise Superseded

    def _commit(
        self, person: Person, mailbox: Connection, stored: Stored, crm: CrmEnd | None, page: Page, taken: Taken
    ) -> None:
        """Cursor, counts and history of one page, if all is still as it was when the run began."""
        now = self._clock.now()
        with self._store.write() as tx:
            ours = tx.people.keep_claim(person.id, self._owner, self._clock.real())
            kept = ours is not None and ours.paused_at is None
            if not kept or tx.connections.get(mailbox.id).credential_id != stored.id:
                raise Superseded
            tx.connections.save_page(mailbox.id, cursor=page.cursor, items=taken.copied)
            if page.resync:
                tx.events.append(_event(Kind.RESYNCED, mailbox, now))
            if crm is None:
                return
            if tx.connections.get(crm.connection.id).credential_id != crm.connection.credential_id:
                raise Superseded
            tx.connections.copied(crm.connection.id, taken.copied)
            for code, number in taken.refused.items():
                tx.events.append(replace(_event(Kind.NOT_COPIED, crm.connection, now), detail=code, number=number))


def _connected(connection: Connection | None) -> bool:
    return connection is not None and connection.condition.health is not Health.REVOKED


def _event(kind: Kind, connection: Connection, now: datetime) -> Event:
    return Event(kind=kind, at=now, person_id=connection.person_id, side=connection.side, provider=connection.provider)
