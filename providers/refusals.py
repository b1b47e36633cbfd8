"""How a vendor's refusal becomes a ProviderError: what it said, the rows of a table, and what walks them.

It knows no vendor: each has its own table in providers/<slug>/errors.py. Nothing is sent from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from providers import wire
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.wire import Answer

CODE_LENGTH = 80
ANY_STATUS = range(1000)
NOT_JSON = "not JSON"


class At(StrEnum):
    """Where the vendor said it."""

    CALLBACK = "callback"
    FORM = "form"
    CODE = "code"
    TOKEN = "token"  # noqa: S105 - a place, not a token
    API = "api"


@dataclass(frozen=True, slots=True)
class Signal:
    """What the vendor said. `words` is its free text: it is matched here and goes no further."""

    at: At
    status: int = 0
    errors: tuple[str, ...] = ()
    words: str = field(default="", repr=False)
    retry_after: float | None = None
    trace: str = ""

    @property
    def code(self) -> str:
        """The vendor's own short code, such as `invalid_grant` or `403 rateLimitExceeded`."""
        first = self.errors[0] if self.errors else ""
        shown = f"{self.status or ''} {first}" if self.at is At.API or not first else first
        return re.sub(r"[^A-Za-z0-9_.:/ -]", "", shown).strip()[:CODE_LENGTH]


@dataclass(frozen=True, slots=True)
class Row:
    """An empty column matches everything. `words` are looked for in lower case."""

    failure: type[ProviderError]
    reason: Reason
    definite: bool = False
    at: frozenset[At] = frozenset()
    status: range = ANY_STATUS
    errors: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    def fits(self, signal: Signal) -> bool:
        said = signal.words.casefold()
        return (
            (not self.at or signal.at in self.at)
            and signal.status in self.status
            and (not self.errors or not self.errors.isdisjoint(signal.errors))
            and (not self.words or any(word in said for word in self.words))
        )


CALLBACK = frozenset({At.CALLBACK})
FORM = frozenset({At.FORM})
CODE = frozenset({At.CODE})
TOKEN = frozenset({At.TOKEN})
OAUTH = frozenset({At.CALLBACK, At.CODE, At.TOKEN})
API = frozenset({At.API})


def row(
    failure: type[ProviderError],
    reason: Reason,
    at: frozenset[At],
    *errors: str,
    definite: bool = False,
    status: range = ANY_STATUS,
    words: tuple[str, ...] = (),
) -> Row:
    """One line of a table, read from left to right."""
    return Row(failure, reason, definite, at, status, frozenset(errors), words)


def only(status: int) -> range:
    return range(status, status + 1)


def told(table: Sequence[Row], signal: Signal) -> ProviderError:
    """The failure that a signal means: the first row that fits decides. A table ends in rows that fit everything."""
    row = next(row for row in table if row.fits(signal))
    if issubclass(row.failure, Rejected):
        return Rejected(row.reason, signal.code, signal.trace, definite=row.definite)
    if issubclass(row.failure, Unavailable):
        return Unavailable(row.reason, signal.code, signal.trace, retry_after=signal.retry_after)
    return row.failure(row.reason, signal.code, signal.trace)


def read_oauth(at: At, answer: Answer) -> Signal:
    """A refusal of the token or revocation endpoint."""
    body = body_of(answer)
    words = texts([body.get("error_subtype"), body.get("error_description")])
    return Signal(
        at=at,
        status=answer.status_code,
        errors=tuple(texts([body.get("error")])) or (NOT_JSON,),
        words=" ".join(words),
        retry_after=seconds_asked(answer.headers),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the wire raises into ProviderError, so that nothing else leaves a provider's package."""
    try:
        yield
    except wire.TlsError as error:
        raise Blocked(Reason.TLS_ERROR, error.why) from error
    except wire.Timeout as error:
        raise Unavailable(Reason.NETWORK, "timeout", sent=error.sent) from error
    except wire.Unreachable as error:
        raise Unavailable(Reason.NETWORK, error.why, sent=error.sent) from error
    except wire.HostRefused as error:
        raise Misconfigured(Reason.CLIENT_MISCONFIGURED, f"host refused: {error.host}") from error
    except wire.WireError as error:
        raise Unavailable(Reason.PROVIDER_DOWN, error.why) from error


@contextmanager
def legible() -> Iterator[None]:
    """Around the reading of an answer's parts: one that is missing or of another kind is Nonsense."""
    try:
        yield
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        # Their text quotes what could not be read, so the chain ends here.
        raise wire.Nonsense("", f"unexpected answer: {type(error).__name__}") from None


def body_of(answer: Answer) -> dict[str, Any]:
    """The JSON object of a refusal; empty where there is none."""
    try:
        return wire.read_json(answer)
    except wire.Nonsense:
        return {}


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header in seconds, where it is a number."""
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None


def texts(values: list[Any]) -> list[str]:
    """Those that are words at all: a vendor's answer may hold anything."""
    return [value for value in values if isinstance(value, str) and value]


def dicts(values: Any) -> list[dict[str, Any]]:
    """Those that are objects at all."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
