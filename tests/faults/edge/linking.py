"""People who sign in at the sandbox's vendors through our real pages, and whoever meddles with what comes back."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import urllib3
from aiohttp import web

from bot.build import offered
from bot.clock import SystemClock
from bot.desk.sign_in import SignIn
from bot.model import Health, Word
from bot.settings import Settings
from bot.store.database import Store
from providers.base import Side
from tests.faults.edge.house import House
from tests.rig import RigClock
from tests.sandbox.browser import Browser, Form, Page
from tests.sandbox.child import manifest
from tests.sandbox.google.identity import KEY_ID
from tests.sandbox.people import sign_in as play
from tests.sandbox.world import Sandbox, Vendor

OAUTH = ("google", "microsoft", "salesforce")
Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Citizen:
    user_id: str
    email: str
    password: str


class AtVendor(Browser):
    """A browser at the vendor. It stops where it is sent back to us, with nothing delivered."""

    def _send(self, method: str, target: Any, **others: Any) -> urllib3.BaseHTTPResponse:
        if (target.hostname or "").startswith("bot."):
            return urllib3.HTTPResponse(body=io.BytesIO(), status=200)
        return super()._send(method, target, **others)


class Tampered:
    """Changes what a vendor's token endpoint says, as somebody at the vendor's other end could."""

    def __init__(self, world: Sandbox) -> None:
        self.answer: Change | None = None
        self.claims: Change | None = None
        self._google = world.google
        for server in (world.google, world.microsoft, world.salesforce):
            server.api_app.middlewares.insert(0, self._pass)

    @contextmanager
    def changed(self, *, answer: Change | None = None, claims: Change | None = None) -> Iterator[None]:
        self.answer, self.claims = answer, claims
        try:
            yield
        finally:
            self.answer = self.claims = None

    @web.middleware
    async def _pass(self, request: web.Request, handler: Any) -> web.StreamResponse:
        said: web.StreamResponse = await handler(request)
        meddles = self.answer or self.claims
        if not meddles or not request.path.endswith("/token") or not isinstance(said, web.Response):
            return said
        document: dict[str, Any] = json.loads(said.text or "{}")
        if self.answer:
            self.answer(document)
        if self.claims and "id_token" in document:
            claims = jwt.decode(document["id_token"], options={"verify_signature": False})
            self.claims(claims)
            # Of those who look at the signature, Google's key signs it.
            key = self._google._identity._key
            document["id_token"] = jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID})
        return web.json_response(document, status=said.status)


@dataclass(slots=True)
class Town:
    """All four vendors, our pages, and as many people as are wanted."""

    world: Sandbox
    house: House
    tampered: Tampered
    people: list[Citizen] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(
        cls,
        folder: Path,
        sign_in: type[SignIn] = SignIn,
        *,
        kind: type[Store] = Store,
        prepare: Callable[[Sandbox], None] = lambda _: None,
    ) -> Iterator[Town]:
        """`prepare` puts something in front of the vendors before they serve."""
        world = Sandbox(folder, vendors=tuple(Vendor))
        tampered = Tampered(world)
        prepare(world)
        with world:
            world.install(manifest(world.public_url, folder))
            told = {name.removeprefix("RELATCH_").lower(): value for name, value in world.settings().items()}
            settings = Settings.model_validate(told)
            providers = offered(settings, SystemClock(settings.clock_file))
            port = int(settings.listen.rpartition(":")[2])
            clock = RigClock(world.clock.now)
            with (
                House.open(folder, providers, clock=clock, kind=kind) as house,
                house.serving(sign_in, port=port),
            ):
                yield cls(world, house, tampered)

    def hire(self, *, email: str = "") -> Citizen:
        """Somebody new at Slack and at every vendor. `email` is the vendors' address where it is another."""
        number = len(self.people)
        name = f"Person{number}"
        citizen = Citizen(f"U0PERSON{number}", email or f"{name.lower()}@acme.example", f"password of {name}")
        self.house.slack.hire(citizen.user_id, name)
        for server in (self.world.microsoft, self.world.exchange, self.world.google, self.world.salesforce):
            add = getattr(server, "add_user", None) or getattr(server, "add_account")  # noqa: B009 - Salesforce has users
            add(citizen.email, password=citizen.password)
        self.people.append(citizen)
        return citizen

    # One sign-in, step by step

    def visit(self, citizen: Citizen, slug: str, word: Word = Word.CHANGE) -> tuple[Browser, str]:
        """A browser that proved who it is, and the vendor's address that our page shows; "" for our own form."""
        browser = Browser()
        page = self.house.arrive(browser, self.house.door(citizen.user_id, slug, word), citizen.user_id)
        links = [link.url for link in page.links if f"login.{slug}." in link.url]
        assert links or page.forms, f"nothing leads on: {page.text}"
        return browser, links[0] if links else ""

    def play(self, url: str, citizen: Citizen) -> dict[str, str]:
        """What the vendor sends back for this account."""
        page = play(AtVendor(), url, account=citizen.email, password=citizen.password)
        assert page.host.startswith("bot."), f"the vendor's pages lead nowhere: {page.text}"
        return dict(parse_qsl(urlsplit(page.url).query))

    def deliver(self, browser: Browser, slug: str, query: dict[str, str]) -> Page:
        return browser.get(f"{self.house.public_url}/callback/{slug}?{urlencode(query)}")

    def connect(self, citizen: Citizen, slug: str, *, account: Citizen | None = None, word: Word = Word.CHANGE) -> Page:
        """The whole of it, with the account of somebody else where one is given."""
        account = account or citizen
        browser, url = self.visit(citizen, slug, word)
        if not url:
            return browser.submit_form({"login": account.email, "password": account.password})
        return self.deliver(browser, slug, self.play(url, account))

    def post(self, browser: Browser, path: str, fields: dict[str, str]) -> Page:
        return browser.submit(Form(f"{self.house.public_url}{path}", "POST", list(fields.items())))

    # What came of it

    def linked(self, citizen: Citizen) -> str:
        """The accounts that this person's connections lead to."""
        found = self.house.connections(citizen.user_id).values()
        return " ".join(each.identity for each in found if each.condition.health is Health.ACTIVE)

    def secrets(self) -> int:
        """How many are kept for use; those that only wait for being ended at the vendor are none."""
        return int(self.house.rows("SELECT count(*) FROM credential WHERE secret NOT NULL AND revoke_at IS NULL")[0][0])

    def asked(self) -> int:
        """How often a vendor was asked to take a code, or Exchange a password."""
        posts = [server.token_posts("authorization_code") for server in (self.world.google, self.world.microsoft)]
        return sum(posts) + self.world.salesforce.token_posts("authorization_code") + len(self.world.exchange.requests)

    def identity(self, citizen: Citizen, slug: str) -> str:
        side = Side.CRM if slug == "salesforce" else Side.MAILBOX
        return self.house.connections(citizen.user_id)[side].identity
