"""Asking once about a sign-in that was begun and never came back: approval pages never call back."""

from __future__ import annotations

from bot.model import Clock, Event, Invitation, Kind, NoticeKind
from bot.store.database import Store, Tx

WORKED = (Kind.CONNECTED, Kind.SIGNED_IN, Kind.CHANGED)


class Unfinished:
    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def work(self) -> None:
        with self._store.write() as tx:
            for flow in tx.flows.unfinished(self._clock.real()):
                tx.flows.told(flow.id)
                invitation, now = flow.invitation, self._clock.now()
                person = tx.people.get(invitation.person_id)
                if _signed_in_since(tx, invitation):
                    continue
                tx.events.append(
                    Event(
                        kind=Kind.SIGN_IN_UNFINISHED,
                        at=now,
                        person_id=person.id,
                        side=invitation.side,
                        provider=invitation.provider,
                    )
                )
                tx.notices.open(
                    kind=NoticeKind.UNFINISHED,
                    key=f"unfinished:{person.id}:{invitation.side}",
                    to=person.user_id,
                    person_id=person.id,
                    facts={"side": str(invitation.side), "invitation": invitation.id},
                    now=now,
                )


def _signed_in_since(tx: Tx, invitation: Invitation) -> bool:
    """Whoever came back by another tab needs no question."""
    started = tx.events.last(invitation.person_id, Kind.SIGN_IN_STARTED, invitation.side)
    worked = [tx.events.last(invitation.person_id, kind, invitation.side) for kind in WORKED]
    return started is not None and any(event is not None and event.id > started.id for event in worked)
