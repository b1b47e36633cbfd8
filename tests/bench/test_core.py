"""What Relatch adds to the requests and statements that its work cannot do without."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import requests
import sqlalchemy as sa
from aiohttp import web

from bot.model import Word
from tests.bench.ratio import compared
from tests.memory_slack import BOB
from tests.rig import Rig
from tests.telling import Tell

# About twice what is measured on two cores; more is a finding.
EMPTY_RUN, FULL_RUN, STATUS = 14, 3, 30
MAILS = 100


class Asked:
    """What Google was asked, kept to be asked again with nothing of ours in between."""

    def __init__(self, rig: Rig) -> None:
        self._api = rig.kit.settings["issuer"]
        self._http = requests.Session()
        self._http.trust_env, self._http.verify = False, str(rig.kit.ca_bundle)
        self._asked: list[tuple[str, str]] = []
        rig.kit.intercept("", self._listen)

    def forget(self) -> None:
        self._asked.clear()

    def again(self) -> None:
        for path, permission in list(self._asked):
            self._http.get(f"{self._api}{path}", headers={"Authorization": permission}).raise_for_status()

    def close(self) -> None:
        self._http.close()

    def __len__(self) -> int:
        return len(self._asked)

    def _listen(self, request: web.Request) -> None:
        # The baseline's own are known by who asks.
        if "python-requests" not in request.headers.get("User-Agent", ""):
            self._asked.append((request.raw_path, request.headers["Authorization"]))


def test_a_run_that_finds_nothing_new(rig: Rig, tell: Tell) -> None:
    rig.connected(BOB)
    with closing(Asked(rig)) as asked:

        def run() -> None:
            asked.forget()
            sync_now(rig)

        ratio = compared(run, asked.again, rounds=20)
        tell(f"A run that finds nothing new, {len(asked)} requests: {ratio}")
    assert ratio.times < EMPTY_RUN


def test_a_run_with_many_mails(rig: Rig, tell: Tell) -> None:
    rig.provider._page_size = 100
    rig.connected(BOB)
    with closing(Asked(rig)) as asked:

        def run() -> None:
            asked.forget()
            rig.mail(MAILS)
            sync_now(rig)

        ratio = compared(run, asked.again, rounds=5)
        tell(f"A run with {MAILS} new mails, {len(asked)} requests: {ratio}")
        assert len(asked) > MAILS
    assert ratio.times < FULL_RUN


def test_what_stands_of_a_person(rig: Rig, tell: Tell) -> None:
    rig.connected(BOB)
    with statements(rig) as said:
        rig.answer(BOB, Word.STATUS)
    with closing(sqlite3.connect(rig.database, isolation_level=None)) as database:

        def bare() -> None:
            for statement, values in said:
                database.execute(statement, values).fetchall()

        ratio = compared(lambda: rig.answer(BOB, Word.STATUS), bare, rounds=50)
    tell(f"/creds, from the request to its answer, {len(said)} statements: {ratio}")
    assert ratio.times < STATUS


def sync_now(rig: Rig) -> None:
    """As if somebody pressed it, to the end of the run."""
    rig.kit.clock.move(timedelta(minutes=2))
    rig.answer(BOB, Word.SYNC, argument="now")
    rig.sync()


@contextmanager
def statements(rig: Rig) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of SQLite."""
    said: list[tuple[str, Any]] = []

    def listen(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        said.append((statement, values))

    sa.event.listen(rig.store._engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        sa.event.remove(rig.store._engine, "before_cursor_execute", listen)
