"""`/creds change`: another account or another access type. Nothing is given up before the new sign-in has worked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.desk.asked import Asked, Tools, meant
from bot.desk.refresh import answer as hand_off
from bot.model import Reply
from bot.store.database import Tx


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    if not asked.who.own:
        # Only the person herself signs in; an admin can ask her to.
        yield from hand_off(tools, asked)
        return
    with tools.store.write() as tx:
        reply = _offer(tools, tx, asked)
    yield reply


def _offer(tools: Tools, tx: Tx, asked: Asked) -> Reply:
    what, now = meant(tools, tx, asked), tools.clock.now()
    if isinstance(what, Reply) and what.template != "mismatch":
        return what
    side = tools.providers[asked.request.target].side if isinstance(what, Reply) else what.sides[0]
    card = tools.cards.card(tx, asked.subject, side, tx.connections.of(asked.subject.id).get(side), now)
    doors = tools.cards.change(tx, asked.subject, side, now)
    if not doors:
        return Reply("not_offered", {"wanted": str(side)})
    accounts = [account for _, account in tx.accounts.of(asked.subject.id)]
    return Reply("change", {"who": asked.who, "card": replace(card, doors=doors), "accounts": accounts})
