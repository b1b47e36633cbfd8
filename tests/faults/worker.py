"""What happens by itself, as a process of its own: the runner over the real store, Google and Slack's Web API.

`python -m tests.faults.worker` takes the settings of `relatch run`. It starts faster than a whole Relatch and has no
Socket Mode and no pages, so that kills land in renewals, runs and messages rather than in its start.
"""

from __future__ import annotations

import asyncio
import secrets
import signal

from bot import logs
from bot.build import DRAIN, offered
from bot.clock import SystemClock
from bot.model import Names
from bot.runner.bell import Bell
from bot.runner.heartbeats import Heartbeats
from bot.runner.notices import Notices
from bot.runner.runner import Runner
from bot.runner.sync import SyncRuns
from bot.runner.unfinished import Unfinished
from bot.settings import Settings, read
from bot.store.database import Store
from bot.store.lockfile import hold_lock
from bot.store.vault import KeysetFile
from bot.upkeep.cards import Cards
from bot.upkeep.compose import Composer
from bot.upkeep.outages import Breakers
from bot.upkeep.probe import Probes
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from handlers.slack.blocks import Renderer
from handlers.slack.connect import connected
from handlers.slack.messenger import SlackMessenger
from providers.base import Provider


async def serve(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    slack = connected(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        ca_bundle=settings.ca_bundle,
        proxy="",
    )
    with hold_lock(settings.database):
        store = Store.open(settings.database, KeysetFile(settings.keyset))
        async with slack as connection:
            render = Renderer(Names(product="Relatch", company=settings.company, engine="Relatch"))
            messenger = SlackMessenger(loop=loop, client=connection.client, render=render)
            runner = _runner(settings, store, messenger)
            runner.start()
            await stop.wait()
            await asyncio.to_thread(runner.stop, DRAIN)
        store.close()


def _runner(settings: Settings, store: Store, messenger: SlackMessenger) -> Runner:
    clock, bell, breakers = SystemClock(settings.clock_file), Bell(), Breakers()
    owner = f"run:{secrets.token_hex(8)}"
    providers: dict[str, Provider] = offered(settings, clock)
    with store.write() as tx:
        tx.people.drop_claims()
        tx.credentials.drop_leases()
        breakers.recall(tx)
    records = Records(
        store=store, clock=clock, breakers=breakers, admin_channel=settings.admin_channel, ring=bell.ring
    )
    renewals = Renewals(store=store, providers=providers, clock=clock, owner=owner)
    probes = Probes(store=store, providers=providers, clock=clock, renewals=renewals, records=records)
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
    cards = Cards(providers=providers, public_url=settings.public_url)
    composer = Composer(cards=cards, providers=providers)
    return Runner(
        store=store,
        clock=clock,
        bell=bell,
        sync=runs,
        notices=Notices(store=store, messenger=messenger, composer=composer, clock=clock),
        heartbeats=Heartbeats(store=store, probes=probes, clock=clock),
        unfinished=Unfinished(store=store, clock=clock),
    )


if __name__ == "__main__":
    settings = read(Settings)
    logs.set_up(settings.log_level)
    asyncio.run(serve(settings))
