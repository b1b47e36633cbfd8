"""What holds for every test: the shell's own settings of Relatch stay outside, and chance is not timed."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.kept import Kept
    from tests.providers.kit import Kits
    from tests.rig import Rig
    from tests.runner.crm_rig import CrmRig

# What waits for other processes, or for time to pass: begun first, it does not hold up the end of `make test`.
WAITING = ("handlers/scenarios/", "operator/", "store/test_rotation", "desk/", "rehearsal/test_")
LONG = tuple(f"tests/{room}" for room in WAITING)


def pytest_configure(config: pytest.Config) -> None:
    # What is loaded and collected stays to the end: looking through it for garbage takes a third of the collecting.
    gc.disable()
    for name in [name for name in os.environ if name.startswith("RELATCH_")]:
        del os.environ[name]
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        from tests import warm

        warm.load()
    # A busy machine is no fault of the code under test: time limits are pytest-timeout's, for the whole test.
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def kits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kits]:
    """The vendors of this process: see tests/providers/kit.py."""
    from tests.providers.kit import Kits

    made = Kits(tmp_path_factory.mktemp("kits"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, kits: Kits) -> Kept:
    """What the small Relatches of this process share: see tests/kept.py."""
    from tests.kept import Kept

    return Kept(tmp_path_factory.mktemp("kept"), kits)


@pytest.fixture
def rig(kept: Kept) -> Iterator[Rig]:
    """A small Relatch: see tests/rig.py."""
    from tests.rig import running

    with running(kept) as rig:
        yield rig


@pytest.fixture
def both(kept: Kept) -> Iterator[CrmRig]:
    """One with a CRM: see tests/runner/crm_rig.py."""
    from tests.runner.crm_rig import crm_running

    with crm_running(kept) as both:
        yield both
