"""Every way to break, end to end: whose trouble it is decides who hears of it. By what Slack shows."""

from __future__ import annotations

import pytest

from bot.model import Culprit, Health, Kind, State, Word
from providers.base import Reason
from tests.memory_slack import ADA, ADMIN_CHANNEL, BOB, GRACE
from tests.rig import A_SECOND_STRIKE, DAY, HALF_AN_HOUR, HOUR, MINUTE, SETTLED, Rig, play_google

BOBS, GRACES = "bob@acme.example", "grace@acme.example"


def kinds(rig: Rig) -> list[Kind]:
    return [event.kind for event in rig.history()]


# The person


def test_what_is_repaired_while_it_settles_is_never_told(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    assert rig.connection().condition.health is Health.SUSPENDED
    rig.connect(BOB)
    rig.settle()
    rig.pass_by(HALF_AN_HOUR)
    assert rig.failures() == []


def test_what_is_repaired_while_it_settles_is_never_told_even_where_the_run_comes_later(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.connect(BOB)
    rig.kit.clock.move(SETTLED)
    rig.draw()
    rig.sync()
    rig.draw()
    assert rig.failures() == []
    rig.lose_access()
    rig.settle()
    assert len(rig.failures()) == 1


def test_a_refused_sign_in_is_left_alone_until_the_person_acts(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    posts = rig.google.token_posts()
    rig.pass_by(7 * DAY)
    assert rig.google.token_posts() == posts
    assert len(rig.failures()) == 1
    assert rig.failures()[0].edits == 0


def test_a_new_cause_moves_the_one_message_and_shrinks_the_old(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.session_policy(BOBS, True)
    rig.pass_by(HALF_AN_HOUR)
    rig.settle()
    [first] = rig.failures()
    assert first["cards"][0].cause.reason is Reason.SESSION_POLICY_EXPIRED

    rig.google.session_policy(BOBS, False)
    rig.google.remove_access(BOBS)
    rig.answer(BOB, Word.REFRESH)
    rig.draw()
    assert first.reply.template == "notices/moved"
    [second] = rig.failures()
    assert second.at != first.at
    assert second["cards"][0].cause.reason is Reason.CREDENTIALS_REVOKED
    assert rig.count("notice WHERE kind = 'failure' AND closed_at IS NULL") == 1


def test_a_message_that_moves_while_it_is_edited_still_moves(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.session_policy(BOBS, True)
    rig.pass_by(HALF_AN_HOUR)
    rig.settle()
    [first] = rig.failures()

    def meanwhile() -> None:
        rig.slack.on_call = lambda: None
        rig.google.session_policy(BOBS, False)
        rig.google.remove_access(BOBS)
        rig.answer(BOB, Word.REFRESH)

    rig.slack.on_call = meanwhile
    with rig.store.write() as tx:
        tx.notices.want_for_person(rig.person().id)
    rig.draw()
    [second] = rig.failures()
    assert second.at != first.at
    assert first.reply.template == "notices/moved"


def test_the_same_refusal_again_edits_and_does_not_move(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.settle()
    [first] = rig.failures()
    rig.answer(BOB, Word.REFRESH)
    rig.draw()
    assert [each.at for each in rig.failures()] == [first.at]


def test_a_sign_in_that_breaks_at_once_is_said_anew_as_broken(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.settle()
    [first] = rig.failures()
    rig.connect(BOB)
    rig.google.session_policy(BOBS, True)
    rig.sync()
    rig.draw()
    [second] = rig.failures()
    assert second.at != first.at
    assert (second["stage"], second["fixed"]) == ("broken", [])


def test_a_restart_between_break_and_message_loses_nothing(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.start("run:2")
    rig.settle()
    assert len(rig.failures()) == 1


def test_a_password_change_is_recognised_after_two_refusals(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.change_password(BOBS)
    rig.pass_by(HALF_AN_HOUR)
    assert rig.connection().condition.health is Health.ACTIVE
    rig.pass_by(A_SECOND_STRIKE)
    rig.settle()
    assert len(rig.failures()) == 1


def test_a_session_policy_is_believed_at_once(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.session_policy(BOBS, True)
    rig.pass_by(HALF_AN_HOUR)
    rig.settle()
    assert rig.failures()[0]["cards"][0].cause.reason is Reason.SESSION_POLICY_EXPIRED


# The administrator


def test_a_suspended_account_is_the_administrators_and_is_tried_every_six_hours(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.suspend(BOBS, True)
    rig.pass_by(2 * HOUR)
    rig.settle()
    [failure] = rig.failures()
    [card] = failure["cards"]
    assert (card.cause.culprit, card.doors, failure["waiting"]) == (Culprit.ADMINISTRATOR, (), "")
    tries = kinds(rig).count(Kind.SYNC_FAILED)
    rig.pass_by(5 * HOUR)
    assert kinds(rig).count(Kind.SYNC_FAILED) == tries
    rig.pass_by(2 * HOUR)
    assert kinds(rig).count(Kind.SYNC_FAILED) == tries + 1
    assert len(rig.failures()) == 1


def test_admin_approval_is_told_to_both_and_ends_by_itself(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.admin_approval(True)
    rig.pass_by(2 * HOUR)
    rig.settle()
    assert rig.failures()[0]["cards"][0].cause.reason is Reason.NEEDS_ADMIN_APPROVAL
    [incident] = rig.incidents()
    assert (incident["people"], incident["count"]) == (["Bob"], 1)
    assert incident["link"].startswith("https://admin.google.com/")

    rig.google.admin_approval(False)
    rig.mail(2)
    rig.pass_by(7 * HOUR)
    assert (rig.failures()[0]["stage"], rig.failures()[0]["caught_up"]) == ("fixed", 2)
    assert [each["closed"] for each in rig.incidents()] == [True]
    assert incident.reply.template == "notices/moved"


def test_when_one_is_let_in_the_others_who_wait_are_tried_at_once(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.google.admin_approval(True)
    rig.pass_by(2 * HOUR)
    rig.settle()
    assert rig.incidents()[0]["people"] == ["Bob", "Grace"]
    rig.google.admin_approval(False)
    rig.answer(BOB, Word.CHECK)
    rig.sync()
    rig.settle()
    assert {rig.connection(who).condition.health for who in (BOB, GRACE)} == {Health.ACTIVE}
    assert rig.incidents()[-1]["closed"]


def test_who_never_got_in_is_told_when_somebody_else_does(rig: Rig) -> None:
    rig.connected(GRACE)
    door = rig.door(BOB)
    rig.google.admin_approval(True)
    assert rig.answer(BOB, Word.STUCK, argument=door).context["told"] is True
    rig.pass_by(2 * HOUR)
    rig.settle()
    assert rig.incidents()[0]["people"] == ["Bob", "Grace"]
    rig.google.admin_approval(False)
    rig.answer(GRACE, Word.CHECK)
    rig.settle()
    told = [each for each in rig.slack.to(BOB) if each.reply.template == "notices/approved"]
    assert [each["card"].doors != () for each in told] == [True]
    assert rig.incidents()[-1]["closed"]
    rig.answer(GRACE, Word.CHECK)
    rig.settle()
    assert [each for each in rig.slack.to(BOB) if each.reply.template == "notices/approved"] == told


def test_an_administrator_who_approved_starts_the_tries_early_but_not_again_and_again(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.admin_approval(True)
    rig.pass_by(2 * HOUR)
    rig.settle()
    posts = rig.google.token_posts()
    for _ in range(5):
        assert rig.sign_in.approval_answered("google", {"admin_consent": "True"}).context["given"] is True
        rig.sync()
    assert rig.google.token_posts() == posts + 1
    rig.google.admin_approval(False)
    rig.clock.ahead += 2 * MINUTE
    rig.sign_in.approval_answered("google", {"admin_consent": "True"})
    rig.sync()
    rig.settle()
    assert rig.connection(BOB).condition.health is Health.ACTIVE
    refused = rig.sign_in.approval_answered("google", {"admin_consent": "True", "error": "consent_required"})
    assert refused.context["given"] is False


# We, the operator


def test_a_wrong_client_secret_is_one_incident_and_nobodys_fault(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.google.wrong_client_secret(True)
    for _ in range(5):
        rig.pass_by(HALF_AN_HOUR)
    assert {rig.connection(who).condition.health for who in (BOB, GRACE)} == {Health.ACTIVE}
    assert rig.failures() == rig.failures(GRACE) == []
    assert [each["incident"].kind for each in rig.incidents()] == ["misconfigured"]
    assert rig.incidents()[0].edits == 0

    rig.google.wrong_client_secret(False)
    rig.pass_by(11 * MINUTE)
    assert [each["closed"] for each in rig.incidents()] == [True]
    rig.pass_by(11 * MINUTE)
    assert kinds(rig)[-1] is Kind.SYNCED


def test_a_token_that_is_still_good_does_not_end_our_own_trouble(rig: Rig) -> None:
    """Bob's token ran out, Grace's is fresh: her reading proves nothing of our client's secret."""
    rig.connected(BOB)
    rig.kit.clock.move(HALF_AN_HOUR)
    rig.connected(GRACE)
    rig.google.wrong_client_secret(True)
    rig.pass_by(HALF_AN_HOUR)
    assert len(rig.incidents()) == 1
    rig.answer(GRACE, Word.CHECK)
    rig.pass_by(11 * MINUTE)
    assert [each["closed"] for each in rig.incidents()] == [False]


def test_our_trouble_holds_back_runs_and_tries_one_every_ten_minutes(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.google.wrong_client_secret(True)
    rig.pass_by(2 * HOUR)
    posts = rig.google.token_posts()
    for _ in range(10):
        rig.pass_by(2 * MINUTE)
    assert rig.google.token_posts() - posts == 2


def test_a_sign_in_that_works_ends_our_trouble_where_nobody_else_is_connected(rig: Rig) -> None:
    session, url = rig.visit(BOB)
    rig.google.wrong_client_secret(True)
    reply = rig.sign_in.callback("google", play_google(url, BOBS), session)
    assert (reply.template, reply.context["why"]) == ("refused", "provider")
    rig.draw()
    assert len(rig.incidents()) == 1
    rig.google.wrong_client_secret(False)
    rig.connected(BOB)
    assert [each["closed"] for each in rig.incidents()] == [True]
    assert kinds(rig)[-1] in (Kind.SYNCED, Kind.NOTICE_SENT)


# Nobody


def test_an_outage_is_one_incident_one_all_clear_and_no_dm(rig: Rig) -> None:
    rig.connected(ADA, BOB, GRACE)
    rig.google.down(True)
    for _ in range(6):
        rig.pass_by(HALF_AN_HOUR)
    assert [each["incident"].kind for each in rig.incidents()] == ["outage"]
    [told] = rig.incidents()
    assert told.edits == 0

    rig.google.down(False)
    rig.pass_by(11 * MINUTE)
    assert [each["closed"] for each in rig.incidents()] == [True]
    assert told.reply.template == "notices/moved", "the all-clear is a new message"
    rig.pass_by(11 * MINUTE)
    for who in (ADA, BOB, GRACE):
        assert rig.connection(who).condition.health is Health.ACTIVE
        assert rig.failures(who) == []


def test_while_a_vendor_is_down_one_probe_at_a_time_is_all(rig: Rig) -> None:
    rig.connected(ADA, BOB, GRACE)
    rig.google.down(True)
    rig.pass_by(2 * HOUR)
    asked = len(rig.google.requests)
    for _ in range(12):
        rig.pass_by(MINUTE)
    assert 1 <= len(rig.google.requests) - asked <= 4


def test_a_vendor_that_comes_back_refusing_is_not_asked_for_everybody(rig: Rig) -> None:
    rig.connected(ADA, BOB, GRACE)
    rig.google.down(True)
    rig.pass_by(2 * HOUR)
    posts = rig.google.token_posts()
    rig.google.down(False)
    for email in ("ada@acme.example", BOBS, GRACES):
        rig.google.remove_access(email)
    rig.kit.clock.move(11 * MINUTE)
    rig.sync()
    assert rig.google.token_posts() - posts == 1
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_restart_in_an_outage_tells_it_no_second_time(rig: Rig) -> None:
    rig.connected(ADA, BOB, GRACE)
    rig.google.down(True)
    rig.pass_by(2 * HOUR)
    rig.start("run:2")
    rig.pass_by(MINUTE)
    assert len(rig.incidents()) == 1
    rig.google.down(False)
    rig.pass_by(11 * MINUTE)
    assert [each["closed"] for each in rig.incidents()] == [True]


def test_one_persons_outage_is_no_incident_where_others_work(rig: Rig) -> None:
    rig.connected(ADA, BOB, GRACE)
    rig.google.nonsense(True)
    rig.answer(BOB, Word.CHECK)
    rig.answer(BOB, Word.CHECK)
    rig.answer(BOB, Word.CHECK)
    rig.draw()
    assert rig.incidents() == []


@pytest.mark.parametrize("break_it", ["rate_limit", "nonsense"])
def test_what_passes_by_itself_is_told_to_nobody_in_person(rig: Rig, break_it: str) -> None:
    rig.connected(BOB)
    getattr(rig.google, break_it)(True)
    for _ in range(4):
        rig.pass_by(HALF_AN_HOUR)
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.failures() == []
    getattr(rig.google, break_it)(False)
    for _ in range(3):
        rig.pass_by(HALF_AN_HOUR)
    assert rig.connection().condition.failures == 0
    assert kinds(rig)[-1] is Kind.SYNCED
    assert len(rig.slack.to(ADMIN_CHANNEL)) == (0 if break_it == "rate_limit" else 2)


def test_expired_history_is_read_again_in_silence(rig: Rig) -> None:
    rig.mail(3)
    rig.connected(BOB)
    rig.google.expire_history(BOBS)
    rig.mail(1)
    rig.pass_by(HALF_AN_HOUR)
    assert Kind.RESYNCED in kinds(rig)
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.slack.kinds(BOB) == ["connected"]


def test_an_expired_access_token_is_renewed_and_nobody_notices(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.expire_access_tokens(BOBS)
    rig.pass_by(HALF_AN_HOUR)
    assert kinds(rig)[-1] is Kind.SYNCED
    assert rig.google.token_posts() == 1


# Many at once


def six(rig: Rig) -> list[str]:
    people = rig.crowd(6)
    for user_id in people:
        rig.google.session_policy(rig.slack.profiles[user_id].email, True)
    rig.pass_by(HALF_AN_HOUR)
    rig.settle()
    return people


def told(rig: Rig, people: list[str]) -> int:
    return sum(len(rig.failures(user_id)) for user_id in people)


def held(rig: Rig) -> str:
    [incident] = rig.incidents()
    assert incident["incident"].kind == "guard"
    return str(incident["incident"].id)


def test_six_who_break_at_once_are_told_when_an_admin_says_so(rig: Rig) -> None:
    people = six(rig)
    assert told(rig, people) == 0
    assert rig.incidents()[0]["held"] == 6
    assert rig.answer(BOB, Word.RELEASE, argument=held(rig)).template == "refused"
    reply = rig.answer(ADA, Word.RELEASE, argument=held(rig))
    assert reply.context == {"did": "released", "number": 6}
    rig.draw()
    assert told(rig, people) == 6
    assert [(each["closed"], each["held"]) for each in rig.incidents()] == [(True, 6)]


def test_messages_that_an_admin_drops_are_never_sent(rig: Rig) -> None:
    people = six(rig)
    number = held(rig)
    assert rig.answer(ADA, Word.DISMISS, argument=number).context == {"did": "dismissed", "number": 6}
    assert rig.answer(ADA, Word.DISMISS, argument=number).context == {"did": "gone", "number": 0}
    rig.pass_by(HALF_AN_HOUR)
    assert told(rig, people) == 0
    assert rig.answer(people[0], Word.STATUS).context["cards"][0].state is State.SUSPENDED


def test_who_repairs_it_while_it_is_held_is_taken_off_the_count(rig: Rig) -> None:
    people = six(rig)
    rig.google.session_policy("person0@acme.example", False)
    rig.connected(people[0])
    assert rig.incidents()[0]["held"] == 5
    assert told(rig, people) == 0


def test_the_guards_incident_stands_in_the_history(rig: Rig) -> None:
    six(rig)
    assert rig.count("event WHERE kind = 'incident_opened'") == 1
