"""Killing Relatch again and again while it copies from each kind of mailbox: each item is in Salesforce once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from providers.base import Side
from tests.faults.conftest import scaled
from tests.faults.town import Town
from tests.sandbox import opening
from tests.sandbox.exchange import ExchangeServer
from tests.sandbox.google import GoogleServer
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.world import BOB, CUSTOMERS, GRACE, TEAM, Sandbox, Vendor

MAILS, MEETINGS, KILLS = 1000, 100, 20
NOBODY_KNOWN = "news@letters.example"
KNOWN = tuple(CUSTOMERS)
BETWEEN = timedelta(minutes=40)
# A call to a vendor takes so long that a kill lands within the work.
SLOW = 0.02

Server = GoogleServer | MicrosoftServer | ExchangeServer


@dataclass(slots=True)
class Post:
    """What comes into Bob's mailbox, and how it must stand in Salesforce in the end."""

    world: Sandbox
    server: Server
    tasks: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def comes(self, *, mails: int, meetings: int) -> None:
        now = self.world.clock.now()
        for number in range(len(self.tasks), len(self.tasks) + mails):
            customer, at = KNOWN[number % len(KNOWN)], now - timedelta(seconds=mails - number % mails)
            if number % 4:
                self.server.deliver(BOB.email, sender=customer, to=[BOB.email], subject=f"Mail {number}", at=at)
                self.tasks.append(f"Received: Mail {number}")
            else:
                self.server.deliver(BOB.email, sender=BOB.email, to=[customer], subject=f"Mail {number}", at=at)
                self.tasks.append(f"Sent: Mail {number}")
        for number in range(len(self.events), len(self.events) + meetings):
            start = now.replace(microsecond=0) + timedelta(days=2, hours=number)
            attendees = [KNOWN[number % len(KNOWN)]]
            self.server.schedule(BOB.email, title=f"Meeting {number}", start=start, attendees=attendees)
            self.events.append(f"Meeting {number}")
        for sender in (GRACE.email, NOBODY_KNOWN):
            self.server.deliver(BOB.email, sender=sender, to=[BOB.email], subject="Not for Salesforce")

    @property
    def calls(self) -> int:
        """How often the vendors were asked."""
        return len(self.server.requests) + len(self.world.salesforce.requests)

    @property
    def copied(self) -> int:
        return len(self.world.salesforce.tasks()) + len(self.world.salesforce.events())


@pytest.mark.parametrize("access", ["google", "office365", "exchange"])
def test_a_mailbox_that_is_copied_through_kills_is_in_the_crm_once(
    tmp_path: Path, tell: Callable[[str], None], access: str
) -> None:
    vendor = Vendor.MICROSOFT if access == "office365" else Vendor(access)
    kills, mails, meetings, within = scaled(KILLS), scaled(MAILS), scaled(MEETINGS), 0
    town = Town(tmp_path, vendors=(vendor, Vendor.SALESFORCE))
    post = Post(town.world, server_of(town.world, vendor))
    with town.opened(people=0):
        town.start()
        opening.connect(town.world, BOB, "crm", "production")
        opening.connect(town.world, BOB, "mailbox", access)
        # A kill between a rotation and its commit loses that sign-in, whatever is done: see test_kills.py.
        town.world.salesforce.rotation(False)
        post.server.slow(SLOW)
        town.world.salesforce.slow(SLOW)
        most = calls_of_a_batch(town, post, mails=mails // (kills + 1), meetings=meetings // (kills + 1))
        town.stop()
        for left in range(kills, 0, -1):
            post.comes(mails=(mails - len(post.tasks)) // left, meetings=(meetings - len(post.events)) // left)
            within += one_life(town, post, most)
            town.check_database()
        town.start()
        finish(town, post)
        town.stop()
        town.check_database()
        again = judge(town, post)
        assert (len(post.tasks), len(post.events)) == (mails, meetings)
        assert within, "a kill that cuts nothing shows nothing"
    tell(
        f"{kills} SIGKILLs, {within} within the copying of {mails} mails and {meetings} meetings from {access}: each "
        f"is in Salesforce once, {again} were written again by their keys"
    )


def server_of(world: Sandbox, vendor: Vendor) -> Server:
    servers: dict[Vendor, Server] = {
        Vendor.GOOGLE: world.google,
        Vendor.MICROSOFT: world.microsoft,
        Vendor.EXCHANGE: world.exchange,
    }
    return servers[vendor]


def judge(town: Town, post: Post) -> int:
    """Each is there once, and counted once. How many were written again."""
    tasks, events = town.world.salesforce.tasks(), town.world.salesforce.events()
    assert Counter(task["Subject"] for task in tasks) == Counter(post.tasks)
    assert Counter(event["Subject"] for event in events) == Counter(post.events)
    with town.store() as store, store.read() as tx:
        person = tx.people.find(TEAM, BOB.id)
        assert person is not None
        assert tx.connections.of(person.id)[Side.CRM].items == len(tasks) + len(events)
    return sum(row["updates"] for row in (*tasks, *events))


def calls_of_a_batch(town: Town, post: Post, *, mails: int, meetings: int) -> int:
    """How many calls a run makes that nobody disturbs."""
    town.wait(town.settled, 60, "the first sync")
    post.comes(mails=mails, meetings=meetings)
    before = post.calls
    finish(town, post)
    return post.calls - before


def one_life(town: Town, post: Post, most: int) -> bool:
    """Whether something was left to be copied when it was killed."""
    reached, enough = post.calls, town.chance.randint(1, most)
    town.later(BETWEEN)
    town.start(ready=False)
    town.wait(lambda: post.calls >= reached + enough or is_done(town, post), 60, "so many calls")
    town.kill()
    return not is_done(town, post)


def finish(town: Town, post: Post) -> None:
    town.later(BETWEEN)
    town.wait(lambda: is_done(town, post), 120, "the end of the copying")


def is_done(town: Town, post: Post) -> bool:
    return town.settled() and post.copied >= len(post.tasks) + len(post.events)
