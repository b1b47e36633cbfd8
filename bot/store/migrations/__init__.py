"""Brings a database to today's tables, by the steps in versions/. Knows nothing of what the rows mean."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.store.refused import StoreRefused

FOLDER = Path(__file__).parent


def migrate(engine: sa.Engine, path: Path, folder: Path = FOLDER) -> None:
    """Run the steps that are missing, all or none. Before that, a database with rows is copied beside itself.

    Raises StoreRefused when it was made by a newer Relatch, or when a step leaves a row without its owner.
    """
    config = Config()
    # Alembic reads % as the beginning of a placeholder.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    steps = ScriptDirectory.from_config(config)
    head = steps.get_current_head()
    with engine.connect() as database:
        current = MigrationContext.configure(database).get_current_revision()
    if current == head:
        return
    if current is not None:
        if current not in {step.revision for step in steps.walk_revisions()}:
            raise StoreRefused(f"The database {path} was made by a newer Relatch. Install that one.")
        _copy(engine, path.with_name(f"{path.name}.before-{head}"))
    _run(engine, config)


def _copy(engine: sa.Engine, target: Path) -> None:
    """VACUUM INTO fills an empty file, so that the copy has its narrow mode from the start."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with engine.connect() as database:
        # A reader may have left this connection unable to write.
        _outside_transaction(database, "PRAGMA query_only = OFF")
        _outside_transaction(database, "VACUUM INTO ?", str(target))


def _run(engine: sa.Engine, config: Config) -> None:
    with engine.connect() as database:
        # SQLite changes a table by making it anew: with foreign keys on, the old one's children would go.
        _outside_transaction(database, "PRAGMA foreign_keys = OFF")
        try:
            with database.begin():
                config.attributes["connection"] = database
                command.upgrade(config, "head")
                if database.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise StoreRefused("An upgrade of the database failed and was undone: a row would lose its owner.")
        finally:
            _outside_transaction(database, "PRAGMA foreign_keys = ON")


def _outside_transaction(database: sa.Connection, statement: str, *parameters: str) -> None:
    """SQLAlchemy would begin one by itself: this goes past it."""
    cursor = database.connection.cursor()
    cursor.execute(statement, parameters)
    cursor.close()
