"""Everybody asks at once while Salesforce rotates: each refresh token is sent once, for a second use ends the grant."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.model import Health
from tests.faults.conftest import scaled
from tests.faults.crm_town import CrmTown
from tests.faults.town import Citizen
from tests.sandbox.slack.errors import NothingThere

THREADS = 8
PEOPLE = 20
ROUNDS = 10
EACH = 8  # what each thread does in one round
STALL = (0.1, 1.0)
SAID_AGAIN = 3
DM = "app_dm"
PRESSED = ("Check again", "Refresh")


def test_checks_presses_and_runs_at_once_lose_no_sign_in_that_rotates(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    done = Counter[str]()
    with CrmTown.founded(tmp_path, PEOPLE) as town:
        town.crm_door.delay = STALL
        town.start()
        town.wait(town.settled, 60, "the first runs")
        for citizen in town.people:
            town.slack.command(citizen.user_id, "", channel=DM)
        town.wait(lambda: all(can_press(town, citizen) for citizen in town.people), 60, "something to press")
        for number in range(scaled(ROUNDS)):
            for citizen in town.people:
                town.google.deliver(citizen.email, sender="cara@customer.example", subject=f"Question {number}")
            town.later(timedelta(hours=2))
            with ThreadPoolExecutor(THREADS) as pool:
                for acts in pool.map(partial(act, town, number), range(THREADS)):
                    done += acts
            town.wait(lambda: town.settled() and not town.crm_door.under_way, 120, "the end of all due work")
        town.stop()
        assert town.crm_door.under_way == 0
        assert town.lost_at_crm() == []
        assert town.lost() == []
        assert town.crm_door.most_at_once == 1
        with town.store() as store, store.read() as tx:
            for citizen in town.people:
                crm = town.crm(tx, citizen)
                assert crm.condition.health is Health.ACTIVE
                assert tx.credentials.load(crm.credential_id or 0).in_doubt_at is None
        town.check_database()
        refused = [seen for seen in town.salesforce.requests if seen.path.endswith("/token") and seen.status != 200]
        assert refused == []
        assert done["check"]
        assert done["press"]
        assert done["again"]
        posts = town.crm_door.posts
        assert posts >= PEOPLE * scaled(ROUNDS), "each was stale in each round"
    tell(
        f"Salesforce with rotation, {THREADS} threads and the runner on {PEOPLE} people: {done['check']} checks, "
        f"{done['press']} presses, {done['again']} re-deliveries, {posts} renewals stalled {STALL[0]} to {STALL[1]} s, "
        f"at most 1 in flight for each, 0 lost"
    )


def act(town: CrmTown, number: int, thread: int) -> Counter[str]:
    """Types, presses, and what Slack sends once more. Gives how often each."""
    chance, done = random.Random(number * THREADS + thread), Counter[str]()
    for _ in range(EACH):
        citizen = chance.choice(town.people)
        match chance.randrange(3):
            case 0:
                done["check"] += town.slack.command(citizen.user_id, "check", channel=DM).ok
            case 1:
                # While an answer completes itself there is nothing to press.
                with suppress(NothingThere):
                    done["press"] += town.slack.press(citizen.user_id, chance.choice(PRESSED)).ok
            case _:
                done["again"] += sum(acked.ok for acked in town.slack.redeliver(SAID_AGAIN))
    return done


def can_press(town: CrmTown, citizen: Citizen) -> bool:
    shown = town.slack.ephemerals(citizen.user_id, channel=DM)
    return any(button.label in PRESSED for message in shown for button in message.buttons)
