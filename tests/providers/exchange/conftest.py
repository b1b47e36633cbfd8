"""Exchange's tests talk to the sandbox's Exchange: real HTTPS on loopback, with the real exchangelib in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.base import Credential
from tests.providers.exchange.kit import BOB, ExchangeKit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[ExchangeKit]:
    with ExchangeKit.running(tmp_path) as kit:
        yield kit


@pytest.fixture
def bob(kit: ExchangeKit) -> Credential:
    return kit.sign_in(BOB)
