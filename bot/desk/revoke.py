"""`/creds revoke`: asks first and says what will stop. Once confirmed nobody can use the sign-in any more.

Ending it at the vendor, which may take a while, is bot/runner/revocations.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools, cards_of, meant
from bot.model import Connection, Reply
from bot.store.database import Tx
from bot.upkeep.giving_up import give_up
from providers.base import Side


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    with tools.store.write() as tx:
        reply = _answer(tools, tx, asked)
    tools.ring()
    yield reply


def _answer(tools: Tools, tx: Tx, asked: Asked) -> Reply:
    what = meant(tools, tx, asked)
    if isinstance(what, Reply):
        return what
    live, request = what.live(), asked.request
    if not live:
        return _reply(tools, tx, asked, "nothing", what.sides)
    sides = tuple(each.side for each in live)
    unclear = len(live) > 1 and not request.target
    if unclear or not request.argument or not (asked.who.own or request.reason):
        return _reply(tools, tx, asked, "ask", sides, shown=_numbers(live))
    if not set(_numbers(live)) <= set(request.argument.split("-")):
        # What was shown is not what is connected now: nobody agreed to end this.
        return _reply(tools, tx, asked, "changed", sides, shown=_numbers(live))
    for connection in live:
        give_up(
            tx,
            connection,
            person=asked.subject,
            by=asked.actor,
            reason=request.reason,
            now=tools.clock.now(),
        )
    return _reply(tools, tx, asked, "started", sides)


def _numbers(live: list[Connection]) -> list[str]:
    """What a confirmation is good for: each sign-in has a number of its own."""
    return [str(each.credential_id) for each in live]


def _reply(
    tools: Tools, tx: Tx, asked: Asked, stage: str, sides: tuple[Side, ...], *, shown: list[str] | None = None
) -> Reply:
    return Reply(
        "revoke",
        {
            "who": asked.who,
            "stage": stage,
            "cards": cards_of(tools, tx, asked, sides),
            "confirm": "-".join(shown or ()),
            "target": asked.request.target,
            "reason": asked.request.reason,
        },
    )
