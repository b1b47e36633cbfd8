"""Google's tests talk to the sandbox's Google: real HTTPS on loopback, with the real libraries in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.google.kit import GoogleKit
from tests.providers.kit import Kits


@pytest.fixture
def kit(kits: Kits) -> Iterator[GoogleKit]:
    with kits.lent(GoogleKit) as kit:
        yield kit
