"""The commands as an operator types them, beside a running bot and its Slack: exit codes, words, and what follows."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from functools import partial

import pytest

from tests import warm
from tests.rehearsal.operator.commands import at_a_terminal, lines_of, relatch
from tests.sandbox.child import Said
from tests.sandbox.world import BOB, GRACE, Person
from tests.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage"), launch=warm.launch) as stage:
        stage.connect(BOB, GRACE)
        yield stage


@pytest.fixture
def ask(stage: Stage) -> partial[Said]:
    return partial(relatch, settings=stage.settings, directory=stage.directory)


def is_told(stage: Stage, person: Person, words: str) -> bool:
    return any(words in message.plain for message in stage.slack.messages(person.id))


@pytest.mark.timeout(180)
def test_doctor_finds_a_running_bot_in_order_and_everybody_working(stage: Stage, ask: partial[Said]) -> None:
    said = ask("doctor", "--live", "--each")
    assert said.code == 0, said.all
    assert "A bot serves this database now" in said.out
    assert lines_of(said, "ok", "live") == ["ok   live: Google: 2 looked at and working."]
    assert any("healthz answers" in line for line in lines_of(said, "ok", "public address"))


@pytest.mark.timeout(180)
def test_a_dead_sign_in_ends_with_one_and_the_link_for_the_person(stage: Stage, ask: partial[Said]) -> None:
    assert ask("check", "--person", BOB.email).code == 0
    stage.world.google.remove_access(BOB.email)
    said = ask("refresh", "--person", BOB.id, "--side", "mailbox")
    assert said.code == 1
    assert "Only the person can mend it, by signing in." in said.out
    assert f"{stage.world.public_url}/connect/" in said.out
    # The bot that runs beside it tells the person.
    stage.be_told_in_time(lambda: is_told(stage, BOB, "Google"), "Bob's message")
    found = ask("doctor", "--live", "--person", BOB.id)
    assert found.code == 1
    assert lines_of(found, "fail", "live") == ["fail live: Google: 1 with credentials revoked (invalid_grant)."]


@pytest.mark.timeout(180)
def test_grace_is_revoked_told_and_forgotten_while_the_bot_runs(stage: Stage, ask: partial[Said]) -> None:
    connected = ask("forget", "--person", GRACE.id, "--yes")
    assert (connected.code, "still connected" in connected.err) == (2, True)
    unasked = ask("revoke", "--person", GRACE.id, "--reason", "left")
    assert (unasked.code, "say --yes" in unasked.err) == (2, True)

    done = ask("revoke", "--person", GRACE.id, "--reason", "left the company", "--yes")
    assert done.code == 0, done.all
    assert "The running bot ends it at the provider" in done.out
    stage.wait(lambda: is_told(stage, GRACE, "Ended at Google"), "the receipt")
    assert is_told(stage, GRACE, "left the company")

    gone = ask("forget", "--person", GRACE.email, "--yes")
    assert gone.code == 0, gone.all
    assert "lines, verified" in gone.out
    again = ask("check", "--person", GRACE.email)
    assert (again.code, "Nobody here is known as" in again.err) == (2, True)


@pytest.mark.timeout(180)
def test_the_history_is_exported_to_a_file_of_ones_own_and_never_over_another(stage: Stage, ask: partial[Said]) -> None:
    target = stage.directory / "history.jsonl"
    said = ask("events", "export", "--to", str(target))
    assert said.code == 0, said.all
    lines = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert said.err == (
        f"Verified all {len(lines)} lines of the history, each against the one before. Exported {len(lines)}.\n"
    )
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.read_bytes()
    refused = ask("events", "export", "--to", str(target))
    assert (refused.code, "File exists" in refused.err) == (2, True)
    assert target.read_bytes() == before


def test_standard_output_holds_nothing_but_the_lines(stage: Stage, ask: partial[Said]) -> None:
    said = ask("events", "export", "--person", BOB.id)
    assert said.code == 0
    assert {json.loads(line)["person"] for line in said.out.splitlines()} == {
        json.loads(said.out.splitlines()[0])["person"]
    }


def test_what_is_piped_holds_the_answer_though_a_terminal_shows_the_waiting(stage: Stage) -> None:
    piped = at_a_terminal("check", "--person", BOB.id, settings=stage.settings, directory=stage.directory)
    assert piped.startswith(f"{BOB.real_name} ({BOB.id})")
    assert "Not connected." in piped
    assert "\x1b" not in piped


def test_a_database_that_is_not_there_is_a_sentence(stage: Stage) -> None:
    settings = stage.settings | {"RELATCH_DATABASE": str(stage.directory / "nowhere" / "relatch.db")}
    said = relatch("check", "--person", BOB.id, settings=settings, directory=stage.directory)
    assert said.code == 2
    assert "There is no database at" in said.err
    assert not (stage.directory / "nowhere").exists()


def test_missing_settings_are_all_named(stage: Stage) -> None:
    said = relatch("revoke", "--person", BOB.id, "--reason", "left", settings={}, directory=stage.directory)
    assert said.code == 2
    assert "RELATCH_PUBLIC_URL is missing" in said.err
    assert "RELATCH_SLACK_BOT_TOKEN is missing" in said.err


def test_none_of_this_woke_an_operator(stage: Stage) -> None:
    assert stage.alarms() == []
