"""A new key for everything beside a running bot, killed again and again: no secret is ever unreadable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bot.store.database import Store
from bot.store.vault import KeysetFile
from providers.base import Credential
from tests.faults.conftest import scaled
from tests.faults.town import Town
from tests.sandbox.child import Child
from tests.sandbox.world import TEAM

PEOPLE = 20
ROWS = 5000
KILLS = 50
LATEST = 3.5  # seconds after the first sign of it: by then it has ended, or nearly so
BETWEEN = timedelta(minutes=70)


def test_a_rotation_killed_at_any_instant_under_load_loses_nothing_and_leaves_nothing_behind(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, PEOPLE) as town:
        rows, kills, ends = scaled(ROWS), scaled(KILLS), 0
        fill(town, rows)
        town.start()
        first = sealed_by(town)
        with renewed_all_the_time(town):
            for number in range(kills):
                ends += killed(town)
                found = verified(town)
                assert found >= rows + PEOPLE, f"after kill {number}: {found} secrets open"
            assert finished(town)
        assert verified(town) >= rows + PEOPLE
        [left] = keys(town)
        assert sealed_by(town) == {left}
        assert left not in first
        town.stop()
        assert town.lost() == []
        assert "SecretUnreadable" not in town.log()
        town.check_database()
    tell(
        f"{rows} sign-ins rotated beside a bot, {kills} SIGKILLs, {ends} rotations had ended before theirs: "
        "0 unreadable at any check, 0 on an old key at the end"
    )


def fill(town: Town, rows: int) -> None:
    with town.store() as store, store.write() as tx:
        person = tx.people.find(TEAM, town.people[0].user_id)
        assert person is not None
        for number in range(rows):
            credential = Credential(account="a@acme.example", identity=f"{number}", secret=f"secret {number} " * 40)
            tx.credentials.add(person_id=person.id, provider="google", credential=credential, now=town.clock.now())


@contextmanager
def renewed_all_the_time(town: Town) -> Iterator[None]:
    """Runs fall due again and again, and each renews a sign-in."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.5):
            town.later(BETWEEN)

    ticking = threading.Thread(target=go_on)
    ticking.start()
    try:
        yield
    finally:
        stop.set()
        ticking.join()
    town.wait(town.settled, 120, "the end of all due work")


def begun(town: Town) -> Child:
    folder = town.database.parent.parent / "rotation"
    folder.mkdir(exist_ok=True)
    child = Child(town.world.settings(), folder, words=("keys", "rotate"))
    child.start()
    return child


def killed(town: Town) -> bool:
    """True where it had ended before."""
    before, child = standing(town), begun(town)
    deadline = time.monotonic() + 60
    while standing(town) == before and not child.ended:
        assert time.monotonic() < deadline, child.last_lines()
        time.sleep(0.005)
    town.rest(0.0, LATEST)
    ended = child.ended
    child.kill()
    return ended


def finished(town: Town) -> bool:
    """Goes on with whatever was cut, and then once from beginning to end."""
    for _ in range(2):
        child = begun(town)
        deadline = time.monotonic() + 300
        while not child.ended:
            assert time.monotonic() < deadline, child.last_lines()
            time.sleep(0.05)
        assert child.stop() == 0, child.last_lines()
    return True


@contextmanager
def beside(town: Town) -> Iterator[Store]:
    store = Store.visit(town.database, KeysetFile(town.keyset))
    try:
        yield store
    finally:
        store.close()


def standing(town: Town) -> object:
    """Differs once a rotation has done something."""
    with beside(town) as store, store.read() as tx:
        return town.keyset.read_bytes(), tx.sealed.by_key()


def verified(town: Town) -> int:
    with beside(town) as store:
        return store.verify().secrets


def sealed_by(town: Town) -> set[int]:
    with beside(town) as store, store.read() as tx:
        return set(tx.sealed.by_key())


def keys(town: Town) -> list[int]:
    return [key.id for key in KeysetFile(town.keyset).keys()]  # noqa: SIM118 - a file of keys, not a dict
