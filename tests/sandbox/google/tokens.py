"""How long Google's tokens live and what ends them. No HTTP and no pages in this file.

Lifetimes: developers.google.com/identity/protocols/oauth2#expiration.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.sandbox.google import errors

ACCESS_LIFE = timedelta(hours=1)
IDLE_LIFE = timedelta(days=182)
TESTING_LIFE = timedelta(days=7)
SESSION_LIFE = timedelta(hours=16)
REFRESH_TOKENS_PER_ACCOUNT_AND_CLIENT = 100

API = "https://www.googleapis.com/auth/"
GMAIL_METADATA = f"{API}gmail.metadata"
GMAIL_READERS = frozenset(
    {"https://mail.google.com/", f"{API}gmail.modify", f"{API}gmail.readonly", GMAIL_METADATA}
)
CALENDAR_READERS = frozenset(
    {
        f"{API}calendar",
        f"{API}calendar.readonly",
        f"{API}calendar.events",
        f"{API}calendar.events.readonly",
        f"{API}calendar.events.owned",
        f"{API}calendar.events.owned.readonly",
    }
)


@dataclass(slots=True)
class RefreshToken:
    value: str = field(repr=False)
    email: str
    client_id: str
    scopes: frozenset[str]
    signed_in_at: datetime
    used_at: datetime
    testing: bool = False
    ended: bool = False
    rotated: bool = False


@dataclass(frozen=True, slots=True)
class AccessToken:
    value: str = field(repr=False)
    email: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refreshing:
    """What stands in the way of one account's renewals today."""

    suspended: bool = False
    session_lapsed_at: datetime | None = None
    admin_approval: bool = False
    strict_rotation: bool = False


class Tokens:
    """Every token of the one Google Cloud project. Ended refresh tokens are kept, so that reuse is seen."""

    def __init__(self) -> None:
        self._refresh: dict[str, RefreshToken] = {}
        self._access: dict[str, AccessToken] = {}

    def grant(
        self, *, email: str, client_id: str, scopes: frozenset[str], now: datetime, testing: bool = False
    ) -> RefreshToken:
        """A new refresh token. Above a hundred, the oldest of this account and client dies silently."""
        token = RefreshToken(
            value="1//0" + secrets.token_urlsafe(48),
            email=email,
            client_id=client_id,
            scopes=scopes,
            signed_in_at=now,
            used_at=now,
            testing=testing,
        )
        self._refresh[token.value] = token
        alive = [other for other in self._living(email) if other.client_id == client_id]
        for other in alive[:-REFRESH_TOKENS_PER_ACCOUNT_AND_CLIENT]:
            other.ended = True
        return token

    def access(self, *, email: str, client_id: str, scopes: frozenset[str], now: datetime) -> AccessToken:
        value = "ya29." + secrets.token_urlsafe(64)
        token = AccessToken(value, email, client_id, scopes, now + ACCESS_LIFE)
        self._access[value] = token
        return token

    def owner(self, value: str) -> str:
        """The account that a refresh token was made for, also after it ended; else empty."""
        token = self._refresh.get(value)
        return token.email if token else ""

    def renew(self, value: str, client_id: str, rules: Refreshing, now: datetime) -> RefreshToken:
        """The living refresh token behind `value`, marked as used; its successor under strict rotation.

        Raises Refused with the body that Google would send.
        """
        token = self._refresh.get(value)
        if token is None:
            raise errors.bad_grant()
        if token.client_id != client_id:
            raise errors.oauth("unauthorized_client", "Unauthorized", status=401)
        if rules.suspended:
            raise errors.account_deleted()
        self._lapse(token, now)
        if token.rotated:
            self.end(token.email)
        if token.ended:
            raise errors.expired_or_revoked()
        if rules.session_lapsed_at and not _session_holds(token, rules.session_lapsed_at, now):
            raise errors.session_too_old()
        if rules.admin_approval:
            raise errors.admin_policy()
        token.used_at = now
        return self._succeed(token, now) if rules.strict_rotation else token

    def bearer(self, value: str, now: datetime) -> AccessToken | None:
        token = self._access.get(value)
        return token if token and now < token.expires_at else None

    def email_of(self, value: str, now: datetime) -> str:
        """The account of a living token of either kind; empty when it is dead."""
        refresh = self._refresh.get(value)
        if refresh:
            self._lapse(refresh, now)
            return "" if refresh.ended else refresh.email
        access = self.bearer(value, now)
        return access.email if access else ""

    def end(self, email: str, *, only_with_gmail: bool = False) -> None:
        """Ends what the account gave to this project: every refresh token and every access token at once."""
        for refresh in self._living(email):
            refresh.ended = refresh.ended or not only_with_gmail or bool(refresh.scopes & GMAIL_READERS)
        for access in [token for token in self._access.values() if token.email == email]:
            if not only_with_gmail or access.scopes & GMAIL_READERS:
                del self._access[access.value]

    def end_access(self, email: str) -> None:
        for access in [token for token in self._access.values() if token.email == email]:
            del self._access[access.value]

    def idle(self, email: str, by: timedelta) -> None:
        """Makes the account's tokens unused for `by`: refresh tokens age, access tokens are long over."""
        for refresh in self._living(email):
            refresh.used_at -= by
        self.end_access(email)

    def _living(self, email: str) -> Iterator[RefreshToken]:
        return (token for token in self._refresh.values() if token.email == email and not token.ended)

    def _lapse(self, token: RefreshToken, now: datetime) -> None:
        too_idle = now - token.used_at > IDLE_LIFE
        too_old = token.testing and now - token.signed_in_at > TESTING_LIFE
        token.ended = token.ended or too_idle or too_old

    def _succeed(self, token: RefreshToken, now: datetime) -> RefreshToken:
        successor = self.grant(
            email=token.email, client_id=token.client_id, scopes=token.scopes, now=now, testing=token.testing
        )
        successor.signed_in_at = token.signed_in_at
        token.ended = token.rotated = True
        return successor


def _session_holds(token: RefreshToken, lapsed_at: datetime, now: datetime) -> bool:
    return token.signed_in_at > lapsed_at and now - token.signed_in_at <= SESSION_LIFE
