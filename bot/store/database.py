"""The store: opens the database, and hands out transactions with one small repository for each noun."""

from __future__ import annotations

import os
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.store import flows, sessions
from bot.store.connections import Connections
from bot.store.credentials import Credentials
from bot.store.events import Events
from bot.store.flows import Flows
from bot.store.incidents import Incidents
from bot.store.invitations import Invitations
from bot.store.ledger import Accounts, Seen, Settings
from bot.store.migrations import migrate
from bot.store.notices import Notices
from bot.store.people import People
from bot.store.refused import StoreAway, StoreRefused
from bot.store.sessions import Sessions
from bot.store.tables import credential, flow, invitation, notice, seen, web_session
from bot.store.vault import KeysetFile, Place, SecretUnreadable, Vault

__all__ = ["Store", "Tx", "StoreAway", "StoreRefused"]

BUSY = timedelta(seconds=10)
KEPT_SEEN = timedelta(hours=24)
KEPT_FLOWS = timedelta(days=1)
KEPT_CLOSED_NOTICES = timedelta(days=30)
KEPT_EVENTS = timedelta(days=400)
KEPT_INVITATIONS = timedelta(days=180)

_KEY_CHECK = "vault.check"
_KEY_CHECK_PLACE = Place(table="setting", row=0, owner=0, provider="", field=_KEY_CHECK)


class Tx:
    """One transaction: what is read fits together, what is written is kept together or not at all."""

    def __init__(self, database: sa.Connection, vault: Vault) -> None:
        self.people = People(database)
        self.connections = Connections(database, self.people)
        self.credentials = Credentials(database, vault)
        self.notices = Notices(database)
        self.incidents = Incidents(database)
        self.invitations = Invitations(database)
        self.flows = Flows(database, vault)
        self.sessions = Sessions(database)
        self.settings = Settings(database)
        self.events = Events(database, self.settings)
        self.seen = Seen(database)
        self.accounts = Accounts(database)


class Store:
    """All that Relatch keeps. May be used by many threads; a transaction by one, and never inside another."""

    def __init__(self, engine: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    @staticmethod
    def open(path: Path, vault_source: KeysetFile) -> Store:
        """Open the database at `path`, made or brought up to date if need be. Raises StoreRefused."""
        vault_source.refuse_beside(path)
        _make_file(path)
        engine = _engine(path)
        try:
            vault = _unlock(engine, vault_source)
            migrate(engine, path)
            store = Store(engine, vault)
            with store.write() as tx:
                if tx.settings.get(_KEY_CHECK) is None:
                    tx.settings.put(_KEY_CHECK, b64encode(vault.seal(_KEY_CHECK_PLACE, _KEY_CHECK)).decode())
        except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
            engine.dispose()
            raise StoreRefused(f"{path} cannot be opened as Relatch's database: {error.args[0]}.") from error
        except (StoreAway, StoreRefused):
            engine.dispose()
            raise
        return store

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Commits at the end, rolls back on error. Writers come one after the other. Raises StoreAway."""
        with self._begun(writes=True) as database:
            yield Tx(database, self._vault)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Sees the database as it is now, whatever others write. Writing in it fails. Raises StoreAway."""
        with self._begun(writes=False) as database:
            yield Tx(database, self._vault)

    def close(self) -> None:
        self._engine.dispose()

    def ready(self) -> None:
        """Raises StoreAway when the database cannot be read."""
        with self._begun(writes=False) as database:
            database.execute(sa.select(sa.func.count()).select_from(web_session))

    def sweep(self, now: datetime, real: datetime) -> None:
        """Forget what has outlived its use."""
        used = sa.select(flow.c.id).where(flow.c.invitation_id == invitation.c.id).exists()
        outlived = (
            sa.delete(seen).where(seen.c.at <= real - KEPT_SEEN),
            sa.delete(flow).where(flow.c.begun_at <= real - KEPT_FLOWS),
            sa.delete(web_session).where(web_session.c.opened_at <= real - sessions.LIFE - flows.LIFE),
            sa.delete(notice).where(notice.c.closed_at <= now - KEPT_CLOSED_NOTICES),
            sa.delete(invitation).where(invitation.c.used_at <= now - KEPT_INVITATIONS, sa.not_(used)),
        )
        with self._begun(writes=True) as database:
            for statement in outlived:
                database.execute(statement)
            Tx(database, self._vault).events.sweep(now - KEPT_EVENTS)

    @contextmanager
    def _begun(self, *, writes: bool) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(writes=writes) as database, database.begin():
                yield database
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            raise StoreAway(str(error.args[0])) from error


def _make_file(path: Path) -> None:
    """SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreRefused(f"The database {path} cannot be written: {error.strerror}.") from error
    if path.stat().st_mode & 0o077:
        raise StoreRefused(f"Others may read the database {path}. Mend it with: chmod 600 {path}")


def _engine(path: Path) -> sa.Engine:
    # Texts of errors carry no parameters: these hold names, addresses and tokens.
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        pool_size=16,
        max_overflow=-1,
        connect_args={"check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(driver: Any, _record: Any) -> None:
    driver.isolation_level = None
    milliseconds = int(BUSY.total_seconds() * 1000)
    for pragma in (
        f"busy_timeout = {milliseconds}",
        "journal_mode = WAL",
        # NORMAL may lose the last commits in a power cut, and with them the one refresh token that works.
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        driver.execute(f"PRAGMA {pragma}")


def _begin(database: sa.Connection) -> None:
    """Without IMMEDIATE two writers read the same row, and one of their updates is lost.

    With it on reads too, readers would queue behind writers.
    """
    writes = database.get_execution_options().get("writes", True)
    database.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    database.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unlock(engine: sa.Engine, source: KeysetFile) -> Vault:
    """The vault of this database. An empty one gets a keyset; one with rows wants its own."""
    with engine.connect().execution_options(writes=False) as database:
        tables = sa.inspect(database).get_table_names()
        check = Settings(database).get(_KEY_CHECK) if "setting" in tables else None
        sealed = "credential" in tables and database.execute(sa.select(credential.c.id).limit(1)).first() is not None
    if check is None and not sealed and not source.path.exists():
        source.make()
    elif not source.path.exists():
        raise StoreRefused(f"The database holds sealed secrets, and its key file {source.path} is missing. Restore it.")
    vault = Vault(source)
    try:
        if check is not None:
            vault.open(_KEY_CHECK_PLACE, b64decode(check))
    except SecretUnreadable as error:
        raise StoreRefused(f"The key file {source.path} belongs to another database. Restore the right one.") from error
    return vault
