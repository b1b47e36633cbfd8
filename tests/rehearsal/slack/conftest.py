"""A Slack for each test, and a bot where a test asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.slack.rig import Bot, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.serving.stop()


@pytest.fixture
def bot(rig: Rig) -> Iterator[Bot]:
    with Bot(rig) as running:
        yield running
