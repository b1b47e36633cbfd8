"""`/creds refresh`: first without the person, then by signing in. For somebody else: a DM, and a hand-off."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools, meant
from bot.desk.looking import look
from bot.model import Event, Kind, NoticeKind, Reply, Seen
from bot.store.database import Tx
from bot.upkeep import tell
from providers.base import Side


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    if asked.who.own:
        yield from look(tools, asked, template="refresh", force=True, good=Seen.RENEWED)
        return
    with tools.store.write() as tx:
        reply = _ask(tools, tx, asked)
    tools.ring()
    yield reply


def _ask(tools: Tools, tx: Tx, asked: Asked) -> Reply:
    what, now = meant(tools, tx, asked), tools.clock.now()
    if isinstance(what, Reply):
        return what
    side = _most_in_need(what.sides, tx, tools, asked)
    connection = what.connections.get(side)
    card = tools.cards.card(tx, asked.subject, side, connection, now)
    told = card.choose or bool(tools.cards.sign_in(tx, asked.subject, side, connection, now))
    if told:
        _hand_off(tx, tools, asked, side)
    return Reply("handoff_started", {"who": asked.who, "card": tools.cards.without_doors(card), "told": told})


def _most_in_need(sides: tuple[Side, ...], tx: Tx, tools: Tools, asked: Asked) -> Side:
    """The suspended one, else one that can be set up, else the first."""
    cards = {c.side: c for c in tools.cards.of(tx, asked.subject, tools.clock.now()) if c.side in sides}
    order = ("suspended", "revoked", "not_set_up", "paused", "active", "revoking", "not_offered")
    return min(cards, key=lambda side: order.index(cards[side].state))


def _hand_off(tx: Tx, tools: Tools, asked: Asked, side: Side) -> None:
    now, person = tools.clock.now(), asked.subject
    tx.events.append(
        Event(
            kind=Kind.REFRESH_ASKED,
            at=now,
            person_id=person.id,
            actor_id=asked.actor.id,
            side=side,
            detail=asked.request.reason,
        )
    )
    facts = {"side": str(side), "reason": asked.request.reason, "asked_by": asked.actor.id, "stage": "broken"}
    requested = tx.notices.open(
        kind=NoticeKind.REQUESTED,
        key=f"requested:{person.id}:{side}",
        to=person.user_id,
        person_id=person.id,
        facts=facts,
        now=now,
    )
    tell.say_anew(tx, requested)
    tx.notices.open(
        kind=NoticeKind.HANDOFF,
        key=f"handoff:{asked.actor.id}:{person.id}:{side}",
        to=asked.actor.user_id,
        person_id=asked.actor.id,
        facts={"side": str(side), "reason": asked.request.reason, "subject": person.id, "steps": {}, "trouble": ""},
        now=now,
    )
