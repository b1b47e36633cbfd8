"""Runs: cut, overtaken, paused, failing by a bug of ours. What was copied is counted once and nothing is lost."""

from __future__ import annotations

import threading
from datetime import timedelta

from bot.model import Health, Kind, Word
from providers.base import Credential
from tests.memory_slack import BOB, GRACE
from tests.rig import HALF_AN_HOUR, HOUR, Rig, wait_for

BOBS = "bob@acme.example"


def started(rig: Rig) -> None:
    assert rig.connect(BOB).template == "done"


def test_a_run_that_is_cut_after_a_page_goes_on_from_there(rig: Rig) -> None:
    rig.mail(12)
    started(rig)
    rig.provider.happens("page", lambda: rig.runs.stop(timedelta()))
    rig.runs.work()
    wait_for(lambda: rig.runs.under_way == 0, "the run ends")
    first = rig.connection()
    assert 0 < first.items < 12, "the page that was read is kept"
    rig.start("run:2")
    rig.sync()
    assert rig.connection().items == 12
    rig.draw()
    assert rig.slack.to(BOB)[0]["caught_up"] == 12, "both halves count"


def test_a_stopped_relatch_claims_nothing_more(rig: Rig) -> None:
    started(rig)
    rig.runs.stop(timedelta(seconds=5))
    assert rig.runs.work() == 0


def test_a_page_that_takes_longer_than_a_claim_lives_starts_no_second_run(rig: Rig) -> None:
    rig.mail(12)
    started(rig)
    reading, on = threading.Event(), threading.Event()

    def slowly() -> None:
        reading.set()
        assert on.wait(10)

    rig.provider.happens("page", slowly)
    rig.runs.work()
    assert reading.wait(10)
    rig.clock.ahead = timedelta(minutes=3)
    try:
        assert rig.runs.work() == 0
    finally:
        on.set()
    wait_for(lambda: rig.runs.under_way == 0, "the run ends")
    assert rig.connection().items == 12


def test_a_run_whose_claim_another_took_writes_nothing_more(rig: Rig) -> None:
    rig.mail(12)
    started(rig)

    def overtake() -> None:
        rig.clock.ahead = timedelta(minutes=3)
        with rig.store.write() as tx:
            assert tx.people.claim_one(rig.person().id, owner="command:2", real=rig.clock.real())

    rig.provider.happens("page", overtake)
    rig.runs.work()
    wait_for(lambda: rig.runs.under_way == 0, "the run ends")
    assert rig.connection().items == 5


def test_pause_ends_a_run_after_its_page_and_resume_goes_on(rig: Rig) -> None:
    rig.mail(12)
    started(rig)

    def pause() -> None:
        rig.ask(BOB, Word.SYNC, argument="pause")

    rig.provider.happens("page", pause)
    rig.sync()
    assert rig.connection().items == 5
    rig.kit.clock.move(HOUR)
    rig.sync()
    assert rig.connection().items == 5
    rig.answer(BOB, Word.SYNC, argument="resume")
    rig.sync()
    assert rig.connection().items == 12


def test_a_sign_in_during_a_run_starts_it_anew_with_the_new_credential(rig: Rig) -> None:
    rig.mail(12)
    started(rig)
    rig.provider.happens("page", lambda: started(rig))
    rig.sync()
    assert rig.connection().items == 12
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_bug_in_one_run_is_no_endless_loop_and_harms_nobody_else(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    asked, real = list[Credential](), rig.provider.refresh

    def broken(credential: Credential) -> Credential:
        asked.append(credential)
        if credential.account == BOBS:
            raise ZeroDivisionError
        return real(credential)

    rig.kit.clock.move(2 * HOUR)
    rig.provider.refresh = broken  # type: ignore[method-assign]  # A bug of ours, as none is known.
    for _ in range(5):
        rig.runs.work()
        wait_for(lambda: rig.runs.under_way == 0, "runs end")
    assert len([each for each in asked if each.account == BOBS]) == 1
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.history(GRACE)[-1].kind is Kind.SYNCED
    assert rig.incidents() == []


def test_a_provider_without_settings_any_more_is_our_trouble(rig: Rig) -> None:
    rig.connected(BOB)
    del rig.providers["google"]
    rig.start("run:2")
    rig.pass_by(2 * HOUR)
    assert rig.connection().condition.health is Health.ACTIVE
    assert [each["incident"].kind for each in rig.incidents()] == ["misconfigured"]


def test_every_half_hour_there_is_one_run(rig: Rig) -> None:
    rig.connected(BOB)
    for number in range(3):
        rig.mail()
        rig.pass_by(HALF_AN_HOUR)
        runs = [event for event in rig.history() if event.kind is Kind.SYNCED]
        assert (len(runs), runs[-1].number) == (number + 2, 1)
