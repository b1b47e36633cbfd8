"""Looking at connections live, all at once, and telling as it comes. Check and refresh are two ways to look."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace

from bot.desk.asked import Asked, Meant, Tools, cards_of, meant
from bot.desk.pace import LOOKS
from bot.model import Card, Cause, Connection, Reply, Seen, State
from bot.rules.health import Ok, Outcome
from bot.upkeep.probe import left_alone
from providers.base import ProviderError, Side

FIRST_REPLY_WITHIN = 1.0
LONGEST = 60.0

Look = Future[tuple[Connection, Outcome]]


def look(tools: Tools, asked: Asked, *, template: str, force: bool, good: Seen) -> Iterator[Reply]:
    """The first reply waits a second for the vendors; what is not known by then follows."""
    with tools.store.write() as tx:
        what = meant(tools, tx, asked)
    if isinstance(what, Reply):
        yield what
        return
    ready = [connection for connection in what.live() if not left_alone(connection)]
    if ready and not tools.pace.allows(asked.actor.id, tools.clock.now()):
        yield Reply("too_often", {"looks": LOOKS})
        return
    looks = {
        tools.probe_pool.submit(tools.probes.look, connection, force=force, actor_id=asked.actor.id): connection.side
        for connection in ready
    }
    alone: dict[Side, Seen | Cause] = {c.side: Seen.LEFT_ALONE for c in what.live() if left_alone(c)}
    done, running = wait(looks, FIRST_REPLY_WITHIN)
    yield _reply(tools, asked, template, what, alone | _seen(looks, done, running, good), done=not running)
    while running:
        finished, running = wait(running, LONGEST, FIRST_COMPLETED)
        done |= finished
        yield _reply(tools, asked, template, what, alone | _seen(looks, done, running, good), done=not running)


def _seen(looks: dict[Look, Side], done: set[Look], running: set[Look], good: Seen) -> dict[Side, Seen | Cause]:
    seen: dict[Side, Seen | Cause] = {looks[future]: Seen.RUNNING for future in running}
    for future in done:
        _, outcome = future.result()
        match outcome:
            case Ok():
                seen[looks[future]] = good
            case ProviderError():
                seen[looks[future]] = Cause.of(outcome)
    return seen


def _reply(
    tools: Tools,
    asked: Asked,
    template: str,
    what: Meant,
    seen: dict[Side, Seen | Cause],
    *,
    done: bool,
) -> Reply:
    with tools.store.write() as tx:
        cards = cards_of(tools, tx, asked, what.sides)
    return Reply(
        template,
        {"who": asked.who, "cards": [_found(card, seen.get(card.side, Seen.NOTHING)) for card in cards], "done": done},
    )


def _found(card: Card, seen: Seen | Cause) -> Card:
    if card.state in (State.REVOKING, State.REVOKED):
        # It was given up while it was looked at.
        return card
    if isinstance(seen, Cause):
        return replace(card, seen=Seen.FAILED, cause=seen)
    return replace(card, seen=seen)
