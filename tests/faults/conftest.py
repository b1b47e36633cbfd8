"""How much is done (FAULTS_SCALE, 1 by default), and one line with figures of each test at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

TOLD = pytest.StashKey[list[str]]()


def scaled(count: int) -> int:
    return max(1, round(count * float(os.environ.get("FAULTS_SCALE", "1"))))


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here and not in edge/: pytest reads options from the conftest of the folder that it is given.
    parser.addoption(
        "--without-control", default="", metavar="NAME", help="leave this control out: its guard in edge/ must fail"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOLD] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[TOLD]:
        terminalreporter.write_line(line)


@pytest.fixture
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    return pytestconfig.stash[TOLD].append
