"""What the OAuth sign-ins of several vendors have in common. It knows no vendor and no refusal's meaning.

Sources: OpenID Connect Discovery 1.0, RFC 6749 (token answers), RFC 7636 (PKCE).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from providers.base import ProviderError
from providers.refusals import At, Signal, read_oauth
from providers.wire import Answer, Nonsense, Session, is_this_machine, read_json

DISCOVERY_LIFE = timedelta(hours=1)
# Programs differ on where the host begins, and on which it is, in what has an @, a backslash, a % or other letters.
ENDPOINT = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[^\s\\]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Secret:
    """What a credential's `secret` holds, where nothing but the tokens and what they allow must be kept."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]

    @classmethod
    def opened(cls, text: str) -> Secret:
        kept = json.loads(text)
        return cls(kept["access_token"], kept["refresh_token"], tuple(kept["scopes"]))

    def written(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    secret: Secret
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a vendor's OAuth is served. All but `authorize`, which only browsers visit, are https."""

    authorize: str
    token: str
    revoke: str
    keys: str


class Discovery:
    """One issuer's discovery document, asked for at most once an hour. Threads share it."""

    def __init__(self, *, issuer: str, clock: Callable[[], datetime]) -> None:
        self._issuer = issuer.rstrip("/")
        self._clock = clock
        self._read: tuple[datetime, Endpoints] | None = None

    def endpoints(self, session: Session) -> Endpoints:
        """Raises WireError: Nonsense for a document that cannot be this issuer's."""
        now, known = self._clock(), self._read
        # The clock of a demo goes backwards too, so that a reading from the future is no reading.
        if known and known[0] <= now < known[0] + DISCOVERY_LIFE:
            return known[1]
        found = document(session, f"{self._issuer}/.well-known/openid-configuration")
        if str(found.get("issuer")).rstrip("/") != self._issuer:
            raise Nonsense(urlsplit(self._issuer).hostname or "", "issuer")
        endpoints = Endpoints(
            authorize=_address(found, "authorization_endpoint"),
            token=endpoint(found, "token_endpoint", self._issuer),
            revoke=endpoint(found, "revocation_endpoint", self._issuer),
            keys=endpoint(found, "jwks_uri", self._issuer),
        )
        self._read = (now, endpoints)
        return endpoints


def pkce() -> tuple[str, str]:
    """A new code verifier, and the S256 challenge that goes before it."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def document(session: Session, address: str) -> dict[str, Any]:
    """A public document of the vendor's. Without it nobody can sign in, whatever the status says."""
    answer = session.get(address)
    if not answer.ok:
        raise Nonsense(urlsplit(address).hostname or "", f"document {answer.status_code}")
    return read_json(answer)


def accepted(answer: Answer, at: At, told: Callable[[Signal], ProviderError]) -> dict[str, Any]:
    """What the token endpoint gave. A refusal is raised as what the vendor's own table has it `told`."""
    if not answer.ok:
        raise told(read_oauth(at, answer))
    return read_json(answer)


def _address(found: Mapping[str, Any], name: str) -> str:
    address = found.get(name)
    if not isinstance(address, str) or not urlsplit(address).hostname:
        raise Nonsense("", name)
    return address


def endpoint(found: Mapping[str, Any], name: str, source: str) -> str:
    """An address for programs in a document from `source`. Raises Nonsense for one that cannot be a vendor's.

    Names of this machine are none, unless the document comes from that very server.
    """
    address = _address(found, name)
    elsewhere = urlsplit(address).netloc != urlsplit(source).netloc
    if not ENDPOINT.fullmatch(address) or (elsewhere and is_this_machine(address)):
        raise Nonsense("", name)
    return address
