"""What the OAuth servers of all vendors share: single-use codes, PKCE, the key of ID tokens. No vendor's words here."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

T = TypeVar("T")


class Verifier(StrEnum):
    """What a code verifier proves."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"
    NOT_NEEDED = "not_needed"


@dataclass(frozen=True, slots=True)
class Pkce:
    """A code challenge (RFC 7636). An empty challenge means that the client did not use PKCE."""

    challenge: str = ""
    method: str = "plain"

    @property
    def is_known(self) -> bool:
        return self.method in {"plain", "S256"}

    def judge(self, verifier: str) -> Verifier:
        if not self.challenge:
            return Verifier.NOT_NEEDED if verifier else Verifier.RIGHT
        if not verifier:
            return Verifier.MISSING
        shown = s256(verifier) if self.method == "S256" else verifier
        return Verifier.RIGHT if hmac.compare_digest(shown, self.challenge) else Verifier.WRONG


def s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


class Codes(Generic[T]):
    """Authorization codes: each is good once, for `life`. The holder guards it with its own lock."""

    def __init__(self, life: timedelta, *, prefix: str = "") -> None:
        self._life = life
        self._prefix = prefix
        self._open: dict[str, tuple[datetime, T]] = {}

    def issue(self, meaning: T, now: datetime) -> str:
        code = self._prefix + secrets.token_urlsafe(32)
        self._open[code] = (now + self._life, meaning)
        return code

    def redeem(self, code: str, now: datetime) -> T | None:
        """None for a code that is unknown, used or too old. Asking spends it, whatever comes of it."""
        until, meaning = self._open.pop(code, (now, None))
        return meaning if now < until else None


def with_query(url: str, **answer: str) -> str:
    """`url` with `answer` added to its query; the query that was registered with it stays."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return urlunsplit(parts._replace(query=query))


@functools.cache
def signing_key(whose: str) -> rsa.RSAPrivateKey:
    """What a vendor or a client signs with. One for the process: to make one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def certificate(whose: str, kind: trustme.KeyType = trustme.KeyType.RSA) -> tuple[str, str]:
    """A client's private key and its certificate, as PEM. One for the process."""
    issued = trustme.CA().issue_cert(whose, key_type=kind)
    return issued.private_key_pem.bytes().decode(), issued.cert_chain_pems[0].bytes().decode()
