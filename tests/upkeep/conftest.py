"""A small Relatch for each test: see tests/rig.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rig import Kept, Rig, running


@pytest.fixture
def rig(tmp_path: Path, kept: Kept) -> Iterator[Rig]:
    with running(tmp_path, kept) as rig:
        yield rig
