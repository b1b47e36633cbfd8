"""Claiming people whose sync is due, and a thread for each of their runs. What a run does is bot/runner/copying's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.model import Clock, Connection, IncidentKind, Person
from bot.rules.health import MISCONFIGURED_RETRY
from bot.rules.outages import SHORTEST_PROBE
from bot.runner.copying import Copying
from bot.runner.crm import Superseded
from bot.store.database import Store, Tx
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import Provider

AT_ONCE = 32
KEEP_CLAIMS_EVERY = timedelta(seconds=30)

log = logging.getLogger(__name__)


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
        crm_is_offered: bool,
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._breakers = breakers
        self._owner = owner
        self._ring = ring
        self._probes = Probes(store=store, providers=providers, clock=clock, renewals=renewals, records=records)
        self._stopping = threading.Event()
        self._copying = Copying(
            store=store,
            providers=providers,
            clock=clock,
            renewals=renewals,
            records=records,
            probes=self._probes,
            owner=owner,
            stopping=self._stopping,
            crm_is_offered=crm_is_offered,
        )
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
        with self._store.read() as tx:
            held_back, due = self._held_back(tx), tx.people.due(self._clock.now())
        begun = sum(self._probe(slug) for slug in held_back)
        claimed = self._claim(held_back) if due else []
        for person in claimed:
            self._begin(self._run, person, held_back)
        return begun + len(claimed)

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

    def _claim(self, held_back: frozenset[str]) -> list[Person]:
        free = AT_ONCE - self.under_way
        if not free or self._stopping.is_set():
            return []
        now, real = self._clock.now(), self._clock.real()
        with self._store.write() as tx:
            claimed = tx.people.claim_due(now=now, real=real, owner=self._owner, limit=free, without=held_back)
        self._claimed.update(person.id for person in claimed)
        return claimed

    def _held_back(self, tx: Tx) -> frozenset[str]:
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
        if connection is None or self._stopping.is_set() or self.under_way >= AT_ONCE:
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
            with self._ended:
                self._jobs.discard(threading.current_thread())
                self._ended.notify_all()
            self._ring()

    def _look(self, connection: Connection) -> None:
        self._probes.look(connection, force=True, actor_id=None)

    def _run(self, person: Person, held_back: frozenset[str]) -> None:
        try:
            self._copying.run(person, held_back)
        finally:
            self._claimed.discard(person.id)
            with self._store.write() as tx:
                tx.people.end_claim(person.id, self._owner)
