"""A whole bot behind the sandbox's Slack: payloads go in over its real socket, and Slack shows what comes out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.world import BOB, GRACE
from tests.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Bob and Grace are connected. All is logged, so that what must not be logged would be seen."""
    with Stage(tmp_path_factory.mktemp("stage"), settings={"RELATCH_LOG_LEVEL": "DEBUG"}) as stage:
        stage.connect(BOB, GRACE)
        yield stage
        assert stage.alarms() == []
