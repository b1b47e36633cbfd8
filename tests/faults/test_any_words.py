"""A thousand lines that nobody thought of: each gets one answer, and none changes anything or calls anybody.

Eight at once for a while are load, and each has the three seconds of Slack: so they have the machine to themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.sandbox.slack import ApiCall, Message
from tests.sandbox.world import ADA, BOB, GRACE, MALLORY
from tests.stage import Stage
from tests.traces import rows

BATCH, BATCHES = 50, 20
AT_ONCE = 8
PEOPLE = (ADA.id, BOB.id, GRACE.id, MALLORY.id)

HOSTILE = st.sampled_from(
    [
        "<!channel>", "<!here>", "<!everyone>", "<@U0ADA>", "<@U0BOB|bob>", "@bob", "@channel", "<#C0GENERAL>",
        "<!subteam^S0ITADMINS>", "<http://evil.example|Refresh>", "&lt;!channel&gt;", "```", "`", "*", "_", "\\",
        "\x00", "\u202e", "\u200b", "{{ 7 * 7 }}", "{% raw %}", "'; DROP TABLE person; --", "../../etc/passwd",
        "\U0001f4a5" * 40, "a" * 4000, "mailbox", "crm", "google", "salesforce", "office 365", "-1", "all",
    ]
)  # fmt: skip
WORDS = st.sampled_from(["check crm", "status", "why", "help", "refesh", "sync status", "sync soon", "release 1"])
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


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All is logged. Everybody's name would call somebody, were it not escaped. Sign-in buttons are made beforehand."""
    with Stage(tmp_path_factory.mktemp("stage"), settings={"RELATCH_LOG_LEVEL": "DEBUG"}) as stage:
        stage.connect(BOB, GRACE)
        give_hostile_names(stage)
        yield stage
        assert stage.alarms() == []


@pytest.fixture(scope="module")
def waited() -> list[float]:
    """For how many seconds each line waited to be acknowledged."""
    return []


def give_hostile_names(stage: Stage) -> None:
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
def test_any_line_gets_one_answer_and_changes_nothing(stage: Stage, waited: list[float], lines: list[str]) -> None:
    wanted = [(PEOPLE[number % len(PEOPLE)], line) for number, line in enumerate(lines)]
    shown, kept, sent = {each.ts for each in answers(stage)}, rows(stage), len(stage.slack.sent)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        acked = list(pool.map(lambda each: stage.slack.command(*each), wanted))
    assert [(lines[number], each) for number, each in enumerate(acked) if not each.ok] == []
    stage.wait(lambda: len(answers(stage)) == len(shown) + BATCH, "one answer for each line")
    assert all(each.plain for each in answers(stage) if each.ts not in shown)
    assert rows(stage) == kept
    assert [call for call in stage.slack.sent[sent:] if calls_somebody(call)] == []
    stage.bot.check()
    waited += [each.seconds for each in acked]


def test_nothing_of_it_was_an_error(stage: Stage, waited: list[float], tell: Callable[[str], None]) -> None:
    assert "Traceback" not in stage.bot.log.read_text("utf-8")
    assert stage.slack.messages(ADA.id, channel="C0GENERAL") == []
    tell(f"{len(waited)} lines, {AT_ONCE} at once: one answer each, the slowest acknowledged after {max(waited):.2f} s")


def answers(stage: Stage) -> list[Message]:
    return [each for person in PEOPLE for each in stage.slack.ephemerals(person)]


def calls_somebody(call: ApiCall) -> list[str]:
    """What Slack would turn into a mention: `<!channel>`, `<@U…>`, `<#C…>`."""
    return A_CALL.findall(A_DATE.sub("", str(call.arguments)))
