"""`relatch events export`: the history for others to keep, line by line, verified before the first one is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TextIO

from bot.model import Event
from bot.operator.tools import Tools, note, whom

FIELDS = (
    "id",
    "at",
    "kind",
    "person",
    "actor",
    "side",
    "provider",
    "culprit",
    "reason",
    "code",
    "trace",
    "detail",
    "number",
    "hash",
)
# A spreadsheet would take what begins so for a formula, and run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Exported:
    """How many lines the whole history has, all of them verified, and how many of those were written."""

    verified: int
    written: int


def export(
    tools: Tools, to: TextIO, *, since: datetime | None, person: str, form: Format, step: Callable[[], None]
) -> Exported:
    """People stand in it by number. `step` is called at each line. Raises CannotDo, and ChainBroken before any line."""
    with tools.store.write() as tx:
        who = whom(tx, person) if person else None
        note(tx, tools, "events export", person=who)
    with tools.store.read() as tx:
        verified, written = tx.events.verify(), 0
        write = _writer(form, to)
        for event, link in tx.events.since(since, who.id if who else None):
            write(dict(zip(FIELDS, _values(event, link), strict=True)))
            written += 1
            step()
    return Exported(verified=verified, written=written)


def _values(event: Event, link: str) -> Iterator[Any]:
    cause = event.cause
    yield from (event.id, event.at.isoformat(), event.kind, event.person_id, event.actor_id, event.side)
    yield event.provider
    yield from (cause.culprit, cause.reason, cause.code, cause.trace) if cause else (None, None, "", "")
    yield from (event.detail, event.number, link)


def _writer(form: Format, to: TextIO) -> Callable[[dict[str, Any]], object]:
    match form:
        case Format.JSONL:
            return lambda line: to.write(json.dumps(line) + "\n")
        case Format.CSV:
            table = csv.DictWriter(to, FIELDS)
            table.writeheader()
            return lambda line: table.writerow({name: _harmless(value) for name, value in line.items()})


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
