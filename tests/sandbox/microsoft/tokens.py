"""How long Microsoft's tokens live and what ends them. No HTTP and no pages in this file.

Lifetimes and that an old refresh token stays good: learn.microsoft.com/entra/identity-platform/refresh-tokens.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tests.sandbox.microsoft import errors

ACCESS_LIFE = timedelta(hours=1)
IDLE_LIFE = timedelta(days=90)


class End(StrEnum):
    """Why a refresh token is over."""

    REVOKED = "revoked"
    WITHOUT_A_WORD = "without_a_word"


@dataclass(slots=True)
class RefreshToken:
    """It is bound to a person and a client, not to `scopes`: those are for renewals that name none.

    `signed_in_at` and `mfa` tell of the sign-in that all tokens of one chain come from.
    """

    value: str = field(repr=False)
    email: str
    client_id: str
    scopes: frozenset[str]
    signed_in_at: datetime
    issued_at: datetime
    used_at: datetime
    mfa: bool
    end: End | None = None
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Good for one resource: Graph or Outlook."""

    value: str = field(repr=False)
    email: str
    client_id: str
    resource: str
    scopes: frozenset[str]
    expires_at: datetime


class Tokens:
    """Every token there is. Ended refresh tokens are kept, so that their use is told apart from nonsense."""

    def __init__(self) -> None:
        self._refresh: dict[str, RefreshToken] = {}
        self._access: dict[str, AccessToken] = {}

    def grant(
        self,
        *,
        email: str,
        client_id: str,
        scopes: frozenset[str],
        signed_in_at: datetime,
        now: datetime,
        mfa: bool,
    ) -> RefreshToken:
        token = RefreshToken(
            value="1.A" + secrets.token_urlsafe(180),
            email=email,
            client_id=client_id,
            scopes=scopes,
            signed_in_at=signed_in_at,
            issued_at=now,
            used_at=now,
            mfa=mfa,
        )
        self._refresh[token.value] = token
        return token

    def access(
        self, *, email: str, client_id: str, resource: str, scopes: frozenset[str], now: datetime
    ) -> AccessToken:
        value = "eyJ0eXAiOiJKV1Qi." + secrets.token_urlsafe(160)
        token = AccessToken(value, email, client_id, resource, scopes, now + ACCESS_LIFE)
        self._access[value] = token
        return token

    def find(self, value: str, client_id: str) -> RefreshToken:
        """Raises Refused for a token that was never made, or was made for another client."""
        token = self._refresh.get(value)
        if token is None:
            raise errors.malformed()
        if token.client_id != client_id:
            raise errors.not_valid("refresh token")
        return token

    def use(self, token: RefreshToken, now: datetime, *, strict: bool) -> RefreshToken:
        """Marks it as used and gives its successor. Raises Refused with the words that Entra has for its end."""
        if strict and token.replaced:
            self.end(token.email, End.REVOKED)
        if token.end is End.REVOKED:
            raise errors.revoked(token.issued_at, now)
        if token.end is End.WITHOUT_A_WORD:
            raise errors.plain_refusal()
        if now - token.used_at > IDLE_LIFE:
            raise errors.idle(token.issued_at)
        token.used_at = now
        # Microsoft leaves the old one good; only strict rotation minds that it was replaced.
        token.replaced = strict
        return self.grant(
            email=token.email,
            client_id=token.client_id,
            scopes=token.scopes,
            signed_in_at=token.signed_in_at,
            now=now,
            mfa=token.mfa,
        )

    def bearer(self, value: str, now: datetime) -> AccessToken | None:
        token = self._access.get(value)
        return token if token and now < token.expires_at else None

    def end(self, email: str, why: End) -> None:
        """Ends every refresh token of the account, and its access tokens at once."""
        for refresh in self._living(email):
            refresh.end = why
        self.end_access(email)

    def end_access(self, email: str) -> None:
        for access in [token for token in self._access.values() if token.email == email]:
            del self._access[access.value]

    def idle(self, email: str, by: timedelta) -> None:
        """Makes the account's tokens unused for `by`: refresh tokens age, access tokens are long over."""
        for refresh in self._living(email):
            refresh.issued_at -= by
            refresh.used_at -= by
        self.end_access(email)

    def _living(self, email: str) -> Iterator[RefreshToken]:
        return (token for token in self._refresh.values() if token.email == email and token.end is None)
