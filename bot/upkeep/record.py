"""What follows from an outcome: health, history and who is told, in one transaction. It sends nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.model import (
    Cause,
    Clock,
    Condition,
    Connection,
    Event,
    Health,
    Incident,
    IncidentKind,
    Kind,
    NoticeKind,
    Person,
    Stage,
)
from bot.rules import health
from bot.rules.health import APPROVALS, CRM_EVERY, EVERY, Ok, Outcome, Tell
from bot.rules.hours import WorkingHours
from bot.rules.outages import GUARD_WINDOW, SPREAD_AFTER_OUTAGE, counts, held
from bot.store.database import Store, Tx
from bot.upkeep import restored, tell
from bot.upkeep.incidents import end_incident
from bot.upkeep.outages import Breakers
from providers.base import Misconfigured, ProviderError, Side, Unavailable

# The open incidents of one provider.
Troubles = Mapping[IncidentKind, Incident]


class Records:
    """`ring` wakes the runner: something may be due."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        breakers: Breakers,
        admin_channel: str,
        ring: Callable[[], None],
        jitter: Callable[[], float] = random.random,
        hours: WorkingHours | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._breakers = breakers
        self._admin_channel = admin_channel
        self._ring = ring
        self._jitter = jitter
        self._hours = hours

    def outcome(
        self,
        tried: Connection,
        outcome: Outcome,
        *,
        stage: Stage,
        ran: bool,
        due: bool = False,
        actor_id: int | None = None,
    ) -> Connection | None:
        """`tried` is the connection as it was tried, `ran` tells a run from a look, `actor_id` who pressed.

        `due`: the look stood for the run that was due, since there was nowhere to copy to, or nothing.
        None when somebody signed in meanwhile: what the old credential showed says nothing of the new one.
        """
        with self._store.write() as tx:
            before = tx.connections.get(tried.id)
            if before.credential_id != tried.credential_id:
                return None
            after = self._follow(tx, before, outcome, stage=stage, ran=ran, due=due, actor_id=actor_id)
        self._ring()
        return after

    def _follow(
        self, tx: Tx, before: Connection, outcome: Outcome, *, stage: Stage, ran: bool, due: bool, actor_id: int | None
    ) -> Connection:
        now, person = self._clock.now(), tx.people.get(before.person_id)
        cause = Cause.of(outcome) if isinstance(outcome, ProviderError) else None
        troubles = tx.incidents.open_of(before.provider)
        self._count(tx, before, outcome, troubles)
        decision = health.decide(
            before.condition,
            outcome,
            now,
            stage=stage,
            pressed=actor_id is not None,
            breaker_open=self._breakers.is_open(before.provider),
            jitter=self._jitter(),
            every=CRM_EVERY if before.side is Side.CRM else EVERY,
        )
        moves_on = ran or due or cause is not None
        condition = decision.condition if moves_on else _looked(before.condition, decision.condition)
        tx.connections.set_condition(before.id, condition)
        number = tx.connections.recovered_items(before.id) if ran and cause is None else None
        line = Event(
            kind=_KINDS[ran, cause is None],
            at=now,
            person_id=person.id,
            actor_id=actor_id,
            side=before.side,
            provider=before.provider,
            cause=cause,
            number=number,
        )
        tx.events.append(line)
        for kind in decision.events:
            tx.events.append(replace(line, kind=kind, number=None))
        if Kind.RECOVERED in decision.events:
            tell.works_again(tx, person, before.side)
            if not moves_on:
                # It works again although nobody signed in: what was missed is caught up at once.
                tx.connections.due_now(before.id, now)
        if cause is None and not ran and before.side is Side.CRM and health.in_trouble(before.condition):
            tx.connections.copy_again(person.id, now)
        if cause is None:
            self._approved(tx, person, before.provider, troubles)
        elif decision.tell in (Tell.PERSON, Tell.ADMIN):
            self._tell(tx, person, before, decision.tell, cause)
        if number:
            tx.connections.clear_recovered(before.id)
        if number is not None and tell.caught_up(tx, person, before, number, now=now):
            self._recount(tx, before.provider)
        if cause is None or condition.health is Health.SUSPENDED:
            restored.looked(tx, before, works=cause is None, now=now)
        tx.notices.want_for_person(person.id)
        return tx.connections.get(before.id)

    def alone(self, works: Connection) -> None:
        """It works, and the other side is not connected: nothing can be copied. The person is asked for that once."""
        now = self._clock.now()
        with self._store.write() as tx:
            person = tx.people.get(works.person_id)
            if tell.caught_up(tx, person, works, 0, now=now, alone=True):
                self._recount(tx, works.provider)
            if len(tx.connections.of(person.id)) == 1:
                tell.invite(tx, person, works.side, now=now)
        self._ring()

    def signed_in(self, tx: Tx, person: Person, provider: str) -> None:
        """A sign-in that worked from end to end proves the vendor and our own application.

        After one at a CRM, the mailbox has somewhere to copy to.
        """
        troubles = tx.incidents.open_of(provider)
        tx.connections.copy_again(person.id, self._clock.now())
        self._all_clear(tx, provider, troubles, proven_at=self._clock.now)
        self._approved(tx, person, provider, troubles)

    def approval_given(self, tx: Tx, provider: str) -> None:
        """An administrator says that we are let in: those who wait are tried at once, which shows whether it is so."""
        for each in tx.connections.waiting_for_admin(provider):
            if each.condition.cause is not None and each.condition.cause.reason in APPROVALS:
                tx.connections.due_now(each.id, self._clock.now())
        self._ring()

    def misconfigured(self, tx: Tx, provider: str, error: Misconfigured) -> None:
        """A sign-in showed that our own application is set up wrong."""
        self._incident(tx, IncidentKind.MISCONFIGURED, provider, Cause.of(error))

    def approval(self, tx: Tx, provider: str, cause: Cause, *, waiting: Person) -> bool:
        """Somebody waits for their administrator: the admin channel is told once, and who waits is kept true.

        False where there is no admin channel to tell.
        """
        incident = self._incident(tx, IncidentKind.APPROVAL, provider, cause)
        notice = tx.notices.find_open(f"incident:{incident.id}")
        if notice is not None:
            tx.notices.want(notice.id, {"waiting": sorted({*notice.facts.get("waiting", ()), waiting.id})})
        return notice is not None

    def _count(self, tx: Tx, connection: Connection, outcome: Outcome, troubles: Troubles) -> None:
        provider, now = connection.provider, self._clock.now()
        match outcome:
            case Unavailable() if counts(outcome, connection.side):
                total = tx.connections.total(provider)
                if self._breakers.failed(provider, connection_id=connection.id, total=total, now=now):
                    self._incident(tx, IncidentKind.OUTAGE, provider, Cause.of(outcome))
            case Misconfigured():
                self._incident(tx, IncidentKind.MISCONFIGURED, provider, Cause.of(outcome))
            case Ok() if (key := connection.credential_id) is not None:
                self._all_clear(tx, provider, troubles, proven_at=lambda: tx.credentials.load(key).changed_at)
            case _:
                # A refusal heals nothing: vendors in trouble refuse good sign-ins too.
                return

    def _all_clear(self, tx: Tx, provider: str, troubles: Troubles, *, proven_at: Callable[[], datetime]) -> None:
        """`proven_at`: when the token endpoint last took our own secret. What was read since needs none."""
        healed = self._breakers.heal(provider)
        outage, ours = troubles.get(IncidentKind.OUTAGE), troubles.get(IncidentKind.MISCONFIGURED)
        over = [] if outage is None else [outage]
        if ours is not None and proven_at() >= ours.opened_at:
            over.append(ours)
        for incident in over:
            end_incident(tx, incident, "over", now=self._clock.now())
        if healed or over:
            tx.connections.due_everything(provider, self._clock.now(), SPREAD_AFTER_OUTAGE)

    def _approved(self, tx: Tx, person: Person, provider: str, troubles: Troubles) -> None:
        """One who waited for approval waits no more. Others may be let in too: they are tried at once."""
        incident = troubles.get(IncidentKind.APPROVAL)
        if incident is None:
            return
        notice = tx.notices.find_open(f"incident:{incident.id}")
        told = set(notice.facts.get("waiting", ())) if notice is not None else set[int]()
        blocked = [
            each
            for each in tx.connections.waiting_for_admin(provider)
            if each.condition.cause is not None and each.condition.cause.reason in APPROVALS
        ]
        if person.id in told:
            now, tried = self._clock.now(), {each.person_id for each in blocked}
            for each in blocked:
                tx.connections.due_now(each.id, now)
            # Who never got in has nothing that could be tried: they are told to try themselves.
            for never_in in told - tried - {person.id}:
                tell.approved(tx, tx.people.get(never_in), provider, now=now)
            told &= tried | {person.id}
        waiting = (told | {each.person_id for each in blocked}) - {person.id}
        if not waiting:
            end_incident(tx, incident, "over", now=self._clock.now())
        elif notice is not None and person.id in told:
            tx.notices.want(notice.id, {"waiting": sorted(waiting)})

    def _tell(self, tx: Tx, person: Person, connection: Connection, whom: Tell, cause: Cause) -> None:
        tell.broken(tx, person, connection, now=self._clock.now(), hours=self._hours)
        if whom is Tell.ADMIN:
            self.approval(tx, connection.provider, cause, waiting=person)
        if restored.hold(tx, connection.provider):
            return
        self._guard(tx, connection.provider, tx.connections.get(connection.id).condition.since or self._clock.now())

    def _guard(self, tx: Tx, provider: str, since: datetime) -> None:
        """So many at once is rarely so many people's own doing: their messages wait for an admin's word.

        It is judged around the first strike, `since`: a plain refusal is believed only when that is ten minutes ago.
        """
        count = tx.connections.turned_bad_since
        bad = count(provider, since - GUARD_WINDOW) - count(provider, since + GUARD_WINDOW)
        # Without an admin channel nobody could ever release them.
        if self._admin_channel and held(bad, tx.connections.total(provider)):
            incident = self._incident(tx, IncidentKind.GUARD, provider, None)
            tx.notices.hold(provider, incident.id)

    def _recount(self, tx: Tx, provider: str) -> None:
        """One of those who are held may need no message any more."""
        guard = tx.incidents.find_open(IncidentKind.GUARD, provider)
        notice = tx.notices.find_open(f"incident:{guard.id}") if guard is not None else None
        if notice is not None:
            tx.notices.want(notice.id)

    def _incident(self, tx: Tx, kind: IncidentKind, provider: str, cause: Cause | None) -> Incident:
        now = self._clock.now()
        incident, new = tx.incidents.open(kind=kind, provider=provider, cause=cause, now=now)
        if new:
            tx.events.append(Event(kind=Kind.INCIDENT_OPENED, at=now, provider=provider, cause=cause, detail=str(kind)))
        if self._admin_channel and (new or kind in _COUNTING):
            tx.notices.open(
                kind=NoticeKind.INCIDENT,
                key=f"incident:{incident.id}",
                to=self._admin_channel,
                incident_id=incident.id,
                now=now,
            )
        return incident


def _looked(before: Condition, after: Condition) -> Condition:
    """A look copies nothing: who checks every few minutes would put off the run that does."""
    if before.health is Health.ACTIVE and before.next_try_at and after.next_try_at:
        return replace(after, next_try_at=min(before.next_try_at, after.next_try_at))
    return after


# Their messages say how many wait.
_COUNTING = frozenset({IncidentKind.GUARD, IncidentKind.APPROVAL})
_KINDS = {
    (True, True): Kind.SYNCED,
    (True, False): Kind.SYNC_FAILED,
    (False, True): Kind.CHECKED,
    (False, False): Kind.CHECK_FAILED,
}
