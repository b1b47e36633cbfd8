"""Killing Relatch at random instants: what a power cut may cost, and what it must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.model import Connection, Health, IncidentKind
from providers.base import Reason
from tests.faults.conftest import scaled
from tests.faults.town import Citizen, Town

PEOPLE = 24
KILLS = 60
BROKEN = 4
SENDING = 0.5  # seconds from the arrival of a message at Slack to its answer
BETWEEN = timedelta(minutes=35)
UNTIL_TOLD = timedelta(minutes=12)


def test_a_kill_at_any_instant_loses_nobody_and_tells_nobody_twice(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, PEOPLE) as town:
        kills, cut = max(BROKEN, scaled(KILLS)), set[tuple[Citizen, str]]()
        broken = town.people[:BROKEN]
        breaks = {kills * place // BROKEN: citizen for place, citizen in enumerate(broken)}
        town.door.delay = (0.0, 0.1)
        town.slack.slow("chat.postMessage", SENDING)
        doubted = 0
        for number in range(kills):
            if number in breaks:
                town.google.remove_access(breaks[number].email)
            one_life(town)
            town.check_database()
            doubted += len(town.doubted())
            # What was cut between Slack and our commit stands twice afterwards, and only that.
            town.rest(SENDING, SENDING + 0.1)
            cut |= town.unheard_of()
            assert not set(town.lost()) - set(broken), f"lost at kill {number}"
        live_on(town)
        lines = town.check_database()
        assert town.lost() == broken
        for citizen, connection in connections(town).items():
            told = town.messages(citizen)
            if citizen in broken:
                assert connection.condition.health is Health.SUSPENDED
                assert told == 1 + sum(whose == citizen for whose, _ in cut)
            else:
                assert connection.condition.health is Health.ACTIVE
                assert connection.condition.last_ok_at is not None
                assert told == 0
        # Of a sign-in that is dead now nobody can say any more what the cut renewal did.
        assert set(town.doubted()) <= set(broken)
    tell(
        f"{kills} SIGKILLs, no rotation: 0 of {PEOPLE} lost, {doubted} renewals cut, {BROKEN} broken people told once, "
        f"{len(cut)} stray copies for as many messages cut in mid-send, {lines} lines of history verified"
    )


def test_a_sign_in_lost_to_a_kill_under_strict_rotation_is_told_as_what_it_was(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, PEOPLE) as town:
        town.google.strict_rotation(True)
        town.door.delay = (0.0, 0.3)
        kills, reasons = scaled(KILLS), Counter[Reason]()
        for _ in range(kills):
            one_life(town)
            town.check_database()
            reasons.update(come_back(town))
        live_on(town)
        town.check_database()
        told = [citizen for citizen, connection in connections(town).items() if suspended(connection)]
        assert town.lost() == told
        assert all(town.messages(citizen) for citizen in told)
        reasons.update(come_back(town))
        assert set(reasons) <= {Reason.ROTATION_LOST}
    tell(f"{kills} SIGKILLs, strict rotation: {reasons.total()} lost, all told as rotation_lost, 0 as revoked")


def one_life(town: Town) -> None:
    """From the first renewal on, some of them are under way when it ends."""
    town.later(BETWEEN)
    before = town.door.posts
    town.start(ready=False)
    town.wait(lambda: town.door.posts > before or town.settled(), 30, "something to do")
    town.rest(0.0, 1.5)
    town.kill()


def live_on(town: Town) -> None:
    """Whatever is due gets done, without further harm."""
    town.door.delay = (0.0, 0.0)
    town.slack.slow("chat.postMessage", 0)
    town.start()
    for _ in range(4):
        town.wait(town.settled, 60, "the end of all due work")
        release(town)
        town.later(UNTIL_TOLD)
        town.rest(2.0, 2.0)
    town.wait(town.settled, 60, "the end of all due work")
    town.stop()


def release(town: Town) -> None:
    """What an admin does about messages that were held since so many broke at once."""
    with town.store() as store, store.write() as tx:
        for incident in tx.incidents.all_open():
            if incident.kind is IncidentKind.GUARD:
                tx.notices.release_held(incident.id)
                tx.incidents.close(incident.id, "released", town.clock.now())


def connections(town: Town) -> dict[Citizen, Connection]:
    with town.store() as store, store.read() as tx:
        return {citizen: town.connection(tx, citizen) for citizen in town.people}


def suspended(connection: Connection) -> bool:
    return connection.condition.health is Health.SUSPENDED


def come_back(town: Town) -> list[Reason]:
    """All who are suspended sign in anew. Why they were."""
    reasons = []
    for citizen, connection in connections(town).items():
        if suspended(connection) and connection.condition.cause is not None:
            reasons.append(connection.condition.cause.reason)
            with town.store() as store:
                town.sign_in(store, citizen)
    return reasons
