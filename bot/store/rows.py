"""Pieces that several rows or statements have in common: a cause, an access, a credential as text, a hashed token."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.model import Cause
from providers.base import Access, Credential

Row = sa.Row[Any]
# A value that comes when the statement is carried out. Statements that are asked often are built once, because that
# takes longer than carrying them out. In an update no column's name will do: what comes under it is written there.
given = sa.bindparam


def cause_columns(cause: Cause | None) -> dict[str, Any]:
    if cause is None:
        return {"culprit": None, "reason": None, "code": "", "trace": ""}
    return {"culprit": cause.culprit, "reason": cause.reason, "code": cause.code, "trace": cause.trace}


def cause_of(row: Row) -> Cause | None:
    if row.reason is None:
        return None
    return Cause(culprit=row.culprit, reason=row.reason, code=row.code, trace=row.trace)


def access_columns(access: Access) -> dict[str, Any]:
    return {"access_type": access.type, "access_host": access.host}


def access_of(row: Row) -> Access:
    return Access(type=row.access_type, host=row.access_host)


def credential_text(credential: Credential) -> str:
    """All of it: account and aliases are sealed along with the secret."""
    expires = credential.expires_at.isoformat() if credential.expires_at else None
    return json.dumps(
        {
            "account": credential.account,
            "identity": credential.identity,
            "secret": credential.secret,
            "expires_at": expires,
            "aliases": credential.aliases,
        }
    )


def credential_of(text: str) -> Credential:
    fields = json.loads(text)
    expires = fields["expires_at"]
    return Credential(
        account=fields["account"],
        identity=fields["identity"],
        secret=fields["secret"],
        expires_at=datetime.fromisoformat(expires) if expires else None,
        aliases=tuple(fields["aliases"]),
    )


def hashed(token: str) -> str:
    """Tokens are long and random, so that a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).hexdigest()
