"""A small Relatch for each test, see tests/rig.py, and the operator's tools on its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.operator.tools import Tools
from bot.upkeep.cards import Cards
from tests.rig import PUBLIC_URL, Kept, Rig, running
from tests.runner.crm_rig import CrmRig, crm_running


@pytest.fixture
def rig(tmp_path: Path, kept: Kept) -> Iterator[Rig]:
    with running(tmp_path, kept) as rig:
        yield rig


@pytest.fixture
def both(tmp_path: Path, kept: Kept) -> Iterator[CrmRig]:
    with crm_running(tmp_path, kept) as both:
        yield both


def tools_of(rig: Rig) -> Tools:
    """As a command has them, on the store that the rig's bot uses."""
    return Tools(
        store=rig.store,
        providers=rig.providers,
        clock=rig.clock,
        cards=Cards(providers=rig.providers, public_url=PUBLIC_URL),
        renewals=rig.renewals,
        records=rig.records,
        probes=rig.probes,
        serving=lambda: True,
    )
