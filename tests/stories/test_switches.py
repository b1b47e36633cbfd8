"""Every switch of the side panel: what happens next, who is told of it, in which words, and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.sandbox import opening
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Button, Message
from tests.sandbox.world import ADA, BOB, GRACE, Person
from tests.stage import Stage
from tests.stories.workspace import Workspace

COLLEAGUES = (ADA, BOB, GRACE)
IT_ADMIN = "C0ITADMIN"
STILL_ASKING = re.compile("Asking|One moment")

Act = Callable[[Stage, Workspace], None]


class Told(StrEnum):
    """Who hears of it without having asked."""

    THEMSELVES = "each person whose account it is, in one message of their own"
    ADMINS = "the admin channel, in one message, and once more when it is over"
    BOTH = "the admin channel, and each person, who is told that the administrator must act"
    BOB = "Bob, whose sign-in broke meanwhile, and perhaps by a stray copy too"
    NOBODY = "nobody"


# What happens after the switch


def nothing_more(stage: Stage, slack: Workspace) -> None:
    """The switch is all."""


def hours_go_by(stage: Stage, slack: Workspace) -> None:
    """Three runs of the sync, and more than two tries of a refused renewal."""
    for _ in range(8):
        stage.pass_time(minutes=11)
        stage.holds(lambda: False, 0.4)


def everybody_checks(stage: Stage, slack: Workspace) -> None:
    """What a person's own press finds is believed at once; its message settles for a minute."""
    stage.pass_time(hours=2)
    for person in COLLEAGUES:
        slack.enter(person)
        ask(slack, "check")
    stage.pass_time(minutes=2)


def a_renewal_follows(stage: Stage, slack: Workspace) -> None:
    stage.world.google.expire_access_tokens(GRACE.email)
    slack.enter(GRACE)
    ask(slack, "check")


def a_week_goes_by(stage: Stage, slack: Workspace) -> None:
    """After everybody has signed in anew."""
    for person in COLLEAGUES:
        sign_in_again(stage, person)
    stage.pass_time(days=8)
    hours_go_by(stage, slack)


def everybody_changes(stage: Stage, slack: Workspace) -> None:
    """The page says what is missing, and what was connected stays in use."""
    for person in COLLEAGUES:
        assert stage.slack.command(person.id, "change mailbox").ok
        door = stage.wait(partial(change_button, stage, person), "the button in the dialog")
        page = sign_in(Browser(), door.url, slack_user=person.id, account=person.email)
        assert "A permission is missing" in page.text, page.text
        stage.slack.close(person.id)


def slack_comes_back(stage: Stage, slack: Workspace) -> None:
    """Meanwhile Slack says so to whoever types; nothing that was asked then is made up for."""
    stage.wait(lambda: stage.slack.connections == 0, "the cut")
    assert stage.slack.command(GRACE.id, "check").error == "dispatch_failed"
    slack.flip("slack.down", value=False)
    stage.wait(lambda: stage.slack.command(GRACE.id, "help").ok, "the connection", 40)


def the_connection_is_back(stage: Stage, slack: Workspace) -> None:
    """Who types in the second between is told so by Slack, and types again."""
    stage.wait(lambda: stage.slack.command(GRACE.id, "help").ok, "the connection", 40)


def the_app_is_installed_again(stage: Stage, slack: Workspace) -> None:
    slack.flip("slack.revoked", value=False)


def ten_seconds_go_by(stage: Stage, slack: Workspace) -> None:
    """Real ones: Slack's limits do not follow the sandbox's clock."""
    stage.holds(lambda: False, 10.5)


def bob_is_told_of_something(stage: Stage, slack: Workspace) -> None:
    stage.world.google.remove_access(BOB.email)
    slack.enter(BOB)
    ask(slack, "check")
    stage.pass_time(minutes=2)


def ask(slack: Workspace, text: str) -> str:
    """The answer that stays: a check says first whom it is asking."""
    before = slack.articles.count()
    slack.type(f"/creds {text}")
    expect(slack.articles).to_have_count(before + 1)
    expect(slack.newest).not_to_contain_text(STILL_ASKING)
    return slack.newest.inner_text()


def change_button(stage: Stage, person: Person) -> Button:
    """Raises LookupError while there is none."""
    found = [button for button in stage.slack.views(person.id)[-1].buttons if button.url]
    return found[0]


def sign_in_again(stage: Stage, person: Person) -> None:
    """Whatever it is now: from `/creds refresh`, in a browser of its own, until it is caught up."""
    stage.world.google.remove_access(person.email)
    before = len(stage.slack.ephemerals(person.id))
    assert stage.slack.command(person.id, "refresh").ok
    stage.wait(lambda: len(stage.slack.ephemerals(person.id)) > before, "the answer")
    door = stage.wait(lambda: stage.slack.ephemerals(person.id)[-1].buttons, "the button")
    page = sign_in(Browser(), next(b.url for b in door if b.url), slack_user=person.id, account=person.email)
    assert "connected" in page.text, page.text
    stage.wait(lambda: "working" in status(stage, person), f"{person.name}'s mailbox works")


def status(stage: Stage, person: Person) -> str:
    before = len(stage.slack.ephemerals(person.id))
    assert stage.slack.command(person.id, "").ok
    stage.wait(lambda: len(stage.slack.ephemerals(person.id)) > before, "the answer")
    return stage.slack.ephemerals(person.id)[-1].plain.lower()


@dataclass(frozen=True)
class Row:
    """`*` in the switch stands for each colleague: all three have the same trouble at once.

    `words` are in what is told; where nobody is told, in what Grace is answered who checks.
    """

    switch: str
    then: Act
    told: Told
    words: str
    value: bool | float | None = None

    @property
    def switches(self) -> list[str]:
        return [self.switch.replace("*", person.name) for person in COLLEAGUES] if "*" in self.switch else [self.switch]


WORKS = "works"
NOT_NOW = "did not answer|not answering|try"
TABLE = [
    # Time by itself breaks nothing, but for half a year of silence.
    Row("clock.1m", nothing_more, Told.NOBODY, WORKS),
    Row("clock.10m", nothing_more, Told.NOBODY, WORKS),
    Row("clock.1h", nothing_more, Told.NOBODY, WORKS),
    Row("clock.6h", nothing_more, Told.NOBODY, WORKS),
    Row("clock.1d", nothing_more, Told.NOBODY, WORKS),
    Row("clock.7d", nothing_more, Told.NOBODY, WORKS),
    Row("clock.6mo", hours_go_by, Told.THEMSELVES, "sign in"),
    # One account.
    Row("google.*.password", everybody_checks, Told.THEMSELVES, "sign in"),
    Row("google.*.remove", hours_go_by, Told.THEMSELVES, "sign in"),
    Row("google.*.idle", everybody_checks, Told.THEMSELVES, "sign in"),
    Row("google.*.suspend", everybody_checks, Told.THEMSELVES, "administrator", value=True),
    Row("google.*.session", everybody_checks, Told.THEMSELVES, "sign in", value=True),
    Row("google.*.untick", everybody_changes, Told.NOBODY, WORKS, value=True),
    Row("google.*.expire", nothing_more, Told.NOBODY, WORKS),
    Row("google.*.history", hours_go_by, Told.NOBODY, WORKS),
    Row("google.*.mail", hours_go_by, Told.NOBODY, WORKS),
    Row("google.*.meeting", hours_go_by, Told.NOBODY, WORKS),
    # The vendor.
    Row("google.down", hours_go_by, Told.ADMINS, "Google", value=True),
    Row("google.rate_limit", hours_go_by, Told.NOBODY, NOT_NOW, value=True),
    Row("google.nonsense", hours_go_by, Told.ADMINS, "Google", value=True),
    Row("google.slow", nothing_more, Told.NOBODY, WORKS, value=3.0),
    Row("google.lose_token_answer", a_renewal_follows, Told.NOBODY, WORKS),
    Row("google.admin_approval", everybody_checks, Told.BOTH, "approve", value=True),
    Row("google.wrong_client_secret", everybody_checks, Told.ADMINS, "client", value=True),
    Row("google.testing_mode", a_week_goes_by, Told.THEMSELVES, "sign in", value=True),
    Row("google.strict_rotation", a_renewal_follows, Told.NOBODY, WORKS, value=True),
    # Slack.
    Row("slack.down", slack_comes_back, Told.NOBODY, WORKS, value=True),
    Row("slack.unlimited", nothing_more, Told.NOBODY, WORKS, value=True),
    Row("slack.revoked", the_app_is_installed_again, Told.NOBODY, WORKS, value=True),
    Row("slack.slow", nothing_more, Told.NOBODY, WORKS, value=1.0),
    Row("slack.abort", the_connection_is_back, Told.NOBODY, WORKS),
    Row("slack.refresh", the_connection_is_back, Told.NOBODY, WORKS),
    Row("slack.pause", ten_seconds_go_by, Told.NOBODY, WORKS),
    Row("slack.lose", bob_is_told_of_something, Told.BOB, "sign in"),
]


def test_the_table_has_every_switch_of_the_page(slack: Workspace) -> None:
    slack.enter(BOB)
    listed = [switch for row in TABLE for switch in row.switches]
    assert sorted(listed) == sorted(slack.switches())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.switch)
def test_a_switch_leads_to_what_the_table_says(stage: Stage, slack: Workspace, row: Row) -> None:
    all_is_well(stage)
    heard = Heard(stage)
    slack.enter(BOB)
    for switch in row.switches:
        slack.flip(switch, row.value)
    row.then(stage, slack)
    match row.told:
        case Told.THEMSELVES:
            heard.by_each(row.words)
            assert heard.in_channel() == []
        case Told.ADMINS:
            heard.by_admins(row.words)
            assert [heard.by(person) for person in COLLEAGUES] == [[], [], []]
        case Told.BOTH:
            heard.by_admins(row.words)
            heard.by_each("administrator")
        case Told.BOB:
            stage.be_told_in_time(lambda: heard.by(BOB), "the message to Bob")
            assert all(re.search(row.words, told.plain, re.IGNORECASE) for told in heard.by(BOB))
            assert not stage.holds(lambda: len(heard.by(BOB)) > 2, 2.0)
        case Told.NOBODY:
            slack.enter(GRACE)
            answer = ask(slack, "check")
            assert re.search(row.words, answer, re.IGNORECASE), answer
            assert heard.in_channel() == []
            assert [heard.by(person) for person in COLLEAGUES] == [[], [], []]
    mend(stage, slack, heard, row)


def mend(stage: Stage, slack: Workspace, heard: Heard, row: Row) -> None:
    """The switch goes back, who must sign in does so, and what was told turns out to be over."""
    for switch in row.switches:
        if isinstance(row.value, bool):
            slack.flip(switch, value=False)
        elif row.value:
            slack.flip(switch, 0.0)
    match row.told:
        case Told.THEMSELVES:
            for person in COLLEAGUES:
                for door in [button for button in heard.by(person)[0].buttons if button.url]:
                    sign_in(Browser(), door.url, slack_user=person.id, account=person.email)
                    stage.wait(partial(heard.good_news, person), "the message turns green")
        case Told.ADMINS | Told.BOTH:
            # An approval is looked for every six hours.
            stage.pass_time(hours=7 if row.told is Told.BOTH else 0)
            stage.be_told_in_time(lambda: len(heard.in_channel()) == 2, "the all-clear", steps=40)
        case Told.BOB:
            sign_in_again(stage, BOB)
        case Told.NOBODY:
            pass


def all_is_well(stage: Stage) -> None:
    """A row that failed leaves its trouble behind; the next one starts afresh."""
    for group in stage.world.switches.listing():
        for switch in group["switches"]:
            if switch["value"]:
                stage.world.switches.press(switch["id"], value=False if switch["kind"] == "toggle" else 0.0)
    for person in COLLEAGUES:
        if "working" not in status(stage, person):
            sign_in_again(stage, person)
        # What a first sign-in has to tell must not pass for the outcome of a switch.
        stage.wait(partial(opening.is_synced, stage.world, person.id), f"{person.name}'s first sync")


class Heard:
    """What has been said since, of itself: messages to people and to the admin channel."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._before = {person: len(stage.slack.messages(person.id)) for person in COLLEAGUES}
        self._in_channel = len(stage.slack.messages(ADA.id, channel=IT_ADMIN))

    def by(self, person: Person) -> list[Message]:
        return self._stage.slack.messages(person.id)[self._before[person] :]

    def in_channel(self) -> list[Message]:
        return self._stage.slack.messages(ADA.id, channel=IT_ADMIN)[self._in_channel :]

    def good_news(self, person: Person) -> bool:
        return "works again" in self.by(person)[0].plain

    def by_each(self, words: str) -> None:
        """Each in one message that says this, on the phone too."""
        self._stage.be_told_in_time(lambda: all(self.by(p) for p in COLLEAGUES), "a message to each")
        for person in COLLEAGUES:
            told, *more = self.by(person)
            assert not more, [message.plain for message in more]
            assert re.search(words, told.plain, re.IGNORECASE), [m.plain for m in self._stage.slack.messages(person.id)]
            assert told.text, "phones show nothing else"

    def by_admins(self, words: str) -> None:
        self._stage.be_told_in_time(self.in_channel, "a message in #it-admin")
        (told,) = self.in_channel()
        assert re.search(words, told.plain, re.IGNORECASE), told.plain
