"""One of everything that Slack is ever shown: each way a template can look, each advice, each vendor's words.

tests/handlers/slack/test_golden.py checks them against the sandbox's rules, `make live` against Slack's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import templates
from bot.model import Reply, Seen, State
from handlers.slack.blocks import Block, Page, Renderer
from providers.base import Reason
from tests.handlers.slack import samples
from tests.handlers.slack.samples import Told

FOLDER = Path(next(iter(templates.__path__)))
HOME = "notices/home"
TOLD = Told()


class Surface(StrEnum):
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Golden:
    """`payload` is a message with its text, or a view."""

    name: str
    surface: Surface
    payload: Block


def golden(render: Renderer) -> list[Golden]:
    """Of all samples those that look like no other before: a few hundred of some two thousand."""
    found: list[Golden] = []
    seen: set[tuple[str, ...]] = set()
    for reply in (*samples.everything(TOLD, Reason), *advised(), *revoked()):
        page = render.page(reply)
        for surface in surfaces(reply):
            payload = shown(page, surface)
            look = (reply.template, surface, *subject(reply), *shape(payload))
            if look not in seen:
                seen.add(look)
                found.append(Golden(f"{reply.template} as {surface} {len(found)}", surface, payload))
    return found


def surfaces(reply: Reply) -> tuple[Surface, ...]:
    if reply.template == HOME:
        return (Surface.HOME,)
    # A modal takes whatever answers the request that it was opened for; no notice does.
    return (Surface.MESSAGE,) if reply.template.startswith("notices/") else (Surface.MESSAGE, Surface.MODAL)


def shown(page: Page, surface: Surface) -> Block:
    match surface:
        case Surface.MESSAGE:
            message = page.message()
            return {"text": message.text, "blocks": message.blocks}
        case Surface.MODAL:
            return page.modal()
        case Surface.HOME:
            return page.home()


def advised() -> Iterator[Reply]:
    """Every advice once, in a check's answer: those of one vendor beside that vendor's name."""
    for path in sorted(FOLDER.glob("advice/*.j2")):
        provider, _, reason = path.stem.rpartition(".")
        # The common one is read where the vendor has none of its own.
        of_its_own = {slug for slug, _ in samples.VENDORS if (FOLDER / "advice" / f"{slug}.{reason}.j2").exists()}
        slug = provider or next(slug for slug, _ in samples.VENDORS if slug not in of_its_own)
        card = replace(samples.broken(TOLD, Reason(reason)), provider=slug, label=dict(samples.VENDORS)[slug])
        context = {"who": samples.bob(TOLD), "cards": [replace(card, seen=Seen.FAILED)], "done": True}
        yield Reply("check", context | {"advice": path.stem})


def revoked() -> Iterator[Reply]:
    """Every vendor's words on what a revocation leaves behind."""
    for reply in samples.revokes(TOLD):
        cards = reply.context["cards"]
        if len(cards) == 1 and cards[0].state is State.ACTIVE:
            yield reply


def subject(reply: Reply) -> tuple[str, ...]:
    """What else makes it another message than one that has the same blocks."""
    context = reply.context
    if reply.template == "revoke":
        return tuple(card.provider for card in context["cards"])
    return (str(context.get("advice", "")), str(context.get("slug", "")))


def shape(payload: Block) -> tuple[str, ...]:
    """The blocks in their order, each with its elements and which fields they have."""
    return tuple(json.dumps(_bones(block), sort_keys=True) for block in payload["blocks"])


def _bones(value: Any) -> Any:
    """Without words and ids: what is left says which of Slack's rules it must keep."""
    if isinstance(value, dict):
        return {name: inner if name in ("type", "style") else _bones(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_bones(inner) for inner in value]
    return type(value).__name__
