"""Doctor before a bot has ever run: against the sandbox's Slack and vendors, with one thing wrong at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from bot.build import examined
from bot.model import Finding, Level, Profile
from bot.operator import network, storage
from bot.settings import Settings, read
from bot.store.database import Store
from bot.store.examine import file_system
from bot.store.lockfile import hold_lock
from bot.store.vault import KeysetFile
from handlers.slack.doctor import clock, scopes
from handlers.slack.manifest import BOT_SCOPES
from providers.base import Credential
from tests import warm
from tests.rehearsal.operator.commands import relatch
from tests.sandbox.child import manifest
from tests.sandbox.serving import own_tls
from tests.sandbox.world import GENERAL, Sandbox

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("world")
    with Sandbox(folder) as world:
        world.install(manifest(world.public_url, folder, launch=warm.launch))
        yield world


@pytest.fixture
def examine(world: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    monkeypatch.chdir(tmp_path)
    return Examine(world, monkeypatch)


class Examine:
    """All that doctor finds with the world's settings, some of them changed."""

    def __init__(self, world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self._monkeypatch = world, monkeypatch

    def __call__(self, **changed: str) -> list[Finding]:
        for name, value in (self.world.settings() | changed).items():
            self._monkeypatch.setenv(name, value)
        return list(examined(read(Settings)))

    def troubles(self, **changed: str) -> list[Finding]:
        return [found for found in self(**changed) if found.level is not Level.OK]

    def only_trouble(self, **changed: str) -> Finding:
        found, *more = self.troubles(**changed)
        assert more == []
        assert found.mend
        return found


def test_a_good_installation_has_nothing_to_mend(examine: Examine) -> None:
    found = examine()
    assert [each for each in found if each.level is not Level.OK or each.mend] == []
    assert {"Office 365", "Microsoft Exchange", "Google", "Salesforce", "Slack", "scopes", "clock"} <= {
        each.part for each in found
    }


# Slack


def test_slack_that_asks_for_a_moment_is_given_it(examine: Examine) -> None:
    examine.world.slack.rate_limit("chat.postEphemeral", 2)
    assert examine.troubles() == []


def test_scopes_that_miss_and_scopes_too_many_are_each_named(examine: Examine) -> None:
    good = manifest(examine.world.public_url, examine.world.directory, launch=warm.launch)
    scopes = good["oauth_config"]["scopes"]
    changed = [*(each for each in scopes["bot"] if each != "usergroups:read"), "files:write"]
    other = good | {"oauth_config": good["oauth_config"] | {"scopes": scopes | {"bot": changed}}}
    try:
        examine.world.install(other)
        found = {each.words: each.level for each in examine.troubles() if each.part == "scopes"}
    finally:
        examine.world.install(good)
    assert found == {
        "usergroups:read is missing.": Level.FAIL,
        "files:write was granted and is not needed.": Level.WARN,
    }


@pytest.mark.parametrize(("by_group", "level"), [(True, Level.FAIL), (False, Level.OK)])
def test_who_lists_admins_by_id_needs_no_scope_for_groups(*, by_group: bool, level: Level) -> None:
    granted = ",".join(scope for scope in BOT_SCOPES if scope != "usergroups:read")
    assert [found.level for found in scopes(granted, by_group=by_group)] == [level]


def test_a_wrong_bot_token_is_said_and_not_shown(examine: Examine) -> None:
    [found] = [each for each in examine.troubles(RELATCH_SLACK_BOT_TOKEN="xoxb-hunter2") if each.part == "Slack"]
    assert found.words == "Slack refuses RELATCH_SLACK_BOT_TOKEN: invalid_auth."
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({"SLACK_APP_TOKEN": "xapp-wrong"}, Level.FAIL, "Slack refuses RELATCH_SLACK_APP_TOKEN: invalid_auth"),
        ({"SLACK_CLIENT_SECRET": "wrong"}, Level.FAIL, "Slack refuses our client: bad_client_secret"),
        ({"ADMIN_GROUP": "S0NOBODY"}, Level.FAIL, "The user group S0NOBODY cannot be read: no_such_subteam"),
        ({"ADMIN_GROUP": ""}, Level.WARN, "Nobody is an admin"),
        ({"ADMIN_IDS": "U0ADA,U0NOBODY"}, Level.FAIL, "U0NOBODY is not there: user_not_found"),
        ({"ADMIN_CHANNEL": GENERAL}, Level.FAIL, "The bot may not write to C0GENERAL: not_in_channel"),
        ({"ADMIN_CHANNEL": ""}, Level.WARN, "nobody hears of outages"),
        ({"GOOGLE_CLIENT_ID": "nobody"}, Level.FAIL, "our client at localhost"),
        ({"SALESFORCE_CLIENT_SECRET": "wrong"}, Level.FAIL, "our client at localhost"),
    ],
)
def test_one_wrong_setting_is_one_finding_that_says_how_to_mend_it(
    examine: Examine, changed: dict[str, str], level: Level, words: str
) -> None:
    found = examine.only_trouble(**{f"RELATCH_{name}": value for name, value in changed.items()})
    assert found.level is level
    assert words in found.words


@pytest.mark.parametrize(
    ("off", "level", "words"),
    [
        (timedelta(seconds=0), Level.OK, "Within 0 s"),
        (timedelta(seconds=30), Level.OK, "Within 30 s"),
        (timedelta(seconds=31), Level.WARN, "31 s ahead of"),
        (timedelta(minutes=-10), Level.WARN, "600 s behind"),
    ],
)
def test_a_clock_that_is_off_is_told_from_slacks_own(off: timedelta, level: Level, words: str) -> None:
    found = clock(format_datetime(NOON), NOON + off)
    assert found.level is level
    assert words in found.words


def test_an_answer_without_a_date_is_no_crash() -> None:
    assert clock("yesterday", NOON).level is Level.WARN


# The network


def test_who_signs_for_nobody_we_know_is_named_for_each_vendor(examine: Examine, tmp_path: Path) -> None:
    own_tls(tmp_path / "other.pem", authority="somebody else")
    found = examine.troubles(RELATCH_CA_BUNDLE=str(tmp_path / "other.pem"))
    assert {each.part for each in found} == {
        "Slack",
        "Office 365",
        "Microsoft Exchange",
        "Google",
        "Salesforce",
    }
    assert all("RELATCH_CA_BUNDLE" in each.mend for each in found)


def test_a_proxy_that_is_not_there_is_named_without_its_password(examine: Examine) -> None:
    found = examine(RELATCH_HTTPS_PROXY="http://ada:hunter2@127.0.0.1:9")
    assert "All that goes out goes through 127.0.0.1:9." in [each.words for each in found]
    assert {each.part for each in found if each.level is Level.FAIL} >= {"Slack", "Google"}
    assert "hunter2" not in repr(found)


def test_a_public_address_that_does_not_answer_is_a_warning_since_only_browsers_need_it() -> None:
    found = list(network.public("http://bot.localhost:9", serving=True, ca_bundle=None))
    assert [each.level for each in found] == [Level.OK, Level.WARN]
    assert "ConnectionRefusedError" in found[1].words


def test_authorities_that_end_soon_are_told_in_time(tmp_path: Path) -> None:
    own_tls(tmp_path / "ca.pem")
    later = NOON.replace(year=9000)
    found = list(network.way_out(proxy="", ca_bundle=tmp_path / "ca.pem", now=later))
    assert [each.level for each in found] == [Level.OK, Level.WARN]


# At home


@pytest.fixture
def home(tmp_path: Path) -> tuple[Path, Path]:
    """A database and its keys, as a bot leaves them."""
    database, keys = tmp_path / "data" / "relatch.db", tmp_path / "keys" / "keyset.json"
    Store.open(database, KeysetFile(keys)).close()
    return database, keys


def at_home(home: tuple[Path, Path]) -> list[Finding]:
    database, keys = home
    found = [*storage.keyset(keys, database=database), *storage.database(database), *storage.opens(database, keys)]
    return [each for each in found if each.level is not Level.OK]


def words_at(home: tuple[Path, Path]) -> str:
    return " ".join(f"{each.words} {each.mend}" for each in at_home(home))


def test_what_a_bot_leaves_behind_is_in_order(home: tuple[Path, Path]) -> None:
    assert at_home(home) == []


def test_key_ids_are_told_and_never_a_key(home: tuple[Path, Path]) -> None:
    [found] = storage.keyset(home[1], database=home[0])
    assert str(KeysetFile(home[1]).keys()[0].id) in found.words
    assert '"value"' not in found.words


def test_what_a_vendor_was_asked_to_end_in_vain_is_named(home: tuple[Path, Path]) -> None:
    store = Store.open(home[0], KeysetFile(home[1]))
    with store.write() as tx:
        grace = tx.people.meet(Profile("T_ACME", "U0GRACE", "Grace", "grace@acme.example", "UTC"), NOON)
        secret = Credential(account=grace.email, identity="1", secret="a token", expires_at=None)
        key = tx.credentials.add(person_id=grace.id, provider="google", credential=secret, now=NOON)
        tx.credentials.give_up(key, NOON)
        assert tx.credentials.unended() == [], "it was not asked yet"
        tx.credentials.revoke_later(key, NOON)
        tx.credentials.revoke_later(key, NOON)
    store.close()
    [found] = at_home(home)
    assert "1 not known to have ended at the vendor: Grace (google, tried 2 times)." in found.words


def test_a_database_without_its_keys_is_told_before_anything_else(home: tuple[Path, Path]) -> None:
    home[1].unlink()
    assert "is missing, and there is a database. Restore it" in words_at(home)


def test_the_keys_of_another_database_do_not_open_it(home: tuple[Path, Path]) -> None:
    home[1].unlink()
    KeysetFile(home[1]).make()
    assert "belongs to another database" in words_at(home)


@pytest.mark.parametrize("which", [0, 1], ids=["database", "keys"])
def test_what_others_may_read_is_mended_by_one_command(home: tuple[Path, Path], which: int) -> None:
    home[which].chmod(0o644)
    assert f"chmod 600 {home[which]}" in words_at(home)


def test_a_damaged_database_is_told_with_what_to_do(home: tuple[Path, Path]) -> None:
    with home[0].open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 3)
    assert "relatch restore" in words_at(home)


def test_a_changed_history_names_its_line(home: tuple[Path, Path]) -> None:
    with closing(sqlite3.connect(home[0])) as database, database:
        database.execute("INSERT INTO setting VALUES ('events.head', '7:abc')")
    assert "Line 1 was changed or is missing" in words_at(home)


def test_an_older_database_waits_for_the_bot_to_upgrade_it(home: tuple[Path, Path]) -> None:
    with closing(sqlite3.connect(home[0])) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    assert "Start this one with `relatch run`: that upgrades it" in words_at(home)
    with closing(sqlite3.connect(home[0])) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_a_network_disk_is_refused_since_locks_do_not_hold_there(home: tuple[Path, Path], tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nfiler:/vol {home[0].parent} nfs4 rw 0 0\n")
    assert file_system(tmp_path, mounts) == "ext4"
    [found] = [each for each in storage.database(home[0], mounts=mounts) if each.level is Level.FAIL]
    assert found.words == "It lies on a network file system (nfs4)."


def test_whether_a_bot_runs_is_seen_and_it_is_not_disturbed(home: tuple[Path, Path]) -> None:
    assert "No bot" in storage.bot(home[0]).words
    with hold_lock(home[0]):
        assert "serves this database now" in storage.bot(home[0]).words
    with hold_lock(home[0]):
        pass


# The command


def test_faulty_settings_are_all_named_and_end_with_one(tmp_path: Path) -> None:
    said = relatch("doctor", settings={"RELATCH_PUBLIC_URL": "http://acme.example"}, directory=tmp_path)
    assert said.code == 1
    named = ("RELATCH_PUBLIC_URL", "RELATCH_SLACK_BOT_TOKEN", "RELATCH_SLACK_CLIENT_ID")
    assert [name for name in named if f"fail settings: {name}" not in said.out] == []
