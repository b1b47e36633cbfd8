"""Brings a database to today's tables, by the steps in versions/. Knows nothing of what the rows mean."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.store.copies import copy_to, outside_transaction
from bot.store.refused import StoreRefused

FOLDER = Path(__file__).parent


def steps(folder: Path = FOLDER) -> ScriptDirectory:
    """The steps that this Relatch knows."""
    return ScriptDirectory.from_config(_config(folder))


def refuse_other(engine: sa.Engine, path: Path) -> None:
    """Raises StoreRefused unless the tables are exactly today's: beside a running bot nobody may change them."""
    with engine.connect() as database:
        current = MigrationContext.configure(database).get_current_revision()
    if current == steps().get_current_head():
        return
    if current is not None and current not in {step.revision for step in steps().walk_revisions()}:
        raise StoreRefused(f"The database {path} was made by a newer Relatch. Install that one.")
    raise StoreRefused(
        f"The database {path} was made by an older Relatch. Start this one with `relatch run`: that upgrades it."
    )


def migrate(engine: sa.Engine, path: Path, folder: Path = FOLDER) -> None:
    """Run the steps that are missing, all or none. Before that, a database with rows is copied beside itself.

    Raises StoreRefused when it was made by a newer Relatch, or when a step leaves a row without its owner.
    """
    known = steps(folder)
    head = known.get_current_head()
    with engine.connect() as database:
        current = MigrationContext.configure(database).get_current_revision()
    if current == head:
        return
    if current is not None:
        if current not in {step.revision for step in known.walk_revisions()}:
            raise StoreRefused(f"The database {path} was made by a newer Relatch. Install that one.")
        before = path.with_name(f"{path.name}.before-{head}")
        before.unlink(missing_ok=True)
        copy_to(engine, before)
    _run(engine, _config(folder))


def _config(folder: Path) -> Config:
    config = Config()
    # Alembic reads % as the beginning of a placeholder.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(engine: sa.Engine, config: Config) -> None:
    with engine.connect() as database:
        # SQLite changes a table by making it anew: with foreign keys on, the old one's children would go.
        outside_transaction(database, "PRAGMA foreign_keys = OFF")
        try:
            with database.begin():
                config.attributes["connection"] = database
                command.upgrade(config, "head")
                if database.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                    raise StoreRefused("An upgrade of the database failed and was undone: a row would lose its owner.")
        finally:
            outside_transaction(database, "PRAGMA foreign_keys = ON")
