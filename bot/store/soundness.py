"""Whether a database can be relied on: its pages, its rows, its history and its secrets. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from bot.store.events import ChainBroken, Events
from bot.store.refused import StoreRefused
from bot.store.sealed import Sealed
from bot.store.tables import person
from bot.store.vault import SecretUnreadable

# What is being done, how far it is, and how far it goes.
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Sound:
    """What was verified: so many people, sealed texts that open, and lines of history that hang together."""

    people: int
    secrets: int
    events: int


def verify(database: sa.Connection, *, events: Events, sealed: Sealed, told: Told) -> Sound:
    """Raises StoreRefused with what is wrong, at the first that is."""
    told("Checking the file", 0, 1)
    damage = database.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    if damage != "ok":
        raise StoreRefused(f"The file is damaged: {damage}.")
    if database.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise StoreRefused("The file is damaged: a row has lost its owner.")
    try:
        lines, total, done = events.verify(), sealed.total(), 0
        for done in sealed.open_all():
            told("Opening every secret", done, total)
    except ChainBroken as error:
        raise StoreRefused(f"The history was changed: line {error.event_id} does not fit the one before.") from error
    except SecretUnreadable as error:
        raise StoreRefused(f"A secret does not open with the present keys: {error}.") from error
    # The operator stands among them without a team.
    people = database.execute(sa.select(sa.func.count()).where(person.c.team_id != "")).scalar_one()
    return Sound(people=int(people), secrets=done, events=lines)
