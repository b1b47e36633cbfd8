"""`relatch forget`: erases what is known of a person who is no longer connected. The history stays, by number."""

from __future__ import annotations

from bot.model import Event, Kind, Person
from bot.operator.tools import CannotDo, Tools, operator, whom
from bot.store.database import Tx


def plan(tools: Tools, *, person: str) -> Person:
    """Raises CannotDo while a sign-in of theirs is still kept."""
    with tools.store.read() as tx:
        who = whom(tx, person)
        _refuse_while_kept(tx, who)
    return who


def forget(tools: Tools, person: Person) -> int:
    """How many lines of history were verified afterwards. Raises CannotDo and ChainBroken."""
    with tools.store.write() as tx:
        _refuse_while_kept(tx, person)
        by = operator(tx, tools.clock.now())
        tx.forgetting.erase(person)
        tx.events.append(Event(kind=Kind.FORGOTTEN, at=tools.clock.now(), person_id=person.id, actor_id=by.id))
    tools.store.flush()
    with tools.store.read() as tx:
        return tx.events.verify()


def _refuse_while_kept(tx: Tx, person: Person) -> None:
    if any(each.credential_id is not None for each in tx.connections.of(person.id).values()):
        raise CannotDo(
            f"{person.name} is still connected. First: relatch revoke --person {person.user_id} --all --reason ..."
        )
    if tx.forgetting.holds_secrets(person.id):
        raise CannotDo(
            f"A sign-in of {person.name} is still being ended at its provider. The running bot does that: wait until "
            f"`relatch check --person {person.user_id}` says that it is disconnected, then repeat this."
        )
