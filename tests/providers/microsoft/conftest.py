"""Microsoft's tests talk to the sandbox's Microsoft: real HTTPS on loopback, with the real MSAL in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.microsoft.kit import MicrosoftKit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[MicrosoftKit]:
    with MicrosoftKit.running(tmp_path) as kit:
        yield kit
