"""`relatch backup`, `restore`, `release` and `keys`, as processes beside a database that is in use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.model import Event, IncidentKind, Kind
from bot.store.database import Store
from bot.store.lockfile import hold_lock
from tests.rehearsal.operator.commands import relatch
from tests.sandbox.child import Said
from tests.store.everything import fill
from tests.store.kit import NOON, connected, database_of, keys_of, met, opened, raw


class Machine:
    """A folder with a database and its keys, and a command line that is set up for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = {
            "RELATCH_PUBLIC_URL": "https://relatch.acme.example",
            "RELATCH_SLACK_BOT_TOKEN": "xoxb-canary-bot",
            "RELATCH_SLACK_APP_TOKEN": "xapp-canary-app",
            "RELATCH_SLACK_CLIENT_ID": "1.2",
            "RELATCH_SLACK_CLIENT_SECRET": "canary secret",
            "RELATCH_DATABASE": str(database_of(folder)),
            "RELATCH_KEYSET": str(keys_of(folder).path),
            "RELATCH_ADMIN_CHANNEL": "C0ITADMIN",
        }

    def says(self, *words: str) -> Said:
        return relatch(*words, settings=self.settings, directory=self.folder)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Bob is connected, and the store stays open as a running bot's would."""
    store = opened(tmp_path)
    fill(store, met(store, "Bob"))
    yield Machine(tmp_path)
    store.close()


def made(machine: Machine) -> Path:
    (machine.folder / "backups").mkdir(exist_ok=True)
    said = machine.says("backup", "--to", "backups")
    assert said.code == 0, said.all
    [file] = (machine.folder / "backups").iterdir()
    return file


def elsewhere(machine: Machine, *, keys: bool) -> Machine:
    other = Machine(machine.folder / "elsewhere")
    other.folder.mkdir()
    if keys:
        shutil.copytree(machine.folder / "keys", other.folder / "keys")
    return other


def test_backup_says_what_it_verified_and_what_to_keep_apart(machine: Machine) -> None:
    (machine.folder / "backups").mkdir()
    said = machine.says("backup", "--to", "backups")
    assert said.code == 0
    assert re.search(r"^Backup: backups/relatch-\d{8}T\d{6}Z\.db \(\d\.\d MB, mode 0600\)$", said.out, re.MULTILINE)
    assert "1 line of history hang together, and 3 secrets of 1 person opened with the present keys" in said.out
    assert f"It holds no key. Keep a copy of {keys_of(machine.folder).path} too, in another place" in said.out


@pytest.mark.parametrize("to", ["keys", "keys/one.db", "data/relatch.db", "nowhere/one.db"])
def test_backup_refuses_where_it_would_do_harm(machine: Machine, to: str) -> None:
    before = sorted(machine.folder.rglob("*"))
    said = machine.says("backup", "--to", to)
    assert said.code == 2
    assert said.out == ""
    assert sorted(machine.folder.rglob("*")) == before


def test_restore_brings_it_back_elsewhere_and_says_how_old_it_is(machine: Machine) -> None:
    file, other = made(machine), elsewhere(machine, keys=True)
    said = other.says("restore", str(file))
    assert said.code == 0, said.all
    assert "from a backup of 2" in said.out
    assert "3 secrets of 1 person opened" in said.out
    assert "Bob" in names(other)


def test_restore_without_the_key_says_so_and_writes_nothing(machine: Machine) -> None:
    file, other = made(machine), elsewhere(machine, keys=False)
    said = other.says("restore", str(file))
    assert said.code == 2
    assert "is missing" in said.err
    assert list(other.folder.iterdir()) == []


def test_restore_under_a_running_bot_is_refused(machine: Machine) -> None:
    file = made(machine)
    with hold_lock(database_of(machine.folder)):
        said = machine.says("restore", str(file), "--replace")
    assert said.code == 2
    assert "Stop it first" in said.err


def test_restore_keeps_the_one_that_was_there(machine: Machine) -> None:
    file = made(machine)
    said = machine.says("restore", str(file))
    assert said.code == 2
    assert "--replace" in said.err
    said = machine.says("restore", str(file), "--replace")
    assert said.code == 0, said.all
    [kept] = database_of(machine.folder).parent.glob("*.replaced-*Z")
    assert f"is kept as {kept}" in said.out


def test_restore_with_check_holds_messages_until_release(machine: Machine) -> None:
    file, other = made(machine), elsewhere(machine, keys=True)
    said = other.says("restore", str(file), "--check")
    assert said.code == 0, said.all
    assert "tries each of 1 connection, one person every 2 seconds" in said.out
    assert raw(other.folder, "SELECT count(*) FROM credential WHERE in_doubt_at IS NOT NULL") == [(1,)]
    assert raw(other.folder, "SELECT count(*) FROM notice WHERE kind = 'failure' AND held_by IS NOT NULL") == [(1,)]
    said = other.says("release")
    assert (said.code, said.out) == (
        0,
        "1 message will be sent as soon as Relatch runs. New ones are held no more.\n",
    )
    assert raw(other.folder, "SELECT count(*) FROM notice WHERE kind = 'failure' AND held_by IS NULL") == [(1,)]
    assert raw(other.folder, "SELECT name FROM person WHERE user_id LIKE 'operator:%'") != []
    assert other.says("release").code == 2


def test_release_asks_which_where_there_are_several(machine: Machine) -> None:
    with closing(opened(machine.folder)) as store, store.write() as tx:
        for provider in ("google", "microsoft"):
            tx.incidents.open(kind=IncidentKind.GUARD, provider=provider, cause=None, now=NOON)
    said = machine.says("release")
    assert said.code == 2
    [number] = re.findall(r"--incident (\d+) \(guard of microsoft, 0 messages held\)", said.err)
    said = machine.says("release", "--incident", number, "--drop")
    assert said.code == 0
    assert "0 messages dropped" in said.out


def test_keys_status_lists_them_and_shows_none(machine: Machine) -> None:
    said = machine.says("keys", "status")
    assert said.code == 0
    [key] = keys_of(machine.folder).keys()
    assert f"{key.id}  seals and opens; sealed 1 check value, 1 saved sign-ins, 2 sign-ins under way" in said.out
    material = json.loads(keys_of(machine.folder).path.read_text())["key"][0]["keyData"]["value"]
    assert material not in said.all


def test_keys_rotate_leaves_nothing_on_the_old_key(machine: Machine) -> None:
    [old] = keys_of(machine.folder).keys()
    said = machine.says("keys", "rotate")
    assert said.code == 0, said.all
    [new] = keys_of(machine.folder).keys()
    assert f"4 secrets sealed anew with key {new.id}. Nothing is left on key {old.id}" in said.out
    assert "Backups from before need the key file as it was" in said.out
    status = machine.says("keys", "status").out
    assert str(new.id) in status
    assert str(old.id) not in status


def test_an_unfinished_rotation_shows_and_is_gone_on_with(machine: Machine) -> None:
    added = keys_of(machine.folder).add()
    said = machine.says("keys", "status")
    assert f"{added}  opens; sealed nothing that is kept" in said.out
    assert "A rotation was not finished" in said.out
    assert "this is its end" in machine.says("keys", "rotate").out


def test_a_missing_key_is_found(machine: Machine) -> None:
    raw(machine.folder, "UPDATE credential SET secret = CAST(x'0100000007' || substr(secret, 6) AS BLOB)")
    said = machine.says("keys", "status")
    assert said.code == 1
    assert "7  IS MISSING; sealed 1 saved sign-ins" in said.out
    assert machine.says("keys", "rotate").code == 2


def test_an_old_backup_wants_its_old_key(machine: Machine) -> None:
    file = made(machine)
    shutil.copytree(machine.folder / "keys", machine.folder / "old keys")
    assert machine.says("keys", "rotate").code == 0
    other = elsewhere(machine, keys=True)
    said = other.says("restore", str(file))
    assert said.code == 2
    assert "belongs to another database" in said.err
    other.settings["RELATCH_KEYSET"] = str(machine.folder / "old keys" / "keyset.json")
    assert other.says("restore", str(file)).code == 0


def test_what_is_written_during_a_command_is_kept(machine: Machine) -> None:
    store = opened(machine.folder)
    with store.write() as tx:
        tx.events.append(Event(Kind.CHECKED, NOON))
    connected(store, met(store, "Grace"))
    assert machine.says("keys", "rotate").code == 0
    assert store.verify().secrets == 4
    store.close()


def names(machine: Machine) -> list[str]:
    store = Store.open(database_of(machine.folder), keys_of(machine.folder))
    with store.read() as tx:
        found = [tx.people.get(id).name for id in tx.people.all_ids()]
    store.close()
    return found
