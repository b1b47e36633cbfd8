"""What was measured is told at the end of the run."""

from __future__ import annotations

from tests.telling import pytest_terminal_summary, tell

__all__ = ["pytest_terminal_summary", "tell"]
