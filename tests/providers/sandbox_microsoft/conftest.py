"""The sandbox's Microsoft, served for one test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.sandbox_microsoft.rig import World, serve


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve(tmp_path) as world:
        yield world
