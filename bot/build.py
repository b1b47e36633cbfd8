"""The one place that says what is made of what. Tests call it too; nothing else does."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import SystemClock
from bot.desk.asked import Tools
from bot.desk.desk import Desk
from bot.desk.sign_in import SignIn
from bot.model import Finding, Level, Names
from bot.operator import network, storage, vendors
from bot.operator.tools import CannotDo
from bot.operator.tools import Tools as OperatorTools
from bot.runner.alive import Alive
from bot.runner.bell import Bell
from bot.runner.heartbeats import Heartbeats
from bot.runner.notices import Notices
from bot.runner.pulse import Pulse
from bot.runner.retention import Retention
from bot.runner.revocations import Revocations
from bot.runner.runner import Runner
from bot.runner.sync import SyncRuns
from bot.runner.unfinished import Unfinished
from bot.settings import Settings
from bot.store.database import Store
from bot.store.lockfile import hold_lock, is_held
from bot.store.refused import StoreAway, StoreRefused
from bot.store.vault import KeysetFile
from bot.upkeep import restored
from bot.upkeep.cards import Cards
from bot.upkeep.compose import Composer
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from handlers.slack import doctor as slack_doctor
from handlers.slack.app import Pools, SlackSide
from handlers.slack.blocks import Renderer
from handlers.slack.connect import Connection, NotConnected, connected
from handlers.slack.directory import SlackDirectory
from handlers.slack.http import HttpMode
from handlers.slack.identity import OpenIdIdentity
from handlers.slack.messenger import SlackMessenger
from handlers.slack.socket import SocketMode
from handlers.web import app as web
from providers.base import Provider, Side
from providers.wire import Wire

DESK_THREADS = 8
LATER_THREADS = 32
PROBE_THREADS = 16
WEB_THREADS = 8
DRAIN = timedelta(seconds=25)
# Short, because stopping waits for it.
PULSE = timedelta(seconds=5)

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """A sentence for the operator."""


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains for at most 25 seconds."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings):
        log.info("serving", extra={"address": settings.public_url})
        await stop.wait()
        log.info("stopping")


@dataclass(frozen=True, slots=True)
class Running:
    """What the handlers turn to, and what happens by itself."""

    desk: Desk
    sign_in: SignIn
    runner: Runner


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """A whole Relatch. Raises CannotStart."""
    async with AsyncExitStack() as stack:
        store = _open(settings, stack)
        names = Names(product=settings.product, company=settings.company, engine=settings.engine)
        slack = await _connect(settings, stack)
        renderer = Renderer(names)
        core = _core(settings, store, slack, renderer, _pool(stack, PROBE_THREADS, "probe"))
        side = SlackSide(
            desk=core.desk,
            render=renderer,
            slack=slack,
            pools=Pools(desk=_pool(stack, DESK_THREADS, "desk"), later=_pool(stack, LATER_THREADS, "later")),
            signing_secret=settings.slack_signing_secret.get_secret_value(),
        )
        intake = _intake(settings, side, slack)

        def ready() -> Mapping[str, bool]:
            return {"slack": intake.connected, "database": _readable(store)}

        application = web.create(
            sign_in=core.sign_in,
            ready=ready,
            names=names,
            public_url=settings.public_url,
            pool=_pool(stack, WEB_THREADS, "web"),
            slack_app_url=slack.app_url,
            slack_events=intake if isinstance(intake, HttpMode) else None,
        )
        end_web = await _listen(web.serve(application, *settings.address), settings)
        await intake.start()
        core.runner.start()
        try:
            yield core
        finally:
            # First nothing new comes in, then what is under way ends; the vendors' answers must still be stored.
            await asyncio.gather(_close(intake, side, end_web), asyncio.to_thread(core.runner.stop, DRAIN))


def _intake(settings: Settings, side: SlackSide, slack: Connection) -> SocketMode | HttpMode:
    """What listens to Slack: the settings hold exactly one of the two."""
    if app_token := settings.slack_app_token.get_secret_value():
        return SocketMode(side.app, slack=slack, app_token=app_token)
    return HttpMode(side.app)


async def _close(intake: SocketMode | HttpMode, side: SlackSide, end_web: Callable[[], Awaitable[None]]) -> None:
    """The web server stays until Slack's requests under way are answered: those that come now get a 503 from it."""
    await intake.stop()
    await asyncio.gather(side.stop(), end_web())


def _open(settings: Settings, stack: AsyncExitStack) -> Store:
    try:
        stack.enter_context(hold_lock(settings.database))
        store = Store.open(settings.database, KeysetFile(settings.keyset))
    except (StoreRefused, StoreAway) as error:
        raise CannotStart(str(error)) from error
    stack.callback(store.close)
    with store.write() as tx:
        # The lock is ours: whoever held these is dead. Doubts stay, and are settled by the next renewal.
        tx.people.drop_claims()
        tx.credentials.drop_leases()
    return store


async def _connect(settings: Settings, stack: AsyncExitStack) -> Connection:
    try:
        return await stack.enter_async_context(
            connected(
                token=settings.slack_bot_token.get_secret_value(),
                base_url=settings.slack_api_url,
                ca_bundle=settings.ca_bundle,
                proxy=settings.https_proxy,
            )
        )
    except NotConnected as error:
        raise CannotStart(str(error)) from error


def _core(
    settings: Settings, store: Store, slack: Connection, renderer: Renderer, probe_pool: ThreadPoolExecutor
) -> Running:
    """Everything inward of the handlers; the adapters of Slack are its ports."""
    clock, bell, breakers = SystemClock(settings.clock_file), Bell(), Breakers()
    loop, client, owner = asyncio.get_running_loop(), slack.client, f"run:{secrets.token_hex(8)}"
    providers = offered(settings, clock)
    with store.write() as tx:
        breakers.recall(tx)
        restored.spread(tx, now=clock.now())
    records = Records(
        store=store,
        clock=clock,
        breakers=breakers,
        admin_channel=settings.admin_channel,
        ring=bell.ring,
        hours=settings.working_hours,
    )
    renewals = Renewals(store=store, providers=providers, clock=clock, owner=owner)
    probes = Probes(store=store, providers=providers, clock=clock, renewals=renewals, records=records)
    cards = Cards(providers=providers, public_url=settings.public_url, allowed=settings.allowed_access)
    tools = Tools(
        store=store,
        clock=clock,
        directory=SlackDirectory(
            loop=loop, client=client, admin_group=settings.admin_group, admin_ids=settings.admin_ids
        ),
        providers=providers,
        cards=cards,
        probes=probes,
        records=records,
        probe_pool=probe_pool,
        ring=bell.ring,
    )
    identity = OpenIdIdentity(
        loop=loop,
        client=client,
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        slack_url=settings.slack_url,
        redirect_uri=f"{settings.public_url}/callback/slack",
        team_id=slack.team_id,
    )
    runs = SyncRuns(
        store=store,
        providers=providers,
        clock=clock,
        renewals=renewals,
        records=records,
        breakers=breakers,
        owner=owner,
        ring=bell.ring,
        crm_is_offered=bool(cards.offered(Side.CRM)),
    )
    notices = Notices(
        store=store,
        messenger=SlackMessenger(loop=loop, client=client, render=renderer),
        composer=Composer(cards=cards, providers=providers),
        clock=clock,
    )
    runner = Runner(
        bell=bell,
        sync=runs,
        notices=notices,
        revocations=Revocations(store=store, providers=providers, clock=clock),
        heartbeats=Heartbeats(store=store, probes=probes, clock=clock),
        unfinished=Unfinished(store=store, clock=clock),
        retention=Retention(store=store, clock=clock, kept=timedelta(days=settings.retention_days)),
        alive=Alive(store=store, clock=clock, admin_channel=settings.admin_channel),
        pulse=_pulse(settings),
    )
    sign_in = SignIn(tools=tools, identity=identity, team_id=slack.team_id, allowed_domains=settings.allowed_domains)
    return Running(desk=Desk(tools=tools, team_id=slack.team_id), sign_in=sign_in, runner=runner)


@contextmanager
def one_shot(settings: Settings) -> Iterator[OperatorTools]:
    """The core for one command, beside a bot that may be running: it takes no lock, frees no lease, upgrades nothing.

    Raises CannotDo and StoreRefused.
    """
    clock, breakers = SystemClock(settings.clock_file), Breakers()
    try:
        providers = offered(settings, clock)
    except ValueError as error:
        raise CannotDo(f"{error}. Correct RELATCH_MICROSOFT_CERTIFICATE.") from error
    store = Store.visit(settings.database, KeysetFile(settings.keyset))
    try:
        with store.read() as tx:
            breakers.recall(tx)
        # The bot has no bell of ours: it looks by itself at what is due.
        records = Records(
            store=store,
            clock=clock,
            breakers=breakers,
            admin_channel=settings.admin_channel,
            ring=lambda: None,
            hours=settings.working_hours,
        )
        renewals = Renewals(store=store, providers=providers, clock=clock, owner=f"command:{secrets.token_hex(8)}")
        yield OperatorTools(
            store=store,
            providers=providers,
            clock=clock,
            cards=Cards(providers=providers, public_url=settings.public_url, allowed=settings.allowed_access),
            renewals=renewals,
            records=records,
            probes=Probes(store=store, providers=providers, clock=clock, renewals=renewals, records=records),
            serving=lambda: is_held(settings.database),
        )
    finally:
        store.close()


def examined(settings: Settings) -> Iterator[Finding]:
    """All that `relatch doctor` looks at, each as soon as it is known."""
    clock = SystemClock(settings.clock_file)
    yield from storage.keyset(settings.keyset, database=settings.database)
    yield from storage.database(settings.database)
    yield from storage.opens(settings.database, settings.keyset)
    yield storage.bot(settings.database)
    yield from network.way_out(proxy=settings.https_proxy, ca_bundle=settings.ca_bundle, now=clock.real())
    serving = is_held(settings.database)
    yield from network.public(settings.public_url, serving=serving, ca_bundle=settings.ca_bundle)
    yield from asyncio.run(slack_doctor.examine(_app(settings), real=clock.real()))
    try:
        providers = offered(settings, clock)
    except ValueError as error:
        yield Finding(Level.FAIL, "vendors", f"{error}.", "Correct RELATCH_MICROSOFT_CERTIFICATE.")
        return
    yield from vendors.reached(providers, public_url=settings.public_url)


def _app(settings: Settings) -> slack_doctor.App:
    return slack_doctor.App(
        bot_token=settings.slack_bot_token.get_secret_value(),
        app_token=settings.slack_app_token.get_secret_value(),
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_url}/callback/slack",
        base_url=settings.slack_api_url,
        ca_bundle=settings.ca_bundle,
        proxy=settings.https_proxy,
        admin_group=settings.admin_group,
        admin_ids=settings.admin_ids,
        admin_channel=settings.admin_channel,
    )


def offered(settings: Settings, clock: SystemClock) -> dict[str, Provider]:
    """Those that have settings: no other is ever offered, and no other's library is loaded."""
    wire = Wire(ca_bundle=settings.ca_bundle, proxy=settings.https_proxy)
    providers: list[Provider] = []
    if settings.microsoft_client_id:
        from providers.microsoft import Microsoft

        providers.append(
            Microsoft(
                wire=wire,
                clock=clock.now,
                client_id=settings.microsoft_client_id,
                client_secret=settings.microsoft_client_secret.get_secret_value(),
                certificate=settings.microsoft_certificate,
                redirect_uri=f"{settings.public_url}/callback/microsoft",
                authority=settings.microsoft_authority,
                graph_url=settings.microsoft_graph_url,
                ews_url=settings.microsoft_ews_url,
                ews=settings.microsoft_ews,
            )
        )
    if settings.exchange_hosts:
        from providers.exchange import Exchange

        providers.append(
            Exchange(wire=wire, clock=clock.now, hosts=settings.exchange_hosts, url=settings.exchange_url)
        )
    if settings.google_client_id:
        from providers.google import Google

        providers.append(
            Google(
                wire=wire,
                clock=clock.now,
                client_id=settings.google_client_id,
                client_secret=settings.google_client_secret.get_secret_value(),
                redirect_uri=f"{settings.public_url}/callback/google",
                issuer=settings.google_issuer,
                gmail_url=settings.google_gmail_url,
                calendar_url=settings.google_calendar_url,
                dns_url=settings.google_dns_url,
            )
        )
    if settings.salesforce_client_id:
        from providers.salesforce import Salesforce

        providers.append(
            Salesforce(
                wire=wire,
                clock=clock.now,
                client_id=settings.salesforce_client_id,
                client_secret=settings.salesforce_client_secret.get_secret_value(),
                redirect_uri=f"{settings.public_url}/callback/salesforce",
                production_url=settings.salesforce_production_url,
                sandbox_url=settings.salesforce_sandbox_url,
                my_domain_url=settings.salesforce_my_domain_url,
            )
        )
    return {provider.slug: provider for provider in providers}


def _pulse(settings: Settings) -> Pulse | None:
    if not settings.heartbeat_url:
        return None
    wire = Wire(ca_bundle=settings.ca_bundle, proxy=settings.https_proxy, seconds=PULSE.total_seconds())
    return Pulse(url=settings.heartbeat_url, wire=wire)


async def _listen(server: web.Server, settings: Settings) -> Callable[[], Awaitable[None]]:
    """Gives what ends it again."""
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            taken = f"{settings.listen} is taken: set RELATCH_LISTEN to another port."
            raise CannotStart(taken) from serving.exception()
        await asyncio.sleep(0.01)

    async def end() -> None:
        server.should_exit = True
        await serving

    return end


def _pool(stack: AsyncExitStack, size: int, name: str) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(size, thread_name_prefix=name)
    # Whoever could lose an answer was waited for: what is left are looks, at vendors that may take 40 seconds.
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool


def _readable(store: Store) -> bool:
    try:
        store.ready()
    except StoreAway:
        return False
    return True
