"""Cutting the copying of a mailbox again and again: each mail and meeting counts once, and none is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.model import Connection, Kind
from tests.faults.conftest import scaled
from tests.faults.town import Citizen, Town

MAILS, MEETINGS = 300, 40
MORE = 150
CUTS = 20
MOST_CALLS = 112  # in one life: a page takes 101, so that most lives end within one


def test_a_sync_that_is_cut_again_and_again_counts_each_item_once(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, 0) as town:
        bob = Citizen("U0BOB", "bob@acme.example")
        now = town.clock.now()
        for number in range(MAILS):
            town.google.deliver(
                bob.email,
                sender="cara@customer.example",
                subject=f"Question {number}",
                at=now - timedelta(hours=number),
            )
        for number in range(MEETINGS):
            start = now + timedelta(hours=number)
            town.google.schedule(
                bob.email, title=f"Demo {number}", start=start, attendees=["cara@customer.example"]
            )
        town.people.append(bob)
        with town.store() as store:
            town.sign_in(store, bob)
        first = cut_and_finish(town, bob, scaled(CUTS * 3 // 4), MAILS + MEETINGS)
        for number in range(MORE):
            town.google.deliver(bob.email, sender="chris@customer.example", subject=f"Answer {number}")
        town.later(timedelta(minutes=40))
        second = cut_and_finish(town, bob, max(1, scaled(CUTS) - len(first)), MAILS + MEETINGS + MORE)
        town.check_database()
    tell(
        f"{len(first) + len(second)} kills in mid-sync of {MAILS} + {MORE} mails and {MEETINGS} meetings: each counted "
        f"once; counts after the kills: {first} {second}"
    )


def cut_and_finish(town: Town, bob: Citizen, cuts: int, expected: int) -> list[int]:
    """The count after each kill that left something to read. It never goes back, and in the end it is what there is."""
    counts, before = [], look(town, bob).items
    for _ in range(cuts):
        reached, enough = len(town.google.requests), town.chance.randint(1, MOST_CALLS)
        town.start(ready=False)
        town.wait(partial(read, town, reached + enough), 30, "so many calls to Google")
        town.kill()
        if town.settled():
            break
        counts.append(look(town, bob).items)
    assert counts == sorted(counts)
    assert all(before <= count <= expected for count in counts)
    town.start()
    town.wait(town.settled, 60, "the end of the sync")
    town.stop()
    done = look(town, bob)
    assert done.items == expected
    assert not {"listing", "page"} & set(json.loads(done.cursor)), "nothing is left to be listed"
    with town.store() as store, store.read() as tx:
        synced = tx.events.last(done.person_id, Kind.SYNCED)
        assert synced is not None
        assert synced.number is not None
    return counts


def read(town: Town, calls: int) -> bool:
    """Whether Google was asked so often; or there is nothing left to read."""
    return len(town.google.requests) >= calls or town.settled()


def look(town: Town, citizen: Citizen) -> Connection:
    with town.store() as store, store.read() as tx:
        return town.connection(tx, citizen)
