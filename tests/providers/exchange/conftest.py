"""Exchange's tests talk to the sandbox's Exchange: real HTTPS on loopback, with the real exchangelib in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.base import Credential
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.kit import BOB, Kits


@pytest.fixture
def kit(kits: Kits) -> Iterator[ExchangeKit]:
    with kits.lent(ExchangeKit) as kit:
        yield kit


@pytest.fixture
def bob(kit: ExchangeKit) -> Credential:
    return kit.sign_in(BOB)
