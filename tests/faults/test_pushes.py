"""Cutting runs that write to the CRM, at any call: each mail and meeting is there once, and none is left out."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from bot.runner.crm import Superseded
from providers.base import Side
from tests.faults.conftest import scaled
from tests.rig import wait_for
from tests.runner.crm_rig import CrmRig

BOBS, CARA = "bob@acme.example", "cara@customer.example"
MAILS, MEETINGS, CUTS = 1000, 100, 20
PAGE = 5
MOMENTS = ("match", "push", "pushed", "page")


def test_runs_that_are_cut_again_and_again_write_each_item_once(both: CrmRig, tell: Callable[[str], None]) -> None:
    mails, meetings, cuts = scaled(MAILS), scaled(MEETINGS), scaled(CUTS)
    now = both.rig.clock.now()
    for number in range(mails):
        sent = now - timedelta(minutes=number)
        both.rig.google.deliver(BOBS, sender=CARA, subject=f"Question {number}", at=sent)
    for number in range(meetings):
        both.meeting(after=timedelta(hours=number), title=f"Demo {number}")
    assert both.sign_in().template == "done"
    assert both.rig.connect().template == "done"
    pages = (mails + meetings) // PAGE
    counts = [cut(both, number, within=max(1, pages // (cuts + 1))) for number in range(cuts)]
    both.rig.start("run:last")
    both.rig.sync()
    tasks, events = both.subjects(), both.titles()
    assert tasks == sorted(f"Received: Question {number}" for number in range(mails))
    assert events == sorted(f"Demo {number}" for number in range(meetings))
    assert both.of(Side.MAILBOX).items == both.of(Side.CRM).items == mails + meetings
    assert max(both.crm.pages) <= PAGE
    twice = sum(row["updates"] for row in (*both.salesforce.tasks(), *both.salesforce.events()))
    assert counts == sorted(counts), "it never goes back"
    tell(
        f"{cuts} cuts in runs of {mails} mails and {meetings} meetings: each written once, {twice} of them written "
        f"again by their keys; counts after the cuts: {counts}"
    )


def cut(both: CrmRig, number: int, *, within: int) -> int:
    """The run ends at one of its next calls, and its process is followed by a new one. Gives what was counted."""
    chance = random.Random(number)
    moment, calls = chance.choice(MOMENTS), chance.randrange(within)
    happened: list[str] = []

    def end() -> None:
        happened.append(moment)
        raise Superseded

    if moment == "page":
        both.rig.provider.happens("page", end)
    else:
        both.crm.happens(moment, *[lambda: None] * calls, end)
    both.rig.start(f"run:{number + 2}")
    both.rig.runs.work()
    wait_for(lambda: both.rig.runs.under_way == 0, "the run ends", seconds=120)
    assert happened, "there was nothing left to cut"
    both.crm.at.clear()
    return both.of(Side.MAILBOX).items
