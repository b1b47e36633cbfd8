"""Every word that Slack shows: each reply, notice, event and reason has its own, valid as blocks, harmless as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import templates
from bot.model import Culprit, IncidentKind, Kind, NoticeKind, Reply, Seen, State, Who, Word
from bot.rules.permissions import Verdict
from bot.upkeep.compose import STEPS
from handlers.slack.blocks import Block, Message, Page
from providers.base import Reason, Side
from tests.handlers.slack import samples
from tests.handlers.slack.samples import RENDER, Told
from tests.sandbox.slack.blocks import check_message_blocks, check_view, elements_of

FOLDER = Path(next(iter(templates.__path__)))
NOT_MESSAGES = {"slack/parts.j2", "slack/causes.j2", "slack/history.j2"}
PARTS = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("slack/**/*.j2")} - NOT_MESSAGES

LONG = "x" * 3000
HOSTILE = {
    "calls everybody": "<!channel> <!here> @channel",
    "calls somebody": "<@U0ADA> <#C0GENERAL> <!subteam^S0ITADMINS>",
    "a link": "<https://evil.example/|Refresh> https://evil.example/",
    "backticks": "`a` ```b``` `",
    "marks": "*bold* _it_ ~gone~ > quote",
    "long": LONG,
    "long and escaped": "<&>" * 1000,
    "turned round": "evil\u202egnp.exe\u2066\u200b",
    "right to left": "\u05d1\u05d5\u05d1 \u05d4\u05d1\u05e0\u05d0\u05d9",
    "quotes": '"O\'Brien" & <Sons>',
    "an entity": "&lt;!channel&gt; &amp;",
    "a template": "{{ 7 * 7 }} {% raw %}",
    "lines": "one\n\ntwo\x00\x07\tthree",
    "blank": " ",
    "empty": "",
}
MARKED = re.compile(r"[<>]")
UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\x00-\x08]")
A_DATE = re.compile(r"<!date\^\d+\^[^<>|^]*\|[^<>|]*>")
INSIDE = re.compile(r"\b(?:invitation|oauth|token|scope|json|null|none|undefined|http)\b|[{][{%]", re.IGNORECASE)


@cache
def ordinary() -> list[tuple[Reply, Page]]:
    """With every reason."""
    return [(reply, RENDER.page(reply)) for reply in samples.everything(Told(), Reason)]


@pytest.fixture(scope="module", params=[None, *HOSTILE.values()], ids=["ordinary", *HOSTILE])
def drawn(request: pytest.FixtureRequest) -> list[tuple[Reply, Page]]:
    """Everything that Slack is shown, with one such text wherever others' words stand."""
    if request.param is None:
        return ordinary()
    return [(reply, RENDER.page(reply)) for reply in samples.everything(Told.all(request.param))]


def texts(blocks: Any) -> Iterator[Block]:
    """Every text object, wherever it stands."""
    if isinstance(blocks, dict):
        if blocks.get("type") in ("mrkdwn", "plain_text"):
            yield blocks
        blocks = blocks.values()
    for inner in blocks:
        if isinstance(inner, dict | list):
            yield from texts(inner)


def words(message: Message) -> str:
    return "\n".join(text["text"] for text in texts(message.blocks))


def buttons(message: Message) -> list[Block]:
    return [element for block in message.blocks for element in elements_of(block)]


def labels(message: Message) -> list[str]:
    return [button["text"]["text"] for button in buttons(message)]


def say(template: str, **context: Any) -> Message:
    return RENDER.message(Reply(template, context))


BOB = samples.bob(Told())
BOB_FOR_ADA = samples.bob(Told(), own=False)

# What there must be


def test_every_template_is_among_the_samples() -> None:
    assert {f"slack/{reply.template}.j2" for reply in samples.everything(Told())} == PARTS


def test_every_reply_that_the_desk_names_has_a_template() -> None:
    named = set()
    for path in (FOLDER.parent / "bot").rglob("*.py"):
        named |= set(re.findall(r"""Reply\(\s*["']([a-z_/]+)["']""", path.read_text("utf-8")))
    elsewhere = {path.stem for path in (FOLDER / "web").glob("*.j2")}
    assert named
    assert {name for name in named if f"slack/{name}.j2" not in PARTS} <= elsewhere


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_has_a_template(kind: NoticeKind) -> None:
    assert f"slack/notices/{kind}.j2" in PARTS


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_advice_in_both_voices(reason: Reason) -> None:
    card = replace(samples.broken(Told(), reason), seen=Seen.FAILED)
    own = say("check", who=BOB, cards=[card], done=True)
    adas = say("check", who=BOB_FOR_ADA, cards=[replace(card, doors=())], done=True)
    assert "Bob" not in words(own)
    assert "press *Refresh*" not in words(adas)
    assert not re.search(r"(?i)\byou(?:r)? (?:administrator|password|account|mailbox)", words(adas))
    for message in (own, adas):
        told = [text["text"] for text in texts(message.blocks) if "Stopped since" in text["text"]]
        advice = told[0].split("\n", 3)[-1]
        assert re.match(r"[A-Z].{30,}[.!?]$", advice, re.DOTALL), advice


@pytest.mark.parametrize("reason", Reason)
def test_advice_asks_for_a_press_only_where_there_is_that_button(reason: Reason) -> None:
    for message in (
        say("check", who=BOB, cards=[replace(samples.broken(Told(), reason), seen=Seen.FAILED)], done=True),
        RENDER.message(samples.failure([samples.broken(Told(), reason)], stage="broken")),
    ):
        for label in set(re.findall(r"[Pp]ress \*([^*]+)\*", words(message))) - {"Change"}:
            assert label in labels(message)


def test_advice_is_for_known_reasons_only() -> None:
    named = {path.stem.rpartition(".")[2] for path in FOLDER.glob("advice/*.j2")}
    assert named == {str(reason) for reason in Reason}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_event_has_its_line(kind: Kind) -> None:
    told = Told(said="")
    line = samples.line(told, kind)
    for who in (BOB, BOB_FOR_ADA):
        shown = say("why", who=who, lines=[line])
        [mine] = [text["text"] for text in texts(shown.blocks) if text["text"].startswith("<!date")]
        assert re.search(r"\*Google mailbox\*: [A-Z0-9].{10,}", mine), mine


def test_no_two_kinds_of_event_read_the_same() -> None:
    shown = {words(say("why", who=BOB, lines=[samples.line(Told(said=""), kind)])) for kind in Kind}
    assert len(shown) == len(Kind)


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.YES])
def test_every_refusal_is_one_plain_message_without_a_button(verdict: Verdict) -> None:
    message = say("refused", verdict=str(verdict), word="check", who=BOB)
    assert not buttons(message)
    assert "\n" not in words(message).strip()
    assert message.text == words(message)


# Whatever stands in a context


def test_slack_takes_it_all_and_calls_nobody(drawn: list[tuple[Reply, Page]]) -> None:
    said: dict[str, str] = {}
    for reply, page in drawn:
        message = page.message()
        assert check_message_blocks(message.blocks) == [], reply
        assert message.text.strip(), reply.template
        assert message.blocks, reply.template
        assert len(message.text) <= 4000
        said |= dict.fromkeys((message.text, *(each["text"] for each in texts(message.blocks))), reply.template)
    for text, template in said.items():
        assert not MARKED.search(A_DATE.sub("", text)), (template, text)
        assert not UNSEEN.search(text), (template, text)


def test_modals_and_the_home_tab_are_taken_too(drawn: list[tuple[Reply, Page]]) -> None:
    for reply, page in drawn:
        if reply.template == "notices/home":
            assert check_view(page.home()) == []
        elif not reply.template.startswith("notices/"):
            # A modal takes whatever answers the request that it was opened for.
            assert check_view(page.modal()) == [], reply


@pytest.mark.parametrize("text", [LONG, HOSTILE["long and escaped"]], ids=["long", "long and escaped"])
def test_a_long_value_pushes_nothing_of_ours_out(text: str) -> None:
    message = RENDER.message(samples.failure([samples.broken(Told.all(text))], stage="broken"))
    assert "press *Refresh*" in words(message)
    assert "nothing is lost" in words(message)


def test_people_read_no_inside_words() -> None:
    for reply, page in ordinary():
        message = page.message()
        assert not INSIDE.search(words(message) + message.text), (reply.template, words(message))


def test_no_icon_stands_without_words() -> None:
    for _, page in ordinary():
        for text in texts(page.message().blocks):
            for line in text["text"].splitlines():
                if ":" in line and re.search(r":[a-z_]{3,}:", line):
                    assert len(re.sub(r":[a-z_]{3,}:|\W", "", line)) > 5, line


def test_buttons_with_the_same_label_are_told_apart_by_a_screen_reader() -> None:
    message = say("status", who=BOB, cards=[samples.working(Told()), samples.crm(Told())])
    spoken = [button.get("accessibility_label", button["text"]["text"]) for button in buttons(message)]
    assert len(spoken) == len(set(spoken))
    assert all(name.startswith(label) for name, label in zip(spoken, labels(message), strict=True))


# What the messages say


def test_the_failure_message_says_what_broke_and_what_to_press() -> None:
    message = RENDER.message(samples.failure([samples.broken(Told())], stage="broken"))
    assert message.blocks[0]["text"]["text"] == "Your Google mailbox stopped syncing"
    assert "`bob@acme.example`" in words(message)
    assert "six months without use" in words(message)
    assert labels(message) == ["Refresh", "Why?"]
    [refresh, _] = buttons(message)
    assert (refresh["style"], refresh["url"]) == ("primary", "https://relatch.example/connect/refresh")
    assert re.search("Google mailbox.*Google ended the connection.*sign in", message.text)


def test_a_page_that_shows_an_error_can_be_told_once_it_was_opened() -> None:
    message = RENDER.message(samples.failure([samples.broken(Told())], stage="opened"))
    [stuck] = [button for button in buttons(message) if button["action_id"] == "creds.stuck"]
    assert stuck["text"]["text"] == "The sign-in page shows an error"
    assert stuck["value"] == "id-refresh"


def test_two_broken_sides_are_one_message() -> None:
    message = RENDER.message(samples.failure([samples.broken(Told()), samples.crm(Told())], stage="broken"))
    assert "Your Google mailbox and Salesforce CRM stopped syncing" in words(message)
    assert labels(message).count("Refresh") == 2


def test_one_side_mended_and_one_still_broken() -> None:
    told = Told()
    reply = samples.failure([samples.crm(told)], stage="working", fixed=[samples.working(told)], caught_up=3)
    shown = words(RENDER.message(reply))
    assert "Google sync works again.* 3 items were caught up." in shown
    assert "Your Salesforce CRM stopped syncing" in shown


def test_what_an_administrator_must_do_has_no_sign_in_button() -> None:
    message = RENDER.message(samples.failure([samples.broken(Told(), Reason.NEEDS_ADMIN_APPROVAL)], stage="broken"))
    assert labels(message) == ["Check again", "Why?"]
    assert "Google Workspace administrator has to" in words(message)
    assert "administrator" in message.text


def test_after_the_sign_in_it_says_that_it_catches_up() -> None:
    message = RENDER.message(samples.failure([samples.working(Told())], stage="working"))
    assert message.text == "You are signed in. Catching up now…"
    assert not buttons(message)


@pytest.mark.parametrize(
    ("caught_up", "said"),
    [(12, "12 items were caught up."), (1, "1 item was caught up."), (0, "everything is caught up.")],
)
def test_the_repair_says_what_was_caught_up(caught_up: int, said: str) -> None:
    card = samples.working(Told())
    message = RENDER.message(samples.failure([card], stage="fixed", fixed=[card], caught_up=caught_up))
    assert message.text.startswith("Google sync works again.")
    assert message.text.endswith(said)
    assert not buttons(message)
    assert "/creds why" in words(message)


@pytest.mark.parametrize(
    ("caught_up", "said"), [(14, "14 items were copied to Salesforce."), (1, "1 item was copied to Salesforce.")]
)
def test_with_a_crm_the_repair_says_what_was_copied_there(caught_up: int, said: str) -> None:
    card, end = samples.working(Told()), samples.other_end(Told(), to="Salesforce")
    shown = RENDER.message(samples.failure([card], stage="fixed", fixed=[card], caught_up=caught_up, end=end))
    assert shown.text.endswith(said)
    again = samples.failure([card], stage="fixed", fixed=[card], caught_up=caught_up, end=end | {"again": True})
    assert "read again" in RENDER.message(again).text


def test_the_welcome_asks_for_the_side_that_is_missing() -> None:
    end = samples.other_end(Told()) | {"waits": "connect", "other": samples.bare(state=State.NOT_SET_UP)}
    message = say("notices/connected", card=samples.working(Told()), stage="working", caught_up=None, **end)
    assert "One step is missing: connect your CRM. Nothing is copied before." in message.text
    assert labels(message) == ["Set up sync"]


def test_what_the_crm_refused_is_told_with_its_code() -> None:
    line = samples.line(Told(said="FIELD_CUSTOM_VALIDATION_EXCEPTION"), Kind.NOT_COPIED, side=Side.CRM)
    shown = words(say("why", who=BOB, lines=[replace(line, label="Salesforce", number=3)]))
    assert "3 items were refused by Salesforce (`FIELD_CUSTOM_VALIDATION_EXCEPTION`)" in shown


def test_until_it_is_repaired_no_message_to_the_person_says_caught_up() -> None:
    for stage in ("broken", "opened", "working"):
        card = samples.working(Told()) if stage == "working" else samples.broken(Told())
        asked = {"card": card, "stage": stage, "caught_up": None, "admin": "Ada", "reason": "x", "waiting": ""}
        asked |= samples.other_end(Told())
        for message in (RENDER.message(samples.failure([card], stage=stage)), say("notices/requested", **asked)):
            assert "caught up" not in words(message)


def test_not_offered_has_no_button() -> None:
    message = say("status", who=BOB, cards=[samples.bare(Side.MAILBOX), samples.bare()])
    assert "*CRM*: Not set up here yet" in words(message)
    assert not buttons(message)


def test_not_set_up_has_the_door() -> None:
    message = say("status", who=BOB, cards=[samples.bare(Side.MAILBOX, State.NOT_SET_UP), samples.bare()])
    [button] = buttons(message)
    assert button["text"]["text"] == "Set up sync"
    assert button["url"]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (State.ACTIVE, ["Check again", "Refresh", "Change", "Revoke", "Sync now", "Pause"]),
        (State.PAUSED, ["Check again", "Refresh", "Change", "Revoke", "Resume"]),
        (State.REVOKING, []),
    ],
)
def test_what_can_be_done_with_a_side(state: State, shown: list[str]) -> None:
    message = say("status", who=BOB, cards=[replace(samples.working(Told()), state=state), samples.bare()])
    assert labels(message) == shown


def test_an_admin_sees_the_person_named_and_may_only_ask() -> None:
    card = replace(samples.broken(Told()), doors=())
    message = say("status", who=BOB_FOR_ADA, cards=[card, samples.bare()])
    assert "Bob Builder\u2019s connections" in words(message)
    assert labels(message) == ["Check again", "Ask Bob Builder to refresh", "Why?", "Revoke"]
    assert {button["value"] for button in buttons(message)} == {"mailbox@U0BOB"}
    assert not [button for button in buttons(message) if "url" in button]


def test_a_misspelt_word_is_guessed_and_one_press_away() -> None:
    message = say("help", unknown="refesh", guess="refresh", admin=False)
    assert message.text == "I don\u2019t know `refesh`. Did you mean `/creds refresh`?"
    [button] = buttons(message)
    assert button["action_id"] == "creds.refresh"
    assert "value" not in button, "nothing is named: it is what bare words mean"
    assert "Did you mean" not in words(say("help", unknown="flibber", guess="", admin=False))


def test_admins_are_shown_what_they_can_do_more() -> None:
    assert "@bob" in words(say("help", unknown="", guess="", admin=True))
    assert "@bob" not in words(say("help", unknown="", guess="", admin=False))


def test_the_history_has_the_codes_for_support() -> None:
    line = samples.line(Told(), Kind.SYNC_FAILED)
    assert "Google ended the connection (`invalid_grant` `7f3a-11`)" in words(say("why", who=BOB, lines=[line]))


def test_the_history_names_who_did_it() -> None:
    line = replace(samples.line(Told(said="check"), Kind.LOOKED, actor="Ada Admin", side=None), label="")
    assert "Ada Admin looked at this with `/creds check`" in words(say("why", who=BOB, lines=[line]))
    mine = replace(samples.line(Told(said=""), Kind.PAUSED, actor=BOB.name))
    assert "Sync was paused, by you" in words(say("why", who=BOB, lines=[mine]))
    adas = Who(name="Ada Admin", user_id="U0ADA", own=True)
    assert "by Bob Builder" in words(say("why", who=adas, lines=[mine]))


def test_held_messages_are_sent_or_dropped_by_a_press() -> None:
    message = RENDER.message(samples.incident(Told(), IncidentKind.GUARD))
    assert labels(message) == ["Send the messages", "Drop the messages"]
    assert [button["value"] for button in buttons(message)] == ["7", "7"]
    assert "confirm" in buttons(message)[1]
    assert not buttons(RENDER.message(samples.incident(Told(), IncidentKind.GUARD, closed=True, outcome="released")))


@pytest.mark.parametrize("kind", [IncidentKind.OUTAGE, IncidentKind.MISCONFIGURED, IncidentKind.APPROVAL])
def test_an_incident_ends_in_an_all_clear(kind: IncidentKind) -> None:
    assert "All is clear" not in words(RENDER.message(samples.incident(Told(), kind)))
    assert "All is clear" in words(RENDER.message(samples.incident(Told(), kind, closed=True)))


def test_the_hand_off_tells_what_it_waits_for() -> None:
    context: dict[str, Any] = {"who": BOB_FOR_ADA, "side": Side.MAILBOX, "label": "Google", "reason": "Q4"}
    context |= {"caught_up": None, "trouble": "", "done": False}
    shown = [
        words(
            say(
                "notices/handoff",
                **context,
                steps=[(name, samples.NOON if n < reached else None) for n, name in enumerate(STEPS)],
            )
        )
        for reached in range(len(STEPS))
    ]
    assert "press the button" in shown[1]
    assert "Delivered" in shown[1]
    assert "opened" not in shown[1]
    assert "Signed in" in shown[3]


def test_the_modal_asks_the_admin_why_and_carries_ids_only() -> None:
    view = RENDER.modal(
        Reply("reason", {"who": BOB_FOR_ADA, "word": "refresh", "argument": "", "target": "google", "subject": "U0BOB"})
    )
    assert view["title"]["text"] == "Say why you ask"
    assert view["private_metadata"] == '{"argument": "", "subject": "U0BOB", "target": "google", "word": "refresh"}'
    assert [block["type"] for block in view["blocks"]] == ["section", "input"]


@pytest.mark.parametrize("culprit", Culprit)
def test_the_samples_hold_causes_of_everybody(culprit: Culprit) -> None:
    assert culprit in {samples.culprit(reason) for reason in Reason}


def speaks(find: Callable[[Message], bool]) -> set[str]:
    return {reply.template for reply, page in ordinary() if find(page.message())}


def test_every_sign_in_button_is_primary_or_a_choice() -> None:
    plain = speaks(
        lambda m: any(
            "url" in b and b["action_id"].startswith("creds.opened") and b.get("style") != "primary" for b in buttons(m)
        )
    )
    assert plain <= {"change", "mismatch"}


# Revoke and change


def test_revoke_asks_with_the_providers_words_before_it_does_anything() -> None:
    view = RENDER.modal(samples.revoke(Told(), "ask", [samples.working(Told())], target="mailbox"))
    assert (view["title"]["text"], view["submit"]["text"]) == ("Revoke access?", "Revoke")
    assert json.loads(view["private_metadata"]) == {
        "word": "revoke", "argument": "17-18", "target": "mailbox", "subject": ""
    }  # fmt: skip
    shown = "\n".join(text["text"] for text in texts(view["blocks"]))
    assert "all that this Google account has allowed" in shown
    assert "Nothing has changed yet" in shown
    assert not [block for block in view["blocks"] if block["type"] == "input"]


def test_in_a_message_the_same_is_a_button_of_danger() -> None:
    message = RENDER.message(samples.revoke(Told(), "ask", [samples.working(Told())], own=False, target="mailbox"))
    [button] = buttons(message)[-1:]
    assert (button["action_id"], button["value"], button["style"]) == ("creds.revoke.17-18", "mailbox@U0BOB", "danger")


def test_of_two_sides_one_or_both_are_picked() -> None:
    both = [samples.working(Told()), samples.crm(Told())]
    message = RENDER.message(samples.revoke(Told(), "ask", both, target=""))
    [which] = [block["element"] for block in message.blocks if block["type"] == "input"]
    assert [option["value"] for option in which["options"]] == ["mailbox", "crm", "all"]
    assert "initial_option" not in which
    assert not [b for b in RENDER.message(samples.revoke(Told(), "ask", both)).blocks if b["type"] == "input"]


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("", "Being ended at Google"),
        ("ended", "Ended at Google"),
        ("dead", "No longer accepted by Google"),
        ("by_hand", "is for you to end"),
        ("kept", "signed in to the same account again"),
    ],
)
def test_a_receipt_says_each_step(ending: str, said: str) -> None:
    message = RENDER.message(
        samples.receipt(Told(), ending=ending, link="https://x.example" if ending == "by_hand" else "")
    )
    shown = words(message)
    assert "Sync stopped" in shown
    assert said in shown
    assert ("Saved sign-in destroyed" in shown) == bool(ending)
    assert [button["url"] for button in buttons(message)] == (["https://x.example"] if ending == "by_hand" else [])


def test_the_receipt_of_an_exchange_password_says_when_the_mail_servers_admin_is_needed() -> None:
    told = {"slug": "exchange", "label": "Microsoft Exchange"}
    shown = words(RENDER.message(samples.receipt(Told(), ending="by_hand", **told)))
    assert "change it" in shown
    assert "whoever runs the mail server" in shown


def test_a_receipt_names_the_admin_and_the_reason() -> None:
    message = RENDER.message(samples.receipt(Told(), admin="Ada Admin", reason="left the team"))
    assert "Ada Admin" in message.text
    assert "`left the team`" in words(message)


def test_change_asks_for_the_kind_and_then_shows_the_one_sign_in() -> None:
    kinds = [str(kind) for kind in samples.MAILBOX_KINDS]
    asked = samples.change(Told(), samples.working(Told()), options=kinds, unsure=True, accounts=["bob@acme.example"])
    view = RENDER.modal(asked)
    access, account = [block for block in view["blocks"] if block["type"] == "input"]
    assert [option["text"]["text"] for option in access["element"]["options"]] == [
        "Office 365", "Microsoft Exchange", "Google", "Not sure"
    ]  # fmt: skip
    assert account["optional"] is True
    assert view["submit"]["text"] == "Continue"
    card = replace(samples.working(Told()), doors=(samples.door(Word.CHANGE),))
    chosen = RENDER.message(samples.change(Told(), card, options=kinds, picked="google", chosen=True))
    assert labels(chosen) == ["Sign in with Google", "Choose something else"]
    assert "submit" not in RENDER.modal(samples.change(Told(), card, options=kinds, picked="google", chosen=True))


def test_the_name_of_a_my_domain_is_asked_for_only_where_there_may_be_one() -> None:
    for kinds, asks in ((["production", "sandbox"], 1), (["production", "my_domain"], 2), (["my_domain"], 2)):
        view = RENDER.modal(samples.change(Told(), samples.two_sides(Told())[1], options=kinds))
        assert [block["type"] for block in view["blocks"]].count("input") == asks


def test_set_up_leads_to_the_choice_where_there_is_one() -> None:
    message = say("status", who=BOB, cards=[samples.to_be_chosen(Side.MAILBOX), samples.bare()])
    [button] = buttons(message)
    assert (button["text"]["text"], button["action_id"], button["value"]) == ("Set up sync", "creds.change", "mailbox")
