"""Heartbeats, sign-ins that never came back, and the threads that do all of it."""

from __future__ import annotations

import threading
from datetime import timedelta

from bot.model import Health, Kind, Word
from bot.runner.alive import Alive
from bot.runner.bell import Bell, Duty
from bot.runner.retention import Retention
from bot.runner.runner import Runner
from bot.store.database import Tx
from tests.memory_slack import BOB, GRACE
from tests.rig import DAY, MINUTE, SETTLED, Rig, google_page, play_google, wait_for

BOBS = "bob@acme.example"
EXPIRED = timedelta(minutes=10, seconds=1)


# Heartbeats


def test_a_paused_sign_in_is_renewed_every_week_and_lives_on(rig: Rig) -> None:
    rig.connected(BOB)
    rig.ask(BOB, Word.SYNC, argument="pause")
    for _ in range(6):
        rig.kit.clock.move(8 * DAY)
        rig.heartbeats.work()
    assert rig.google.token_posts() == 6
    rig.ask(BOB, Word.SYNC, argument="resume")
    rig.sync()
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_heartbeat_copies_nothing_and_comes_once_a_week(rig: Rig) -> None:
    rig.connected(BOB)
    rig.ask(BOB, Word.SYNC, argument="pause")
    rig.mail(3)
    rig.kit.clock.move(8 * DAY)
    rig.heartbeats.work()
    rig.heartbeats.work()
    assert rig.google.token_posts() == 1
    assert rig.connection().items == 0


def test_one_heartbeat_that_fails_by_a_bug_does_not_stop_the_others(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    for who in (BOB, GRACE):
        rig.ask(who, Word.SYNC, argument="pause")

    def bug() -> None:
        raise ZeroDivisionError

    rig.kit.clock.move(8 * DAY)
    rig.provider.happens("refresh", bug)
    rig.heartbeats.work()
    assert rig.google.token_posts() == 1


# Sign-ins that never came back


def asked(rig: Rig) -> list[str]:
    return [kind for kind in rig.slack.kinds(BOB) if kind == "unfinished"]


def wait_ten_minutes(rig: Rig) -> None:
    rig.clock.ahead += EXPIRED
    rig.unfinished.work()
    rig.draw()


def test_who_stays_on_an_approval_page_is_asked_once(rig: Rig) -> None:
    rig.google.admin_approval(True)
    _, url = rig.visit(BOB)
    assert google_page(url, BOBS).host.startswith("login.google.")
    rig.draw()
    assert asked(rig) == []
    wait_ten_minutes(rig)
    wait_ten_minutes(rig)
    assert asked(rig) == ["unfinished"]
    [question] = rig.slack.to(BOB)

    assert rig.answer(BOB, Word.STUCK, argument=question["waiting"]).context["told"] is True
    rig.draw()
    assert rig.incidents()[0]["people"] == ["Bob"]
    rig.google.admin_approval(False)
    rig.connected(BOB)
    assert question["closed"] is True
    assert rig.incidents()[-1]["closed"] is True


def test_who_came_back_by_another_tab_is_not_asked(rig: Rig) -> None:
    rig.visit(BOB)
    rig.connected(BOB)
    wait_ten_minutes(rig)
    assert asked(rig) == []


def test_who_cancelled_is_not_asked(rig: Rig) -> None:
    session, url = rig.visit(BOB)
    reply = rig.sign_in.callback("google", play_google(url, BOBS, cancel=True), session)
    assert reply.context["why"] == "cancelled"
    wait_ten_minutes(rig)
    assert asked(rig) == []


# Threads


def test_the_runner_does_it_all_by_itself_and_stops(rig: Rig) -> None:
    bell = Bell()
    runner = Runner(
        bell=bell,
        sync=rig.runs,
        notices=rig.notices,
        revocations=rig.revocations,
        heartbeats=rig.heartbeats,
        unfinished=rig.unfinished,
        retention=Retention(store=rig.store, clock=rig.clock, kept=timedelta(days=400)),
        alive=Alive(store=rig.store, clock=rig.clock, admin_channel=rig.admin_channel),
        pulse=None,
    )
    runner.start()
    try:
        rig.mail(2)
        rig.connect(BOB)
        bell.ring()
        wait_for(lambda: any(message["caught_up"] == 2 for message in rig.slack.to(BOB)), "Bob's welcome is green")
        rig.google.session_policy(BOBS, True)
        rig.kit.clock.move(40 * MINUTE)
        wait_for(lambda: rig.connection().condition.health is Health.SUSPENDED, "the run is refused")
        rig.kit.clock.move(SETTLED)
        wait_for(lambda: len(rig.failures()) == 1, "Bob is told")
    finally:
        runner.stop(timedelta(seconds=10))
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("duty-")] == []
    assert rig.history()[-1].kind is Kind.NOTICE_SENT


def test_a_duty_goes_on_after_a_bug_and_hears_a_ring_during_its_work(rig: Rig) -> None:
    bell, troubles, done = Bell(), list[str](), list[int]()

    def work() -> None:
        done.append(1)
        if len(done) == 1:
            bell.ring()
            raise ZeroDivisionError

    duty = Duty("test", work, bell=bell, every=timedelta(hours=1), trouble=troubles.append)
    duty.start()
    wait_for(lambda: len(done) == 2, "it works again")
    duty.stop()
    bell.ring()
    duty.thread.join(5)
    assert troubles == ["duty-test"]


def test_the_history_is_whole_after_all_that(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()

    def verify(tx: Tx) -> int:
        return tx.events.verify()

    assert rig.look(verify) == rig.count("event")
