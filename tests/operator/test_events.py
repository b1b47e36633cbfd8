"""The history as it is handed to others: verified first, whole or not at all."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from io import StringIO

import pytest

from bot.operator import events
from bot.operator.events import FIELDS, Exported, Format
from bot.store.events import ChainBroken
from tests.memory_slack import BOB, GRACE
from tests.operator.conftest import tools_of
from tests.rig import HOUR, Rig


def exported(rig: Rig, *, person: str = "", form: Format = Format.JSONL, later: timedelta | None = None) -> str:
    to = StringIO()
    since = rig.clock.now() + later if later is not None else None
    events.export(tools_of(rig), to, since=since, person=person, form=form, step=lambda: None)
    return to.getvalue()


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_comes_with_its_hash_and_in_order(rig: Rig) -> None:
    rig.connected(BOB)
    found = lines(exported(rig))
    assert [line["id"] for line in found] == list(range(1, len(found) + 1))
    assert [tuple(line) for line in found] == [FIELDS] * len(found)
    assert [(line["hash"],) for line in found] == rig.rows("SELECT hash FROM event ORDER BY id")


def test_people_stand_in_it_by_number_only(rig: Rig) -> None:
    rig.connected(BOB)
    text = exported(rig)
    assert "bob@acme.example" not in text
    assert BOB not in text


def test_what_was_verified_is_counted(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    to = StringIO()
    done = events.export(tools_of(rig), to, since=None, person=GRACE, form=Format.JSONL, step=lambda: None)
    assert done == Exported(verified=rig.count("event"), written=len(to.getvalue().splitlines()))
    assert 0 < done.written < done.verified


def test_one_persons_lines_are_theirs_alone(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    assert {line["person"] for line in lines(exported(rig, person=GRACE))} == {rig.person(GRACE).id}


def test_who_was_exported_can_see_it(rig: Rig) -> None:
    rig.connected(GRACE)
    exported(rig, person=GRACE)
    assert [event.detail for event in rig.history(GRACE)][-1] == "events export"


def test_since_leaves_out_what_is_older(rig: Rig) -> None:
    rig.connected(BOB)
    rig.kit.clock.move(HOUR)
    assert [line["kind"] for line in lines(exported(rig, later=-HOUR / 2))] == ["operated"]


def test_a_changed_line_is_named_and_nothing_is_written(rig: Rig) -> None:
    rig.connected(BOB)
    with closing(sqlite3.connect(rig.database)) as database, database:
        database.execute("UPDATE event SET detail = 'harmless' WHERE id = 3")
    to = StringIO()
    with pytest.raises(ChainBroken) as broken:
        events.export(tools_of(rig), to, since=None, person="", form=Format.JSONL, step=lambda: None)
    assert broken.value.event_id == 3
    assert to.getvalue() == ""


def test_a_reason_cannot_become_a_formula_in_a_spreadsheet(rig: Rig) -> None:
    from bot.model import Word

    rig.connected(BOB)
    rig.answer("U0ADA", Word.REFRESH, subject=BOB, reason='=HYPERLINK("https://evil.example")')
    table = list(csv.DictReader(StringIO(exported(rig, form=Format.CSV))))
    [line] = [row for row in table if row["kind"] == "refresh_asked"]
    assert line["detail"].startswith("'=HYPERLINK")
