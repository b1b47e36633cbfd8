"""A small Relatch: the real store, upkeep, desk and runner, the sandbox's Google, and a Slack kept in memory."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from bot.clock import SystemClock
from bot.desk.asked import Tools
from bot.desk.desk import Desk
from bot.desk.sign_in import SignIn
from bot.model import Actor, Connection, Event, Person, Reply, Request, WebSession, Word
from bot.rules.hours import WorkingHours
from bot.runner.heartbeats import Heartbeats
from bot.runner.notices import Notices
from bot.runner.revocations import Revocations
from bot.runner.sync import SyncRuns
from bot.runner.unfinished import Unfinished
from bot.store.database import Store, Tx
from bot.upkeep.cards import EVERY_ACCESS, Cards
from bot.upkeep.compose import Composer
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import AccessType, Credential, Provider, Revocation, Side
from providers.base import Page as PulledPage
from providers.google import Google
from tests.kept import Kept
from tests.memory_slack import ADMIN_CHANNEL, BOB, TEAM, MemorySlack, Message
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import Kit
from tests.sandbox.browser import Browser, Page

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SETTLED = timedelta(seconds=61)
HALF_AN_HOUR = timedelta(minutes=34)
A_SECOND_STRIKE = timedelta(minutes=12)
PUBLIC_URL = "http://bot.localhost"
T = TypeVar("T")


class RigClock:
    """`now` is the sandbox's; `real` is the machine's and what a test adds to it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self._wall = SystemClock()
        self.ahead = timedelta()

    def real(self) -> datetime:
        return self._wall.real() + self.ahead


class Meddled(Google):
    """Google as it is, with something that happens at a moment: "refresh", "refreshed", "check", "page", "revoked"."""

    def __init__(self, kit: GoogleKit) -> None:
        super().__init__(wire=kit.wire, clock=kit.clock.now, page_size=5, **kit.settings)
        self.at: dict[str, Callable[[], None]] = {}

    def happens(self, moment: str, what: Callable[[], None]) -> None:
        """Once."""
        self.at[moment] = what

    def refresh(self, credential: Credential) -> Credential:
        self._now("refresh")
        renewed = super().refresh(credential)
        self._now("refreshed")
        return renewed

    def check(self, credential: Credential) -> None:
        self._now("check")
        super().check(credential)

    def pull(self, credential: Credential, cursor: str) -> Iterator[PulledPage]:
        for page in super().pull(credential, cursor):
            yield page
            self._now("page")

    def revoke(self, credential: Credential) -> Revocation:
        revocation = super().revoke(credential)
        self._now("revoked")
        return revocation

    def _now(self, moment: str) -> None:
        self.at.pop(moment, lambda: None)()


class Rig:
    """`start` once more is a restart on the same store."""

    def __init__(self, kit: GoogleKit, store: Store, kept: Kept, *, admin_channel: str = ADMIN_CHANNEL) -> None:
        self.kit, self.google, self.store, self.kept, self.database = kit, kit.server, store, kept, kept.database
        self.kits: dict[str, Kit[Any]] = {"google": kit}
        self.clock = RigClock(kit.clock.now)
        self.slack = MemorySlack()
        self.admin_channel = admin_channel
        self.provider = Meddled(kit)
        self.providers: dict[str, Provider] = {"google": self.provider}
        self.allowed_domains: frozenset[str] = frozenset()
        self.allowed_access: frozenset[AccessType] = EVERY_ACCESS
        self.hours: WorkingHours | None = None
        self.pool = ThreadPoolExecutor(16)
        self.build("run:1")

    def start(self, owner: str) -> None:
        """As after a restart."""
        self.build(owner)
        with self.store.write() as tx:
            tx.people.drop_claims()
            tx.credentials.drop_leases()
            self.breakers.recall(tx)

    def build(self, owner: str) -> None:
        """All parts anew. A store in which nothing has happened is not asked."""
        store, clock, providers = self.store, self.clock, self.providers
        self.breakers = Breakers()
        self.records = Records(
            store=store,
            clock=clock,
            breakers=self.breakers,
            admin_channel=self.admin_channel,
            ring=lambda: None,
            jitter=lambda: 0.5,
            hours=self.hours,
        )
        self.renewals = Renewals(store=store, providers=providers, clock=clock, owner=owner)
        self.probes = Probes(
            store=store, providers=providers, clock=clock, renewals=self.renewals, records=self.records
        )
        cards = Cards(providers=providers, public_url=PUBLIC_URL, allowed=self.allowed_access)
        self.runs = SyncRuns(
            store=store,
            providers=providers,
            clock=clock,
            renewals=self.renewals,
            records=self.records,
            breakers=self.breakers,
            owner=owner,
            ring=lambda: None,
            crm_is_offered=bool(cards.offered(Side.CRM)),
        )
        composer = Composer(cards=cards, providers=providers)
        self.notices = Notices(store=store, messenger=self.slack, composer=composer, clock=clock)
        self.revocations = Revocations(store=store, providers=providers, clock=clock, jitter=lambda: 0.5)
        self.heartbeats = Heartbeats(store=store, probes=self.probes, clock=clock)
        self.unfinished = Unfinished(store=store, clock=clock)
        tools = Tools(
            store=store,
            clock=clock,
            directory=self.slack,
            providers=providers,
            cards=cards,
            probes=self.probes,
            records=self.records,
            probe_pool=self.pool,
            ring=lambda: None,
        )
        self.desk = Desk(tools=tools, team_id=TEAM)
        self.sign_in = SignIn(
            tools=tools, identity=self.slack, team_id=TEAM, allowed_domains=self.allowed_domains
        )

    def mail(self, number: int = 1, *, user_id: str = BOB) -> None:
        for n in range(number):
            email = self.slack.profiles[user_id].email
            self.google.deliver(email, sender="cara@customer.example", subject=f"Question {n}")

    # What people do

    def ask(self, user_id: str, word: Word, *, team: str = TEAM, **others: Any) -> list[Reply]:
        return list(self.desk.answer(Request(actor=Actor(team, user_id), word=word, **others)))

    def answer(self, user_id: str, word: Word, **others: Any) -> Reply:
        """What stands there in the end."""
        return self.ask(user_id, word, **others)[-1]

    def session(self, user_id: str) -> WebSession:
        token, refusal = self.sign_in.arrive(code=user_id, nonce="once")
        assert refusal is None, refusal
        session = self.sign_in.session(token)
        assert session is not None
        return session

    def door(self, user_id: str, word: Word = Word.STATUS) -> str:
        """The id behind the first sign-in button that the person is shown."""
        cards = self.answer(user_id, word).context
        shown = cards["cards"] if "cards" in cards else [cards["card"]]
        return next(str(door.id) for card in shown for door in card.doors)

    def visit(self, user_id: str, invitation: str = "") -> tuple[WebSession, str]:
        """The browser that signed in with Slack, and the vendor's address that our page shows."""
        session = self.session(user_id)
        reply = self.sign_in.visit(invitation or self.door(user_id, Word.CHANGE), session)
        assert reply.template == "connect", reply
        return session, reply.context["url"]

    def connect(self, user_id: str = BOB, *, account: str = "", invitation: str = "", cancel: bool = False) -> Reply:
        """A whole sign-in, with the browser played at Google. Gives the page that ends it."""
        if account or invitation or cancel:
            return self._connect(user_id, account, invitation, cancel=cancel)
        return self.once(("connect", user_id), lambda: self._connect(user_id))

    def _connect(self, user_id: str, account: str = "", invitation: str = "", *, cancel: bool = False) -> Reply:
        session, url = self.visit(user_id, invitation)
        query = play_google(url, account or self.slack.profiles[user_id].email, cancel=cancel)
        return self.sign_in.callback("google", query, session)

    def hire(self, number: int) -> str:
        """One more person with an account at Google. Gives the user id."""
        user_id, name = f"U0P{number}", f"Person{number}"
        self.slack.hire(user_id, name)
        self.google.add_account(f"{name.lower()}@acme.example", password="of a person")
        return user_id

    # What happens by itself

    def sync(self) -> None:
        """Until nothing is due any more."""
        while self.runs.work():
            wait_for(lambda: self.runs.under_way == 0, "runs end")

    def draw(self) -> None:
        self.notices.work()

    def connected(self, *user_ids: str) -> None:
        """They are connected, synced, and their welcome is said."""

        def play() -> None:
            for user_id in user_ids:
                assert self._connect(user_id).template == "done"
            self.sync()
            self.draw()

        self.once(("connected", *user_ids), play)

    def crowd(self, number: int) -> list[str]:
        """So many more people, connected and synced. Gives their user ids."""

        def play() -> list[str]:
            people = [self.hire(each) for each in range(number)]
            self.connected(*people)
            return people

        return self.once(("crowd", number), play)

    def once(self, what: Hashable, play: Callable[[], T]) -> T:
        """Played once for the process where nothing has happened before: then what came of it is put back, whole.

        Either way all parts are as after a restart.
        """
        if any(self.meddled()) or not self.kept.is_new(self.slack, self.kits):
            return play()
        settings = (self.admin_channel, self.hours, self.allowed_domains, self.allowed_access, *self.providers)
        scene = self.kept.scenes.get((what, settings))
        if scene is None or scene.is_old:
            came, real = play(), self.clock.real()
            learned = {slug: self.kits[slug].copied(vars(mine)) for slug, mine in self._providers()}
            scene = self.kept.scene(self.slack, self.kits, learned=learned, real=real, came_of_it=came)
            self.kept.scenes[what, settings] = scene
        else:
            for slug, vendor in scene.vendors.items():
                self.kits[slug].memory.put_back(vendor)
            for slug, mine in self._providers():
                vars(mine).update(self.kits[slug].copied(scene.learned[slug]))
            self.kept.put_back(scene, self.slack)
            self.clock.ahead += scene.real - self.clock.real()
        self.start("run:1")
        came_of_it: T = scene.came_of_it
        return came_of_it

    def meddled(self) -> Iterator[object]:
        """What is to happen at a moment of somebody's play."""
        yield from self.provider.at

    def _providers(self) -> Iterator[tuple[str, Provider]]:
        """Those of which the vendor is kept."""
        return ((slug, provider) for slug, provider in self.providers.items() if slug in self.kits)

    def pass_by(self, time: timedelta) -> None:
        """Moves the clock; then what is due is run and drawn."""
        self.kit.clock.move(time)
        self.sync()
        self.revocations.work()
        self.draw()

    def settle(self) -> None:
        """The first minute of a failure is over."""
        self.pass_by(SETTLED)

    def lose_access(self, user_id: str = BOB) -> None:
        """The person removes us at Google; two strikes later Relatch believes it."""
        self.google.remove_access(self.slack.profiles[user_id].email)
        self.pass_by(HALF_AN_HOUR)
        self.pass_by(A_SECOND_STRIKE)

    # What came of it

    def person(self, user_id: str = BOB) -> Person:
        with self.store.read() as tx:
            person = tx.people.find(TEAM, user_id)
        assert person is not None
        return person

    def connection(self, user_id: str = BOB) -> Connection:
        with self.store.read() as tx:
            return tx.connections.of(self.person(user_id).id)[Side.MAILBOX]

    def history(self, user_id: str = BOB) -> list[Event]:
        """The oldest first."""
        with self.store.read() as tx:
            return tx.events.of_person(self.person(user_id).id, 200)[::-1]

    def failures(self, user_id: str = BOB) -> list[Message]:
        return [each for each in self.slack.to(user_id) if each.reply.template == "notices/failure"]

    def incidents(self) -> list[Message]:
        return [each for each in self.slack.to(self.admin_channel) if each.reply.template == "notices/incident"]

    def look(self, read: Callable[[Tx], T]) -> T:
        with self.store.read() as tx:
            return read(tx)

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a table's name, from a test

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(statement).fetchall()


@contextmanager
def running(kept: Kept, **others: Any) -> Iterator[Rig]:
    with kept.kits.lent(GoogleKit) as kit, kept.lent() as store:
        rig = Rig(kit, store, kept, **others)
        try:
            yield rig
        finally:
            rig.runs.stop(timedelta(seconds=20))
            rig.pool.shutdown()


def play_google(url: str, email: str, *, cancel: bool = False) -> dict[str, str]:
    """What Google sends back for a sign-in of `email`."""
    page = google_page(url, email, cancel=cancel)
    assert page.host.startswith("bot."), f"Google's page leads nowhere: {page.text}"
    return dict(parse_qsl(urlsplit(page.url).query))


def google_page(url: str, email: str, *, cancel: bool = False) -> Page:
    """The page on which a sign-in ends: ours, or one of Google's that leads nowhere."""
    browser = Browser()
    page = browser.get(url)
    while page.host.startswith("login.google.") and page.forms:
        choice = [(form, button) for form in page.forms for button in form.buttons if button.value == email]
        if choice:
            page = browser.submit(choice[0][0], button=choice[0][1])
        elif email not in page.text:
            page = browser.click("Use another account")
        elif "wants access" in page.title:
            page = browser.click("Cancel" if cancel else "Continue")
        else:
            page = browser.click("Next")
    return page


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {what}"
        threading.Event().wait(0.005)
