"""A small Relatch for each test, see tests/rig.py, and the operator's tools on its store."""

from __future__ import annotations

from bot.operator.tools import Tools
from bot.upkeep.cards import Cards
from tests.rig import PUBLIC_URL, Rig


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
