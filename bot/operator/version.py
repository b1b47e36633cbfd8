"""`relatch version`: what runs here. It opens nothing, and loads neither the store nor any vendor's library."""

from __future__ import annotations

import platform
import re
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

STEPS = Path(__file__).parents[1] / "store" / "migrations" / "versions"


def lines() -> list[tuple[str, str]]:
    return [
        ("Relatch", _own()),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        ("schema", schema()),
    ]


def schema() -> str:
    """The number of the newest step, by its file's name."""
    return max(found[1] for path in STEPS.iterdir() if (found := re.fullmatch(r"v(\d{4})_\w+\.py", path.name)))


def _own() -> str:
    try:
        return version("relatch")
    except PackageNotFoundError:
        return "not installed: run from its files"
