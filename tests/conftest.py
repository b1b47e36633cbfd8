"""What holds for every test: the shell's own settings of Relatch stay outside, and chance is not timed."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from itertools import chain, groupby, zip_longest
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.kept import Kept
    from tests.providers.kit import Kits
    from tests.rig import Rig
    from tests.runner.crm_rig import CrmRig

# What waits for other processes, or for time to pass. Each is begun beside one that computes, and none at the end.
WAITING = re.compile(
    r"tests/(desk/|handlers/slack/test_app|providers/test_(contract|wire)|store/test_rotation|"
    r"rehearsal/(test_|operator/|scenarios/))"
)


def pytest_configure() -> None:
    # What is loaded and collected stays to the end: looking through it for garbage takes a third of the collecting.
    gc.disable()
    for name in [name for name in os.environ if name.startswith("RELATCH_")]:
        del os.environ[name]
    # A busy machine is no fault of the code under test: time limits are pytest-timeout's, for the whole test.
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    waiting = [tests for tests in files if WAITING.match(tests[0].nodeid)]
    computing = [tests for tests in files if not WAITING.match(tests[0].nodeid)]
    order = chain.from_iterable(zip_longest(waiting, computing, fillvalue=[]))
    items[:] = chain.from_iterable(order)


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
