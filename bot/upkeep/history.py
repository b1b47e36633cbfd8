"""Reading the history for people: the same lines for `why` and for the Home tab."""

from __future__ import annotations

from bot.model import Line, Person
from bot.store.database import Tx
from bot.upkeep.cards import Cards


def lines(tx: Tx, person: Person, cards: Cards, *, limit: int) -> list[Line]:
    """Newest first."""
    names: dict[int, str] = {}
    told = []
    for event in tx.events.of_person(person.id, limit=limit):
        if event.actor_id is not None and event.actor_id not in names:
            names[event.actor_id] = tx.people.get(event.actor_id).name
        told.append(
            Line(
                kind=event.kind,
                at=event.at,
                actor=names.get(event.actor_id, "") if event.actor_id is not None else "",
                side=event.side,
                label=cards.label(event.provider) if event.provider else "",
                cause=event.cause,
                detail=event.detail,
                number=event.number,
            )
        )
    return told
