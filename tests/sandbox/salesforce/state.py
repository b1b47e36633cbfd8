"""What Salesforce remembers: orgs with users and records, clients, and what is broken today. No HTTP."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from tests.sandbox.salesforce.ids import new_id
from tests.sandbox.salesforce.objects import OBJECTS, RELATCH_ID
from tests.sandbox.salesforce.people import PRODUCTION, SANDBOX, Org, Row, User, new_org, new_user
from tests.sandbox.salesforce.tokens import Tokens


class Clock(Protocol):
    def now(self) -> datetime:
        """The sandbox's time, in UTC."""


@dataclass(frozen=True, slots=True)
class Client:
    """An external client app."""

    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Faults:
    """What is broken for everyone. `nonsense` is empty, "html" or "empty"."""

    down: bool = False
    slow: float = 0.0
    nonsense: str = ""
    rate_limited: bool = False
    login_rate: bool = False
    wrong_client_secret: bool = False
    app_not_installed: bool = False
    api_disabled_for_org: bool = False
    field_missing: bool = False
    rotation: bool = True
    lose_token_answer: bool = False


class State:
    """Everything is read and changed under `lock`."""

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.tokens = Tokens()
        self.faults = Faults()
        self.orgs: dict[str, Org] = {name: new_org(name) for name in (PRODUCTION, SANDBOX)}
        self.users: list[User] = []
        self.clients: dict[str, Client] = {}

    @property
    def missing_field(self) -> str:
        """The field that the administrator has not made yet; empty when all is there."""
        return RELATCH_ID if self.faults.field_missing else ""

    def org(self, name: str) -> Org:
        """Made when it is first named."""
        if name not in self.orgs:
            self.orgs[name] = new_org(name)
        return self.orgs[name]

    def add_user(self, org: Org, email: str, password: str) -> User:
        user = new_user(org, email, password)
        self.users.append(user)
        return user

    def user(self, org: Org, login: str) -> User | None:
        """By its user name, which is its address here, whatever the case."""
        wanted = login.strip().casefold()
        return next((user for user in self.users_of(org) if user.email.casefold() == wanted), None)

    def users_of(self, org: Org) -> list[User]:
        return [user for user in self.users if user.org is org]

    def named(self, email: str) -> list[User]:
        """The users with this address, one in each org that has them. KeyError: nobody has it."""
        found = [user for user in self.users if user.email == email]
        if not found:
            raise KeyError(email)
        return found

    def add_person(self, org: Org, sobject: str, *, email: str, name: str, **more: Any) -> str:
        """A contact or a lead. Gives its id."""
        id_, now = new_id(OBJECTS[sobject].prefix), as_text(self.clock.now())
        first, _, last = name.rpartition(" ")
        values = {
            "Id": id_,
            "IsDeleted": False,
            "CreatedDate": now,
            "LastModifiedDate": now,
            "Name": name,
            "FirstName": first or None,
            "LastName": last,
            "Email": email,
        }
        org.tables[sobject][id_] = Row(values | more)
        return id_


def as_text(at: datetime) -> str:
    """A dateTime as Salesforce writes it: 2026-11-21T12:00:00.000+0000."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000%z")
