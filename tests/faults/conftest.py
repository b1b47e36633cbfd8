"""How much is done (FAULTS_SCALE, 1 by default), and one line with figures of each test at the end of the run."""

from __future__ import annotations

import os

import pytest

from tests.telling import pytest_terminal_summary, tell

__all__ = ["pytest_terminal_summary", "tell"]


def scaled(count: int) -> int:
    return max(1, round(count * float(os.environ.get("FAULTS_SCALE", "1"))))


def pytest_addoption(parser: pytest.Parser) -> None:
    # Here and not in edge/: pytest reads options from the conftest of the folder that it is given.
    parser.addoption(
        "--without-control", default="", metavar="NAME", help="leave this control out: its guard in edge/ must fail"
    )
