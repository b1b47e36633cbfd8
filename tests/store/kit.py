"""The cast and the moments of the store's tests, on a real database file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.model import Connection, Person, Profile, SlackUser, Word
from bot.store.database import Store
from bot.store.vault import KeysetFile
from providers.base import Access, AccessType, Credential, Side

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GMAIL = Access(AccessType.GOOGLE)
CRM = Access(AccessType.PRODUCTION)
BOBS_KEY = Credential(
    account="bob@acme.example",
    identity="google-1",
    secret="canary/Secret+of Bob?",
    expires_at=NOON + timedelta(hours=1),
    aliases=("robert@acme.example",),
)


def database_of(folder: Path) -> Path:
    return folder / "data" / "relatch.db"


def keys_of(folder: Path) -> KeysetFile:
    return KeysetFile(folder / "keys" / "keyset.json")


def opened(folder: Path) -> Store:
    return Store.open(database_of(folder), keys_of(folder))


def raw(folder: Path, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run it as somebody does who has the file and not the program."""
    with closing(sqlite3.connect(database_of(folder), isolation_level=None)) as database:
        return database.execute(statement, parameters).fetchall()


def met(store: Store, name: str) -> Person:
    user = name.lower()
    profile = Profile("T1", f"U-{user}", name, f"{user}@acme.example", "Europe/Berlin")
    with store.write() as tx:
        return tx.people.meet(profile, NOON)


def connected(
    store: Store,
    person: Person,
    *,
    side: Side = Side.MAILBOX,
    provider: str = "google",
    credential: Credential = BOBS_KEY,
    at: datetime = NOON,
    keep_cursor: bool = False,
) -> Connection:
    with store.write() as tx:
        key = tx.credentials.add(person_id=person.id, provider=provider, credential=credential, now=at)
        return tx.connections.connect(
            person_id=person.id,
            side=side,
            provider=provider,
            access=GMAIL if side is Side.MAILBOX else CRM,
            account=credential.account,
            identity=credential.identity,
            credential_id=key,
            now=at,
            keep_cursor=keep_cursor,
        )


def signed_in(store: Store, person: Person, token: str = "browser") -> int:
    user = SlackUser(person.team_id, person.user_id, person.email, person.name)
    with store.write() as tx:
        return tx.sessions.open(token=token, csrf="form", user=user, real=NOON)


def invited(store: Store, person: Person) -> str:
    with store.write() as tx:
        return tx.invitations.for_side(
            person_id=person.id,
            side=Side.MAILBOX,
            word=Word.REFRESH,
            provider="google",
            access=GMAIL,
            now=NOON,
        ).id


def begun(store: Store, person: Person, *, state: str, session: int) -> int:
    invitation = invited(store, person)
    with store.write() as tx:
        return tx.flows.begin(
            invitation_id=invitation, session_id=session, state=state, remember="the verifier", real=NOON
        )
