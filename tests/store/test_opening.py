"""Opening the store: what it makes, and what it refuses with words for the operator."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model import Person
from bot.store.database import Store, StoreRefused
from bot.store.lockfile import hold_lock
from bot.store.vault import KeysetFile
from tests.store.kit import BOBS_KEY, NOON, connected, database_of, keys_of, opened, raw


def test_an_empty_place_gets_a_narrow_database_and_a_keyset(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert database_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert database_of(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    assert keys_of(tmp_path).path.stat().st_mode & 0o777 == 0o600


def test_the_database_is_set_to_survive_a_power_cut(store: Store) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 10000,
    }
    with store._engine.connect() as database:
        found = {name: database.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    assert found == wanted


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path, store: Store, bob: Person) -> None:
    credential_id = connected(store, bob).credential_id
    store.close()
    again = opened(tmp_path)
    with again.read() as tx:
        assert tx.credentials.load(credential_id or 0).credential == BOBS_KEY
    again.close()


def test_a_key_that_exists_serves_a_new_database(tmp_path: Path) -> None:
    keys_of(tmp_path).make()
    before = keys_of(tmp_path).path.read_bytes()
    opened(tmp_path).close()
    assert keys_of(tmp_path).path.read_bytes() == before


def test_a_database_with_rows_and_no_key_is_refused(tmp_path: Path, store: Store, bob: Person) -> None:
    connected(store, bob)
    keys_of(tmp_path).path.unlink()
    with pytest.raises(StoreRefused, match="missing"):
        opened(tmp_path)
    assert not keys_of(tmp_path).path.exists()


def test_rows_without_the_check_value_do_not_get_a_new_key(tmp_path: Path, store: Store, bob: Person) -> None:
    connected(store, bob)
    raw(tmp_path, "DELETE FROM setting")
    keys_of(tmp_path).path.unlink()
    with pytest.raises(StoreRefused, match="missing"):
        opened(tmp_path)


def test_another_databases_key_is_refused(tmp_path: Path, store: Store) -> None:
    keys_of(tmp_path).path.unlink()
    keys_of(tmp_path).make()
    with pytest.raises(StoreRefused, match="another database"):
        opened(tmp_path)


def test_a_key_beside_the_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="Move it"):
        Store.open(tmp_path / "relatch.db", KeysetFile(tmp_path / "keyset.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_key_beside_the_database_is_refused_behind_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").symlink_to(tmp_path / "data")
    with pytest.raises(StoreRefused, match="Move it"):
        opened(tmp_path)


def test_a_database_that_others_may_read_is_refused(tmp_path: Path, store: Store) -> None:
    store.close()
    database_of(tmp_path).chmod(0o644)
    with pytest.raises(StoreRefused, match="chmod 600"):
        opened(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    database_of(tmp_path).parent.mkdir()
    database_of(tmp_path).write_text("Dear diary, " * 100)
    database_of(tmp_path).chmod(0o600)
    with pytest.raises(StoreRefused, match="not a database"):
        opened(tmp_path)


def test_one_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    path = database_of(tmp_path)
    with hold_lock(path), pytest.raises(StoreRefused, match="already serves"), hold_lock(path):
        pass
    with hold_lock(path):
        pass


def test_the_first_start_can_be_repeated_where_it_was_cut_short(tmp_path: Path, store: Store) -> None:
    store.close()
    raw(tmp_path, "DELETE FROM setting")
    again = opened(tmp_path)
    with again.write() as tx:
        tx.settings.put("met", NOON.isoformat())
    again.close()
