"""Backups of a bot that is at work, brought back elsewhere and in its own place: with the key, and without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bot.model import Health
from bot.store.database import Store
from bot.store.vault import KeysetFile
from providers.base import Reason
from tests.faults.conftest import scaled
from tests.faults.test_keys import fill, renewed_all_the_time
from tests.faults.town import Citizen, Town
from tests.rehearsal.operator.commands import relatch
from tests.sandbox.child import Said
from tests.sandbox.world import ADA, IT_ADMIN, TEAM
from tests.store.test_at_rest import spellings

PEOPLE = 20
FEW = 8
ROWS = 5000
BACKUPS = 10


def test_backups_under_load_open_with_the_key_and_are_nothing_without_it(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, PEOPLE) as town:
        rows, count = scaled(ROWS), scaled(BACKUPS)
        fill(town, rows)
        (tmp_path / "backups").mkdir()
        secrets = kept(town)
        town.start()
        with renewed_all_the_time(town):
            for number in range(count):
                said = says(town, "backup", "--to", str(tmp_path / "backups" / f"{number}.db"))
                assert said.code == 0, said.all
        town.stop()
        secrets |= kept(town)
        opened = 0
        for number in range(count):
            file = tmp_path / "backups" / f"{number}.db"
            assert plaintext_in(file, secrets) == []
            with_key, without = tmp_path / f"with {number}", tmp_path / f"without {number}"
            shutil.copytree(town.keyset.parent, with_key / "keys")
            assert says_there(town, with_key, "restore", str(file)).code == 0
            keys = KeysetFile(with_key / "keys" / "keyset.json")
            with closing(Store.open(with_key / "data" / "relatch.db", keys)) as store:
                opened += store.verify().secrets
            without.mkdir()
            said = says_there(town, without, "restore", str(file))
            assert said.code == 2
            assert [path for path in without.rglob("*") if path.is_file()] == []
        assert opened >= count * (rows + PEOPLE)
    tell(
        f"{count} backups of a bot at work: {opened} of {opened} secrets open elsewhere with the key, "
        f"none without it, 0 of {len(secrets)} secrets in plain or encoded in the files"
    )


def test_an_old_backup_alarms_nobody_until_the_operator_says_so(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """Half of the people are renewed after the backup, by a vendor that rotates: what the backup has is dead."""
    with Town.founded(tmp_path, FEW) as town:
        town.google.strict_rotation(True)
        town.start()
        town.wait(town.settled, 60, "the first runs")
        file = tmp_path / "backup.db"
        assert says(town, "backup", "--to", str(file)).code == 0
        dead, alive = town.people[: FEW // 2], town.people[FEW // 2 :]
        pause(town, alive)
        town.later(timedelta(hours=2))
        town.wait(town.settled, 60, "the renewal of those who are not paused")
        assert says(town, "restore", str(file), "--replace", "--check").code == 2, "it runs"
        town.stop()
        said = says(town, "restore", str(file), "--replace", "--check")
        assert said.code == 0, said.all
        town.start()
        let_all_have_their_turn(town)
        town.wait(lambda: f"{FEW} of {FEW} are checked" in channel(town), 60, "the count in the admin channel")
        assert f"{FEW // 2} work, {FEW // 2} do not" in channel(town)
        town.later(timedelta(minutes=5))
        town.wait(town.settled, 60, "the end of all due work")
        assert [town.messages(citizen) for citizen in town.people] == [0] * FEW
        assert reasons(town, dead) | reasons(town, alive) == {
            (Health.SUSPENDED, Reason.ROTATION_LOST),
            (Health.ACTIVE, None),
        }
        assert f"{FEW // 2} messages will be sent" in says(town, "release").out
        town.wait(lambda: all(town.messages(citizen) for citizen in dead), 60, "their messages")
        assert [town.messages(citizen) for citizen in town.people] == [1] * (FEW // 2) + [0] * (FEW // 2)
        town.stop()
        town.check_database()
    tell(f"An old backup of {FEW}: {len(dead)} dead and {len(alive)} living sign-ins found, nobody told before release")


def let_all_have_their_turn(town: Town) -> None:
    for _ in range(2 * FEW):
        town.later(timedelta(seconds=2))
        town.rest(0.3, 0.6)


def says(town: Town, *words: str) -> Said:
    return relatch(*words, settings=town.world.settings(), directory=town.database.parent.parent)


def says_there(town: Town, folder: Path, *words: str) -> Said:
    """On another machine."""
    there = {
        "RELATCH_DATABASE": str(folder / "data" / "relatch.db"),
        "RELATCH_KEYSET": str(folder / "keys" / "keyset.json"),
    }
    return relatch(*words, settings={**town.world.settings(), **there}, directory=folder)


def kept(town: Town) -> set[str]:
    """Every token that stands in the store now."""
    found = set[str]()
    with town.store() as store, store.read() as tx:
        for citizen in town.people:
            stored = tx.credentials.load(town.connection(tx, citizen).credential_id or 0)
            secret = json.loads(stored.credential.secret)
            found |= {secret["access_token"], secret["refresh_token"]}
    return found


def plaintext_in(file: Path, secrets: set[str]) -> list[str]:
    content = file.read_bytes()
    return [secret for secret in secrets if any(each in content for each in spellings(secret))]


def pause(town: Town, citizens: list[Citizen]) -> None:
    with town.store() as store, store.write() as tx:
        for citizen in citizens:
            person = tx.people.find(TEAM, citizen.user_id)
            assert person is not None
            tx.people.pause(person.id, town.clock.now())


def channel(town: Town) -> str:
    return " ".join(message.plain for message in town.slack.messages(ADA.id, channel=IT_ADMIN))


def reasons(town: Town, citizens: list[Citizen]) -> set[tuple[Health, Reason | None]]:
    with town.store() as store, store.read() as tx:
        found = [town.connection(tx, citizen).condition for citizen in citizens]
    return {(each.health, each.cause.reason if each.cause else None) for each in found}
