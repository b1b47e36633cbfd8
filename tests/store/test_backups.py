"""Backups: made beside whoever writes, verified, refused where they would do harm, and put in place again."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from bot.model import Event, Kind, Person
from bot.store.backups import make, restore
from bot.store.database import Store, Tx
from bot.store.lockfile import hold_lock
from bot.store.refused import StoreRefused
from bot.store.soundness import Sound
from bot.store.vault import KeysetFile
from tests.store.everything import CANARIES, VERIFIER
from tests.store.kit import BOBS_KEY, MINUTE, NOON, database_of, keys_of, met, opened, raw
from tests.store.test_at_rest import spellings


def quiet(what: str, done: int, total: int) -> None:
    """Nobody looks at the bar."""


def leave(tx: Tx, made_at: datetime) -> None:
    """Nothing else is to be done to what is restored."""


@pytest.fixture
def backup(tmp_path: Path, filled: Store) -> Path:
    backed_up(tmp_path)
    return tmp_path / "backups" / "one.db"


def backed_up(folder: Path, name: str = "one.db") -> Sound:
    (folder / "backups").mkdir(exist_ok=True)
    return make(database_of(folder), keys_of(folder), folder / "backups" / name, at=NOON, told=quiet)


def brought_back(
    file: Path,
    folder: Path,
    *,
    replace: bool = False,
    prepare: Callable[[Tx, datetime], None] = leave,
) -> tuple[Sound, datetime, Path | None]:
    return restore(
        file, database_of(folder), keys_of(folder), replace=replace, at=NOON + MINUTE, prepare=prepare, told=quiet
    )


def everything_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_backup_is_whole_narrow_verified_and_alone(tmp_path: Path, filled: Store) -> None:
    sound = backed_up(tmp_path)
    assert (sound.people, sound.secrets, sound.events) == (1, 3, 1)
    [file] = (tmp_path / "backups").iterdir()
    assert file.name == "one.db"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_backup_made_in_the_middle_of_writing_fits_together(tmp_path: Path, filled: Store, bob: Person) -> None:
    written, stop = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            with filled.write() as tx:
                tx.events.append(Event(Kind.CHECKED, NOON, bob.id))
                key = tx.credentials.add(person_id=bob.id, provider="google", credential=BOBS_KEY, now=NOON)
                tx.credentials.raise_fence(key)
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(10)
        sounds = [backed_up(tmp_path, f"{number}.db") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    # A line of history and a sign-in were written together, in each transaction.
    assert [sound.secrets - sound.events for sound in sounds] == [2, 2, 2]
    assert sounds[0].events < sounds[-1].events


@pytest.mark.parametrize("secret", [*CANARIES, VERIFIER])
def test_no_secret_and_no_key_is_in_a_backup(tmp_path: Path, backup: Path, secret: str) -> None:
    content = backup.read_bytes()
    assert [each for each in spellings(secret) if each in content] == []
    assert keys_of(tmp_path).path.read_bytes() not in content


def test_what_was_deleted_is_not_in_a_backup(tmp_path: Path, filled: Store, bob: Person) -> None:
    [(sealed,)] = raw(tmp_path, "SELECT secret FROM credential")
    raw(tmp_path, "PRAGMA secure_delete = OFF")
    raw(tmp_path, "UPDATE credential SET secret = NULL")
    backed_up(tmp_path)
    assert sealed not in (tmp_path / "backups" / "one.db").read_bytes()


def test_a_backup_is_never_written_over(tmp_path: Path, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(StoreRefused, match="never written over"):
        backed_up(tmp_path)
    assert backup.read_bytes() == before


def test_a_backup_is_never_made_beside_the_key(tmp_path: Path, filled: Store) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "keys")
    for folder in ("keys", "link"):
        with pytest.raises(StoreRefused, match="The key file is in"):
            make(database_of(tmp_path), keys_of(tmp_path), tmp_path / folder / "one.db", at=NOON, told=quiet)
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["keyset.json"]


def test_a_backup_wants_a_folder(tmp_path: Path, filled: Store) -> None:
    with pytest.raises(StoreRefused, match="Make it first"):
        make(database_of(tmp_path), keys_of(tmp_path), tmp_path / "nowhere" / "one.db", at=NOON, told=quiet)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE credential SET secret = CAST(substr(secret, 1, 20) || x'00' AS BLOB)", "does not open"),
        ("UPDATE flow SET asked = remember", "does not open"),
        ("UPDATE event SET number = 7", "history was changed"),
        ("UPDATE credential SET person_id = 99", "lost its owner"),
    ],
)
def test_what_cannot_be_relied_on_makes_no_backup(tmp_path: Path, filled: Store, harm: str, said: str) -> None:
    raw(tmp_path, harm)
    with pytest.raises(StoreRefused, match=said):
        backed_up(tmp_path)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_restored_database_is_as_it_was(tmp_path: Path, backup: Path, filled: Store) -> None:
    filled.close()
    met_since(tmp_path)
    sound, made_at, kept = brought_back(backup, tmp_path, replace=True)
    assert (sound.people, sound.secrets) == (1, 3)
    assert raw(tmp_path, "SELECT count(*) FROM flow") == [(0,)], "who was signing in begins anew"
    assert made_at == NOON
    assert names(database_of(tmp_path), keys_of(tmp_path)) == ["Bob"]
    assert kept is not None
    assert names(kept, keys_of(tmp_path)) == ["Bob", "Grace"]
    assert kept.name == "relatch.db.replaced-20261120T120100Z"
    assert database_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_recent_changes_of_the_one_that_was_there_are_kept_with_it(tmp_path: Path, backup: Path, filled: Store) -> None:
    """After a crash they stand in the file beside it."""
    met(filled, "Grace")
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "data", crashed / "data")
    shutil.copytree(tmp_path / "keys", crashed / "keys")
    _, _, kept = brought_back(backup, crashed, replace=True)
    assert kept is not None
    assert names(kept, keys_of(crashed)) == ["Bob", "Grace"]
    assert names(database_of(crashed), keys_of(crashed)) == ["Bob"]


def test_it_is_restored_on_another_machine_with_the_key(tmp_path: Path, backup: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "keys", other / "keys")
    sound, _, kept = brought_back(backup, other)
    assert sound.secrets == 3
    assert kept is None
    with closing(opened(other)) as store, store.read() as tx:
        assert tx.credentials.load(1).credential == BOBS_KEY


def test_another_key_restores_nothing_and_writes_nothing(tmp_path: Path, backup: Path) -> None:
    other = tmp_path / "other"
    keys_of(other).make()
    before = everything_below(other)
    with pytest.raises(StoreRefused, match="another database"):
        brought_back(backup, other)
    assert everything_below(other) == before


def test_no_key_restores_nothing_and_makes_none(tmp_path: Path, backup: Path) -> None:
    other = tmp_path / "other"
    with pytest.raises(StoreRefused, match="is missing"):
        brought_back(backup, other)
    assert not other.exists()


def test_a_database_is_not_replaced_unasked(tmp_path: Path, backup: Path) -> None:
    before = everything_below(tmp_path / "data")
    with pytest.raises(StoreRefused, match="--replace"):
        brought_back(backup, tmp_path)
    assert everything_below(tmp_path / "data") == before


def test_nothing_is_restored_under_a_running_bot(tmp_path: Path, backup: Path) -> None:
    with hold_lock(database_of(tmp_path)), pytest.raises(StoreRefused, match="already serves"):
        brought_back(backup, tmp_path, replace=True)


def test_a_damaged_backup_replaces_nothing(tmp_path: Path, backup: Path, filled: Store) -> None:
    filled.close()
    torn = bytearray(backup.read_bytes())
    torn[-4096:] = bytes(4096)
    backup.write_bytes(torn)
    before = everything_below(tmp_path / "data")
    with pytest.raises(StoreRefused):
        brought_back(backup, tmp_path, replace=True)
    after = everything_below(tmp_path / "data")
    assert {name: content for name, content in after.items() if not name.endswith(".lock")} == before


@pytest.mark.parametrize("content", [b"", b"Dear diary, " * 100])
def test_what_is_no_backup_is_refused(tmp_path: Path, filled: Store, content: bytes) -> None:
    (tmp_path / "diary").write_bytes(content)
    with pytest.raises(StoreRefused):
        brought_back(tmp_path / "diary", tmp_path, replace=True)


def test_a_database_that_is_open_is_no_backup(tmp_path: Path, filled: Store) -> None:
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "keys", other / "keys")
    with pytest.raises(StoreRefused, match="nobody has open"):
        brought_back(database_of(tmp_path), other)


def test_what_is_done_to_it_goes_with_it_or_not_at_all(tmp_path: Path, backup: Path) -> None:
    def prepare(tx: Tx, made_at: datetime) -> None:
        tx.settings.put("prepared", made_at.isoformat())
        raise StoreRefused("not like this")

    before = everything_below(tmp_path / "data")
    with pytest.raises(StoreRefused, match="not like this"):
        brought_back(backup, tmp_path, replace=True, prepare=prepare)
    after = everything_below(tmp_path / "data")
    assert {name: content for name, content in after.items() if not name.endswith(".lock")} == before


def met_since(folder: Path) -> None:
    store = opened(folder)
    met(store, "Grace")
    store.close()


def names(path: Path, keys: KeysetFile) -> list[str]:
    path.chmod(0o600)
    store = Store.open(path, keys)
    with store.read() as tx:
        found = [tx.people.get(id).name for id in tx.people.all_ids()]
    store.close()
    return found
