"""Many threads that want the same stale credentials at the same time."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from bot.build import offered
from bot.clock import SystemClock
from bot.settings import Settings
from bot.upkeep.renew import Renewals
from tests.faults.conftest import scaled
from tests.faults.town import Town

THREADS = 8
PEOPLE = 20
ROUNDS = 10
EACH = 3  # how often each thread asks for each credential in one round


def test_threads_that_want_the_same_credentials_send_each_secret_once(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, PEOPLE) as town, town.store() as store:
        town.google.strict_rotation(True)
        town.door.delay = (0.0, 0.3)
        settings = Settings.model_validate(
            {name.removeprefix("RELATCH_").lower(): value for name, value in town.world.settings().items()}
        )
        clock = SystemClock(settings.clock_file)
        providers = offered(settings, clock)
        # Two owners, as a one-shot command has beside the bot.
        renewals = [
            Renewals(store=store, providers=providers, clock=clock, owner=owner) for owner in ("run", "once")
        ]
        with store.read() as tx:
            keys = [town.connection(tx, citizen).credential_id or 0 for citizen in town.people]

        def ask(number: int) -> None:
            mine = keys * EACH
            random.Random(number).shuffle(mine)
            for key in mine:
                renewals[number % 2].fresh(key)

        with ThreadPoolExecutor(THREADS) as pool:
            for number in range(scaled(ROUNDS)):
                town.later(timedelta(hours=1))
                before = town.door.posts
                list(pool.map(ask, range(THREADS)))
                assert town.door.posts - before == PEOPLE, "each credential is renewed once in a round"
                assert town.lost() == [], f"lost in round {number}"
        assert town.door.most_at_once == 1
        asked = scaled(ROUNDS) * THREADS * EACH * PEOPLE
    tell(
        f"{THREADS} threads on {PEOPLE} credentials, strict rotation: {asked} asked, {town.door.posts} renewals, "
        f"at most {town.door.most_at_once} in flight for each, 0 lost"
    )
