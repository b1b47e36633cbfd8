"""What Relatch adds to the requests and statements that its work cannot do without."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from time import perf_counter
from typing import Any

import requests
import sqlalchemy as sa
from aiohttp import web
from requests.adapters import HTTPAdapter

from bot.model import Profile, Word
from providers.base import Side
from tests.bench.ratio import Ratio, compared
from tests.memory_slack import BOB, TEAM
from tests.providers.google.kit import GOOGLE
from tests.rig import HALF_AN_HOUR, Rig
from tests.telling import Tell

# About twice what is measured on two cores; more is a finding.
EMPTY_RUN, FULL_RUN, STATUS, A_ROUND = 14, 3, 30, 12
MAILS = 100
PEOPLE = 300
# As many as run at once.
THREADS = 32


class Asked:
    """What Google was asked, kept to be asked again with nothing of ours in between."""

    def __init__(self, rig: Rig) -> None:
        self._api = rig.kit.settings["issuer"]
        self._http = requests.Session()
        self._http.trust_env, self._http.verify = False, str(rig.kit.ca_bundle)
        self._http.mount("https://", HTTPAdapter(pool_maxsize=THREADS))
        self._asked: list[tuple[str, str]] = []
        rig.kit.intercept("", self._listen)

    def forget(self) -> None:
        self._asked.clear()

    def again(self, *, threads: int = 1) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self._ask, list(self._asked)))

    def close(self) -> None:
        self._http.close()

    def __len__(self) -> int:
        return len(self._asked)

    def _ask(self, asked: tuple[str, str]) -> None:
        path, permission = asked
        self._http.get(f"{self._api}{path}", headers={"Authorization": permission}).raise_for_status()

    def _listen(self, request: web.Request) -> None:
        permission = request.headers.get("Authorization")
        # The baseline's own are known by who asks; a document that anybody may read is asked for once an hour.
        if permission and "python-requests" not in request.headers.get("User-Agent", ""):
            self._asked.append((request.raw_path, permission))


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


def test_a_round_of_many_people(rig: Rig, tell: Tell) -> None:
    """All due at once. The baseline asks the same on as many threads, kept alive one connection each."""
    rig.connected(BOB)
    crowd(rig, PEOPLE - 1)
    rig.sync()
    with closing(Asked(rig)) as asked:
        rig.kit.clock.move(HALF_AN_HOUR)
        begun = perf_counter()
        rig.sync()
        ours = perf_counter() - begun
        begun = perf_counter()
        asked.again(threads=THREADS)
        ratio = Ratio(ours, perf_counter() - begun)
        each = 1000 * (ratio.ours - ratio.bare) / PEOPLE
        tell(f"A round of {PEOPLE} people, {len(asked)} requests: {ratio}; {each:.0f} ms of Relatch for each person")
    assert rig.count("person WHERE claim_until IS NOT NULL") == 0
    assert len(asked) >= 2 * PEOPLE
    assert ratio.times < A_ROUND


def crowd(rig: Rig, number: int) -> None:
    """People who use Bob's account at Google: what the sandbox does for each is the same."""
    connection = rig.connection()
    now = rig.clock.now()
    with rig.store.write() as tx:
        sign_in = tx.credentials.load(connection.credential_id or 0).credential
        for each in range(number):
            profile = Profile(TEAM, f"U1{each}", f"Person{each}", f"person{each}@acme.example", "UTC")
            person = tx.people.meet(profile, now)
            key = tx.credentials.add(person_id=person.id, provider="google", credential=sign_in, now=now)
            tx.connections.connect(
                person_id=person.id,
                side=Side.MAILBOX,
                provider="google",
                access=GOOGLE,
                account=sign_in.account,
                identity=sign_in.identity,
                credential_id=key,
                now=now,
                keep_cursor=False,
            )


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

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
