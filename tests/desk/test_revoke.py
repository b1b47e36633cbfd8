"""`/creds revoke`: asked about first, out of use at once, told to the person step by step, and set up again later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.model import Health, Kind, Reply, State, Word
from bot.store.credentials import CredentialGone
from providers.base import Access, AccessType, Credential, Side
from tests.memory_slack import ADA, BOB, GRACE, Message
from tests.rig import HALF_AN_HOUR, MINUTE, Rig, play_google

BOBS = "bob@acme.example"


def asked(rig: Rig, by: str = BOB, **others: Any) -> Reply:
    reply = rig.answer(by, Word.REVOKE, **others)
    assert (reply.template, reply.context["stage"]) == ("revoke", "ask"), reply
    return reply


def revoke(rig: Rig, by: str = BOB, **others: Any) -> Reply:
    """As a person does: reads what will stop, then confirms it."""
    question = asked(rig, by, **{key: value for key, value in others.items() if key != "reason"})
    return rig.answer(by, Word.REVOKE, **{"argument": question.context["confirm"], **others})


def receipts(rig: Rig, user_id: str = BOB) -> list[Message]:
    return [each for each in rig.slack.to(user_id) if each.reply.template == "notices/revoke"]


def kinds(rig: Rig) -> list[Kind]:
    return [event.kind for event in rig.history()]


def connect_crm(rig: Rig) -> None:
    """A CRM beside the mailbox, of a provider that has no settings here any more."""
    with rig.store.write() as tx:
        key = Credential(account=BOBS, identity="org/bob", secret="canary of the CRM")
        number = tx.credentials.add(
            person_id=rig.person().id, provider="salesforce", credential=key, now=rig.clock.now()
        )
        tx.connections.connect(
            person_id=rig.person().id,
            side=Side.CRM,
            provider="salesforce",
            access=Access(AccessType.PRODUCTION),
            account=BOBS,
            identity="org/bob",
            credential_id=number,
            now=rig.clock.now() + timedelta(days=9),
            keep_cursor=False,
        )


def health(rig: Rig) -> dict[Side, Health]:
    found = rig.look(lambda tx: tx.connections.of(rig.person().id))
    return {side: connection.condition.health for side, connection in found.items()}


# Asking


def test_what_will_stop_is_said_and_nothing_has_changed(rig: Rig) -> None:
    rig.connected(BOB)
    before, events = rig.connection(), kinds(rig)
    [card] = asked(rig).context["cards"]
    assert (card.side, card.label, card.account) == (Side.MAILBOX, "Google", BOBS)
    rig.draw()
    assert (rig.connection(), kinds(rig), receipts(rig)) == (before, events, [])


@pytest.mark.parametrize("target", ["", "mailbox", "google", "all"])
def test_one_side_is_meant_however_it_is_named(rig: Rig, target: str) -> None:
    rig.connected(BOB)
    assert revoke(rig, target=target).context["stage"] == "started"
    assert rig.connection().condition.health is Health.REVOKING


def test_where_there_is_nothing_it_says_so(rig: Rig) -> None:
    assert rig.answer(BOB, Word.REVOKE).context["stage"] == "nothing"
    assert rig.answer(BOB, Word.REVOKE, target="salesforce").template == "not_offered"


def test_what_was_not_shown_is_not_revoked(rig: Rig) -> None:
    rig.connected(BOB)
    shown = asked(rig).context["confirm"]
    rig.connect(BOB)
    reply = rig.answer(BOB, Word.REVOKE, argument=shown)
    assert reply.context["stage"] == "changed"
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.answer(BOB, Word.REVOKE, argument=reply.context["confirm"]).context["stage"] == "started"


@pytest.mark.parametrize("argument", ["now", "-", "0", "9" * 30, "'; --"])
def test_a_made_up_confirmation_revokes_nothing(rig: Rig, argument: str) -> None:
    rig.connected(BOB)
    assert rig.answer(BOB, Word.REVOKE, argument=argument).context["stage"] == "changed"
    assert rig.connection().condition.health is Health.ACTIVE


# Two sides


def test_of_two_sides_which_one_is_asked(rig: Rig) -> None:
    rig.connected(BOB)
    connect_crm(rig)
    question = asked(rig)
    assert [card.side for card in question.context["cards"]] == [Side.MAILBOX, Side.CRM]
    confirm = question.context["confirm"]
    assert rig.answer(BOB, Word.REVOKE, argument=confirm).context["stage"] == "ask", "which one was not said"
    assert rig.answer(BOB, Word.REVOKE, argument=confirm, target="crm").context["stage"] == "started"
    assert health(rig) == {Side.MAILBOX: Health.ACTIVE, Side.CRM: Health.REVOKING}


def test_both_are_revoked_together_and_each_has_its_receipt(rig: Rig) -> None:
    rig.connected(BOB)
    connect_crm(rig)
    revoke(rig, target="all")
    assert set(health(rig).values()) == {Health.REVOKING}
    rig.draw()
    assert [each["side"] for each in receipts(rig)] == [Side.MAILBOX, Side.CRM]


# Confirmed


def test_nobody_can_use_it_from_that_moment(rig: Rig) -> None:
    rig.connected(BOB)
    number = rig.connection().credential_id or 0
    assert rig.look(lambda tx: tx.credentials.load(number)).credential.account == BOBS
    revoke(rig)
    with pytest.raises(CredentialGone):
        rig.look(lambda tx: tx.credentials.load(number))
    with pytest.raises(CredentialGone), rig.store.write() as tx:
        tx.credentials.take_lease(number, owner="anybody", real=rig.clock.real())
    connection = rig.connection()
    assert (connection.condition.health, connection.credential_id, connection.cursor) == (Health.REVOKING, None, "")
    assert rig.person().next_run_at is None
    before = len(rig.google.requests)
    rig.kit.clock.move(timedelta(days=1))
    rig.sync()
    rig.heartbeats.work()
    assert len(rig.google.requests) == before


def test_the_history_and_the_receipt_tell_it(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    rig.draw()
    [receipt] = receipts(rig)
    assert (receipt["label"], receipt["account"], receipt["ending"], receipt["ended_at"]) == ("Google", BOBS, "", None)
    assert (rig.clock.now() - receipt["stopped_at"] < MINUTE, receipt["admin"]) == (True, "")
    assert kinds(rig)[-2:] == [Kind.REVOKING, Kind.NOTICE_SENT]


@pytest.mark.parametrize("word", [Word.STATUS, Word.CHECK, Word.REFRESH, Word.SYNC])
def test_while_it_ends_every_word_says_so(rig: Rig, word: Word) -> None:
    rig.connected(BOB)
    revoke(rig)
    before = len(rig.google.requests)
    reply = rig.answer(BOB, word)
    card = reply.context["cards"][0]
    assert (card.state, card.doors, card.cause) == (State.REVOKING, (), None)
    assert reply.context.get("did", "status") == "status"
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "nothing"
    assert len(rig.google.requests) == before


def test_while_it_ends_nothing_else_is_chosen_and_it_is_not_revoked_twice(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    change = rig.answer(BOB, Word.CHANGE)
    assert (change.context["card"].state, change.context["card"].doors) == (State.REVOKING, ())
    assert change.context["options"] == []
    again = rig.answer(BOB, Word.REVOKE)
    assert (again.context["stage"], again.context["cards"][0].state) == ("nothing", State.REVOKING)
    rig.draw()
    assert len(receipts(rig)) == 1


def test_a_look_that_is_under_way_ends_as_being_revoked(rig: Rig) -> None:
    rig.connected(BOB)

    def meanwhile() -> None:
        revoke(rig)

    rig.provider.happens("check", meanwhile)
    card = rig.answer(BOB, Word.CHECK).context["cards"][0]
    assert (card.state, card.cause) == (State.REVOKING, None)
    assert Kind.CHECK_FAILED not in kinds(rig)


# Suspended, paused


def test_what_is_suspended_can_be_revoked_and_its_message_says_that_it_is_over(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.settle()
    assert rig.failures()[0]["stage"] == "broken"
    revoke(rig)
    rig.draw()
    assert rig.failures()[0]["stage"] == "revoked"
    rig.pass_by(HALF_AN_HOUR)
    assert rig.connection().condition.health is Health.REVOKED
    assert len(rig.failures()) == 1


def test_a_failure_that_was_not_told_yet_is_not_told_any_more(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    revoke(rig)
    rig.settle()
    assert rig.failures() == []


def test_what_is_paused_can_be_revoked(rig: Rig) -> None:
    rig.connected(BOB)
    rig.answer(BOB, Word.SYNC, argument="pause")
    revoke(rig)
    assert rig.answer(BOB, Word.STATUS).context["cards"][0].state is State.REVOKING


def test_a_welcome_that_waits_for_its_first_sync_waits_no_more(rig: Rig) -> None:
    rig.connect(BOB)
    rig.draw()
    revoke(rig)
    rig.draw()
    [welcome] = [each for each in rig.slack.to(BOB) if each.reply.template == "notices/connected"]
    assert welcome["stage"] == "revoked"


# An admin, for somebody


def test_an_admin_needs_a_reason_and_bob_is_told_it(rig: Rig) -> None:
    rig.connected(BOB)
    confirm = asked(rig, ADA, subject=BOB).context["confirm"]
    assert rig.answer(ADA, Word.REVOKE, subject=BOB, argument=confirm).context["stage"] == "ask"
    assert rig.connection().condition.health is Health.ACTIVE
    reply = rig.answer(ADA, Word.REVOKE, subject=BOB, argument=confirm, reason="left the team")
    assert (reply.context["stage"], reply.context["who"].name) == ("started", "Bob")
    rig.draw()
    [receipt] = receipts(rig)
    assert (receipt["admin"], receipt["reason"]) == ("Ada", "left the team")
    told = next(event for event in rig.history() if event.kind is Kind.REVOKING)
    assert (told.actor_id, told.detail) == (rig.person(ADA).id, "left the team")


def test_a_reason_that_was_typed_stands_in_the_form(rig: Rig) -> None:
    rig.connected(BOB)
    assert rig.answer(ADA, Word.REVOKE, subject=BOB, reason="left").context["reason"] == "left"


def test_somebody_else_may_not(rig: Rig) -> None:
    rig.connected(BOB)
    confirm = asked(rig).context["confirm"]
    reply = rig.answer(GRACE, Word.REVOKE, subject=BOB, argument=confirm, reason="because")
    assert reply.template == "refused"
    assert rig.connection().condition.health is Health.ACTIVE


def test_an_admins_number_for_bob_is_no_confirmation_for_herself(rig: Rig) -> None:
    rig.connected(BOB, ADA)
    confirm = asked(rig).context["confirm"]
    assert rig.answer(ADA, Word.REVOKE, argument=confirm).context["stage"] == "changed"
    assert rig.connection(ADA).condition.health is Health.ACTIVE


# Afterwards


def test_it_can_be_set_up_again(rig: Rig) -> None:
    rig.mail(3)
    rig.connected(BOB)
    revoke(rig)
    rig.revocations.work()
    mailbox = rig.answer(BOB, Word.STATUS).context["cards"][0]
    assert (mailbox.state, [door.word for door in mailbox.doors]) == (State.REVOKED, [Word.REFRESH])
    rig.mail(2)
    assert rig.connect(BOB, invitation=mailbox.doors[0].id).template == "done"
    rig.sync()
    rig.draw()
    assert rig.connection().condition.health is Health.ACTIVE
    assert rig.connection().items == 5, "all is read afresh: what was there before, and what is new"
    assert rig.slack.kinds(BOB)[-1] == "connected"
    assert kinds(rig).count(Kind.CONNECTED) == 2


def test_another_account_can_be_set_up_after_it(rig: Rig) -> None:
    rig.google.add_account("robert@acme.example", password="of Robert")
    rig.connected(BOB)
    rig.slack.change(BOB, email="robert@acme.example")
    revoke(rig)
    rig.revocations.work()
    assert rig.connect(BOB, invitation=rig.door(BOB), account="robert@acme.example").template == "done"
    assert rig.connection().account == "robert@acme.example"


def test_a_sign_in_that_was_begun_before_does_not_bring_it_back(rig: Rig) -> None:
    rig.connected(BOB)
    session, url = rig.visit(BOB)
    assert revoke(rig).context["stage"] == "started"
    reply = rig.sign_in.callback("google", play_google(url, BOBS), session)
    assert reply.template == "refused"
    assert health(rig) == {Side.MAILBOX: Health.REVOKING}
