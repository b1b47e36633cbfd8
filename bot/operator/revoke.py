"""`relatch revoke`: for when Slack is away. What is shown is what is given up, with the desk's own transaction."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model import Connection, Person
from bot.operator.tools import CannotDo, Tools, live, note, whom
from bot.upkeep.giving_up import give_up
from providers.base import Side


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be given up, as the operator is shown it before saying yes."""

    person: Person
    connections: tuple[Connection, ...]

    def lines(self, tools: Tools) -> list[str]:
        return [f"{each.side}: {tools.cards.label(each.provider)}, {each.account}" for each in self.connections]


def plan(tools: Tools, *, person: str, side: Side | None, everything: bool) -> Plan:
    """Raises CannotDo where there is nothing, or where it is not clear which side is meant."""
    with tools.store.read() as tx:
        who = whom(tx, person)
        connections = live(tx, who, side)
    if not connections:
        which = f"no {side} connected" if side else "nothing connected"
        raise CannotDo(f"{who.name} has {which}: there is nothing to revoke.")
    if len(connections) > 1 and not everything:
        raise CannotDo(f"{who.name} has two sides connected. Say which: --side mailbox, --side crm, or --all.")
    return Plan(who, tuple(connections))


def revoke(tools: Tools, planned: Plan, *, reason: str) -> None:
    """One transaction. Raises CannotDo where it is no longer what was shown."""
    with tools.store.write() as tx:
        now_there = {each.credential_id for each in live(tx, planned.person, None)}
        if not {each.credential_id for each in planned.connections} <= now_there:
            raise CannotDo("Something was changed or revoked meanwhile: nothing was done. Look again, and repeat it.")
        by = note(tx, tools, "revoke", person=planned.person)
        for connection in planned.connections:
            give_up(tx, connection, person=planned.person, by=by, reason=reason, now=tools.clock.now())
