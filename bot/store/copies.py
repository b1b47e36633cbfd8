"""Copying a whole database as of one moment, beside whoever writes in it. Knows nothing of what the rows mean."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa


def copy_to(engine: sa.Engine, target: Path) -> None:
    """Fill `target`, which must be an empty file of ours or not be there.

    VACUUM INTO fills an empty file, so that the copy has its narrow mode from the start. It holds up no writer, and
    what was deleted is not in the copy.
    """
    if not target.exists():
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with engine.connect() as database:
        outside_transaction(database, "VACUUM INTO ?", str(target))


def size_of(engine: sa.Engine) -> int:
    """In bytes: more than the copy will have, where something was deleted."""
    with engine.connect() as database:
        pages = database.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(database.exec_driver_sql("PRAGMA page_size").scalar_one())


def outside_transaction(database: sa.Connection, statement: str, *parameters: str) -> None:
    """SQLAlchemy would begin one by itself: this goes past it."""
    cursor = database.connection.cursor()
    cursor.execute(statement, parameters)
    cursor.close()
