"""A Relatch put together by hand on a real store and a real port, so that a test can leave one part out.

Slack is kept in memory: its sign-in takes the user's id as the code. Vendors are whatever a test gives.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import requests
import sqlalchemy as sa

from bot.clock import SystemClock
from bot.desk.asked import Tools
from bot.desk.desk import Desk
from bot.desk.sign_in import SignIn
from bot.model import Connection, Directory, Names, Profile, Word
from bot.store.database import Store
from bot.store.vault import KeysetFile
from bot.upkeep.cards import Cards
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from handlers.web.app import create, serve
from providers.base import (
    Access,
    AccessType,
    Credential,
    Ended,
    Link,
    Mailbox,
    Page,
    Provider,
    Reached,
    Replaced,
    Revocation,
    Side,
)
from tests.memory_slack import ADMIN_CHANNEL, TEAM, MemorySlack
from tests.rig import RigClock
from tests.sandbox.browser import Browser
from tests.sandbox.browser import Page as WebPage
from tests.sandbox.serving import free_port

SLACK = "http://slack.localhost/"
ACCESS = {
    "google": Access(AccessType.GOOGLE),
    "microsoft": Access(AccessType.OFFICE365),
    "exchange": Access(AccessType.EXCHANGE),
    "salesforce": Access(AccessType.PRODUCTION),
}


class QuietMailbox(Mailbox):
    """A vendor that always says yes, and counts the codes that it was handed."""

    slug: ClassVar[str] = "google"
    label: ClassVar[str] = "Google"
    side: ClassVar[Side] = Side.MAILBOX
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.GOOGLE,)
    revokes_replaced: ClassVar[Replaced] = Replaced.NEVER

    def __init__(self) -> None:
        self.codes: list[str] = []

    def begin(self, access: Access, state: str, hint: str) -> Link:
        return Link(f"http://login.google.localhost/?state={state}", hint)

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        self.codes.append(answer["code"])
        return Credential(remember, remember, secrets.token_hex(8))

    def refresh(self, credential: Credential) -> Credential:
        return credential

    def check(self, credential: Credential) -> None:
        """Works."""

    def revoke(self, credential: Credential) -> Revocation:
        return Revocation(Ended.DONE)

    def approval(self) -> str:
        return ""

    def reach(self) -> Sequence[Reached]:
        return ()

    def pull(self, credential: Credential, cursor: str) -> Iterator[Page]:
        yield from ()

    def recognises(self, address: str) -> bool:
        return False


class House:
    """The parts, and what people do with them in a browser."""

    def __init__(self, folder: Path, store: Store, providers: Mapping[str, Provider], clock: RigClock) -> None:
        self.folder, self.store, self.providers, self.clock = folder, store, providers, clock
        self.database = folder / "data" / "relatch.db"
        self.slack = MemorySlack()
        self.public_url = ""
        self.pool = ThreadPoolExecutor(16)
        self.breakers = Breakers()
        self.records = Records(
            store=store,
            clock=clock,
            breakers=self.breakers,
            admin_channel=ADMIN_CHANNEL,
            ring=lambda: None,
            jitter=lambda: 0.5,
        )
        self.renewals = Renewals(store=store, providers=providers, clock=clock, owner="run:1")
        self.probes = Probes(
            store=store, providers=providers, clock=clock, renewals=self.renewals, records=self.records
        )

    @classmethod
    @contextmanager
    def open(
        cls,
        folder: Path,
        providers: Mapping[str, Provider],
        *,
        clock: RigClock | None = None,
        kind: type[Store] = Store,
    ) -> Iterator[Self]:
        opened = Store.open(folder / "data" / "relatch.db", KeysetFile(folder / "keys" / "keyset.json"))
        store = kind(opened._engine, opened._readers, opened._vault)
        # No power is cut here, and waiting for the disk would be most of the time.
        sa.event.listen(opened._engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous = OFF"))
        opened.close()
        house = cls(folder, store, providers, clock or RigClock(SystemClock().now))
        try:
            yield house
        finally:
            house.pool.shutdown()
            store.close()

    @property
    def cards(self) -> Cards:
        return Cards(providers=self.providers, public_url=self.public_url)

    def tools(self, directory: Directory | None = None) -> Tools:
        return Tools(
            store=self.store,
            clock=self.clock,
            directory=directory or self.slack,
            providers=self.providers,
            cards=self.cards,
            probes=self.probes,
            records=self.records,
            probe_pool=self.pool,
            ring=lambda: None,
        )

    @property
    def desk(self) -> Desk:
        return Desk(tools=self.tools(), team_id=TEAM)

    @contextmanager
    def serving(self, sign_in: type[SignIn] = SignIn, *, port: int = 0) -> Iterator[SignIn]:
        """The pages on their port; `sign_in` is what stands behind them."""
        port = port or free_port()
        self.public_url = f"http://bot.localhost:{port}"
        made = sign_in(tools=self.tools(), identity=self.slack, team_id=TEAM, allowed_domains=frozenset())
        app = create(
            sign_in=made,
            ready=lambda: {"database": True},
            names=Names("Relatch", "Acme", "sync"),
            public_url=self.public_url,
            pool=self.pool,
            slack_app_url="http://slack.localhost/app",
        )
        server = serve(app, "127.0.0.1", port)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        try:
            wait_for(lambda: server.started, "the server is there")
            yield made
        finally:
            server.should_exit = True
            thread.join()

    # People

    def connected(self, profile: Profile) -> None:
        """Somebody who is connected, as the desk writes it at the end of a sign-in."""
        now = self.clock.now()
        with self.store.write() as tx:
            person = tx.people.meet(profile, now)
            credential = Credential(person.email, person.email, secrets.token_hex(8))
            key = tx.credentials.add(person_id=person.id, provider="google", credential=credential, now=now)
            tx.connections.connect(
                person_id=person.id,
                side=Side.MAILBOX,
                provider="google",
                access=ACCESS["google"],
                account=person.email,
                identity=person.email,
                credential_id=key,
                now=now,
                keep_cursor=False,
            )

    def door(self, user_id: str, slug: str = "google", word: Word = Word.CHANGE) -> str:
        """The id behind a sign-in button of this person's."""
        now = self.clock.now()
        with self.store.write() as tx:
            person = tx.people.find(TEAM, user_id) or tx.people.meet(self.slack.profiles[user_id], now)
            return self.cards.door(tx, person, word, self.providers[slug], ACCESS[slug], now).id

    def arrive(self, browser: Browser, invitation: str, user_id: str) -> WebPage:
        """Opens the link and signs in with Slack, if that is asked for."""
        page = browser.get(f"{self.public_url}/connect/{invitation}")
        return self.prove(browser, user_id) if asks(page) else page

    def prove(self, browser: Browser, user_id: str) -> WebPage:
        """Goes to Slack from the page that the browser shows, and comes back as this person."""
        link = next(link for link in browser.page.links if link.url.startswith(f"{SLACK}?state="))
        [state] = parse_qs(urlsplit(link.url).query)["state"]
        return browser.get(f"{self.public_url}/callback/slack?code={user_id}&state={state}")

    def connections(self, user_id: str) -> dict[Side, Connection]:
        with self.store.read() as tx:
            person = tx.people.find(TEAM, user_id)
            return dict(tx.connections.of(person.id)) if person else {}

    def at(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """A request as any program may make it."""
        parts = urlsplit(self.public_url)
        return requests.request(
            method,
            f"http://127.0.0.1:{parts.port}{path}",
            headers={"Host": parts.netloc, **(headers or {})},
            allow_redirects=False,
            timeout=20,
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(statement).fetchall()

    def dump(self) -> list[str]:
        """The whole database, as text."""
        with closing(sqlite3.connect(self.database)) as database:
            return list(database.iterdump())


def asks(page: WebPage) -> bool:
    """Whether nothing leads on from this page but Slack's sign-in."""
    links = [link.url for link in page.links]
    leads_on = any("login." in url for url in links) or bool(page.forms)
    return any(url.startswith(f"{SLACK}?state=") for url in links) and not leads_on


def cookie(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies("bot.localhost").items())


def wait_for(condition: Callable[[], bool], what: str, *, within: timedelta = timedelta(seconds=20)) -> None:
    until = time.monotonic() + within.total_seconds()
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {what}"
        threading.Event().wait(0.005)
