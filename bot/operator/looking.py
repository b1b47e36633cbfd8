"""`relatch check` and `relatch refresh`: what a live look at somebody's connections found, in words for the operator.

They go the way of every look, beside a running bot: by the same leases, and with the same consequences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.model import Cause, Connection, Culprit, Health, Person
from bot.operator.tools import Tools, live, note, whom
from bot.rules.health import Ok
from bot.store.database import Tx
from bot.upkeep.probe import left_alone
from providers.base import Side

WHO_MENDS = {
    Culprit.NOBODY: "It is tried again by itself.",
    Culprit.PERSON: "Only the person can mend it, by signing in.",
    Culprit.ADMINISTRATOR: "The administrator of the person's company must mend it.",
    Culprit.OPERATOR: "Our own application is set up wrong there: `relatch doctor` says more.",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one side is like now. `link` is the sign-in page, good for the person alone."""

    side: Side
    label: str
    account: str
    works: bool
    words: str
    link: str = ""


def check(tools: Tools, *, person: str, side: Side | None) -> Iterator[Person | Look]:
    """The person first, then each side as it answers. Raises CannotDo."""
    yield from _looks(tools, person, side, word="check")


def refresh(tools: Tools, *, person: str, side: Side | None) -> Iterator[Person | Look]:
    """As check, and each sign-in is renewed: without the person where that can work."""
    yield from _looks(tools, person, side, word="refresh")


def _looks(tools: Tools, text: str, side: Side | None, *, word: str) -> Iterator[Person | Look]:
    with tools.store.write() as tx:
        person = whom(tx, text)
        by = note(tx, tools, word, person=person)
        connections = live(tx, person, side)
    yield person
    for each in (each for each in Side if side in (None, each)):
        connection = next((one for one in connections if one.side is each), None)
        if connection is None:
            yield _nothing(tools, person, each)
        elif left_alone(connection):
            yield _refused(tools, person, connection)
        else:
            yield _look(tools, person, connection, force=word == "refresh", actor_id=by.id)


def _look(tools: Tools, person: Person, connection: Connection, *, force: bool, actor_id: int) -> Look:
    after, outcome = tools.probes.look(connection, force=force, actor_id=actor_id)
    label = tools.cards.label(after.provider)
    if isinstance(outcome, Ok):
        words = "Renewed without the person, and works." if force else "Works."
        return Look(side=after.side, label=label, account=after.account, works=True, words=words)
    cause = Cause.of(outcome)
    words = f"Does not work: {told(cause)}. {WHO_MENDS[cause.culprit]}"
    needed = cause.culprit is Culprit.PERSON
    link = sign_in_link(tools, person, after.side) if needed else ""
    return Look(side=after.side, label=label, account=after.account, works=False, words=words, link=link)


def _refused(tools: Tools, person: Person, connection: Connection) -> Look:
    cause, since = connection.condition.cause, connection.condition.since
    when = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    words = f"Not tried: the password is refused{when} ({told(cause) if cause else ''}), and another try could lock"
    return Look(
        side=connection.side,
        label=tools.cards.label(connection.provider),
        account=connection.account,
        works=False,
        words=f"{words} the account. {WHO_MENDS[Culprit.PERSON]}",
        link=sign_in_link(tools, person, connection.side),
    )


def _nothing(tools: Tools, person: Person, side: Side) -> Look:
    with tools.store.read() as tx:
        connection = tx.connections.of(person.id).get(side)
    health = connection.condition.health if connection else None
    words = {Health.REVOKING: "Being revoked.", Health.REVOKED: "Disconnected."}.get(
        health or Health.ACTIVE, "Not connected."
    )
    return Look(side=side, label="", account="", works=health is not Health.REVOKING, words=words)


def told(cause: Cause) -> str:
    """For operators: the reason by its name, with the vendor's own code and trace."""
    codes = ", ".join(part for part in (cause.code, cause.trace) if part)
    words = str(cause.reason).replace("_", " ")
    return f"{words} ({codes})" if codes else words


def sign_in_link(tools: Tools, person: Person, side: Side) -> str:
    """The page that the bot's own button leads to; empty where something must be chosen first."""
    with tools.store.write() as tx:
        return _link(tools, tx, person, side)


def _link(tools: Tools, tx: Tx, person: Person, side: Side) -> str:
    connection = tx.connections.of(person.id).get(side)
    doors = tools.cards.sign_in(tx, person, side, connection, tools.clock.now())
    return doors[0].url if doors else ""
