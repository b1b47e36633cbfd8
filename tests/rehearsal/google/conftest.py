"""The sandbox's Google, as a test finds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.kit import Kits
from tests.rehearsal.google.rig import World


@pytest.fixture
def world(kits: Kits) -> Iterator[World]:
    with kits.lent(World) as world:
        yield world
