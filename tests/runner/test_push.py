"""Runs that reach the CRM: each item once, whatever breaks, and each side's trouble is its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import Culprit, Health, IncidentKind, Kind, Word
from bot.runner.crm import Superseded
from providers.base import AccessType, Reason, Rejected, Side, Unavailable
from tests.memory_slack import ADMIN_CHANNEL, BOB, GRACE
from tests.rig import HALF_AN_HOUR, HOUR, MINUTE, wait_for
from tests.runner.crm_rig import CrmRig

BOBS, CARA = "bob@acme.example", "cara@customer.example"


# What is copied


def test_mails_and_meetings_with_a_contact_become_tasks_and_events(both: CrmRig) -> None:
    both.rig.mail(2)
    both.rig.google.deliver(BOBS, sender=BOBS, subject="Our offer", to=[CARA])
    both.rig.google.deliver(BOBS, sender="grace@acme.example", subject="Lunch?", to=[BOBS])
    both.rig.google.deliver(BOBS, sender="news@letters.example", subject="News")
    both.meeting()
    both.meeting(after=timedelta(days=91), title="Next year")
    both.connected()
    assert both.subjects() == ["Received: Question 0", "Received: Question 1", "Sent: Our offer"]
    assert both.titles() == ["Demo"]
    assert {side: each["caught_up"] for side, each in both.welcomes().items()} == {Side.MAILBOX: 4, Side.CRM: 4}
    assert [each["to"] for each in both.welcomes().values()] == ["Salesforce", "Salesforce"]
    assert both.of(Side.MAILBOX).items == both.of(Side.CRM).items == 4


def test_a_cancelled_meeting_is_taken_out_again(both: CrmRig) -> None:
    kept, cancelled = both.meeting(title="Kept"), both.meeting(title="Cancelled")
    both.connected()
    assert both.titles() == ["Cancelled", "Kept"]
    both.rig.google.cancel(BOBS, cancelled)
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.titles() == ["Kept"], kept


def test_reading_everything_again_writes_nothing_twice(both: CrmRig) -> None:
    both.rig.mail(3)
    both.connected()
    both.rig.google.expire_history(BOBS)
    both.rig.mail(1)
    both.rig.pass_by(HALF_AN_HOUR)
    assert len(both.subjects()) == 4
    assert both.events(Kind.RESYNCED)


def test_what_the_crm_refuses_is_told_and_does_not_stop_the_rest(both: CrmRig) -> None:
    both.connected()
    start = both.rig.clock.now().replace(microsecond=0) + timedelta(days=1)
    length = timedelta(days=20)  # Salesforce takes 14.
    both.rig.google.schedule(BOBS, title="Holiday", start=start, attendees=[CARA], length=length)
    both.meeting()
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.titles() == ["Demo"]
    [told] = both.events(Kind.NOT_COPIED)
    assert (told.number, told.detail, told.provider) == (1, "FIELD_INTEGRITY_EXCEPTION", "salesforce")
    assert both.of(Side.CRM).condition.health is Health.ACTIVE
    pushes = both.crm.calls["push"]
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.crm.calls["push"] == pushes, "it is not tried again"


# No CRM yet


def test_without_a_crm_the_cursor_waits_and_the_person_is_asked_once_to_connect_it(both: CrmRig) -> None:
    both.rig.mail(2)
    both.rig.connected(BOB)
    [welcome] = both.rig.slack.to(BOB)
    assert (welcome["waits"], welcome["other"].choose) == ("connect", True)
    for _ in range(3):
        both.rig.pass_by(HALF_AN_HOUR)
    assert both.rig.slack.kinds(BOB) == ["connected"]
    assert both.of(Side.MAILBOX).cursor == ""
    assert both.of(Side.MAILBOX).condition.last_ok_at is not None

    both.sign_in()
    both.rig.sync()
    both.rig.draw()
    assert len(both.subjects()) == 2
    assert welcome["waits"] == ""
    assert (welcome["stage"], welcome["caught_up"]) == ("fixed", 2)
    assert both.welcomes()[Side.CRM]["caught_up"] == 2


def test_who_was_connected_before_there_was_a_crm_is_asked_once(both: CrmRig) -> None:
    del both.rig.providers["salesforce"]
    both.rig.start("run:2")
    both.rig.mail(2)
    both.rig.connected(BOB)
    assert both.welcomes()[Side.MAILBOX]["caught_up"] == 2, "counted as ever"
    both.rig.providers["salesforce"] = both.crm
    both.rig.start("run:3")
    for _ in range(3):
        both.rig.pass_by(HALF_AN_HOUR)
    first, second = both.rig.slack.to(BOB)
    assert (first["waits"], second["waits"]) == ("", "connect")


def test_a_mailbox_without_a_crm_is_still_known_to_be_dead(both: CrmRig) -> None:
    both.rig.connected(BOB)
    both.rig.lose_access()
    both.rig.settle()
    [failure] = both.rig.failures()
    both.rig.connect(BOB)
    both.rig.sync()
    both.rig.draw()
    assert (failure["stage"], failure["waits"], failure["caught_up"]) == ("fixed", "connect", 0)


def test_where_the_policy_allows_no_crm_a_mailbox_does_not_wait_for_one(both: CrmRig) -> None:
    both.rig.allowed_access = frozenset({AccessType.GOOGLE})
    both.rig.start("run:1")
    both.rig.mail(2)
    both.rig.connected(BOB)
    [welcome] = both.rig.slack.to(BOB)
    assert welcome["waits"] == ""
    assert both.of(Side.MAILBOX).cursor


def test_a_crm_alone_asks_for_the_mailbox(both: CrmRig) -> None:
    both.sign_in()
    both.rig.sync()
    both.rig.draw()
    welcome = both.welcomes()[Side.CRM]
    assert (welcome["waits"], welcome["other"].side) == ("connect", Side.MAILBOX)
    for _ in range(6):
        both.rig.pass_by(HALF_AN_HOUR)
    assert both.rig.slack.kinds(BOB) == ["connected"]
    assert both.of(Side.CRM).condition.health is Health.ACTIVE
    both.rig.mail(2)
    both.rig.connected(BOB)
    assert (welcome["stage"], welcome["caught_up"]) == ("fixed", 2)


# The CRM breaks


def test_a_dead_crm_stops_the_cursor_and_nothing_is_lost(both: CrmRig) -> None:
    both.rig.mail(1)
    both.connected()
    both.salesforce.change_password(BOBS)
    both.rig.mail(3)
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.of(Side.MAILBOX).condition.health is Health.ACTIVE
    both.rig.pass_by(2 * HOUR)
    both.rig.settle()
    [failure] = both.rig.failures()
    assert [card.side for card in failure["cards"]] == [Side.CRM]
    cursor = both.of(Side.MAILBOX).cursor
    both.rig.mail(2)
    both.rig.pass_by(6 * HOUR)
    assert both.of(Side.MAILBOX).cursor == cursor
    assert len(both.rig.failures()) == 1
    assert len(both.subjects()) == 1

    both.sign_in()
    both.rig.draw()
    assert failure["stage"] == "working"
    both.rig.sync()
    both.rig.draw()
    assert (failure["stage"], failure["caught_up"], failure["to"]) == ("fixed", 5, "Salesforce")
    assert len(both.subjects()) == 6


def test_a_lapsed_access_token_of_the_crm_is_renewed_in_the_run(both: CrmRig) -> None:
    both.connected()
    both.salesforce.expire_access_tokens(BOBS)
    both.rig.mail(1)
    both.rig.pass_by(HALF_AN_HOUR)
    assert len(both.subjects()) == 1
    assert Kind.SYNC_FAILED not in both.kinds(Side.CRM)


def test_a_crm_that_is_away_is_nobodys_fault(both: CrmRig) -> None:
    both.connected()
    both.salesforce.down(True)
    both.rig.mail(2)
    both.rig.pass_by(HALF_AN_HOUR)
    mailbox, crm = both.of(Side.MAILBOX).condition, both.of(Side.CRM).condition
    assert (mailbox.failures, mailbox.health, crm.health) == (0, Health.ACTIVE, Health.ACTIVE)
    assert crm.failures
    for _ in range(3):
        both.rig.pass_by(10 * MINUTE)
    assert [each["incident"].kind for each in both.rig.incidents()] == [IncidentKind.OUTAGE]
    both.rig.pass_by(HOUR)
    assert both.of(Side.MAILBOX).condition.last_ok_at != mailbox.last_ok_at, "it is looked at"
    assert len(both.rig.incidents()) == 1
    both.salesforce.down(False)
    both.rig.pass_by(10 * MINUTE)
    both.rig.pass_by(10 * MINUTE)
    assert len(both.subjects()) == 2
    assert both.rig.failures() == []


def test_a_used_up_day_of_calls_is_one_incident_and_the_cursor_waits(both: CrmRig) -> None:
    both.connected()
    both.salesforce.use_up_api_calls()
    both.rig.mail(2)
    for _ in range(4):
        both.rig.pass_by(HALF_AN_HOUR)
    [incident] = both.rig.incidents()
    assert incident["incident"].cause.reason is Reason.RATE_LIMITED
    assert both.subjects() == []
    assert both.rig.slack.kinds(BOB) == ["connected", "connected"]
    for _ in range(25):
        both.rig.pass_by(HOUR)
    assert len(both.subjects()) == 2
    assert both.of(Side.CRM).condition.failures == 0


def test_what_an_administrator_must_mend_is_tried_again_and_caught_up_on(both: CrmRig) -> None:
    both.connected()
    both.salesforce.field_missing(True)
    both.rig.mail(2)
    both.rig.pass_by(HALF_AN_HOUR)
    condition = both.of(Side.CRM).condition
    assert condition.cause is not None
    assert (condition.cause.culprit, condition.cause.reason) == (Culprit.ADMINISTRATOR, Reason.CRM_FIELD_MISSING)
    both.rig.settle()
    [failure] = both.rig.failures()
    both.salesforce.field_missing(False)
    both.rig.pass_by(7 * HOUR)
    assert (failure["stage"], failure["caught_up"]) == ("fixed", 2)
    assert len(both.subjects()) == 2


def test_check_again_starts_the_catching_up(both: CrmRig) -> None:
    both.connected()
    both.salesforce.field_missing(True)
    both.rig.mail(2)
    both.rig.pass_by(HALF_AN_HOUR)
    both.rig.settle()
    [failure] = both.rig.failures()
    both.salesforce.field_missing(False)
    both.rig.answer(BOB, Word.CHECK)
    both.rig.sync()
    both.rig.draw()
    assert (failure["stage"], failure["caught_up"]) == ("fixed", 2)


def test_a_bug_at_the_crm_end_blames_no_mailbox_and_is_no_endless_loop(both: CrmRig) -> None:
    both.connected()
    both.crm.fails("push", ZeroDivisionError())
    both.rig.mail(1)
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.crm.calls["push"] == 1
    assert both.of(Side.MAILBOX).condition.failures == 0
    assert both.of(Side.CRM).condition.failures == 1
    both.rig.pass_by(5 * MINUTE)
    assert len(both.subjects()) == 1


def test_a_refusal_right_after_a_good_renewal_counts_once_and_is_not_believed_yet(both: CrmRig) -> None:
    both.connected()
    refusal = Rejected(Reason.CREDENTIALS_REVOKED, "401 INVALID_SESSION_ID", definite=False)
    both.crm.fails("match", refusal, refusal)
    renewals = both.crm.calls["refresh"]
    both.rig.mail(1)
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.crm.calls["refresh"] == renewals + 1
    assert both.of(Side.CRM).condition.rejections == 1
    both.rig.pass_by(3 * MINUTE)
    assert both.of(Side.CRM).condition.rejections == 0
    assert len(both.subjects()) == 1


# The mailbox breaks


def test_a_dead_mailbox_leaves_the_crm_alone(both: CrmRig) -> None:
    both.connected()
    both.rig.mail(1)
    before = both.of(Side.CRM).condition
    both.rig.lose_access()
    both.rig.settle()
    assert both.of(Side.MAILBOX).condition.health is Health.SUSPENDED
    assert both.of(Side.CRM).condition == before
    both.rig.pass_by(2 * HOUR)
    assert both.of(Side.CRM).condition.health is Health.ACTIVE
    [failure] = both.rig.failures()
    both.rig.connect(BOB)
    both.rig.sync()
    both.rig.draw()
    assert (failure["stage"], failure["caught_up"]) == ("fixed", 1)


def test_both_broken_and_both_mended_say_each_item_once(both: CrmRig) -> None:
    both.connected()
    both.salesforce.change_password(BOBS)
    both.rig.mail(1)
    both.rig.pass_by(HALF_AN_HOUR)
    both.rig.pass_by(HALF_AN_HOUR)
    both.rig.lose_access()
    both.rig.settle()
    failure = both.rig.failures()[-1]
    assert {card.side for card in failure["cards"]} == {Side.MAILBOX, Side.CRM}
    both.rig.mail(3)
    for sign_in in (both.sign_in, both.rig.connect):
        sign_in()
        both.rig.sync()
        both.rig.draw()
    assert (failure["stage"], failure["caught_up"]) == ("fixed", 4)
    assert {card.side for card in failure["fixed"]} == {Side.MAILBOX, Side.CRM}


# How often the CRM is asked


def test_a_quiet_mailbox_asks_the_crm_about_once_an_hour(both: CrmRig) -> None:
    both.connected()
    both.crm.calls.clear()
    for _ in range(72):
        both.rig.pass_by(10 * MINUTE)
    assert 9 <= both.crm.calls["check"] <= 13
    assert (both.crm.calls["match"], both.crm.calls["push"]) == (0, 0)


def test_a_crm_that_is_written_to_is_not_asked_besides(both: CrmRig) -> None:
    both.connected()
    both.crm.calls.clear()
    for _ in range(18):
        both.rig.mail(1)
        both.rig.pass_by(10 * MINUTE)
    assert both.crm.calls["check"] == 0
    assert both.crm.calls["push"] >= 5


# Races


def test_pause_between_push_and_commit_keeps_the_cursor(both: CrmRig) -> None:
    both.connected()
    both.rig.mail(2)
    both.crm.happens("pushed", lambda: both.rig.ask(BOB, Word.SYNC, argument="pause"))
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.of(Side.MAILBOX).items == 0
    both.rig.answer(BOB, Word.SYNC, argument="resume")
    both.rig.sync()
    assert both.of(Side.MAILBOX).items == 2
    assert len(both.subjects()) == 2


def test_a_sign_in_at_the_crm_during_a_run_starts_it_anew(both: CrmRig) -> None:
    both.connected()
    both.rig.mail(2)
    both.crm.happens("push", both.sign_in)
    both.rig.pass_by(HALF_AN_HOUR)
    assert both.of(Side.MAILBOX).items == 2
    assert len(both.subjects()) == 2
    assert both.of(Side.CRM).condition.health is Health.ACTIVE


def test_a_sign_in_at_the_crm_during_a_failing_run_starts_it_anew(both: CrmRig) -> None:
    both.connected()
    both.rig.mail(2)

    def sign_in_and_fail() -> None:
        both.sign_in()
        raise Unavailable(Reason.PROVIDER_DOWN, "503")

    both.crm.happens("push", sign_in_and_fail)
    both.rig.pass_by(HALF_AN_HOUR)
    assert len(both.subjects()) == 2


def test_two_people_with_the_same_meeting_each_have_their_own(both: CrmRig) -> None:
    both.rig.google.deliver(BOBS, sender=CARA, subject="To both", to=["grace@acme.example"])
    both.connected(BOB)
    both.connected(GRACE)
    assert both.of(Side.CRM, GRACE).condition.health is Health.ACTIVE
    assert both.rig.slack.to(ADMIN_CHANNEL) == []


# Cut anywhere


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_cut_again_and_again_writes_each_item_once(both: CrmRig, seed: int) -> None:
    both.rig.once("much to copy", lambda: much_to_copy(both))
    moments, cuts = ["push", "pushed", "match", "page"], list[str]()
    for number in range(20):
        moment = moments[(number * 7 + seed) % len(moments)]
        end_here(both, moment, cuts, after=(number + seed) % 2)
        both.rig.start(f"run:{number + 2}")
        both.rig.runs.work()
        wait_for(lambda: both.rig.runs.under_way == 0, "the run ends")
        both.crm.at.clear()
        both.rig.provider.at.clear()
    assert len(cuts) > 10
    assert set(cuts) == set(moments)
    both.rig.start("run:last")
    both.rig.sync()
    both.rig.draw()
    assert len(both.subjects()) == 23
    assert both.titles() == [f"Demo {number}" for number in range(4)]
    assert both.of(Side.MAILBOX).items == 27, "each is counted once"
    assert max(both.crm.pages) <= 5, "page by page"


def much_to_copy(both: CrmRig) -> None:
    both.rig.mail(23)
    for number in range(4):
        both.meeting(after=timedelta(days=number + 1), title=f"Demo {number}")
    assert both.sign_in().template == "done"
    assert both.rig.connect(BOB).template == "done"


def end_here(both: CrmRig, moment: str, cuts: list[str], *, after: int) -> None:
    """The run ends at this moment, without a word to anybody."""

    def cut() -> None:
        cuts.append(moment)
        raise Superseded

    if moment == "page":
        both.rig.provider.happens("page", cut)
    else:
        both.crm.happens(moment, *[lambda: None] * after, cut)
