"""What the words of the operator share: the tools, who is meant, and under which name it stands in the history."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.model import Clock, Connection, Event, Health, Kind, Person, Profile
from bot.store.database import Store, Tx
from bot.upkeep.cards import Cards
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import Provider, Side


class CannotDo(Exception):
    """A sentence for the operator: nothing was done."""


@dataclass(frozen=True, slots=True)
class Tools:
    """`serving` tells whether a bot runs on this database now."""

    store: Store
    providers: Mapping[str, Provider]
    clock: Clock
    cards: Cards
    renewals: Renewals
    records: Records
    probes: Probes
    serving: Callable[[], bool]


def whom(tx: Tx, text: str) -> Person:
    """The person with this Slack user id or e-mail address. Raises CannotDo."""
    # An operator and somebody forgotten have numbers of ours: no id of Slack's has a colon.
    found = [person for person in tx.people.named(text.strip()) if ":" not in person.user_id]
    if not found:
        raise CannotDo(
            f"Nobody here is known as {text}. Give the Slack user id (such as U0123ABCD) or the e-mail address "
            "of somebody who has used the bot."
        )
    if len(found) > 1:
        ids = " or ".join(person.user_id for person in found)
        raise CannotDo(f"{text} is the address of several people. Say which by the Slack user id: {ids}.")
    return found[0]


def operator(tx: Tx, now: datetime) -> Person:
    """Whoever sits at the machine, under a number of their own as everybody who acts. No Slack user has this id."""
    name = login()
    profile = Profile(
        team_id="", user_id=f"operator:{name}", name=f"Operator {name}", email="", timezone="UTC", bot=True
    )
    return tx.people.meet(profile, now)


def login() -> str:
    """The system's name for whoever runs this, whatever the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def note(tx: Tx, tools: Tools, word: str, *, person: Person | None) -> Person:
    """Stands in the history, and in the person's own `why`. Gives the operator."""
    return note_word(tx, word, now=tools.clock.now(), person=person)


def note_word(tx: Tx, word: str, *, now: datetime, person: Person | None = None) -> Person:
    """The same, where nothing but the store is at hand."""
    by = operator(tx, now)
    about = person.id if person else None
    tx.events.append(Event(kind=Kind.OPERATED, at=now, person_id=about, actor_id=by.id, detail=word))
    return by


def live(tx: Tx, person: Person, side: Side | None) -> list[Connection]:
    """What there is something to do with, in the order of the sides."""
    connections = tx.connections.of(person.id)
    mine = (connections.get(each) for each in Side if side in (None, each))
    return [each for each in mine if each is not None and each.condition.health in (Health.ACTIVE, Health.SUSPENDED)]
