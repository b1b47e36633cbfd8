"""The table of docs/verified.md that `make live` writes. It asks nobody anything."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

BEGIN, END = "<!-- live: written by `make live`, not by hand -->", "<!-- live: end -->"
SECTION = re.compile(rf"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.DOTALL)
ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
HEAD = "| date | vendor | claim | outcome |\n|---|---|---|---|\n"
NOTHING_YET = "Nothing yet.\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """One claim and what became of it. `outcome` begins with yes or no, or says what only a person can see."""

    vendor: str
    claim: str
    outcome: str

    @property
    def holds(self) -> bool:
        return not self.outcome.startswith("no")


def write(document: Path, seen: Sequence[Seen], day: date) -> None:
    """Puts these in the place of what was seen of the same vendors before; of the others all stays."""
    text = document.read_text("utf-8")
    assert SECTION.search(text), f"{document} has no place for what was seen: {BEGIN}"
    rows = _others(text, {each.vendor for each in seen})
    rows += [(day.isoformat(), each.vendor, _cell(each.claim), _cell(each.outcome)) for each in seen]
    table = HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows) if rows else NOTHING_YET
    # A function: in a replacement, a backslash of somebody's answer would be read.
    document.write_text(SECTION.sub(lambda _: table, text), "utf-8")


def _others(text: str, vendors: Collection[str]) -> list[tuple[str, ...]]:
    section = SECTION.search(text)
    return [row for row in ROW.findall(section[0] if section else "") if row[1] not in vendors]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
