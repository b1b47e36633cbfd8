"""All workers start their programs from one process that has loaded everything: see tests/warm.py."""

from __future__ import annotations

import pytest

from tests import warm


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        warm.load()
