"""An org and its users, as an administrator sees them in Setup. No tokens and no HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.sandbox.salesforce.ids import ORG, USER, stable_id
from tests.sandbox.salesforce.objects import OBJECTS

PRODUCTION, SANDBOX = "production", "sandbox"
CALLS_A_DAY = 15_000
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One record. `updates` counts how often it was written after it was created."""

    values: Mapping[str, Any]
    updates: int = 0


@dataclass(slots=True, eq=False)
class Org:
    """Production, sandbox, or the org behind a My Domain of that name."""

    name: str
    id: str
    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in OBJECTS})
    _calls: list[datetime] = field(default_factory=list)
    _used_up_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """The beginning of its paths; on the real Salesforce, each has its own host."""
        return f"/{self.name}" if self.name in {PRODUCTION, SANDBOX} else f"/my/{self.name}"

    def use_up_calls(self, now: datetime) -> None:
        self._used_up_at = now

    def count_call(self, now: datetime) -> None:
        self._calls.append(now)

    def calls(self, now: datetime) -> int:
        """API calls within the last 24 hours: the limit rolls, there is no midnight."""
        self._calls = [at for at in self._calls if now - at < A_DAY]
        used_up = self._used_up_at is not None and now - self._used_up_at < A_DAY
        return CALLS_A_DAY if used_up else len(self._calls)


@dataclass(slots=True, eq=False)
class User:
    """`approved` holds the scopes for which no page is shown any more, by client."""

    email: str
    password: str = field(repr=False)
    org: Org
    id: str
    active: bool = True
    api_enabled: bool = True
    may_write: bool = True
    ip_restricted: bool = False
    password_changed_at: datetime | None = None
    approved: dict[str, frozenset[str]] = field(default_factory=dict)


def new_org(name: str) -> Org:
    return Org(name, stable_id(ORG, name))


def new_user(org: Org, email: str, password: str) -> User:
    return User(email, password, org, stable_id(USER, f"{org.name}/{email}"))
