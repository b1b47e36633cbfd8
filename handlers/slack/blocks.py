"""How a reply looks in Block Kit: a template writes to a page, the page collects blocks. No words in this file.

Limits: the JSDoc of @slack/types 3.2.0. Jinja's autoescape turns & < > into entities, once, as Slack wants; the quotes
that it also escapes come back, since Slack does not ask for that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any

from markupsafe import Markup, escape

from bot.model import Names, Reply
from handlers.jinja import Templates

Block = dict[str, Any]
Sent = dict[str, str]
Caller = Callable[[], str]

SECTION = 3000
HEADER = 150
TEXT = 4000
TITLE = 24
LABEL = 75
VALUE = 2000
OPTION = 150
CONFIRM_TEXT = 300
SHORT = 30
MOST_BLOCKS = 50
MOST_BUTTONS = 25
MOST_OPTIONS = 10
ELLIPSIS = "…"
MARK = "notice."
# Of somebody else's text: enough for any real one, and what we say about it still fits behind it.
LONGEST_QUOTE = 320
LONGEST_NAME = 80

# What must not be cut in two: an entity, a link, a mention or a date.
WHOLE = re.compile(r"&(?:amp|lt|gt);|<[^<>]*>")
# Characters that turn the reading direction round or are not seen: a hostile name would hide with them what it says.
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")

# Slack has no escape for its own marks; look-alikes keep a name readable and its marks without effect.
UNMARKED = str.maketrans({"*": "\u2217", "_": "\uff3f", "~": "\u223c", "`": "'"})
UNBRACKETED = str.maketrans({"<": "\u2039", ">": "\u203a"})


@dataclass(frozen=True, slots=True)
class Message:
    """What Slack takes: the blocks, and the text that phones and screen readers get."""

    text: str
    blocks: list[Block]


@dataclass(slots=True)
class Page:
    """The one object that a template writes to, then what it looks like where it is shown.

    Each call of a template adds one block, in reading order.
    """

    blocks: list[Block] = field(default_factory=list)
    text_only: str = ""
    heading: str = ""
    submit: str = ""
    sent: Sent = field(default_factory=dict)
    instead: Block | None = None
    _taken: set[str] = field(default_factory=set)
    _held: list[Block] = field(default_factory=list)

    def title(self, text: object) -> str:
        """The heading of a message or of a modal; a Home tab shows it on top."""
        self.heading = _bare(text)
        return self._add({"type": "header", "text": plain(text, HEADER)})

    def name(self, text: object) -> str:
        """The title of a modal, where it is shorter than the heading. Not shown in a message."""
        self.heading = _bare(text)
        return ""

    def summary(self, caller: Caller) -> str:
        """The message in whole sentences, with cause and action: all that a phone shows."""
        self.text_only = clip(" ".join(_markup(caller()).split()), TEXT)
        return ""

    def say(self, caller: Caller) -> str:
        """Nothing to say makes no block: Slack refuses an empty one."""
        text = mrkdwn(caller())
        return self._add({"type": "section", "text": text}) if text["text"] else ""

    def note(self, caller: Caller) -> str:
        return self._add({"type": "context", "elements": [mrkdwn(caller())]})

    def line(self) -> str:
        return self._add({"type": "divider"})

    def press(
        self, label: str, word: str, value: str = "", *, style: str = "", url: str = "", about: object = ""
    ) -> str:
        """A button for the next row of actions. A screen reader says `about` what it is, where several are alike."""
        spoken = f"{label}: {_bare(about)}" if about else ""
        self._held.append(button(label, word, value, style=style, url=url, spoken=spoken))
        return ""

    def actions(self, *buttons: Block | None) -> str:
        """What may be pressed since the last row, then these. None stands for a button that does not apply."""
        shown = [self._unique(each) for each in (*self._held, *buttons) if each][:MOST_BUTTONS]
        self._held.clear()
        return self._add({"type": "actions", "elements": shown}) if shown else ""

    def ask(
        self, label: str, *, name: str, hint: str = "", most: int = 300, value: str = "", optional: bool = False
    ) -> str:
        """One line to fill in. Never a secret: Slack's inputs cannot hide one."""
        element: Block = {"type": "plain_text_input", "action_id": name, "max_length": most, "multiline": False}
        if value:
            element["initial_value"] = _bare(value)[:most]
        return self._input(label, name, element, hint=hint, optional=optional)

    def choose(
        self,
        label: str,
        options: Iterable[tuple[str, object]],
        *,
        name: str,
        picked: str = "",
        hint: str = "",
        optional: bool = False,
    ) -> str:
        """One of a few: `options` are value and label each, the value `picked` is chosen already."""
        offered = [{"text": plain(text, LABEL), "value": str(value)[:OPTION]} for value, text in options][:MOST_OPTIONS]
        element: Block = {"type": "radio_buttons", "action_id": name, "options": offered}
        chosen = [option for option in offered if picked and option["value"] == picked[:OPTION]]
        if chosen:
            element["initial_option"] = chosen[0]
        return self._input(label, name, element, hint=hint, optional=optional)

    def sends(
        self, label: str, *, word: str, argument: str = "", target: str = "", subject: str = "", style: str = "primary"
    ) -> str:
        """The modal's own button and the request that it makes: ids only. A message gets one that does the same."""
        self.submit = label
        self.sent = {"word": word, "argument": argument, "target": target, "subject": subject}
        name = f"{word}.{argument}" if argument else word
        value = f"{target}@{subject}" if subject else target
        self.instead = self._unique(button(label, name, value, style=style))
        return ""

    def message(self, mark: str = "") -> Message:
        """The button that sends comes last: a message has none of its own."""
        sends: list[Block] = [{"type": "actions", "elements": [self.instead]}] if self.instead else []
        return Message(text=self.text_only, blocks=_marked([*self.blocks, *sends][:MOST_BLOCKS], mark))

    def modal(self) -> Block:
        blocks = [block for block in self.blocks if block["type"] != "header"] or self.blocks
        view: Block = {
            "type": "modal",
            "callback_id": "creds",
            "title": plain(self.heading, TITLE),
            "close": plain("Cancel" if self.submit else "Close", TITLE),
            "blocks": blocks,
            "private_metadata": json.dumps(self.sent, sort_keys=True) if self.submit else "",
        }
        return view | ({"submit": plain(self.submit, TITLE)} if self.submit else {})

    def home(self) -> Block:
        return {"type": "home", "blocks": self.blocks[: 2 * MOST_BLOCKS]}

    def _input(self, label: str, name: str, element: Block, *, hint: str, optional: bool) -> str:
        block: Block = {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}
        if hint:
            block["hint"] = plain(hint, 2000)
        return self._add(block | {"optional": optional})

    def _unique(self, element: Block) -> Block:
        """Slack refuses a message in which an action id stands twice."""
        name, number = element["action_id"], 2
        while element["action_id"] in self._taken:
            element = element | {"action_id": f"{name}#{number}"}
            number += 1
        self._taken.add(element["action_id"])
        return element

    def _add(self, block: Block) -> str:
        self.blocks.append(block)
        return ""


def button(
    label: str,
    word: str,
    value: str = "",
    *,
    style: str = "",
    url: str = "",
    confirm: tuple[str, str, str, str] | None = None,
    spoken: str = "",
) -> Block:
    """`word` is one of the desk, with its argument behind a dot; `value` an opaque id; `confirm` title, text, yes, no.

    `spoken` is what a screen reader says where several buttons bear the same label.
    """
    block: Block = {
        "type": "button",
        "text": plain(label, LABEL),
        "action_id": f"creds.{word}",
    }
    if value:
        block["value"] = str(value)[:VALUE]
    if style:
        block["style"] = style
    if url:
        block["url"] = url
    if spoken:
        block["accessibility_label"] = plain(spoken, LABEL)["text"]
    if confirm:
        title, text, yes, no = confirm
        block["confirm"] = {
            "title": plain(title, 100),
            "text": plain(text, CONFIRM_TEXT),
            "confirm": plain(yes, SHORT),
            "deny": plain(no, SHORT),
        }
    return block


def plain(text: object, most: int) -> Block:
    return {"type": "plain_text", "text": _short(_bare(text), most), "emoji": True}


def mrkdwn(markup: object, most: int = SECTION) -> Block:
    """`verbatim`, so that Slack makes no link or mention of a name that looks like one."""
    return {"type": "mrkdwn", "text": clip(_markup(markup), most), "verbatim": True}


def clip(text: str, most: int) -> str:
    """Cut so that no entity, link, mention or date is cut in two."""
    if len(text) <= most:
        return text
    end = most - 2
    for whole in WHOLE.finditer(text):
        if whole.start() < end < whole.end():
            end = whole.start()
            break
    head = text[:end]
    at = max(head.rfind("\n"), head.rfind(" "))
    inside = any(whole.start() < at < whole.end() for whole in WHOLE.finditer(head))
    return (head[:at] if at > end // 2 and not inside else head).rstrip() + " " + ELLIPSIS


def code(value: object) -> Markup:
    """Somebody else's text as it is: shown in a box, in one line, with nothing in it that Slack would read."""
    text = _short(" ".join(UNSEEN.sub(" ", str(value)).replace("`", "'").split()), LONGEST_QUOTE)
    return escape(f"`{text}`" if text else "")


def named(value: object) -> Markup:
    """A person's own name, which may look like anything: no markup of it is left to work."""
    text = _short(" ".join(UNSEEN.sub(" ", str(value)).split()), LONGEST_NAME)
    return escape(text.translate(UNMARKED) or "somebody")


def when(moment: datetime) -> Markup:
    """A date that each reader sees in their own time zone."""
    shown = f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {{time}}|{moment:%Y-%m-%d %H:%M} UTC>"
    return Markup(shown)  # noqa: S704 - numbers and our own words, so there is nothing to escape.


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


class Renderer:
    """`names` are the operator's."""

    def __init__(self, names: Names) -> None:
        self._env = Templates()
        self._env.filters.update(code=code, when=when, named=named, counted=counted)
        self._env.globals.update(button=button, names=names)

    def message(self, reply: Reply) -> Message:
        return self.page(reply).message(reply.mark)

    def modal(self, reply: Reply) -> Block:
        return self.page(reply).modal()

    def home(self, reply: Reply) -> Block:
        return self.page(reply).home()

    def page(self, reply: Reply) -> Page:
        page = Page()
        name = f"slack/{reply.template}.j2"
        stray = self._env.get_template(name).render(page=page, **reply.context).strip()
        if stray:
            raise ValueError(f"{name} has text outside a block: {stray[:60]!r}")
        if not page.text_only:
            raise ValueError(f"{name} has no summary")
        return page


def _marked(blocks: list[Block], mark: str) -> list[Block]:
    """A press tells the block that it came from: that is how the mark comes back."""
    if not mark:
        return blocks
    return [
        block | {"block_id": f"{MARK}{mark}.{number}"} if block["type"] == "actions" else block
        for number, block in enumerate(blocks)
    ]


def mark_of(block_id: str) -> str:
    """Empty where the message was not marked."""
    return block_id.removeprefix(MARK).partition(".")[0] if block_id.startswith(MARK) else ""


def _markup(markup: object) -> str:
    text = UNSEEN.sub("", str(markup)).replace("&#34;", '"').replace("&#39;", "'")
    return "\n".join([line.strip() for line in text.strip().splitlines()])


def _bare(text: object) -> str:
    """For plain text: one line without entities. Slack does not read it, and with look-alikes nobody else will."""
    bare = unescape(str(text)) if isinstance(text, Markup) else str(text)
    return " ".join(UNSEEN.sub("", bare).translate(UNBRACKETED).split())


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + ELLIPSIS
