"""Transactions: no update is lost, nobody sees half of one, and readers do not wait for writers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.model import Person
from bot.store.database import Store, StoreAway
from tests.store.kit import NOON, connected, raw


def test_no_update_is_lost_between_threads(store: Store) -> None:
    def count_up(_: int) -> None:
        for _ in range(25):
            with store.write() as tx:
                tx.settings.put("count", str(int(tx.settings.get("count") or 0) + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_up, range(8)))
    with store.read() as tx:
        assert tx.settings.get("count") == "200"


def test_without_the_hook_updates_would_be_lost(tmp_path: Path, store: Store) -> None:
    """What the hook is for, seen with the driver's own habit: two writers read before either writes."""
    raw(tmp_path, "INSERT INTO setting VALUES ('count', '0')")
    engine = sa.create_engine(f"sqlite:///{tmp_path}/data/relatch.db")
    with engine.connect() as first, engine.connect() as second:
        seen = [int(each.scalar(sa.text("SELECT value FROM setting WHERE key = 'count'"))) for each in (first, second)]
        for each, value in zip((first, second), seen, strict=True):
            each.execute(sa.text("UPDATE setting SET value = :value WHERE key = 'count'"), {"value": str(value + 1)})
            each.commit()
    engine.dispose()
    with store.read() as tx:
        assert tx.settings.get("count") == "1"


def test_what_fails_half_way_is_undone_as_a_whole(store: Store) -> None:
    def fail_half_way() -> None:
        with store.write() as tx:
            tx.settings.put("half", "done")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with store.read() as tx:
        assert tx.settings.get("half") is None


def test_a_reader_neither_waits_for_a_writer_nor_sees_its_half(store: Store) -> None:
    with store.write() as writer:
        writer.settings.put("mood", "new")
        began = time.monotonic()
        with store.read() as reader:
            assert reader.settings.get("mood") is None
        assert time.monotonic() - began < 5


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreAway, match="readonly"), store.read() as tx:
        tx.settings.put("sly", "write")
    with store.write() as tx:
        assert tx.settings.get("sly") is None


def test_a_naive_time_is_refused(store: Store, bob: Person) -> None:
    naive = datetime.fromisoformat("2026-11-20T12:00:00")
    with pytest.raises(sa.exc.StatementError, match="without its zone"), store.write() as tx:
        tx.people.pause(bob.id, naive)


def test_times_come_back_aware_and_in_utc(store: Store, bob: Person) -> None:
    with store.write() as tx:
        tx.people.pause(bob.id, NOON)
        assert tx.people.get(bob.id).paused_at == NOON


def test_a_broken_database_is_told_as_away(tmp_path: Path, store: Store, bob: Person) -> None:
    connected(store, bob)
    store.ready()
    raw(tmp_path, "DROP TABLE flow")
    raw(tmp_path, "DROP TABLE web_session")
    with pytest.raises(StoreAway):
        store.ready()


def test_errors_hold_no_values(store: Store, bob: Person) -> None:
    with pytest.raises(sa.exc.IntegrityError) as refused, store.write() as tx:
        tx.accounts.used(bob.id + 99, "google", "private@acme.example", NOON)
    assert "private@acme.example" not in str(refused.value)
