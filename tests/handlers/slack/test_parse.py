"""What people type and press, as requests: every word and name, in every order, and nonsense of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Actor, Choice, Request, Word
from handlers.slack.parse import LONGEST_REASON, LONGEST_WORD, TARGETS, WORDS, filled_in, pressed, typed
from providers.base import AccessType

BOBS = "bob@acme.example"
BOB = Actor(team_id="T_ACME", user_id="U0BOB")
PERSON = "<@U0GRACE|grace>"


def read(text: str) -> Request:
    return typed(text, actor=BOB, delivery="1.2.3")


def asks(word: Word, **others: str) -> Request:
    return Request(BOB, word, delivery="1.2.3", **others)  # type: ignore[arg-type]  # only texts are given here


def nobody(name: str) -> Request:
    return asks(Word.STATUS, argument=f"nobody:{name}")


@pytest.mark.parametrize(("typed_word", "word"), WORDS.items())
def test_every_word_is_understood_in_any_case(typed_word: str, word: Word) -> None:
    for text in (typed_word, typed_word.upper(), f"  {typed_word.title()}\t"):
        assert read(text) == asks(word)


@pytest.mark.parametrize(("name", "target"), TARGETS.items())
def test_every_name_of_a_side_or_provider_is_understood(name: str, target: str) -> None:
    assert read(f"check {name}") == asks(Word.CHECK, target=target)
    assert read(f"Refresh {name.upper()} {PERSON} for the audit") == asks(
        Word.REFRESH, target=target, subject="U0GRACE", reason="for the audit"
    )


LINES = {
    "": asks(Word.STATUS),
    " \t\n ": asks(Word.STATUS),
    # The person stands anywhere.
    PERSON: asks(Word.STATUS, subject="U0GRACE"),
    "<@U0GRACE>": asks(Word.STATUS, subject="U0GRACE"),
    "check <@W0GRID|gil>": asks(Word.CHECK, subject="W0GRID"),
    f"{PERSON} check": asks(Word.CHECK, subject="U0GRACE"),
    f"check {PERSON} mailbox": asks(Word.CHECK, subject="U0GRACE", target="mailbox"),
    f"check mailbox {PERSON}": asks(Word.CHECK, subject="U0GRACE", target="mailbox"),
    f"check{PERSON}": asks(Word.CHECK, subject="U0GRACE"),
    # The reason is kept as it was typed.
    f"refresh {PERSON} Office 365 needs your Google Workspace, please": asks(
        Word.REFRESH, subject="U0GRACE", target="microsoft", reason="needs your Google Workspace, please"
    ),
    f"refresh {PERSON} R&amp;D asks &lt;today&gt;": asks(
        Word.REFRESH, subject="U0GRACE", reason="R&D asks <today>"
    ),
    f"refresh {PERSON} ask <mailto:it@acme.example|it@acme.example> or <https://acme.example/it>": asks(
        Word.REFRESH, subject="U0GRACE", reason="ask it@acme.example or https://acme.example/it"
    ),
    f"refresh {PERSON} see <https://acme.example|the wiki> in <#C0GENERAL|general>": asks(
        Word.REFRESH, subject="U0GRACE", reason="see the wiki in general"
    ),
    f"refresh {PERSON} as <@U0ADA|ada> said": asks(Word.REFRESH, subject="U0GRACE", reason="as @ada said"),
    f"refresh {PERSON} two\nlines\x00 of it": asks(
        Word.REFRESH, subject="U0GRACE", reason="two lines of it"
    ),
    # Sync takes an argument.
    "sync": asks(Word.SYNC),
    "sync NOW": asks(Word.SYNC, argument="now"),
    "sync pause": asks(Word.SYNC, argument="pause"),
    "sync resume": asks(Word.SYNC, argument="resume"),
    "sync status": asks(Word.SYNC, argument="status"),
    "sync soon": asks(Word.SYNC, argument="soon"),
    f"sync pause {PERSON} on leave": asks(
        Word.SYNC, argument="pause", subject="U0GRACE", reason="on leave"
    ),
    f"sync {PERSON} resume": asks(Word.SYNC, argument="resume", subject="U0GRACE"),
    f"sync {PERSON} on leave": asks(Word.SYNC, subject="U0GRACE", reason="on leave"),
    # An @name that Slack did not resolve is never taken for the one who typed it.
    "@gracie": nobody("@gracie"),
    "check @gracie": nobody("@gracie"),
    "check mailbox @gracie": nobody("@gracie"),
    "sync @gracie": nobody("@gracie"),
    "sync pause @gracie": nobody("@gracie"),
    "sync pause for @gracie": nobody("@gracie"),
    "check <!subteam^S0ITADMINS|@it-admins>": nobody("@it-admins"),
    # What is not known is asked about.
    "refesh mailbox": asks(Word.HELP, argument="refesh"),
    "mailbox": asks(Word.HELP, argument="mailbox"),
    "revoke": asks(Word.REVOKE),
    "revoke all": asks(Word.REVOKE, target="all"),
    "disconnect Gmail": asks(Word.REVOKE, target="google"),
    "revoke crm <@U0GRACE|grace> left the team": asks(
        Word.REVOKE, target="crm", subject="U0GRACE", reason="left the team"
    ),
    "help refresh": asks(Word.HELP, reason="refresh"),
    "@": asks(Word.HELP, argument="@"),
    "<!channel>": asks(Word.HELP, argument="<!channel>"),
    "&lt;@U0GRACE&gt; check": asks(Word.HELP, argument="<@u0grace>"),
    "check &lt;@U0GRACE&gt;": asks(Word.CHECK, reason="<@U0GRACE>"),
    "\u202echeck\u200b": asks(Word.CHECK),
    "check \ud800": asks(Word.CHECK),
}


@pytest.mark.parametrize(("line", "wanted"), LINES.items(), ids=ascii)
def test_a_line_is_read_as_people_write_it(line: str, wanted: Request) -> None:
    assert read(line) == wanted


def test_eight_kilobytes_are_cut() -> None:
    assert read("x" * 8192) == asks(Word.HELP, argument="x" * LONGEST_WORD)
    request = read(f"refresh {PERSON} " + "because " * 1000)
    assert len(request.reason) <= LONGEST_REASON
    assert request.subject == "U0GRACE"


PIECES = st.sampled_from(
    [
        *WORDS, *TARGETS, "now", "pause", PERSON, "<@", "<@U>", "<@U0GRACE|", "@name", "<mailto:a@b|", "<https://x|y>",
        "&lt;", "&amp;lt;", "\x00", "\ud800", "<!channel>", "|", ">", "#", ".",
    ]
)  # fmt: skip
ANYTHING = st.one_of(st.text(st.characters()), st.lists(st.one_of(PIECES, st.text(max_size=5))).map(" ".join))


@given(text=ANYTHING)
def test_no_text_is_too_strange(text: str) -> None:
    request = read(text)
    assert request.actor == BOB
    kept = request.subject, request.target, request.argument, request.reason
    "".join(kept).encode()  # Half of a pair is refused by every database, and here.
    assert "\x00" not in "".join(kept)
    assert len(request.argument) <= LONGEST_WORD + len("nobody:")


@given(text=ANYTHING)
def test_only_slack_names_a_person(text: str) -> None:
    """What is typed by hand reaches us with its `<` escaped."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert read(escaped).subject == ""


# Every button of templates/slack, by its action id and value.
BUTTONS = [
    ("creds.status", "", asks(Word.STATUS)),
    ("creds.check", "mailbox", asks(Word.CHECK, target="mailbox")),
    ("creds.check", "mailbox@U0GRACE", asks(Word.CHECK, target="mailbox", subject="U0GRACE")),
    ("creds.refresh", "crm", asks(Word.REFRESH, target="crm")),
    ("creds.refresh#2", "crm@U0GRACE", asks(Word.REFRESH, target="crm", subject="U0GRACE")),
    ("creds.change", "mailbox", asks(Word.CHANGE, target="mailbox")),
    ("creds.revoke", "mailbox", asks(Word.REVOKE, target="mailbox")),
    ("creds.revoke#2", "all@U0GRACE", asks(Word.REVOKE, target="all", subject="U0GRACE")),
    ("creds.revoke.17-18", "all", asks(Word.REVOKE, target="all", argument="17-18")),
    ("creds.sync", "", asks(Word.SYNC)),
    ("creds.sync.now", "", asks(Word.SYNC, argument="now")),
    ("creds.sync.pause", "", asks(Word.SYNC, argument="pause")),
    ("creds.sync.resume#3", "", asks(Word.SYNC, argument="resume")),
    ("creds.why", "", asks(Word.WHY)),
    ("creds.help", "", asks(Word.HELP)),
    ("creds.home", "", asks(Word.HOME)),
    ("creds.opened", "Ab-_9", asks(Word.OPENED, argument="Ab-_9")),
    ("creds.opened#2", "Ab@9", asks(Word.OPENED, argument="Ab@9")),
    ("creds.stuck", "Ab-_9", asks(Word.STUCK, argument="Ab-_9")),
    ("creds.release", "7", asks(Word.RELEASE, argument="7")),
    ("creds.dismiss", "7", asks(Word.DISMISS, argument="7")),
]


@pytest.mark.parametrize(("action_id", "value", "wanted"), BUTTONS)
def test_every_button_is_understood(action_id: str, value: str, wanted: Request) -> None:
    assert pressed(action_id, value, actor=BOB, delivery="1.2.3") == wanted


def test_every_word_has_a_button() -> None:
    assert {wanted.word for _, _, wanted in BUTTONS} == set(Word)


@pytest.mark.parametrize("action_id", ["", "creds", "creds.", "creds.by_hand", "check", "other.check"])
def test_a_press_of_something_else_is_no_request(action_id: str) -> None:
    assert pressed(action_id, "mailbox", actor=BOB, delivery="1.2.3") is None


@given(action_id=st.one_of(st.text(), st.text().map("creds.{}".format)), value=st.text())
def test_no_press_is_too_strange(action_id: str, value: str) -> None:
    pressed(action_id, value, actor=BOB, delivery="1.2.3")


def picked(value: str) -> dict[str, Any]:
    return {"type": "radio_buttons", "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": value}}


def entered(value: str | None) -> dict[str, Any]:
    return {"type": "plain_text_input", "value": value}


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({"access": picked("google")}, Choice(access=AccessType.GOOGLE)),
        ({"access": picked("unsure")}, Choice(access=None)),
        ({"access": picked("google"), "account": picked(BOBS)}, Choice(access=AccessType.GOOGLE, account=BOBS)),
        ({"access": picked("my_domain"), "host": entered("acme")}, Choice(access=AccessType.MY_DOMAIN, host="acme")),
        ({"access": picked("my_domain"), "host": entered(None)}, Choice(access=AccessType.MY_DOMAIN)),
        ({"access": picked("my_domain"), "host": entered("ac\x00me\u202e")}, Choice(AccessType.MY_DOMAIN, "acme")),
        ({"access": picked("telex")}, None),
        ({"access": {"type": "radio_buttons", "selected_option": None}}, None),
        ({"reason": entered("x"), "which": picked("crm")}, None),
        ({}, None),
    ],
)
def test_what_was_picked_comes_along(fields: dict[str, Any], choice: Choice | None) -> None:
    values = {name: {name: field} for name, field in fields.items()}
    assert filled_in(asks(Word.CHANGE), values).choice == choice


def test_what_an_admin_wrote_comes_along_in_one_line() -> None:
    said = filled_in(asks(Word.REVOKE), {"reason": {"reason": entered(" left\nthe team \u202e" + "x" * 3000)}}).reason
    assert said.startswith("left the team x")
    assert len(said) == LONGEST_REASON


def test_which_one_is_picked_for_what_was_asked_about_both() -> None:
    assert filled_in(asks(Word.REVOKE), {"which": {"which": picked("crm")}}).target == "crm"
    assert filled_in(asks(Word.REVOKE, target="google"), {}).target == "google"
    assert filled_in(asks(Word.REVOKE), {"which": {"which": picked("fax")}}).target == ""
