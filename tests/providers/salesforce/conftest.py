"""Salesforce's tests talk to the sandbox's Salesforce: real HTTPS on loopback, with the real library in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.kit import Kits
from tests.providers.salesforce.kit import SalesforceKit


@pytest.fixture
def kit(kits: Kits) -> Iterator[SalesforceKit]:
    with kits.lent(SalesforceKit) as kit:
        yield kit
