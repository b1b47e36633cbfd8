"""Stopping Relatch in the middle of renewals whose lost answer would cost a sign-in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.conftest import scaled
from tests.faults.town import RELATCH, WORKER, Town

PEOPLE = 20


@pytest.mark.parametrize(("command", "stops"), [(WORKER, 40), (RELATCH, 10)], ids=["runner", "whole"])
def test_a_stop_in_mid_renewal_loses_no_sign_in(
    tmp_path: Path, tell: Callable[[str], None], command: tuple[str, ...], stops: int
) -> None:
    took, cut = [], 0
    with Town.founded(tmp_path, PEOPLE) as town:
        town.lives_in(command)
        town.google.strict_rotation(True)
        town.door.delay = (0.1, 1.0)
        for number in range(scaled(stops)):
            town.later(timedelta(hours=1))
            town.bot.start()
            town.wait(lambda: town.door.under_way, 30, "a renewal")
            town.rest(0.0, 0.6)
            cut += town.door.under_way
            took.append(town.bot.stop())
            assert town.lost() == [], f"lost at stop {number}"
            assert town.doubted() == [], f"in doubt after stop {number}"
        town.door.delay = (0.0, 0.0)
        town.bot.start()
        town.wait(town.settled, 60, "the end of all due work")
        town.bot.stop()
        with town.store() as store, store.read() as tx:
            assert {town.connection(tx, citizen).condition.health for citizen in town.people} == {"active"}
        town.check_database()
        assert town.door.most_at_once == 1
    tell(
        f"{len(took)} SIGTERMs ({command[1]}) over {cut} renewals in flight, strict rotation: 0 lost, 0 in doubt, "
        f"code 0, slowest end {max(took):.1f} s, {town.door.posts} renewals"
    )
