"""A fresh database for each test, with Ada and Bob in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from bot.model import Person
from bot.store.database import Store
from tests.store.everything import fill
from tests.store.kit import met, opened


@dataclass(frozen=True)
class Lasting:
    """One store for all tests of a process, so that its statements stay compiled. `here` leads to a test's folder."""

    store: Store
    here: Path
    empty: Path


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Lasting:
    folder = tmp_path_factory.mktemp("lasting")
    here, empty = folder / "here", folder / "empty"
    empty.mkdir()
    here.symlink_to(empty)
    store = opened(here)
    store.close()
    sa.event.listen(store._engine, "before_execute", nothing_goes_astray)
    return Lasting(store, here, empty)


def nothing_goes_astray(
    database: sa.Connection, statement: Any, many: list[dict[str, Any]], one: dict[str, Any], options: Any
) -> None:
    """SQLAlchemy passes over a value that has no place in an update: a misspelt column would never be written."""
    if isinstance(statement, (sa.Insert, sa.Update)):
        for values in many or [one]:
            assert values.keys() <= places_in(statement), values.keys() - places_in(statement)


@cache
def places_in(statement: sa.Insert | sa.Update) -> set[str]:
    bound = {each.key for each in visitors.iterate(statement) if isinstance(each, sa.BindParameter)}
    return bound | set(statement.table.c.keys())


@pytest.fixture
def made(lasting: Lasting, tmp_path: Path) -> Path:
    """The test's folder, with an empty database and its keys. They are copied, which is quicker than making them."""
    shutil.copytree(lasting.empty, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def store(lasting: Lasting, made: Path) -> Iterator[Store]:
    lasting.here.unlink()
    lasting.here.symlink_to(made)
    yield lasting.store
    lasting.store.close()


@pytest.fixture
def ada(store: Store) -> Person:
    return met(store, "Ada")


@pytest.fixture
def bob(store: Store) -> Person:
    return met(store, "Bob")


@pytest.fixture
def filled(store: Store, bob: Person) -> Store:
    """A row or more in each table."""
    fill(store, bob)
    return store
