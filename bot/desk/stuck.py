"""The vendor's page showed an error and never came back: almost always, the person's administrator must approve us."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import Cause, Culprit, Event, Kind, Reply
from bot.store.database import Tx
from providers.base import Reason


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    with tools.store.write() as tx:
        reply = _tell_admins(tools, tx, asked)
    tools.ring()
    yield reply


def _tell_admins(tools: Tools, tx: Tx, asked: Asked) -> Reply:
    invitation = tx.invitations.get(asked.request.argument)
    if invitation is None or invitation.person_id != asked.actor.id:
        return Reply("opened", {"door": None})
    cause = Cause(culprit=Culprit.ADMINISTRATOR, reason=Reason.NEEDS_ADMIN_APPROVAL, code="told by the person")
    tx.events.append(
        Event(
            kind=Kind.STUCK,
            at=tools.clock.now(),
            person_id=asked.actor.id,
            actor_id=asked.actor.id,
            side=invitation.side,
            provider=invitation.provider,
            cause=cause,
        )
    )
    told = tools.records.approval(tx, invitation.provider, cause, waiting=asked.actor)
    return Reply("stuck", {"label": tools.cards.label(invitation.provider), "cause": cause, "told": told})
