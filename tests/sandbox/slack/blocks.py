"""Block Kit's rules: which blocks Slack takes on which surface, and what it says of the others.

Limits: the JSDoc of @slack/types 3.2.0 and docs.slack.dev/reference/block-kit. Blocks that Slack rolls out in
phases (tables, charts, cards) are refused, as a workspace without them does.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from tests.sandbox.slack.checker import Checker, Json, Problem
from tests.sandbox.slack.elements import (
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    PLAIN,
    check_element,
    check_image,
    check_text,
)

BLOCKS_IN_MESSAGE = 50
BLOCKS_IN_VIEW = 100
VIEW_BYTES = 250_000


class Surface(StrEnum):
    """Where blocks stand."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


def check_message_blocks(blocks: object, *, at: str = "/blocks") -> list[Problem]:
    check = Checker()
    _check_blocks(check, blocks, at, surface=Surface.MESSAGE)
    return check.problems


def check_view(view: object, *, at: str = "/view") -> list[Problem]:
    check = Checker()
    if (known := check.mapping(view, at)) is None:
        return check.problems
    kind = known.get("type")
    if kind not in {Surface.MODAL, Surface.HOME}:
        check.refuse(f"{at}/type", "must be a valid enum value")
        return check.problems
    shared = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
    modal = {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"}
    check.only(known, at, shared | modal if kind == Surface.MODAL else shared)
    check.string(known, "private_metadata", at, most=3000, least=0)
    check.string(known, "callback_id", at, most=255, least=0)
    check.string(known, "external_id", at, most=255, least=0)
    _check_blocks(check, known.get("blocks"), f"{at}/blocks", surface=Surface(kind))
    if kind == Surface.MODAL:
        _check_modal(check, known, at)
    return check.problems


def completed(blocks: list[Json]) -> list[Json]:
    """A copy in which every block and element has an id, as Slack gives back what it took."""
    whole = copy.deepcopy(blocks)
    for block in whole:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            element.setdefault("action_id", secrets.token_urlsafe(4))
    return whole


def elements_of(block: Json) -> Iterator[Json]:
    """The interactive elements of a block, in reading order."""
    held = [block.get("accessory"), block.get("element")]
    if block.get("type") == "actions":
        held += block.get("elements", [])
    yield from (element for element in held if isinstance(element, dict) and element.get("type") != "image")


def _check_blocks(check: Checker, blocks: object, at: str, *, surface: Surface) -> None:
    most = BLOCKS_IN_MESSAGE if surface is Surface.MESSAGE else BLOCKS_IN_VIEW
    for number, value in enumerate(check.items(blocks, at, most=most, least=0)):
        where = f"{at}/{number}"
        if (block := check.mapping(value, where)) is None:
            continue
        kind = str(block.get("type"))
        if kind not in _CHECKS or (kind == "markdown" and surface is not Surface.MESSAGE):
            check.refuse(f"{where}/type", f"unsupported type: {kind}")
            continue
        check.string(block, "block_id", where, most=255)
        check.unique("block_id", block.get("block_id"), where)
        properties, look = _CHECKS[kind]
        check.only(block, where, {"type", "block_id", *properties})
        look(check, block, where)


def _check_modal(check: Checker, view: Json, at: str) -> None:
    if "title" not in view:
        check.refuse(at, "missing required field: title")
    for key in ("title", "submit", "close"):
        if view.get(key) is not None:
            check_text(check, view[key], f"{at}/{key}", most=24, kinds=PLAIN)
    blocks = [block for block in view.get("blocks") or [] if isinstance(block, dict)]
    if view.get("submit") is None and any(block.get("type") == "input" for block in blocks):
        check.refuse(at, "missing required field: submit")
    if sum(element.get("focus_on_load") is True for block in blocks for element in elements_of(block)) > 1:
        check.refuse(at, "only one element may set `focus_on_load`")


def _check_section(check: Checker, block: Json, at: str) -> None:
    if "text" not in block and "fields" not in block:
        check.refuse(at, "must define either `text` or `fields`")
    if "text" in block:
        check_text(check, block["text"], f"{at}/text", most=3000)
    if "fields" in block:
        for number, field in enumerate(check.items(block["fields"], f"{at}/fields", most=10)):
            check_text(check, field, f"{at}/fields/{number}", most=2000)
    if "accessory" in block and (element := check.mapping(block["accessory"], f"{at}/accessory")):
        check_element(check, element, f"{at}/accessory", allowed=IN_SECTION, block=at)


def _check_actions(check: Checker, block: Json, at: str) -> None:
    for number, value in enumerate(check.items(block.get("elements"), f"{at}/elements", most=25)):
        where = f"{at}/elements/{number}"
        if element := check.mapping(value, where):
            check_element(check, element, where, allowed=IN_ACTIONS, block=at)


def _check_context(check: Checker, block: Json, at: str) -> None:
    for number, value in enumerate(check.items(block.get("elements"), f"{at}/elements", most=10)):
        where = f"{at}/elements/{number}"
        if isinstance(value, dict) and value.get("type") == "image":
            check_image(check, value, where)
        else:
            check_text(check, value, where, most=3000)


def _check_header(check: Checker, block: Json, at: str) -> None:
    check_text(check, block.get("text"), f"{at}/text", most=150, kinds=PLAIN)


def _check_image_block(check: Checker, block: Json, at: str) -> None:
    check_image(check, block, at)
    if "title" in block:
        check_text(check, block["title"], f"{at}/title", most=2000, kinds=PLAIN)


def _check_input(check: Checker, block: Json, at: str) -> None:
    check_text(check, block.get("label"), f"{at}/label", most=2000, kinds=PLAIN)
    if "hint" in block:
        check_text(check, block["hint"], f"{at}/hint", most=2000, kinds=PLAIN)
    check.boolean(block, "optional", at)
    check.boolean(block, "dispatch_action", at)
    if element := check.mapping(block.get("element"), f"{at}/element"):
        check_element(check, element, f"{at}/element", allowed=IN_INPUT, block=at)


def _check_markdown(check: Checker, block: Json, at: str) -> None:
    check.string(block, "text", at, most=12_000, required=True)


def _check_rich_text(check: Checker, block: Json, at: str) -> None:
    kinds = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    for number, value in enumerate(check.items(block.get("elements"), f"{at}/elements", most=BLOCKS_IN_VIEW)):
        if not isinstance(value, dict) or value.get("type") not in kinds:
            check.refuse(f"{at}/elements/{number}/type", "must be a valid enum value")


def _check_divider(check: Checker, block: Json, at: str) -> None:
    """A line has nothing that could be wrong."""


Look = Callable[[Checker, Json, str], None]
_CHECKS: dict[str, tuple[set[str], Look]] = {
    "section": ({"text", "fields", "accessory", "expand"}, _check_section),
    "actions": ({"elements"}, _check_actions),
    "context": ({"elements"}, _check_context),
    "header": ({"text"}, _check_header),
    "divider": (set(), _check_divider),
    "image": ({"image_url", "slack_file", "alt_text", "title"}, _check_image_block),
    "input": ({"label", "element", "hint", "optional", "dispatch_action"}, _check_input),
    "rich_text": ({"elements"}, _check_rich_text),
    "markdown": ({"text"}, _check_markdown),
}


def texts_of(value: Any) -> Iterator[str]:
    """Every mrkdwn text in these blocks: what Slack searches for links to unfurl."""
    if isinstance(value, dict):
        if value.get("type") in {"mrkdwn", "markdown"}:
            yield str(value.get("text", ""))
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
