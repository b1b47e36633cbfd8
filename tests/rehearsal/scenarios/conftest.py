"""A whole bot behind the sandbox's Slack: payloads go in as Slack sends them, and Slack shows what comes out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import warm
from tests.sandbox.world import BOB, GRACE, Mode
from tests.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Bob and Grace are connected. All is logged, so that what must not be logged would be seen.

    By Socket Mode; a file that parametrizes `stage` is played over HTTP too.
    """
    mode = getattr(request, "param", Mode.SOCKET)
    settings = {"RELATCH_LOG_LEVEL": "DEBUG"}
    with Stage(tmp_path_factory.mktemp("stage"), settings=settings, mode=mode, launch=warm.launch) as stage:
        stage.connect(BOB, GRACE)
        yield stage
        assert stage.alarms() == []
