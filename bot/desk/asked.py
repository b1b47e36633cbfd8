"""What the words of the desk share: who asked about whom, the tools, and which sides are meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from bot.desk.pace import Pace
from bot.model import Card, Clock, Connection, Directory, Health, Person, Reply, Request, Who
from bot.store.database import Store, Tx
from bot.upkeep.cards import Cards
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from providers.base import Provider, Side

ALL = "all"


@dataclass(frozen=True, slots=True)
class Tools:
    """`probe_pool` runs what waits on vendors and submits nothing itself; `pace` limits it; `ring` wakes the runner."""

    store: Store
    clock: Clock
    directory: Directory
    providers: Mapping[str, Provider]
    cards: Cards
    probes: Probes
    records: Records
    probe_pool: Executor
    ring: Callable[[], None]
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose people are known and which is allowed."""

    request: Request
    actor: Person
    subject: Person
    who: Who


@dataclass(frozen=True, slots=True)
class Meant:
    """The sides that a request is about: one that was named, or both."""

    sides: tuple[Side, ...]
    connections: Mapping[Side, Connection]

    def live(self) -> list[Connection]:
        """Those that there is something to do with, in the order of the sides."""
        mine = (self.connections.get(side) for side in self.sides)
        return [c for c in mine if c is not None and c.condition.health in (Health.ACTIVE, Health.SUSPENDED)]


def meant(tools: Tools, tx: Tx, asked: Asked) -> Meant | Reply:
    """A Reply where what was named is not what is connected, or has no settings here."""
    target, connections = asked.request.target, tx.connections.of(asked.subject.id)
    if target in ("", ALL):
        return Meant(tuple(Side), connections)
    if target in tuple(Side):
        return Meant((Side(target),), connections)
    provider = tools.providers.get(target)
    connected = next((c for c in connections.values() if c.provider == target), None)
    if connected is not None:
        return Meant((connected.side,), connections)
    if provider is None:
        return Reply("not_offered", {"wanted": tools.cards.label(target)})
    other = connections.get(provider.side)
    if other is None or other.condition.health is Health.REVOKED:
        return Meant((provider.side,), connections)
    now = tools.clock.now()
    doors = tools.cards.change(tx, asked.subject, provider.side, now) if asked.who.own else ()
    return Reply(
        "mismatch",
        {
            "who": asked.who,
            "wanted": provider.label,
            "card": tools.cards.card(tx, asked.subject, provider.side, other, now),
            "door": next((door for door in doors if door.provider == target), None),
        },
    )


def cards_of(tools: Tools, tx: Tx, asked: Asked, sides: tuple[Side, ...] = tuple(Side)) -> list[Card]:
    """An admin is shown no sign-in of somebody else: only the person herself may use one."""
    cards = [c for c in tools.cards.of(tx, asked.subject, tools.clock.now()) if c.side in sides]
    return cards if asked.who.own else [tools.cards.without_doors(c) for c in cards]
