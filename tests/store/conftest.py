"""A fresh store for each test, with Ada and Bob in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.model import Person
from bot.store.database import Store
from tests.store.kit import met, opened


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database and its keys. Each test gets a copy, which is quicker than making them."""
    folder = tmp_path_factory.mktemp("made")
    opened(folder).close()
    return folder


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    store = opened(tmp_path)
    yield store
    store.close()


@pytest.fixture
def ada(store: Store) -> Person:
    return met(store, "Ada")


@pytest.fixture
def bob(store: Store) -> Person:
    return met(store, "Bob")
