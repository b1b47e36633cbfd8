"""What Microsoft remembers: tenants, accounts with their mailboxes, clients, and what is broken. No HTTP.

A mailbox is Exchange's, here as at Microsoft: Graph and EWS show the same one.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tests.sandbox.exchange.mailbox import Mailbox
from tests.sandbox.microsoft.rounds import Rounds
from tests.sandbox.microsoft.tokens import Tokens


class Clock(Protocol):
    def now(self) -> datetime:
        """The sandbox's time, in UTC."""


@dataclass(slots=True)
class Tenant:
    """A company's directory. `consented` is what its administrator allowed for everybody in it."""

    id: str
    domain: str
    needs_approval: bool = False
    consented: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.domain.partition(".")[0].title()


@dataclass(slots=True)
class Account:
    """`asked_again_at`: sign-ins until then are over, and later ones do not last long."""

    email: str
    password: str = field(repr=False)
    oid: str
    tenant: Tenant
    mailbox: Mailbox
    rounds: Rounds = field(default_factory=Rounds)
    granted: frozenset[str] = frozenset()
    disabled: bool = False
    unassigned: bool = False
    locked: bool = False
    password_expired: bool = False
    mfa: bool = False
    conditional_access: bool = False
    asked_again_at: datetime | None = None
    no_mailbox: bool = False
    less_scope: bool = False

    @property
    def consented(self) -> frozenset[str]:
        return self.granted | self.tenant.consented

    @property
    def display_name(self) -> str:
        return self.email.partition("@")[0].title()


@dataclass(frozen=True, slots=True)
class Client:
    """`public_key` is PEM, of a key or of a certificate; empty where the app has only its secret."""

    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str
    public_key: str = ""


@dataclass(slots=True)
class Faults:
    """What is broken for everyone."""

    down: bool = False
    slow: float = 0
    nonsense: str = ""
    rate_limited: bool = False
    wrong_client_secret: bool = False
    client_secret_expired: bool = False
    app_missing: bool = False
    tenant_restricted: bool = False
    ews_enabled: bool = False
    lose_token_answer: bool = False
    strict_rotation: bool = False
    lost_sync_status: int = 410


@dataclass(slots=True)
class Addresses:
    """`login` is where browsers go, `api` where programs go; both without a slash at the end."""

    login: str = ""
    api: str = ""


class State:
    """All of it, behind one lock: tests call from their thread, browsers and the bot from the loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.addresses = Addresses()
        self.tokens = Tokens()
        self.faults = Faults()
        self.tenants: dict[str, Tenant] = {}
        self.accounts: dict[str, Account] = {}
        self.clients: dict[str, Client] = {}

    def account(self, login: str) -> Account | None:
        """By its address or an alias, whatever the case."""
        wanted = login.strip()
        return next((account for account in self.accounts.values() if account.mailbox.is_at(wanted)), None)

    def tenant(self, name: str) -> Tenant | None:
        """By its id or its domain, whatever the case."""
        wanted = name.casefold()
        found = (tenant for tenant in self.tenants.values() if wanted in {tenant.id, tenant.domain.casefold()})
        return next(found, None)

    def directory(self, domain: str) -> Tenant:
        """The tenant of this domain, made on first mention."""
        return self.tenants.setdefault(domain, Tenant(id=stable_id(domain), domain=domain))

    def administrator(self, tenant: Tenant) -> Account | None:
        """As in a real tenant, whoever was there first administers it."""
        return next((account for account in self.accounts.values() if account.tenant is tenant), None)


def stable_id(name: str) -> str:
    """A GUID, the same for a name in every sandbox."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def pairwise_sub(client_id: str, oid: str) -> str:
    """Entra's `sub` differs from app to app for one person."""
    return hashlib.sha256(f"{client_id}|{oid}".encode()).hexdigest()[:43]
