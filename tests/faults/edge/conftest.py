"""The guards at the edge: each test can leave out its own control, and must fail then."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_control(pytestconfig: pytest.Config) -> str:
    """The control that the test's own composition leaves out, "" for none. The product has no such switch."""
    return str(pytestconfig.getoption("--without-control"))
