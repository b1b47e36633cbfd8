"""Fills every table, with canaries in place of secrets."""

from __future__ import annotations

from dataclasses import replace

from bot.model import Cause, Culprit, Event, IncidentKind, Kind, NoticeKind, Person
from bot.store.database import Store
from providers.base import Reason
from tests.store.kit import BOBS_KEY, NOON, begun, connected, signed_in

CANARIES = ("canary/Secret+of Bob?", "canary/Asked+for it?", "canary/State+of it?", "canary/Token+of it?")
VERIFIER = "the verifier"


def fill(store: Store, bob: Person) -> None:
    """A row or more in each table, through the store's own methods."""
    _, asked, state, token = CANARIES
    connected(store, bob)
    session = signed_in(store, bob, token)
    flow = begun(store, bob, state=state, session=session)
    with store.write() as tx:
        tx.flows.ask(flow, replace(BOBS_KEY, secret=asked), NOON)
        cause = Cause(Culprit.NOBODY, Reason.PROVIDER_DOWN)
        incident, _ = tx.incidents.open(kind=IncidentKind.OUTAGE, provider="google", cause=cause, now=NOON)
        tx.notices.open(
            kind=NoticeKind.FAILURE,
            key="k",
            to=bob.user_id,
            person_id=bob.id,
            incident_id=incident.id,
            facts={"providers": ["google"]},
            now=NOON,
        )
        tx.events.append(Event(Kind.CONNECTED, NOON, bob.id, actor_id=bob.id))
        tx.seen.first_time("delivery", NOON)
        tx.accounts.used(bob.id, "google", BOBS_KEY.account, NOON)
