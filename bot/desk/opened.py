"""A sign-in button was pressed: the browser opens by itself, and whoever waits for it sees that it was opened."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import Event, Kind, Reply
from bot.upkeep import tell


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    """Says nothing, unless the button leads nowhere any more. Only the owner's press counts."""
    now = tools.clock.now()
    with tools.store.write() as tx:
        invitation = tx.invitations.get(asked.request.argument)
        if invitation is not None and invitation.person_id == asked.actor.id:
            tx.events.append(
                Event(
                    kind=Kind.OPENED,
                    at=now,
                    person_id=asked.actor.id,
                    actor_id=asked.actor.id,
                    side=invitation.side,
                    provider=invitation.provider,
                )
            )
            tell.opened(tx, asked.actor, invitation.side, now=now)
    tools.ring()
    if invitation is None:
        yield Reply("opened", {"door": None})
