"""Stopping Relatch in the middle of renewals whose lost answer would cost a sign-in, and in the middle of reading."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.faults.conftest import scaled
from tests.faults.town import Town

PEOPLE = 20
STOPS = 50
MAILS = 100


def test_a_stop_in_mid_renewal_loses_no_sign_in(tmp_path: Path, tell: Callable[[str], None]) -> None:
    took, cut = [], 0
    with Town.founded(tmp_path, PEOPLE) as town:
        town.google.strict_rotation(True)
        town.door.delay = (0.1, 1.0)
        for number in range(scaled(STOPS)):
            town.later(timedelta(hours=1))
            town.start(ready=False)
            town.wait(lambda: town.door.under_way, 30, "a renewal")
            town.rest(0.0, 0.6)
            cut += town.door.under_way
            took.append(town.stop())
            assert town.lost() == [], f"lost at stop {number}"
            assert town.doubted() == [], f"in doubt after stop {number}"
        town.door.delay = (0.0, 0.0)
        town.start()
        town.wait(town.settled, 60, "the end of all due work")
        town.stop()
        with town.store() as store, store.read() as tx:
            assert {town.connection(tx, citizen).condition.health for citizen in town.people} == {"active"}
        town.check_database()
        assert town.door.most_at_once == 1
    tell(
        f"{len(took)} SIGTERMs over {cut} renewals in flight, strict rotation: 0 lost, 0 in doubt, code 0, "
        f"slowest end {max(took):.1f} s, {town.door.posts} renewals"
    )


def test_a_stop_does_not_wait_for_a_mailbox_that_answers_slowly(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, 2) as town:
        for citizen in town.people:
            for number in range(MAILS):
                town.google.deliver(citizen.email, sender="cara@customer.example", subject=f"Question {number}")
        town.google.slow(1.0)
        town.start()
        town.wait(lambda: any("/messages/" in seen.path for seen in town.google.requests), 30, "a mail that is read")
        took = town.stop()
        town.google.slow(0)
        town.start()
        town.wait(town.settled, 60, "the end of all due work")
        with town.store() as store, store.read() as tx:
            assert [town.connection(tx, citizen).items for citizen in town.people] == [MAILS] * 2
    tell(f"SIGTERM within a page of {MAILS} mails at 1 s each: code 0 after {took:.1f} s, each mail counted once")
