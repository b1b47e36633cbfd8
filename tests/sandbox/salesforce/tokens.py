"""How long Salesforce's tokens live and what ends them. No HTTP and no pages in this file.

Rotation: help.salesforce.com, "OAuth 2.0 Refresh Token Flow for Renewed Sessions". Idle life: thirty days, as
partners' apps must have it since 2026.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sandbox.salesforce import errors
from tests.sandbox.salesforce.ids import SHORT
from tests.sandbox.salesforce.people import User

# No answer tells it: a client learns of the end of a session by a 401.
SESSION_LIFE = timedelta(hours=2)
IDLE_LIFE = timedelta(days=30)
GRANTS_PER_USER_AND_CLIENT = 5


@dataclass(slots=True, eq=False)
class Grant:
    """What one user allowed one client in one sign-in. `refresh` is the refresh token that is good now."""

    user: User
    client_id: str
    scopes: frozenset[str]
    refresh: str = field(repr=False)
    signed_in_at: datetime
    used_at: datetime
    ended: bool = False

    def holds(self, now: datetime) -> bool:
        return not self.ended and now - self.used_at <= IDLE_LIFE


@dataclass(frozen=True, slots=True)
class Session:
    """An access token, which Salesforce calls a session."""

    value: str = field(repr=False)
    grant: Grant
    started_at: datetime
    ends_at: datetime

    @property
    def user(self) -> User:
        return self.grant.user


class Tokens:
    """Every grant, ended ones too. Refresh tokens that were rotated out are kept, so that reuse is seen."""

    def __init__(self) -> None:
        self._grants: list[Grant] = []
        self._by_refresh: dict[str, Grant] = {}
        self._sessions: dict[str, Session] = {}

    def grant(self, user: User, client_id: str, scopes: frozenset[str], now: datetime) -> Grant:
        """A new grant. Above five, the oldest of this user and client dies silently."""
        grant = Grant(user, client_id, scopes, self._fresh(), now, now)
        self._grants.append(grant)
        self._by_refresh[grant.refresh] = grant
        alive = [other for other in self._of(user) if other.client_id == client_id and not other.ended]
        for other in alive[:-GRANTS_PER_USER_AND_CLIENT]:
            self._end(other)
        return grant

    def living(self, value: str, client_id: str, now: datetime) -> Grant:
        """The grant that a refresh token stands for. A token that was rotated out ends it. Raises Refused."""
        grant = self._by_refresh.get(value)
        if grant is None or grant.client_id != client_id:
            raise errors.expired_or_revoked()
        if grant.refresh != value or not grant.holds(now):
            self._end(grant)
            raise errors.expired_or_revoked()
        return grant

    def use(self, grant: Grant, *, rotate: bool, now: datetime) -> None:
        grant.used_at = now
        if rotate:
            grant.refresh = self._fresh()
            self._by_refresh[grant.refresh] = grant

    def session(self, grant: Grant, now: datetime) -> Session:
        value = f"{grant.user.org.id[:SHORT]}!AQ{secrets.token_urlsafe(60)}"
        session = Session(value, grant, now, now + SESSION_LIFE)
        self._sessions[value] = session
        return session

    def bearer(self, value: str, now: datetime) -> Session | None:
        session = self._sessions.get(value)
        return session if session and now < session.ends_at else None

    def refresh_grant(self, value: str, now: datetime) -> Grant | None:
        """The living grant whose refresh token this is today."""
        grant = self._by_refresh.get(value)
        return grant if grant and grant.refresh == value and grant.holds(now) else None

    def revoke(self, value: str, now: datetime) -> bool:
        """A refresh token takes its access tokens along; an access token goes alone. False: it was dead."""
        grant = self.refresh_grant(value, now)
        if grant:
            self._end(grant)
            return True
        return self.bearer(value, now) is not None and self._sessions.pop(value, None) is not None

    def end(self, user: User) -> None:
        for grant in self._of(user):
            self._end(grant)

    def end_sessions(self, user: User) -> None:
        self._sessions = {key: one for key, one in self._sessions.items() if one.user is not user}

    def idle(self, user: User, by: timedelta) -> None:
        """Makes the user's tokens unused for `by`: grants age, sessions are long over."""
        for grant in self._of(user):
            grant.used_at -= by
        self.end_sessions(user)

    def _of(self, user: User) -> Iterator[Grant]:
        return (grant for grant in self._grants if grant.user is user)

    def _end(self, grant: Grant) -> None:
        grant.ended = True
        self._sessions = {key: one for key, one in self._sessions.items() if one.grant is not grant}

    def _fresh(self) -> str:
        return "5Aep861" + secrets.token_urlsafe(60)
