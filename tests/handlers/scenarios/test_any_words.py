"""A thousand lines that nobody thought of: each gets one answer, and none changes anything or calls anybody."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.sandbox.slack import ApiCall, Message
from tests.sandbox.world import ADA, BOB, GRACE, MALLORY
from tests.stage import Stage

BATCH, BATCHES = 50, 20
AT_ONCE = 8
PEOPLE = (ADA.id, BOB.id, GRACE.id, MALLORY.id)
# What a line may leave behind: that it was seen, who typed it, that it was asked, and when a button was last shown.
LEFT_BEHIND = {"seen", "person", "event", "sqlite_sequence"}
PARTLY = {
    "invitation": "SELECT id, person_id, side, word, provider, access_type, asked_by FROM invitation",
    "setting": "SELECT * FROM setting WHERE key != 'events.head'",
}

HOSTILE = st.sampled_from(
    [
        "<!channel>", "<!here>", "<!everyone>", "<@U0ADA>", "<@U0BOB|bob>", "@bob", "@channel", "<#C0GENERAL>",
        "<!subteam^S0ITADMINS>", "<http://evil.example|Refresh>", "&lt;!channel&gt;", "```", "`", "*", "_", "\\",
        "\x00", "\u202e", "\u200b", "{{ 7 * 7 }}", "{% raw %}", "'; DROP TABLE person; --", "../../etc/passwd",
        "\U0001f4a5" * 40, "a" * 4000, "mailbox", "crm", "google", "salesforce", "office 365", "-1", "all",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["check crm", "status", "why", "help", "refesh", "sync status", "sync soon", "release 1"]
)
LINES = st.one_of(
    st.text(max_size=80),
    st.lists(st.one_of(HOSTILE, WORDS, st.text(max_size=12)), min_size=1, max_size=6).map(" ".join),
)
# These do something or open a dialog, and may: their own tests hold what. A check counts as a look that worked.
DO_SOMETHING = re.compile(
    r"refresh|renew|reconnect|change|switch|revoke|disconnect|sync\W+(now|pause|resume)|check\b(?! crm)|test",
    re.IGNORECASE,
)
A_DATE = re.compile(r"<!date\^[^<>]*>")
A_CALL = re.compile(r"<[!@#][^<>]*>")


@pytest.fixture(scope="module", autouse=True)
def _hostile_names(stage: Stage) -> None:
    """Everybody's name would call somebody, were it not escaped. Their sign-in buttons are made beforehand."""
    for person in (ADA, BOB, GRACE):
        name = f"<!channel> <@U0ADA> {person.name} `*_~"
        stage.slack.add_user(person.id, person.name, name, person.email)
    before = len(answers(stage))
    for person in (ADA, BOB, GRACE):
        stage.slack.command(person.id, "")
    stage.wait(lambda: len(answers(stage)) == before + 3, "the answers")


@given(lines=st.lists(LINES.filter(lambda line: not DO_SOMETHING.search(line)), min_size=BATCH, max_size=BATCH))
@settings(
    max_examples=BATCHES,
    # A batch that fails is shown as it is: to shrink it would take a minute of commands.
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large,
                           HealthCheck.large_base_example],
)  # fmt: skip
def test_any_line_gets_one_answer_and_changes_nothing(stage: Stage, lines: list[str]) -> None:
    wanted = [(PEOPLE[number % len(PEOPLE)], line) for number, line in enumerate(lines)]
    shown, kept, sent = {each.ts for each in answers(stage)}, rows(stage), len(stage.slack.sent)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        acked = list(pool.map(lambda each: stage.slack.command(*each), wanted))
    assert [lines[number] for number, each in enumerate(acked) if not each.ok] == []
    stage.wait(lambda: len(answers(stage)) == len(shown) + BATCH, "one answer for each line")
    assert all(each.plain for each in answers(stage) if each.ts not in shown)
    assert rows(stage) == kept
    assert [call for call in stage.slack.sent[sent:] if calls_somebody(call)] == []
    stage.bot.check()


def test_nothing_of_it_was_an_error(stage: Stage) -> None:
    assert "Traceback" not in stage.bot.log.read_text("utf-8")
    assert stage.slack.messages(ADA.id, channel="C0GENERAL") == []


def answers(stage: Stage) -> list[Message]:
    return [each for person in PEOPLE for each in stage.slack.ephemerals(person)]


def rows(stage: Stage) -> dict[str, set[tuple[object, ...]]]:
    """All that the database holds, but for what a line may leave behind."""
    with closing(sqlite3.connect(f"file:{stage.settings['RELATCH_DATABASE']}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        questions = {name: f'SELECT * FROM "{name}"' for name in tables if name not in LEFT_BEHIND} | PARTLY  # noqa: S608 - names of our own tables
        return {name: set(database.execute(question)) for name, question in questions.items()}


def calls_somebody(call: ApiCall) -> list[str]:
    """What Slack would turn into a mention: `<!channel>`, `<@U…>`, `<#C…>`."""
    return A_CALL.findall(A_DATE.sub("", str(call.arguments)))
