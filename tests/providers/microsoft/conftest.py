"""Microsoft's tests talk to the sandbox's Microsoft: real HTTPS on loopback, with the real MSAL in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.kit import Kits
from tests.providers.microsoft.kit import MicrosoftKit


@pytest.fixture
def kit(kits: Kits) -> Iterator[MicrosoftKit]:
    with kits.lent(MicrosoftKit) as kit:
        yield kit
