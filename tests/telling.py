"""One line with figures of each test at the end of the run, for the suites that count and measure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

TOLD = pytest.StashKey[list[str]]()
Tell = Callable[[str], None]


@pytest.fixture
def tell(pytestconfig: pytest.Config) -> Tell:
    return pytestconfig.stash.setdefault(TOLD, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(TOLD, []):
        terminalreporter.write_line(line)
