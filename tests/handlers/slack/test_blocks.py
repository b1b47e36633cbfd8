"""Block Kit's edges: limits, cuts, ids, escaping once. The words are test_words.py's."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from markupsafe import Markup, escape

from bot.model import Reply
from handlers.slack.blocks import (
    LONGEST_QUOTE,
    Page,
    button,
    clip,
    code,
    counted,
    mrkdwn,
    named,
    plain,
    when,
)
from tests.handlers.slack.samples import NOON, RENDER, Told, bob
from tests.sandbox.slack.blocks import check_message_blocks

WHOLE = r"&amp;|&lt;|&gt;|<[^<>&]+>"


PIECES = ["word", "&amp;", "&lt;b&gt;", str(when(NOON)), " ", "\n", "x" * 30]


@given(parts=st.lists(st.sampled_from(PIECES), max_size=80), most=st.integers(min_value=20, max_value=400))
def test_a_cut_never_halves_an_entity_or_a_date(parts: list[str], most: int) -> None:
    shown = clip("".join(parts), most)
    assert len(shown) <= most
    assert not re.search(r"[<>&]", re.sub(WHOLE, "", shown)), shown


def test_what_fits_is_not_cut() -> None:
    assert clip("a b", 3) == "a b"
    assert clip("many words here", 12).endswith("…")


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (escape('<!channel> & "you" it\'s'), '&lt;!channel&gt; &amp; "you" it\'s'),
        (Markup("*bold* {}").format("<b>"), "*bold* &lt;b&gt;"),
        (escape("&lt;"), "&amp;lt;"),
        ("  one  \n  two", "one\ntwo"),
    ],
)
def test_text_is_escaped_once(markup: str, shown: str) -> None:
    assert mrkdwn(markup)["text"] == shown


def test_slack_is_told_to_make_no_links_of_its_own() -> None:
    assert mrkdwn("https://evil.example/ @channel")["verbatim"] is True


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("bob@acme.example", "`bob@acme.example`"),
        ("a`b``c", "`a'b''c`"),
        ("one\n two\x00\u202e", "`one two`"),
        ("<@U1>", "`&lt;@U1&gt;`"),
        ("", ""),
        (" \u200b ", ""),
    ],
)
def test_a_quoted_value_is_one_line_that_nothing_works_in(value: str, shown: str) -> None:
    assert mrkdwn(code(value))["text"] == shown


def test_a_long_value_is_shortened_before_it_is_escaped() -> None:
    shown = code("<" * 3000)
    assert shown == "`" + "&lt;" * (LONGEST_QUOTE - 1) + "…`"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Bob Builder", "Bob Builder"),
        ("*Bob* _B_ ~x~ `y`", "\u2217Bob\u2217 \uff3fB\uff3f \u223cx\u223c 'y'"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("", "somebody"),
        ("\u202e", "somebody"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_a_name_stays_readable_and_has_no_effect(value: str, shown: str) -> None:
    assert mrkdwn(named(value))["text"] == shown


def test_plain_text_has_no_entities_and_no_brackets() -> None:
    assert plain(Markup("Bob &amp; Co"), 75)["text"] == "Bob & Co"
    assert plain("<!channel>", 75)["text"] == "\u2039!channel\u203a"
    assert plain("x" * 80, 75)["text"] == "x" * 74 + "…"


def test_a_date_is_everybodys_own() -> None:
    assert when(NOON) == "<!date^1795176000^{date_short_pretty} at {time}|2026-11-20 12:00 UTC>"


@pytest.mark.parametrize(("number", "shown"), [(0, "0 people"), (1, "1 person"), (1204, "1,204 people")])
def test_numbers_are_counted(number: int, shown: str) -> None:
    assert counted(number, "person", "people") == shown


def test_action_ids_are_unique_in_a_message_and_tell_their_word() -> None:
    page = Page()
    for side in ("mailbox", "crm", "crm"):
        page.actions(button("Refresh", "refresh", side))
    ids = [element["action_id"] for block in page.blocks for element in block["elements"]]
    assert ids == ["creds.refresh", "creds.refresh#2", "creds.refresh#3"]
    assert check_message_blocks(page.blocks) == []


def test_a_button_keeps_slacks_limits() -> None:
    page = Page()
    confirm = ("t" * 200, "x" * 400, "y" * 50, "n" * 50)
    page.actions(button("l" * 100, "sync.now", "v" * 3000, spoken="s" * 100, style="danger", confirm=confirm))
    assert check_message_blocks(page.blocks) == []


def test_a_row_without_buttons_is_no_block() -> None:
    page = Page()
    page.actions(None)
    page.say(lambda: " \n ")
    assert page.blocks == []


def test_what_is_held_stands_in_the_next_row_once() -> None:
    page = Page()
    page.press("One", "why")
    page.actions(button("Two", "check"))
    page.actions(button("Three", "help"))
    assert [[e["text"]["text"] for e in block["elements"]] for block in page.blocks] == [["One", "Two"], ["Three"]]


def test_a_row_takes_25_buttons() -> None:
    page = Page()
    page.actions(*(button(str(number), "why", str(number)) for number in range(30)))
    assert check_message_blocks(page.blocks) == []


def test_a_slip_in_a_template_is_found() -> None:
    with pytest.raises(UndefinedError):
        RENDER.message(Reply("error", {}))


def test_a_modal_that_asks_has_a_button_to_send_and_one_to_cancel() -> None:
    about = {"word": "refresh", "argument": "", "target": "", "subject": "U0BOB"}
    asked = RENDER.modal(Reply("reason", {"who": bob(Told(), own=False)} | about))
    assert (asked["submit"]["text"], asked["close"]["text"]) == ("Send", "Cancel")
    told = RENDER.modal(Reply("moment"))
    assert "submit" not in told
    assert told["close"]["text"] == "Close"


def test_a_message_that_asks_has_a_button_of_its_own_that_makes_the_same_request() -> None:
    about = {"word": "sync", "argument": "pause", "target": "", "subject": "U0BOB"}
    reply = Reply("reason", {"who": bob(Told(), own=False)} | about)
    assert json.loads(RENDER.modal(reply)["private_metadata"]) == about
    [sends] = [each for block in RENDER.message(reply).blocks for each in block.get("elements", [])]
    assert (sends["action_id"], sends["value"]) == ("creds.sync.pause", "@U0BOB")


def test_a_choice_keeps_slacks_limits() -> None:
    page = Page()
    options = [(f"{number}" * 200, "x" * 100) for number in range(9)]
    page.choose("l" * 100, options, name="one", picked="3" * 200, hint="h" * 100)
    page.choose("Another", [(str(n), f"<{n}>") for n in range(30)], name="two", picked="29", optional=True)
    page.ask("Line", name="three", value="v\n" * 500, most=20, optional=True)
    page.sends("Go", word="change")
    assert check_message_blocks(page.message().blocks) == []
    assert [block["element"].get("initial_option", {}).get("value") for block in page.blocks[:2]] == ["3" * 150, None]
    assert [block.get("optional", False) for block in page.blocks[:3]] == [False, True, True]
