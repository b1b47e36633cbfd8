"""What Google's refusals mean: one table, and the one function that walks it. Nothing is sent from here.

Sources: developers.google.com/identity/protocols/oauth2 (expiration), …/oauth2/web-server (errors),
developers.google.com/workspace/gmail/api/guides/handle-errors, …/workspace/calendar/api/guides/errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from providers import wire
from providers.base import (
    Blocked,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Unavailable,
)
from providers.wire import Answer

CODE_LENGTH = 80


class At(StrEnum):
    """Where Google said it."""

    CALLBACK = "callback"
    CODE = "code"
    TOKEN = "token"  # noqa: S105 - a place, not a token
    API = "api"


@dataclass(frozen=True, slots=True)
class Signal:
    """What Google said. `words` is its free text: it is matched here and goes no further."""

    at: At
    status: int = 0
    errors: tuple[str, ...] = ()
    words: str = field(default="", repr=False)
    retry_after: float | None = None

    @property
    def code(self) -> str:
        """Google's own short code, such as `invalid_grant` or `403 rateLimitExceeded`."""
        first = self.errors[0] if self.errors else ""
        shown = f"{self.status} {first}" if self.at is At.API or not first else first
        return re.sub(r"[^A-Za-z0-9_.:/ -]", "", shown).strip()[:CODE_LENGTH]


@dataclass(frozen=True, slots=True)
class Row:
    """An empty column matches everything. `words` are looked for in lower case."""

    failure: type[ProviderError]
    reason: Reason
    definite: bool = False
    at: frozenset[At] = frozenset()
    status: range = range(1000)
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
CODE = frozenset({At.CODE})
TOKEN = frozenset({At.TOKEN})
OAUTH = frozenset({At.CALLBACK, At.CODE, At.TOKEN})
API = frozenset({At.API})

ANY_STATUS = range(1000)
NOT_JSON = "not JSON"
RATE = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "rate_limit_exceeded",
}
PASSING = {"temporarily_unavailable", "server_error", "internal_failure", "backendError"}
OURS = {
    "invalid_client",
    "deleted_client",
    "unauthorized_client",
    "redirect_uri_mismatch",
    "invalid_request",
    "invalid_scope",
    "unsupported_grant_type",
    "unsupported_response_type",
    "disallowed_useragent",
}


def _row(
    failure: type[ProviderError],
    reason: Reason,
    at: frozenset[At],
    *errors: str,
    definite: bool = False,
    status: range = ANY_STATUS,
    words: tuple[str, ...] = (),
) -> Row:
    return Row(failure, reason, definite, at, status, frozenset(errors), words)


def _only(status: int) -> range:
    return range(status, status + 1)


# The first row that fits decides. An unknown code falls to the last rows, by its kind.
TABLE: tuple[Row, ...] = (
    # It passes. A status says more than a body here: a proxy in between writes its own.
    _row(Unavailable, Reason.RATE_LIMITED, frozenset(), status=_only(429)),
    _row(Unavailable, Reason.RATE_LIMITED, frozenset(), *RATE),
    _row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), status=range(500, 600)),
    _row(Unavailable, Reason.PROVIDER_DOWN, frozenset(), *PASSING),
    # Somebody in between answered: a proxy, a captive portal.
    _row(Unavailable, Reason.PROVIDER_DOWN, OAUTH, NOT_JSON),
    # A refused renewal. Most causes share one text, so that it takes a second try to believe it.
    _row(
        Rejected,
        Reason.SESSION_POLICY_EXPIRED,
        TOKEN,
        "invalid_grant",
        definite=True,
        words=("invalid_rapt", "rapt_required", "reauthentication is needed"),
    ),
    _row(
        Blocked,
        Reason.ACCOUNT_DISABLED,
        TOKEN | CODE,
        "invalid_grant",
        words=("account has been deleted", "account has been disabled", "account has been suspended"),
    ),
    _row(Rejected, Reason.CREDENTIALS_REVOKED, TOKEN, "invalid_grant"),
    # The code was used before, is too old, or belongs to another sign-in: begin again.
    _row(Rejected, Reason.UNKNOWN, CODE, "invalid_grant", definite=True),
    # On the consent page
    _row(Rejected, Reason.CONSENT_DECLINED, CALLBACK, "access_denied", definite=True),
    _row(Rejected, Reason.WRONG_TENANT, OAUTH, "org_internal", definite=True),
    _row(Blocked, Reason.NEEDS_ADMIN_APPROVAL, OAUTH, "admin_policy_enforced", "access_not_configured"),
    # Our own set-up
    _row(Misconfigured, Reason.CLIENT_MISCONFIGURED, OAUTH, *OURS),
    _row(Misconfigured, Reason.CLIENT_MISCONFIGURED, API, "accessNotConfigured", "SERVICE_DISABLED"),
    # Gmail and Calendar
    _row(
        Rejected,
        Reason.SCOPE_MISSING,
        API,
        "insufficientPermissions",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        definite=True,
        status=_only(403),
    ),
    _row(Blocked, Reason.ADMIN_POLICY_BLOCKED, API, "domainPolicy"),
    _row(Blocked, Reason.MAILBOX_MISSING, API, "failedPrecondition", status=_only(400)),
    _row(Blocked, Reason.MAILBOX_MISSING, API, "notACalendarUser"),
    # Right after a good renewal this may pass by itself, so that it counts towards the limit and no more.
    _row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=_only(401)),
    _row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=_only(403)),
    # Codes that Google adds one day
    _row(Unavailable, Reason.UNKNOWN, API),
    _row(Rejected, Reason.UNKNOWN, CALLBACK | CODE, definite=True),
    _row(Rejected, Reason.UNKNOWN, TOKEN),
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal means. The table ends in rows that fit everything."""
    row = next(row for row in TABLE if row.fits(signal))
    if issubclass(row.failure, Rejected):
        return Rejected(row.reason, signal.code, definite=row.definite)
    if issubclass(row.failure, Unavailable):
        return Unavailable(row.reason, signal.code, retry_after=signal.retry_after)
    return row.failure(row.reason, signal.code)


def read_oauth(at: At, answer: Answer) -> Signal:
    """A refusal of the token or revocation endpoint."""
    body = _body(answer)
    words = _texts([body.get("error_subtype"), body.get("error_description")])
    return Signal(
        at=at,
        status=answer.status_code,
        errors=tuple(_texts([body.get("error")])) or (NOT_JSON,),
        words=" ".join(words),
        retry_after=_seconds(answer.headers),
    )


def read_api(answer: Answer) -> Signal:
    """A refusal of Gmail or Calendar. Older and newer services keep their reason at different places."""
    error = _body(answer).get("error")
    if not isinstance(error, dict):
        error = {}
    listed = [entry for name in ("errors", "details") for entry in _dicts(error.get(name))]
    return Signal(
        at=At.API,
        status=answer.status_code,
        errors=tuple(_texts([*(entry.get("reason") for entry in listed), error.get("status")])),
        retry_after=_seconds(answer.headers),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turns what the wire raises into ProviderError, so that nothing else leaves this package."""
    try:
        yield
    except wire.TlsError as error:
        raise Blocked(Reason.TLS_ERROR, error.why) from error
    except wire.Timeout as error:
        raise Unavailable(Reason.NETWORK, "timeout") from error
    except wire.Unreachable as error:
        raise Unavailable(Reason.NETWORK, error.why) from error
    except wire.HostRefused as error:
        raise Misconfigured(Reason.CLIENT_MISCONFIGURED, f"host refused: {error.host}") from error
    except wire.WireError as error:
        raise Unavailable(Reason.PROVIDER_DOWN, error.why) from error


@contextmanager
def legible() -> Iterator[None]:
    """Around the reading of an answer's parts: one that is missing or of another kind is Nonsense."""
    try:
        yield
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        # Their text quotes what could not be read, so the chain ends here.
        raise wire.Nonsense("", f"unexpected answer: {type(error).__name__}") from None


def _body(answer: Answer) -> dict[str, Any]:
    try:
        return wire.read_json(answer)
    except wire.Nonsense:
        return {}


def _seconds(headers: Mapping[str, str]) -> float | None:
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None


def _texts(values: list[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
