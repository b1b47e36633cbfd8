"""Collects what is wrong with a JSON value, with JSON pointers and in Slack's words. It knows no block."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason to refuse a payload, as blocks.validate answers it."""

    pointer: str
    message: str
    code: str = "failed_constraint"

    @property
    def line(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


class Checker:
    """Each method looks at one thing and notes what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.seen: dict[tuple[str, str], str] = {}

    def refuse(self, at: str, message: str) -> None:
        self.problems.append(Problem(at, message))

    def mapping(self, value: object, at: str) -> Json | None:
        if isinstance(value, dict):
            return value
        self.refuse(at, "must provide an object")
        return None

    def items(self, value: object, at: str, *, most: int, least: int = 1) -> list[Any]:
        if not isinstance(value, list):
            self.refuse(at, "must provide an array")
            return []
        if len(value) > most:
            self.refuse(at, f"no more than {most} items allowed")
        if len(value) < least:
            self.refuse(at, f"no fewer than {least} items allowed")
        return value

    def string(
        self, holder: Json, key: str, at: str, *, most: int, least: int = 1, required: bool = False
    ) -> None:
        value = holder.get(key)
        where = f"{at}/{key}"
        if value is None:
            if required:
                self.refuse(at, f"missing required field: {key}")
        elif not isinstance(value, str):
            self.refuse(where, "must provide a string")
        elif len(value) > most:
            self.refuse(where, f"must be less than {most + 1} characters")
        elif len(value) < least:
            self.refuse(where, f"must be more than {least - 1} characters")

    def one_of(self, holder: Json, key: str, at: str, choices: Collection[str]) -> None:
        if key in holder and holder[key] not in choices:
            self.refuse(f"{at}/{key}", "must be a valid enum value")

    def boolean(self, holder: Json, key: str, at: str) -> None:
        if key in holder and not isinstance(holder[key], bool):
            self.refuse(f"{at}/{key}", "must provide a boolean")

    def url(self, holder: Json, key: str, at: str, *, required: bool = False) -> None:
        self.string(holder, key, at, most=3000, required=required)
        value = holder.get(key)
        if isinstance(value, str) and value and not (urlsplit(value).scheme and urlsplit(value).netloc):
            self.refuse(f"{at}/{key}", "must be a valid URL")

    def only(self, holder: Json, at: str, allowed: Collection[str]) -> None:
        for key in holder:
            if key not in allowed:
                self.refuse(at, f"invalid additional property: {key}")

    def unique(self, kind: str, value: object, at: str, *, within: str = "") -> None:
        """`value` may stand once among all of its kind (within one block for action ids)."""
        if isinstance(value, str) and value:
            key = (f"{kind}{within}", value)
            if key in self.seen:
                self.refuse(at, f"`{kind}` must be unique, but {value!r} is used twice")
            self.seen[key] = at
