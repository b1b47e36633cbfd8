"""The one place that says what is made of what. Tests call it too; nothing else does."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import SystemClock
from bot.desk.asked import Tools
from bot.desk.desk import Desk
from bot.desk.sign_in import SignIn
from bot.model import Names
from bot.runner.bell import Bell
from bot.runner.heartbeats import Heartbeats
from bot.runner.notices import Notices
from bot.runner.revocations import Revocations
from bot.runner.runner import Runner
from bot.runner.sync import SyncRuns
from bot.runner.unfinished import Unfinished
from bot.settings import Settings
from bot.store.database import Store
from bot.store.lockfile import hold_lock
from bot.store.refused import StoreAway, StoreRefused
from bot.store.vault import KeysetFile
from bot.upkeep.cards import Cards
from bot.upkeep.compose import Composer
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from handlers.slack.app import Pools, SlackSide
from handlers.slack.blocks import Renderer
from handlers.slack.connect import Connection, NotConnected, connected
from handlers.slack.directory import SlackDirectory
from handlers.slack.identity import OpenIdIdentity
from handlers.slack.messenger import SlackMessenger
from handlers.web import app as web
from providers.base import Provider
from providers.exchange import Exchange
from providers.google import Google
from providers.microsoft import Microsoft
from providers.salesforce import Salesforce
from providers.wire import Wire

DESK_THREADS = 8
LATER_THREADS = 32
PROBE_THREADS = 16
WEB_THREADS = 8
DRAIN = timedelta(seconds=25)

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
            app_token=settings.slack_app_token.get_secret_value(),
            pools=Pools(desk=_pool(stack, DESK_THREADS, "desk"), later=_pool(stack, LATER_THREADS, "later")),
        )

        def ready() -> Mapping[str, bool]:
            return {"slack": side.connected, "database": _readable(store)}

        application = web.create(
            sign_in=core.sign_in,
            ready=ready,
            names=names,
            public_url=settings.public_url,
            pool=_pool(stack, WEB_THREADS, "web"),
            slack_app_url=slack.app_url,
        )
        end_web = await _listen(web.serve(application, *settings.address), settings)
        await side.start()
        core.runner.start()
        try:
            yield core
        finally:
            # First nothing new comes in, then what is under way ends; the vendors' answers must still be stored.
            await asyncio.gather(side.stop(), end_web(), asyncio.to_thread(core.runner.stop, DRAIN))


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
    with store.read() as tx:
        breakers.recall(tx)
    records = Records(store=store, clock=clock, breakers=breakers, admin_channel=settings.admin_channel, ring=bell.ring)
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
    )
    notices = Notices(
        store=store,
        messenger=SlackMessenger(loop=loop, client=client, render=renderer),
        composer=Composer(cards=cards, providers=providers),
        clock=clock,
    )
    runner = Runner(
        store=store,
        clock=clock,
        bell=bell,
        sync=runs,
        notices=notices,
        revocations=Revocations(store=store, providers=providers, clock=clock),
        heartbeats=Heartbeats(store=store, probes=probes, clock=clock),
        unfinished=Unfinished(store=store, clock=clock),
    )
    sign_in = SignIn(tools=tools, identity=identity, team_id=slack.team_id, allowed_domains=settings.allowed_domains)
    return Running(desk=Desk(tools=tools, team_id=slack.team_id), sign_in=sign_in, runner=runner)


def offered(settings: Settings, clock: SystemClock) -> dict[str, Provider]:
    """Those that have settings: no other is ever offered."""
    wire = Wire(ca_bundle=settings.ca_bundle, proxy=settings.https_proxy)
    providers: list[Provider] = []
    if settings.microsoft_client_id:
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
        providers.append(
            Exchange(wire=wire, clock=clock.now, hosts=settings.exchange_hosts, url=settings.exchange_url)
        )
    if settings.google_client_id:
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


async def _listen(server: web.Server, settings: Settings) -> Callable[[], Awaitable[None]]:
    """Gives what ends it again."""
    serving = asyncio.create_task(server.serve())
    while not server.started:
        if serving.done():
            raise CannotStart(f"{settings.listen} is taken: set RELATCH_LISTEN to another port.")
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
