"""Claiming people whose sync is due and running it: pull page by page, keep cursor and counts. Nobody is told here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import cast

from bot.model import Clock, Connection, Event, Health, IncidentKind, Kind, Person, Stage
from bot.rules.health import MISCONFIGURED_RETRY, Ok, Outcome
from bot.rules.outages import SHORTEST_PROBE
from bot.store.credentials import CredentialGone, Stored
from bot.store.database import Store, StoreAway
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import Mailbox, Misconfigured, Provider, ProviderError, Reason, Rejected, Side, Unavailable

AT_ONCE = 32
AT_ONCE_PER_PROVIDER = 16
KEEP_CLAIMS_EVERY = timedelta(seconds=30)

log = logging.getLogger(__name__)


class Superseded(Exception):
    """Signed in anew, paused, stopping, or the claim was lost: what the run holds no longer counts."""


class SyncRuns:
    """The duty `work` claims what is due; each claimed person's run has a thread of its own, AT_ONCE at most."""

    def __init__(
        self,
        *,
        store: Store,
        providers: Mapping[str, Provider],
        clock: Clock,
        renewals: Renewals,
        records: Records,
        breakers: Breakers,
        owner: str,
        ring: Callable[[], None],
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._renewals = renewals
        self._records = records
        self._breakers = breakers
        self._owner = owner
        self._ring = ring
        self._probes = Probes(store=store, providers=providers, clock=clock, renewals=renewals, records=records)
        self._room = {slug: threading.Semaphore(AT_ONCE_PER_PROVIDER) for slug in providers}
        self._free = threading.Semaphore(AT_ONCE)
        self._stopping = threading.Event()
        self._jobs: set[threading.Thread] = set()
        self._ended = threading.Condition()
        self._probed: dict[str, datetime] = {}
        self._claimed: set[int] = set()
        self._claims_kept_at = clock.real()

    def work(self) -> int:
        """Claims as many due people as there are free threads, and one probe for each provider that is held back.

        Gives how many threads it set to work.
        """
        self._keep_claims()
        held_back, begun = self._held_back(), 0
        for slug in held_back:
            begun += self._probe(slug)
        while not self._stopping.is_set() and self._free.acquire(blocking=False):
            with self._store.write() as tx:
                claimed = tx.people.claim_due(
                    now=self._clock.now(), real=self._clock.real(), owner=self._owner, limit=1, without=held_back
                )
            if not claimed:
                self._free.release()
                break
            self._claimed.add(claimed[0].id)
            self._begin(self._run, claimed[0], held_back)
            begun += 1
        return begun

    @property
    def under_way(self) -> int:
        """How many threads are at work."""
        return len(self._jobs)

    def stop(self, timeout: timedelta) -> None:
        """Claims nothing more; runs under way end after their page. Left behind is one whose page takes longer."""
        self._stopping.set()
        with self._ended:
            self._ended.wait_for(lambda: not self._jobs, timeout.total_seconds())

    def _keep_claims(self) -> None:
        """A page of a slow vendor can take longer than a claim lives: without this a second run would start."""
        real = self._clock.real()
        if real < self._claims_kept_at + KEEP_CLAIMS_EVERY:
            return
        self._claims_kept_at = real
        with self._store.write() as tx:
            for person_id in tuple(self._claimed):
                tx.people.keep_claim(person_id, self._owner, real)

    def _held_back(self) -> frozenset[str]:
        with self._store.read() as tx:
            ours = {i.provider for i in tx.incidents.all_open() if i.kind is IncidentKind.MISCONFIGURED}
        return frozenset(ours | {slug for slug in self._providers if self._breakers.is_open(slug)})

    def _probe(self, slug: str) -> bool:
        """Looks at one connection, renewing it: its access token may be good while nothing else is."""
        now = self._clock.now()
        if self._breakers.is_open(slug):
            due, every = self._breakers.probe_due(slug, now), SHORTEST_PROBE
        else:
            due, every = True, MISCONFIGURED_RETRY
        if not due or now < self._probed.get(slug, now - every) + every:
            return False
        with self._store.read() as tx:
            connection = tx.connections.next_probe(slug)
        if connection is None or self._stopping.is_set() or not self._free.acquire(blocking=False):
            return False
        self._probed[slug] = now
        self._begin(self._look, connection)
        return True

    def _begin(self, job: Callable[..., None], *arguments: object) -> None:
        # No pool: its threads would keep the process from ending while a slow vendor drips a page, for minutes.
        thread = threading.Thread(target=self._in_thread, args=(job, *arguments), name="run", daemon=True)
        self._jobs.add(thread)
        thread.start()

    def _in_thread(self, job: Callable[..., None], *arguments: object) -> None:
        try:
            job(*arguments)
        except Superseded:
            log.info("run superseded")
        except Exception:
            log.exception("run failed")
        finally:
            self._free.release()
            self._ring()
            with self._ended:
                self._jobs.discard(threading.current_thread())
                self._ended.notify_all()

    def _look(self, connection: Connection) -> None:
        self._probes.look(connection, force=True, actor_id=None)

    def _run(self, person: Person, held_back: frozenset[str]) -> None:
        try:
            with self._store.read() as tx:
                connections = tx.connections.of(person.id)
            for side in Side:
                if side in connections and self._due(connections[side], held_back):
                    self._run_side(person, connections[side])
        finally:
            self._claimed.discard(person.id)
            with self._store.write() as tx:
                tx.people.end_claim(person.id, self._owner)

    def _due(self, connection: Connection, held_back: frozenset[str]) -> bool:
        at, health = connection.condition.next_try_at, connection.condition.health
        alive = health in (Health.ACTIVE, Health.SUSPENDED)
        return alive and at is not None and at <= self._clock.now() and connection.provider not in held_back

    def _run_side(self, person: Person, connection: Connection) -> None:
        stage: Stage
        outcome: Outcome
        try:
            with self._room.get(connection.provider, nullcontext()):
                stage, outcome = self._try(person, connection)
        except (Superseded, StoreAway):
            raise
        except Exception as error:
            log.exception("run failed", extra={"connection": connection.id})
            # It needs a next try that lies ahead, or the same row would fail again at once, for ever.
            stage, outcome = Stage.USE, Unavailable(Reason.UNKNOWN, type(error).__name__)
        self._records.outcome(connection, outcome, stage=stage, ran=True)

    def _try(self, person: Person, connection: Connection) -> tuple[Stage, Outcome]:
        provider, stage = self._providers.get(connection.provider), Stage.RENEWAL
        if provider is None:
            return Stage.USE, Misconfigured(Reason.CLIENT_MISCONFIGURED, "no settings for this provider")
        if connection.credential_id is None:
            raise Superseded
        refused: Stored | None = None
        try:
            while True:
                stage = Stage.RENEWAL
                stored = self._renewals.fresh(connection.credential_id, refused=refused)
                stage = Stage.USE
                try:
                    self._pull(person, cast(Mailbox, provider), connection.id, stored)
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

    def _pull(self, person: Person, provider: Mailbox, connection_id: int, stored: Stored) -> None:
        with self._store.read() as tx:
            connection = tx.connections.get(connection_id)
        for page in provider.pull(stored.credential, connection.cursor):
            with self._store.write() as tx:
                ours = tx.people.keep_claim(person.id, self._owner, self._clock.real())
                paused = tx.people.get(person.id).paused_at is not None
                if not ours or paused or tx.connections.get(connection_id).credential_id != stored.id:
                    raise Superseded
                tx.connections.save_page(connection_id, cursor=page.cursor, items=len(page.items))
                if page.resync:
                    tx.events.append(
                        Event(
                            kind=Kind.RESYNCED,
                            at=self._clock.now(),
                            person_id=person.id,
                            side=connection.side,
                            provider=connection.provider,
                        )
                    )
            if self._stopping.is_set():
                raise Superseded
