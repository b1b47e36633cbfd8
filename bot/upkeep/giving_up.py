"""Giving up one connection: sync stops and its secret is out of use with this transaction. Desk and operator call it.

Ending it at the vendor, which may take a while, is bot/runner/revocations.
"""

from __future__ import annotations

from datetime import datetime

from bot.model import Condition, Connection, Event, Health, Kind, NoticeKind, Person
from bot.store.database import Tx
from bot.upkeep import tell


def give_up(tx: Tx, connection: Connection, *, person: Person, by: Person, reason: str, now: datetime) -> None:
    """`by` is who asked for it. The person's receipt names them, and says their `reason`, where it is somebody else."""
    credential_id = connection.credential_id
    if credential_id is None:
        raise ValueError(f"connection {connection.id} is alive without a credential")
    tx.credentials.give_up(credential_id, now)
    # Whoever began to sign in before this would bring back what was just given up.
    tx.flows.end(person.id, connection.side, now)
    revoking = Condition(health=Health.REVOKING, since=now, last_ok_at=connection.condition.last_ok_at)
    tx.connections.revoke(connection.id, credential_id, revoking)
    tx.events.append(
        Event(
            kind=Kind.REVOKING,
            at=now,
            person_id=person.id,
            actor_id=by.id,
            side=connection.side,
            provider=connection.provider,
            detail=reason,
        )
    )
    tell.revoked(tx, person, connection.side, now=now)
    tx.notices.open(
        kind=NoticeKind.REVOKE,
        key=f"revoke:{credential_id}",
        to=person.user_id,
        person_id=person.id,
        facts={
            "side": str(connection.side),
            "provider": connection.provider,
            "account": connection.account,
            "by": by.id,
            "reason": reason if by.id != person.id else "",
        },
        now=now,
    )
    tx.notices.want_for_person(person.id)
