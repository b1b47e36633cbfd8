"""What the small Relatches of a process share, tests/kept.py: each finds nothing of others, and all that it played."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from bot.model import Word
from tests.kept import Kept
from tests.memory_slack import BOB, GRACE
from tests.rig import HALF_AN_HOUR, Rig, running
from tests.runner.crm_rig import crm_running

A_MOMENT = timedelta(seconds=10)


def everything(rig: Rig) -> tuple[list[str], object, bool]:
    """The store, Slack, and whether Google is as it is kept."""
    with closing(sqlite3.connect(rig.database)) as database:
        return list(database.iterdump()), (rig.slack.messages, rig.slack.homes, rig.slack.said), rig.kit.memory.is_new


def test_what_is_put_back_is_what_was_played(kept: Kept) -> None:
    kept.scenes.clear()
    with running(kept) as rig:
        rig.connected(BOB)
        played, now, real, tokens = everything(rig), rig.clock.now(), rig.clock.real(), rig.google.token_posts()
    with running(kept) as rig:
        rig.kit.clock.move(HALF_AN_HOUR)
        rig.connected(BOB)
        assert everything(rig) == played
        assert abs(rig.clock.now() - now) < A_MOMENT
        assert abs(rig.clock.real() - real) < A_MOMENT
        assert rig.google.token_posts() == tokens
        rig.mail(3)
        rig.pass_by(HALF_AN_HOUR)
        assert rig.connection().items == 3


def test_each_begins_with_nothing(kept: Kept) -> None:
    with running(kept) as rig:
        rig.connected(BOB, GRACE)
        rig.mail(2)
        rig.google.session_policy("bob@acme.example", True)
        rig.google.down(True)
    with running(kept) as rig:
        assert kept.is_new(rig.slack, rig.kits)
        assert (rig.count("person"), rig.slack.said, rig.google.requests) == (0, [], [])


@pytest.mark.parametrize("happens", ["mail", "word", "fault", "profile", "moment"])
def test_where_something_has_happened_all_is_played(kept: Kept, happens: str) -> None:
    with running(kept) as rig:
        rig.connected(BOB)
    with running(kept) as rig:
        acts: dict[str, Callable[[], object]] = {
            "mail": rig.mail,
            "word": lambda: rig.answer(GRACE, Word.STATUS),
            "fault": lambda: rig.google.slow(0.001),
            "profile": lambda: rig.slack.change(GRACE, name="Grace H."),
            "moment": lambda: rig.provider.happens("page", lambda: None),
        }
        acts[happens]()
        rig.connected(BOB)
        assert rig.google.token_posts("authorization_code") == 1
        assert "/signin/consent" in {seen.path for seen in rig.google.requests}
        assert rig.connection().items == (1 if happens == "mail" else 0)


def test_both_sides_are_put_back_together(kept: Kept) -> None:
    for _ in range(2):
        with crm_running(kept) as both:
            both.connected()
            both.rig.mail()
            both.rig.pass_by(HALF_AN_HOUR)
            assert both.subjects() == ["Received: Question 0"]
