"""Salesforce's tests talk to the sandbox's Salesforce: real HTTPS on loopback, with the real library in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.salesforce.kit import SalesforceKit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[SalesforceKit]:
    with SalesforceKit.running(tmp_path) as kit:
        yield kit
