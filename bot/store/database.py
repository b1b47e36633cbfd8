"""The store: opens the database, and hands out transactions with one small repository for each noun."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from bot.store.connections import Connections
from bot.store.copies import copy_to, outside_transaction, size_of
from bot.store.credentials import Credentials
from bot.store.events import Events
from bot.store.flows import Flows
from bot.store.forgetting import Forgetting
from bot.store.incidents import Incidents
from bot.store.invitations import Invitations
from bot.store.ledger import Accounts, Seen, Settings
from bot.store.migrations import migrate, refuse_other
from bot.store.notices import Notices
from bot.store.people import People
from bot.store.refused import StoreAway, StoreRefused
from bot.store.retention import Retention
from bot.store.sealed import CHECK, Sealed, check_opens
from bot.store.sessions import Sessions
from bot.store.soundness import Sound, Told, verify
from bot.store.tables import credential, web_session
from bot.store.vault import KeysetFile, Vault

__all__ = ["Store", "Tx", "StoreAway", "StoreRefused"]

BUSY = timedelta(seconds=10)


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
        self.sealed = Sealed(database, vault, self.settings)
        self.retention = Retention(database, self.events)
        self.forgetting = Forgetting(database)


class Store:
    """All that Relatch keeps. May be used by many threads; a transaction by one, and never inside another."""

    def __init__(self, engine: sa.Engine, readers: sa.Engine, vault: Vault) -> None:
        self._engine = engine
        self._readers = readers
        self._vault = vault
        # Among themselves SQLite's writers poll, and under load one of many can be passed over until it gives up.
        self._turn = threading.Lock()

    @staticmethod
    def open(path: Path, vault_source: KeysetFile) -> Store:
        """Open the database at `path`, made or brought up to date if need be. Raises StoreRefused."""
        vault_source.refuse_beside(path)
        _make_file(path)
        with _engines(path) as (engine, readers):
            vault = _unlock(readers, vault_source)
            migrate(engine, path)
            store = Store(engine, readers, vault)
            with store.write() as tx:
                if tx.settings.get(CHECK) is None:
                    tx.sealed.put_check()
        return store

    @staticmethod
    def visit(path: Path, vault_source: KeysetFile) -> Store:
        """Open a database that is there, as it is: beside a bot that may be serving it. Raises StoreRefused."""
        if not path.exists():
            raise StoreRefused(f"There is no database at {path}: RELATCH_DATABASE says where it is.")
        vault_source.refuse_beside(path)
        with _engines(path) as (engine, readers):
            refuse_other(readers, path)
            return Store(engine, readers, _unlock(readers, vault_source))

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Commits at the end, rolls back on error. Writers come one after the other. Raises StoreAway."""
        with self._turn, _begun(self._engine) as database:
            yield Tx(database, self._vault)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Sees the database as it is now, whatever others write. Writing in it fails. Raises StoreAway."""
        with _begun(self._readers) as database:
            yield Tx(database, self._vault)

    def close(self) -> None:
        self._readers.dispose()
        self._engine.dispose()

    def ready(self) -> None:
        """Raises StoreAway when the database cannot be read."""
        with _begun(self._readers) as database:
            database.execute(sa.select(sa.func.count()).select_from(web_session))

    def flush(self) -> None:
        """What was erased shall not live on in the file of recent changes. A reader beside us may put that off."""
        with self._engine.connect() as database:
            outside_transaction(database, "PRAGMA wal_checkpoint(TRUNCATE)")

    def verify(self, told: Told = lambda *_: None) -> Sound:
        """Raises StoreRefused with what is wrong."""
        with _begun(self._readers) as database:
            tx = Tx(database, self._vault)
            return verify(database, events=tx.events, sealed=tx.sealed, told=told)

    def copy_to(self, target: Path) -> None:
        """As of one moment, whoever writes meanwhile. `target` is an empty file of ours."""
        copy_to(self._engine, target)

    def size(self) -> int:
        return size_of(self._engine)


@contextmanager
def _begun(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        with engine.begin() as database:
            yield database
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        raise StoreAway(str(error.args[0])) from error


def refuse_other_keys(path: Path, source: KeysetFile) -> None:
    """Raises StoreRefused where `path` is no database of ours, or not of these keys. Reads it, and writes nothing."""
    if not source.path.exists():
        raise StoreRefused(f"The key file {source.path} is missing: without it nothing in {path} can be opened.")
    look = f"file:{quote(str(path))}?mode=ro&immutable=1"
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(look, uri=True), poolclass=sa.NullPool)
    try:
        with engine.connect() as database:
            if "setting" not in sa.inspect(database).get_table_names():
                raise StoreRefused(f"{path} is no database of Relatch.")
        _unlock(engine, source)
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        raise StoreRefused(f"{path} cannot be read as Relatch's database: {error.args[0]}.") from error
    finally:
        engine.dispose()


def _make_file(path: Path) -> None:
    """SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreRefused(f"The database {path} cannot be written: {error.strerror}.") from error
    if path.stat().st_mode & 0o077:
        raise StoreRefused(f"Others may read the database {path}. Mend it with: chmod 600 {path}")


@contextmanager
def _engines(path: Path) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """The writers' and the readers'. Both are let go where the database turns out not to be ours to open."""
    engine, readers = _engine(path, writes=True), _engine(path, writes=False)
    try:
        yield engine, readers
    except (sa.exc.DatabaseError, sqlite3.DatabaseError, StoreAway, StoreRefused) as error:
        readers.dispose()
        engine.dispose()
        if isinstance(error, StoreAway | StoreRefused):
            raise
        raise StoreRefused(f"{path} cannot be opened as Relatch's database: {error.args[0]}.") from error


def _engine(path: Path, *, writes: bool) -> sa.Engine:
    # Texts of errors carry no parameters: these hold names, addresses and tokens.
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        pool_size=16,
        max_overflow=-1,
        connect_args={"check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _prepare)
    if not writes:
        # For good: after a change of this SQLite compiles each statement anew.
        sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA query_only = ON"))
    sa.event.listen(engine, "begin", _begin_to_write if writes else _begin_to_read)
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


def _begin_to_write(database: sa.Connection) -> None:
    """Without IMMEDIATE two writers read the same row, and one of their updates is lost."""
    _past_sqlalchemy(database, "BEGIN IMMEDIATE")


def _begin_to_read(database: sa.Connection) -> None:
    """With IMMEDIATE readers would queue behind writers."""
    _past_sqlalchemy(database, "BEGIN")


def _past_sqlalchemy(database: sa.Connection, statement: str) -> None:
    """It would take longer over this than SQLite does."""
    driver: Any = database.connection.driver_connection
    driver.execute(statement)


def _unlock(engine: sa.Engine, source: KeysetFile) -> Vault:
    """The vault of this database. An empty one gets a keyset; one with rows wants its own."""
    with engine.connect() as database:
        tables = sa.inspect(database).get_table_names()
        check = Settings(database).get(CHECK) if "setting" in tables else None
        sealed = "credential" in tables and database.execute(sa.select(credential.c.id).limit(1)).first() is not None
    if check is None and not sealed and not source.path.exists():
        source.make()
    elif not source.path.exists():
        raise StoreRefused(f"The database holds sealed secrets, and its key file {source.path} is missing. Restore it.")
    vault = Vault(source)
    with engine.connect() as database:
        if check is not None and not check_opens(Settings(database), vault):
            raise StoreRefused(f"The key file {source.path} belongs to another database. Restore the right one.")
    return vault
