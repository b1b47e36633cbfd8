"""Starting `relatch run` the wrong way: all faults at once in plain sentences, and never two bots on one database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import warm
from tests.sandbox.child import Launch, Said, launch, relatch
from tests.sandbox.serving import free_port
from tests.stage import Stage

REFUSED = 2


def run(settings: dict[str, str], directory: Path, launch: Launch = warm.launch) -> Said:
    return relatch("run", settings=settings, directory=directory, launch=launch)


def test_all_faults_are_named_at_once_and_no_secret_is(stage: Stage, tmp_path: Path) -> None:
    wrong = {
        **stage.settings,
        "RELATCH_PUBLIC_URL": "http://relatch.example.com",
        "RELATCH_LISTEN": "nowhere",
        "RELATCH_SLACK_BOT_TOKEN": "",
        "RELATCH_LOG_LEVEL": "LOUD",
    }
    ended = run(wrong, tmp_path)
    assert ended.code == REFUSED
    for name in ("RELATCH_PUBLIC_URL", "RELATCH_LISTEN", "RELATCH_SLACK_BOT_TOKEN", "RELATCH_LOG_LEVEL"):
        assert name in ended.err
    assert "Traceback" not in ended.err
    assert stage.settings["RELATCH_SLACK_APP_TOKEN"] not in ended.err
    assert stage.settings["RELATCH_GOOGLE_CLIENT_SECRET"] not in ended.err


def test_nothing_set_at_all_says_what_is_needed(tmp_path: Path) -> None:
    ended = run({}, tmp_path, launch)
    assert ended.code == REFUSED
    assert "RELATCH_PUBLIC_URL" in ended.err
    assert "Traceback" not in ended.err


def test_a_clock_file_is_refused_beside_the_real_slack(stage: Stage, tmp_path: Path) -> None:
    ended = run({**stage.settings, "RELATCH_SLACK_API_URL": "https://slack.com/api/"}, tmp_path)
    assert ended.code == REFUSED
    assert "CLOCK" in ended.err.upper()


@pytest.mark.parametrize("other", ["RELATCH_LISTEN", ""], ids=["on another port", "on the same port"])
def test_a_second_bot_on_the_same_database_refuses(stage: Stage, tmp_path: Path, other: str) -> None:
    settings = {**stage.settings, other: f"127.0.0.1:{free_port()}"} if other else stage.settings
    ended = run(settings, tmp_path)
    assert ended.code == REFUSED
    assert "Traceback" not in ended.err
    assert "Another Relatch already serves" in ended.err
    stage.bot.check()


def test_a_token_that_slack_refuses_is_said_plainly(stage: Stage, tmp_path: Path) -> None:
    settings = {
        **stage.settings,
        "RELATCH_DATABASE": str(tmp_path / "data" / "other.db"),
        "RELATCH_KEYSET": str(tmp_path / "keys" / "keyset.json"),
        "RELATCH_LISTEN": f"127.0.0.1:{free_port()}",
        "RELATCH_SLACK_BOT_TOKEN": "xoxb-not-ours",
    }
    ended = run(settings, tmp_path)
    assert ended.code == REFUSED
    assert "Traceback" not in ended.err
    assert "Slack" in ended.err
    assert "xoxb-not-ours" not in ended.err
