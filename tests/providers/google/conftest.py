"""Google's tests talk to the sandbox's Google: real HTTPS on loopback, with the real libraries in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.google.kit import GoogleKit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[GoogleKit]:
    with GoogleKit.running(tmp_path) as kit:
        yield kit
