"""What holds for every test: the shell's own settings of Relatch stay outside, and chance is not timed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.rig import Kept

# What starts whole processes: begun first, it does not hold up the end of `make test`.
LONG = tuple(f"tests/{room}/" for room in ("handlers/scenarios", "operator", "network", "live", "runner", "desk"))


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("RELATCH_")]:
        del os.environ[name]
    # A busy machine is no fault of the code under test: time limits are pytest-timeout's, for the whole test.
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What the small Relatches of this process keep: see tests/rig.py."""
    from tests.rig import Kept

    return Kept(tmp_path_factory.mktemp("kept"))
