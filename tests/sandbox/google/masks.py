"""Google's `fields` parameter: what a mask does not name does not cross the wire.

Syntax: developers.google.com/workspace/calendar/api/guides/performance#partial
"""

from __future__ import annotations

import re
from typing import Any

TOKENS = re.compile(r"[\w*]+|[,/()]|.")

# What is wanted of a document: field -> what is wanted of it. Empty means all.
Mask = dict[str, "Mask"]


class BadMask(ValueError):
    """Not a mask: Google answers 400."""


def masked(document: Any, fields: str) -> Any:
    """The parts of `document` that `fields` names, as `items(id,start/dateTime),nextPageToken`."""
    tokens = TOKENS.findall(fields)
    mask = _read_list(tokens)
    if tokens:
        raise BadMask(fields)
    return _keep(document, mask)


def _read_list(tokens: list[str]) -> Mask:
    mask: Mask = {}
    while True:
        _read_item(tokens, mask)
        if not tokens or tokens[0] != ",":
            return mask
        tokens.pop(0)


def _read_item(tokens: list[str], mask: Mask) -> None:
    if not tokens or not re.fullmatch(r"[\w*]+", tokens[0]):
        raise BadMask(tokens)
    below = mask.setdefault(tokens.pop(0), {})
    if tokens and tokens[0] == "/":
        tokens.pop(0)
        _read_item(tokens, below)
    elif tokens and tokens[0] == "(":
        tokens.pop(0)
        below.update(_read_list(tokens))
        if not tokens or tokens.pop(0) != ")":
            raise BadMask("an open bracket")


def _keep(document: Any, mask: Mask) -> Any:
    if not mask:
        return document
    if isinstance(document, list):
        return [_keep(entry, mask) for entry in document]
    if not isinstance(document, dict):
        return document
    every = mask.get("*")
    kept = {name: mask.get(name, every) for name in document}
    return {name: _keep(document[name], below) for name, below in kept.items() if below is not None}
