"""What can be seen of a database file and of where it lies, without changing anything. For doctor."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from alembic.script import ScriptDirectory

from bot.store.migrations import steps
from bot.store.refused import StoreRefused

MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Inside:
    """`damage` holds SQLite's own words, none where the file is whole. `schema` is empty before the first start."""

    damage: tuple[str, ...]
    schema: str
    newest: str
    journal: str


def inside(path: Path) -> Inside:
    """Raises StoreRefused where this is no database that can be read."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            said = [str(row[0]) for row in database.execute("PRAGMA integrity_check(5)")]
            journal = str(database.execute("PRAGMA journal_mode").fetchone()[0])
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
            found = database.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else None
            schema = str(found.fetchone()[0]) if found else ""
    except sqlite3.DatabaseError as error:
        raise StoreRefused(f"{path} cannot be read as Relatch's database: {error}.") from error
    damage = () if said == ["ok"] else tuple(said)
    return Inside(damage=damage, schema=schema, newest=newest(steps()), journal=journal)


def newest(known: ScriptDirectory) -> str:
    return known.get_current_head() or ""


def file_system(path: Path, mounts: Path) -> str:
    """The kind of file system that holds `path`, such as "ext4"; empty where this machine does not tell."""
    place, best, kind = path.resolve(), "", ""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        _, point, mounted, *_ = line.split(" ")
        # A blank in a name is written as its octal number.
        point = point.replace("\\040", " ")
        if place.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, mounted
    return kind
