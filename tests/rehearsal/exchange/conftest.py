"""The sandbox's Exchange, as a test finds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.kit import Kits
from tests.rehearsal.exchange.rig import World


@pytest.fixture
def world(kits: Kits, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with kits.lent(World) as world:
        # The only place from which an unmodified exchangelib takes a CA.
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(world.ca_bundle))
        yield world
