"""A new key for everything: nothing is unreadable at any moment, and nothing is left on the old one."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.model import Person
from bot.store import rotation
from bot.store.database import Store
from bot.store.lockfile import hold_lock
from bot.store.refused import StoreRefused
from bot.store.rotation import READERS_END, Rotated, rotate
from bot.store.sealed import SHELVES
from bot.store.tables import metadata
from bot.store.vault import KeysetFile
from tests.store.conftest import Lasting
from tests.store.kit import BOBS_KEY, NOON, connected, database_of, keys_of, met, opened, raw

MANY = 120


class Cut(Exception):
    """What a power cut does, without the mess."""


def quiet(what: str, done: int, total: int) -> None:
    """Nobody looks at the bar."""


def rotated(folder: Path, told: Callable[[str, int, int], None] = quiet) -> Rotated:
    return rotate(database_of(folder), keys_of(folder), told=told)


def sealed_by(store: Store) -> set[int]:
    with store.read() as tx:
        return set(tx.sealed.by_key())


def sealed(folder: Path) -> list[tuple[object, ...]]:
    return raw(folder, "SELECT secret FROM credential")


@pytest.fixture(autouse=True)
def _nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """So nobody is waited for, but where a test has others beside it."""
    # Seconds in which a reader that began before may end. Where nothing reads they prove nothing and are slept away.
    monkeypatch.setattr(rotation, "READERS_END", timedelta())


@pytest.fixture
def others_read(_nobody_reads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are waited for as long as the product waits."""
    # The product's own value again, imported before anything was set.
    monkeypatch.setattr(rotation, "READERS_END", READERS_END)


@pytest.fixture
def store(made: Path) -> Iterator[Store]:
    """One of its own, because the keys change under it."""
    with closing(opened(made)) as store:
        yield store


@pytest.fixture(scope="module")
def crowded(lasting: Lasting, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MANY people, each with a saved sign-in. It is copied, which is quicker than making them."""
    folder = tmp_path_factory.mktemp("crowded")
    shutil.copytree(lasting.empty, folder, dirs_exist_ok=True)
    with closing(opened(folder)) as store:
        for number in range(MANY):
            connected(store, met(store, f"Person{number}"))
    return folder


@pytest.fixture
def crowd(crowded: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(crowded, tmp_path, dirs_exist_ok=True)
    with closing(opened(tmp_path)) as store:
        yield store


def test_every_column_of_sealed_texts_is_on_a_shelf() -> None:
    blobs = {
        column for table in metadata.tables.values() for column in table.c if isinstance(column.type, sa.LargeBinary)
    }
    assert {shelf.column for shelf in SHELVES} == blobs


def test_everything_has_the_new_key_and_opens_with_it_alone(tmp_path: Path, filled: Store) -> None:
    [old] = keys_of(tmp_path).keys()
    done = rotated(tmp_path)
    [new] = keys_of(tmp_path).keys()
    assert (done.key, done.gone, done.sealed, done.resumed) == (new.id, (old.id,), 4, False)
    assert new.primary
    assert sealed_by(filled) == {new.id}
    assert keys_of(tmp_path).path.stat().st_mode & 0o777 == 0o600
    filled.close()
    again = opened(tmp_path)
    assert again.verify().secrets == 3
    with again.read() as tx:
        stored = tx.credentials.load(1)
    assert (stored.credential, stored.version, stored.fence) == (BOBS_KEY, 1, 0)
    again.close()


def test_a_store_that_was_open_before_goes_on_and_seals_with_the_new_key(tmp_path: Path, filled: Store) -> None:
    done = rotated(tmp_path)
    with filled.write() as tx:
        assert tx.credentials.load(1).credential == BOBS_KEY
    connected(filled, met(filled, "Grace"))
    assert sealed_by(filled) == {done.key}


@pytest.mark.parametrize("after", range(1, 6))
def test_one_that_is_cut_short_is_gone_on_with(tmp_path: Path, crowd: Store, after: int) -> None:
    steps = 0

    def cut(what: str, done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps == after:
            raise Cut

    try:
        rotated(tmp_path, cut)
    except Cut:
        assert len(keys_of(tmp_path).keys()) == 2
        assert crowd.verify().secrets == MANY
        assert rotated(tmp_path).resumed
    assert len(keys_of(tmp_path).keys()) == 1
    assert crowd.verify().secrets == MANY
    [left] = keys_of(tmp_path).keys()
    assert sealed_by(crowd) == {left.id}


def test_one_that_only_added_its_key_uses_that_one(tmp_path: Path, filled: Store) -> None:
    added = keys_of(tmp_path).add()
    old, new = keys_of(tmp_path).keys()
    assert (old.primary, new.primary, new.id) == (True, False, added)
    assert filled.verify().secrets == 3
    done = rotated(tmp_path)
    assert (done.key, done.resumed) == (added, True)


@pytest.mark.usefixtures("others_read")
def test_what_is_renewed_meanwhile_is_never_lost(tmp_path: Path, crowd: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that seal and open all the time, in a store that was opened before."""
    monkeypatch.setattr(rotation, "AT_ONCE", 5)
    with crowd.read() as tx:
        keys = [each.credential_id or 0 for each in tx.connections.alive()]
    stop, faults = threading.Event(), list[Exception]()

    def renew(first: int) -> None:
        number = first
        while not stop.is_set():
            key = keys[number % MANY]
            number += 7
            try:
                with crowd.write() as tx:
                    lease = tx.credentials.take_lease(key, owner="run", real=NOON)
                    if lease is not None:
                        assert tx.credentials.store_renewed(lease, BOBS_KEY, now=NOON)
                with crowd.read() as tx:
                    assert tx.credentials.load(key).credential == BOBS_KEY
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
                faults.append(error)

    threads = [threading.Thread(target=renew, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        done = rotated(tmp_path)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert faults == []
    assert crowd.verify().secrets == MANY
    assert sealed_by(crowd) == {done.key}


def test_a_secret_that_does_not_open_keeps_both_keys(tmp_path: Path, filled: Store) -> None:
    raw(tmp_path, "UPDATE flow SET asked = remember")
    with pytest.raises(StoreRefused, match="Both keys stay"):
        rotated(tmp_path)
    assert len(keys_of(tmp_path).keys()) == 2
    with filled.read() as tx:
        assert tx.credentials.load(1).credential == BOBS_KEY


@pytest.mark.usefixtures("others_read")
def test_a_bot_with_another_copy_of_the_key_file_loses_nothing(tmp_path: Path, store: Store, bob: Person) -> None:
    """It never sees the new key, and goes on to seal with the old one."""
    shutil.copytree(tmp_path / "keys", tmp_path / "copy")
    bot = Store.open(database_of(tmp_path), KeysetFile(tmp_path / "copy" / "keyset.json"))
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.01):
            connected(bot, bob)

    running = threading.Thread(target=go_on)
    running.start()
    try:
        with pytest.raises(StoreRefused, match="another copy"):
            rotated(tmp_path)
    finally:
        stop.set()
        running.join()
        bot.close()
    assert store.verify().secrets
    assert rotated(tmp_path).resumed


def test_a_key_that_is_not_there_stops_it_before_it_begins(tmp_path: Path, filled: Store) -> None:
    raw(tmp_path, "UPDATE credential SET secret = CAST(x'0100000007' || substr(secret, 6) AS BLOB)")
    before = keys_of(tmp_path).path.read_bytes()
    with pytest.raises(StoreRefused, match=r"does not have: 7\."):
        rotated(tmp_path)
    assert keys_of(tmp_path).path.read_bytes() == before


def test_two_at_once_are_one_too_many(tmp_path: Path, filled: Store) -> None:
    with hold_lock(keys_of(tmp_path).path), pytest.raises(StoreRefused, match="another command"):
        rotated(tmp_path)


def test_a_change_that_was_cut_short_leaves_no_key_lying_about(tmp_path: Path, filled: Store) -> None:
    left = tmp_path / "keys" / ".keyset.json.abcdefgh"
    left.write_text("a key")
    rotated(tmp_path)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["keyset.json", "keyset.json.lock"]


def test_the_keys_of_a_folder_that_cannot_be_written_stay(tmp_path: Path, filled: Store) -> None:
    gone = KeysetFile(tmp_path / "nowhere" / "keyset.json")
    with pytest.raises(StoreRefused, match="cannot be read"):
        gone.add()


def test_a_listing_shows_no_key(tmp_path: Path, filled: Store) -> None:
    material = json.loads(keys_of(tmp_path).path.read_text())["key"][0]["keyData"]["value"]
    assert material not in repr(keys_of(tmp_path).keys())
