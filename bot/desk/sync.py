"""`/creds sync status|now|pause|resume`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.desk.asked import Asked, Tools, cards_of
from bot.model import Culprit, Event, Health, Kind, NoticeKind, Reply
from bot.store.database import Tx


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    with tools.store.write() as tx:
        match asked.request.argument:
            case "" | "status":
                did = "status"
            case "now":
                did = _now(tools, tx, asked)
            case "pause":
                did = _pause(tools, tx, asked)
            case "resume":
                did = _resume(tools, tx, asked)
            case _:
                did = "unknown"
        person = tx.people.get(asked.subject.id)
        cards = cards_of(tools, tx, replace(asked, subject=person))
        last = tx.events.last(person.id, Kind.SYNCED, None)
    tools.ring()
    yield Reply(
        "sync",
        {
            "who": asked.who,
            "cards": cards,
            "did": did,
            "next_run_at": None if person.paused_at else person.next_run_at,
            "last_items": (last.number or 0) if last else 0,
        },
    )


def _now(tools: Tools, tx: Tx, asked: Asked) -> str:
    """What waits for the person's own sign-in stays as it is: trying it would only be refused again."""
    now, person = tools.clock.now(), asked.subject
    ready = [c for c in tx.connections.of(person.id).values() if _can_run(c.condition.health, c.condition.cause)]
    if not ready:
        return "nothing"
    if person.paused_at is not None:
        return "already_paused"
    if not tx.people.by_hand(person.id, now):
        return "too_soon"
    for connection in ready:
        tx.connections.due_now(connection.id, now)
    _remember(tools, tx, asked, Kind.SYNC_ASKED)
    return "now"


def _can_run(health: Health, cause: object) -> bool:
    return health is Health.ACTIVE or (
        health is Health.SUSPENDED and getattr(cause, "culprit", None) is Culprit.ADMINISTRATOR
    )


def _pause(tools: Tools, tx: Tx, asked: Asked) -> str:
    if asked.subject.paused_at is not None:
        return "already_paused"
    tx.people.pause(asked.subject.id, tools.clock.now())
    _remember(tools, tx, asked, Kind.PAUSED)
    if not asked.who.own:
        tx.notices.open(
            kind=NoticeKind.PAUSED,
            key=f"paused:{asked.subject.id}",
            to=asked.subject.user_id,
            person_id=asked.subject.id,
            facts={"by": asked.actor.id, "reason": asked.request.reason},
            now=tools.clock.now(),
        )
    return "paused"


def _resume(tools: Tools, tx: Tx, asked: Asked) -> str:
    if asked.subject.paused_at is None:
        return "not_paused"
    tx.people.resume(asked.subject.id, tools.clock.now())
    _remember(tools, tx, asked, Kind.RESUMED)
    told = tx.notices.find_open(f"paused:{asked.subject.id}")
    if told is not None:
        tx.notices.want(told.id)
        tx.notices.close(told.id, tools.clock.now())
    return "resumed"


def _remember(tools: Tools, tx: Tx, asked: Asked, kind: Kind) -> None:
    tx.events.append(
        Event(
            kind=kind,
            at=tools.clock.now(),
            person_id=asked.subject.id,
            actor_id=asked.actor.id,
            detail=asked.request.reason,
        )
    )
    tx.notices.want_for_person(asked.subject.id)
