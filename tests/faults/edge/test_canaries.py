"""Every secret of every vendor's sign-in, renewal, failure, change and revocation, looked for wherever it must not be.

All is logged, and every vendor answers for a while with whatever it was sent. Slack's own tokens, and the process as it
is run, are in tests/rehearsal/scenarios/test_secrets.py.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import sqlalchemy as sa
from aiohttp import web

from bot import logs
from bot.model import Actor, Names, Request, Word
from bot.runner.notices import Notices
from bot.runner.revocations import Revocations
from bot.runner.sync import SyncRuns
from bot.store.database import Store
from bot.store.vault import Place, Vault
from bot.upkeep.compose import Composer
from handlers.slack.blocks import Renderer
from providers.base import ProviderError
from tests.faults.edge.house import ACCESS
from tests.faults.edge.linking import OAUTH, Citizen, Town
from tests.memory_slack import TEAM
from tests.sandbox.browser import Browser, Page
from tests.sandbox.log import SECRET_FIELDS
from tests.sandbox.world import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post'")

EVERYBODY = (*OAUTH, "exchange")
LONG_ENOUGH = 8
# How a library may write one: the last wall takes out what stands behind a telling name.
WORDINGS = (
    "POST /token?refresh_token=%s&grant_type=refresh_token",
    "sent {'client_secret': '%s'}",
    'got {"access_token": "%s", "expires_in": 3599}',
    "Authorization: Bearer %s",
    "GET /callback/google?code=%s",
)


class Sniffer:
    """Writes down every secret that passes at a vendor's door. `echoes` answers with all that it was sent."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.echoes = False

    def watch(self, world: Sandbox) -> None:
        for server in (world.google, world.microsoft, world.salesforce, world.exchange):
            server.api_app.middlewares.insert(0, self._pass)

    def note(self, *found: object) -> None:
        self.secrets |= {str(each) for each in found if each and len(str(each)) >= LONG_ENOUGH}

    @web.middleware
    async def _pass(self, request: web.Request, handler: Any) -> web.StreamResponse:
        form = dict(await request.post()) if request.method == "POST" else {}
        self.note(*(form.get(name) for name in SECRET_FIELDS))
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        self.note(given if kind == "Bearer" else "")
        if self.echoes and not request.path.endswith("openid-configuration"):
            told = f"{request.headers} {form} <!channel> {request.path_qs}"
            said = {"error": "invalid_grant", "error_description": told, "message": told}
            return web.json_response(said, status=400, headers={"X-Echo": given})
        answer: web.StreamResponse = await handler(request)
        if isinstance(answer, web.Response) and request.path.endswith("/token"):
            with contextlib.suppress(ValueError):
                said = json.loads(answer.text or "")
                self.note(*(said.get(name) for name in ("access_token", "refresh_token", "id_token")))
        return answer


class Unsealing(Vault):
    def __init__(self) -> None:
        """Has no keys."""

    def seal(self, place: Place, text: str) -> bytes:
        return text.encode()

    def open(self, place: Place, blob: bytes) -> str:
        return blob.decode()


class Unsealed(Store):
    """Without `sealing`: secrets are kept as they are."""

    def __init__(self, engine: sa.Engine, readers: sa.Engine, vault: Vault) -> None:
        super().__init__(engine, readers, Unsealing())


@contextmanager
def logging_all(*, plainly: bool) -> Iterator[io.StringIO]:
    """What the process would write at DEBUG. `plainly` is without `redaction`: nobody quiet, nothing taken out."""
    root, heard = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.QUIET, *logs.MUTE)}
    with contextlib.redirect_stderr(heard):
        logs.set_up("DEBUG")
    if plainly:
        root.handlers[0].setFormatter(logging.Formatter())
        for name in levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.handlers[:], root.level = before
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@dataclass(slots=True)
class Traces:
    """All that was left behind, by place."""

    town: Town
    sniffer: Sniffer
    pages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    in_pages: set[str] = field(default_factory=set)

    def play(self) -> None:
        """Everything that leaves traces, with every vendor."""
        for slug in EVERYBODY:
            bob, grace = self.town.hire(), self.town.hire()
            self.sniffer.note(bob.password, grace.password)
            self._sign_in(bob, slug)
            self._sign_in(bob, slug, account=grace, word=Word.REFRESH)
            for word in (Word.CHECK, Word.REFRESH, Word.WHY, Word.STATUS):
                self._ask(bob, word)
            self._duties()
            self.sniffer.echoes = True
            for word in (Word.CHECK, Word.REFRESH):
                self._ask(bob, word)
            self._sign_in(bob, slug)
            self._directly(bob, slug)
            self.town.world.clock.move(timedelta(minutes=40))
            self._duties()
            self.sniffer.echoes = False
            self._sign_in(bob, slug)
            self._ask(bob, Word.WHY)
            self._revoke(bob, slug)
            self._duties()

    def slack(self) -> str:
        """Every message, as it would be sent."""
        renderer = Renderer(Names("Relatch", "Acme", "sync"))
        said = self.town.house.slack.said
        return "\n".join(str(renderer.home(r) if "home" in r.template else renderer.message(r)) for r in said)

    def database(self) -> str:
        data = self.town.house.database
        files = [data.with_name(data.name + suffix) for suffix in ("", "-wal")]
        return "\n".join(each.read_bytes().decode("latin-1") for each in files if each.exists())

    def texts(self) -> str:
        """Columns of text alone, in which nothing is sealed."""
        with closing(sqlite3.connect(self.town.house.database)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = [row for name in names for row in database.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 - a name from the database itself
        return "\n".join(str(value) for row in rows for value in row if isinstance(value, str))

    def found(self, place: str, *, without: frozenset[str] = frozenset()) -> list[str]:
        """How each secret that is there begins: the test must not print what it looks for."""
        wanted = self.sniffer.secrets - without
        return sorted(secret[:6] for secret in wanted if any(spelling in place for spelling in spellings(secret)))

    def _sign_in(self, bob: Citizen, slug: str, *, account: Citizen | None = None, word: Word = Word.CHANGE) -> None:
        browser, url = self.town.visit(bob, slug, word)
        self._keep(browser)
        account = account or bob
        if not url:
            page = browser.submit_form({"login": account.email, "password": account.password})
        else:
            query = self.town.play(url, account)
            sent = dict(parse_qsl(urlsplit(url).query))
            self.sniffer.note(sent["state"], query["code"])
            self.in_pages |= {sent["state"]}
            page = self.town.deliver(browser, slug, query)
        self.pages.append(page.html)

    def _keep(self, browser: Browser) -> None:
        page: Page = browser.page
        self.pages.append(page.html)
        self.sniffer.note(*browser.cookies("bot.localhost").values())
        for form in page.forms:
            fields = dict(form.fields)
            self.sniffer.note(fields.get("state"))
            self.in_pages |= {fields.get("state", "")}

    def _ask(self, bob: Citizen, word: Word, **others: Any) -> None:
        request = Request(Actor(TEAM, bob.user_id), word, **others)
        self.town.house.slack.said.extend(self.town.house.desk.answer(request))

    def _directly(self, bob: Citizen, slug: str) -> None:
        """What a provider raises, with all that hangs on it."""
        with self.town.house.store.read() as tx:
            [connection] = self.town.house.connections(bob.user_id).values()
            stored = tx.credentials.load(connection.credential_id or 0)
        provider: Any = self.town.house.providers[slug]
        uses: list[Callable[[], object]] = [
            lambda: provider.refresh(stored.credential),
            lambda: provider.check(stored.credential),
            lambda: list(provider.pull(stored.credential, "")),
            lambda: provider.match(stored.credential, ["cara@customer.example"]),
            lambda: provider.complete({"code": "x", "state": "x", "error": "access_denied"}, "{}"),
            lambda: provider.begin(ACCESS[slug], "a state", bob.email),
        ]
        for use in uses:
            try:
                use()
            except (ProviderError, AttributeError, KeyError) as error:
                self.errors.append("".join(traceback.format_exception(error)) + repr(error))

    def _revoke(self, bob: Citizen, slug: str) -> None:
        [connection] = self.town.house.connections(bob.user_id).values()
        self._ask(bob, Word.REVOKE, target=str(connection.side), argument=str(connection.credential_id))

    def _duties(self) -> None:
        house = self.town.house
        runs = SyncRuns(
            store=house.store,
            providers=house.providers,
            clock=house.clock,
            renewals=house.renewals,
            records=house.records,
            breakers=house.breakers,
            owner="run:1",
            ring=lambda: None,
            crm_is_offered=True,
        )
        runs.work()
        runs.stop(timedelta(seconds=20))
        Revocations(store=house.store, providers=house.providers, clock=house.clock, jitter=lambda: 0.5).work()
        composer = Composer(cards=house.cards, providers=house.providers)
        Notices(store=house.store, messenger=house.slack, composer=composer, clock=house.clock).work()


def spellings(secret: str) -> set[str]:
    """As it is, and as a library may have written it."""
    raw = secret.encode()
    return {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[tuple[Traces, str]]:
    without, sniffer = str(pytestconfig.getoption("--without-control")), Sniffer()
    kind = Unsealed if without == "sealing" else Store
    with (
        logging_all(plainly=without == "redaction") as heard,
        Town.opened(tmp_path_factory.mktemp("town"), prepare=sniffer.watch, kind=kind) as town,
    ):
        traces = Traces(town, sniffer)
        traces.play()
        for wording in WORDINGS:
            for secret in sniffer.secrets:
                logging.getLogger("a library").debug(wording, secret)
        logging.getLogger("a library").debug("all that was looked for")
        yield traces, heard.getvalue()


Left = tuple[Traces, str]


def test_there_are_secrets_to_look_for(left: Left, tell: Callable[[str], None]) -> None:
    traces, log = left
    assert len(traces.sniffer.secrets) > 80
    assert "looked for" in log
    assert len(traces.errors) > 8
    tell(f"{len(traces.sniffer.secrets)} secrets of four vendors, in six spellings, were looked for in six places")


def test_the_log_at_debug_has_none(left: Left) -> None:
    traces, log = left
    assert traces.found(log) == []


def test_what_goes_to_slack_has_none(left: Left) -> None:
    assert left[0].slack().count("\n") > 20
    assert left[0].found(left[0].slack()) == []


def test_the_pages_have_none_but_the_states_that_they_carry(left: Left) -> None:
    traces, _ = left
    assert traces.found("\n".join(traces.pages), without=frozenset(traces.in_pages)) == []


def test_what_providers_raise_has_none(left: Left) -> None:
    assert left[0].found("\n".join(left[0].errors)) == []


def test_the_database_and_its_log_hold_them_sealed_only(left: Left) -> None:
    assert left[0].found(left[0].database()) == []


def test_the_texts_of_the_database_have_none(left: Left) -> None:
    assert left[0].found(left[0].texts()) == []
