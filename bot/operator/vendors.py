"""What doctor finds at the vendors: without a person, and with `--live` by one look at people's own connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from bot.model import Cause, Connection, Culprit, Finding, Health, Level
from bot.operator.looking import WHO_MENDS, told
from bot.operator.tools import Tools, live, note, whom
from bot.rules.health import Ok
from providers.base import Misconfigured, Provider, ProviderError, Reached, Reason, Side

CLIENT = "our client"


def reached(providers: Mapping[str, Provider], *, public_url: str) -> Iterator[Finding]:
    """One line for each place of each vendor that has settings."""
    sides = {provider.side for provider in providers.values()}
    if Side.MAILBOX not in sides:
        mend = "Set up at least one of Office 365, Exchange and Google: the README says how."
        yield Finding(Level.FAIL, "vendors", "No mailbox has settings: nobody can connect one.", mend)
    if Side.CRM not in sides:
        mend = "Set RELATCH_SALESFORCE_CLIENT_ID and its secret."
        yield Finding(Level.WARN, "vendors", "No CRM has settings: mail is counted and copied nowhere.", mend)
    for provider in providers.values():
        found = provider.reach()
        for each in found:
            yield _place(provider, each)
        if any(each.what == CLIENT for each in found):
            words = f"It must know the redirect address {public_url}/callback/{provider.slug}."
            yield Finding(Level.OK, provider.label, f"{words} A vendor does not tell that without a person.")


def _place(provider: Provider, place: Reached) -> Finding:
    if place.error is None:
        known = "known there" if place.what == CLIENT else "as expected"
        return Finding(Level.OK, provider.label, f"{place.what} at {place.host}: {known}.")
    words = f"{place.what} at {place.host}: {told(Cause.of(place.error))}."
    return Finding(Level.FAIL, provider.label, words, _mend(provider, place, place.error))


def _mend(provider: Provider, place: Reached, error: ProviderError) -> str:
    name = f"RELATCH_{provider.slug.upper()}"
    if error.reason is Reason.TLS_ERROR:
        return f"Set RELATCH_CA_BUNDLE to a PEM file with the authority that signs for {place.host}."
    if error.reason is Reason.NETWORK:
        return f"Let this machine reach {place.host} by https, or set RELATCH_HTTPS_PROXY."
    if error.reason is Reason.CLIENT_SECRET_EXPIRED:
        return f"Make a new client secret there and set {name}_CLIENT_SECRET."
    if isinstance(error, Misconfigured) or place.what == CLIENT:
        return f"Compare {name}_CLIENT_ID and its secret with what the vendor shows, and the addresses in {name}_…"
    return f"If {provider.label} has no trouble of its own now, compare the addresses in {name}_… with the README."


def chosen(tools: Tools, *, each: bool, person: str) -> list[Connection]:
    """Whom `--live` looks at: somebody's, everybody's, or one of each provider. Stands in the history."""
    with tools.store.write() as tx:
        who = whom(tx, person) if person else None
        note(tx, tools, "doctor --live", person=who)
        if who is not None:
            return live(tx, who, None)
        everything = sorted(tx.connections.alive(), key=lambda one: one.condition.health is not Health.ACTIVE)
    first = {one.provider: one for one in reversed(everything)}
    return everything if each else list(first.values())


def looked_at(tools: Tools, connections: Sequence[Connection], step: Callable[[], None]) -> Iterator[Finding]:
    """Counts by provider and cause. Who is refused already is not asked again: that could lock an account."""
    counts: Counter[tuple[str, str, Culprit | None]] = Counter()
    for connection in connections:
        cause = _known_refusal(connection) or _now(tools, connection)
        label = tools.cards.label(connection.provider)
        counts[label, told(cause) if cause else "", cause.culprit if cause else None] += 1
        step()
    if not connections:
        yield Finding(Level.OK, "live", "Nobody is connected yet.")
    for (label, words, culprit), number in sorted(counts.items(), key=lambda item: item[0][:2]):
        if culprit is None:
            yield Finding(Level.OK, "live", f"{label}: {number} looked at and working.")
        else:
            yield Finding(Level.FAIL, "live", f"{label}: {number} with {words}.", WHO_MENDS[culprit])


def _known_refusal(connection: Connection) -> Cause | None:
    cause = connection.condition.cause
    refused = connection.condition.health is Health.SUSPENDED and cause is not None
    return cause if refused and cause is not None and cause.culprit is Culprit.PERSON else None


def _now(tools: Tools, connection: Connection) -> Cause | None:
    # Nobody pressed anything: one plain refusal is not believed yet, as in a run.
    _, outcome = tools.probes.look(connection, force=False, actor_id=None)
    return None if isinstance(outcome, Ok) else Cause.of(outcome)
