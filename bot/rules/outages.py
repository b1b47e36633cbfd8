"""When many failures are one trouble: a provider's breaker, the guard over DMs. No clock, SQL or network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from providers.base import ProviderError, Reason, Side, Unavailable

FAILURES_UNTIL_OPEN = 3
CONNECTIONS_UNTIL_OPEN = 3
SHORTEST_PROBE = timedelta(minutes=1)
LONGEST_PROBE = timedelta(minutes=10)
# 2**4 minutes is already beyond the longest probe.
MOST_DOUBLINGS = 4
SPREAD_AFTER_OUTAGE = timedelta(minutes=10)
GUARD_WINDOW = timedelta(minutes=10)
HELD_ABOVE = 25
HELD_FROM = 5
HELD_ABOVE_PERCENT = 10
OUTAGES = frozenset({Reason.PROVIDER_DOWN, Reason.NETWORK})


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one provider's outage.

    `failures` came in a row, from `connections`, of which no more are remembered than matter. While it is
    open, one probe at `next_probe_at` is all that is tried; `probes` of them have failed.
    """

    failures: int = 0
    connections: frozenset[int] = frozenset()
    opened_at: datetime | None = None
    next_probe_at: datetime | None = None
    probes: int = 0

    @property
    def open(self) -> bool:
        return self.opened_at is not None


def counts(error: ProviderError, side: Side = Side.MAILBOX) -> bool:
    """Whether this is a failure for the breaker.

    A mailbox's rate limit is often one account's own. A CRM counts the calls of everybody in the org together.
    """
    shared = side is Side.CRM and error.reason is Reason.RATE_LIMITED
    return isinstance(error, Unavailable) and (error.reason in OUTAGES or shared)


def failed(breaker: Breaker, connection_id: int, connections_total: int, now: datetime) -> Breaker:
    """One more failure that `counts`. `connections_total` is how many the provider has."""
    connections = breaker.connections
    if len(connections) < CONNECTIONS_UNTIL_OPEN:
        connections |= {connection_id}
    breaker = replace(breaker, failures=breaker.failures + 1, connections=connections)
    if breaker.next_probe_at is not None:
        # Runs that were under way when it opened fail too: they are no probes and put none off.
        return breaker if now < breaker.next_probe_at else _probed(breaker, now)
    enough = min(CONNECTIONS_UNTIL_OPEN, connections_total)
    if breaker.failures >= FAILURES_UNTIL_OPEN and len(connections) >= enough:
        return replace(breaker, opened_at=now, next_probe_at=now + SHORTEST_PROBE)
    return breaker


def succeeded(breaker: Breaker) -> Breaker:
    """After an Ok of any connection. A refusal is no Ok: vendors in trouble refuse good sign-ins too."""
    return Breaker() if breaker.failures else breaker


def held(turned_bad: int, total: int) -> bool:
    """Whether DMs wait for an admin: so many of a provider's turned Rejected or Blocked in GUARD_WINDOW."""
    many = turned_bad >= HELD_FROM and turned_bad * 100 > total * HELD_ABOVE_PERCENT
    return many or turned_bad > HELD_ABOVE


def _probed(breaker: Breaker, now: datetime) -> Breaker:
    probes = breaker.probes + 1
    wait = min(SHORTEST_PROBE * 2 ** min(probes, MOST_DOUBLINGS), LONGEST_PROBE)
    return replace(breaker, probes=probes, next_probe_at=now + wait)
