"""Connections: what signing in replaces, what it keeps, and the questions asked of many at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Cause, Condition, Connection, Culprit, Health, Person
from bot.store.database import Store
from providers.base import Reason, Side
from tests.store.kit import BOBS_KEY, MINUTE, NOON, connected, met

REVOKED = Cause(Culprit.PERSON, Reason.CREDENTIALS_REVOKED, code="invalid_grant", trace="t-1")
DEAD = Condition(Health.SUSPENDED, REVOKED, failures=3, rejections=6, struck_at=NOON, since=NOON, last_ok_at=NOON)
HALF_AN_HOUR = 30 * MINUTE


def conditioned(store: Store, connection: Connection, condition: Condition) -> Connection:
    with store.write() as tx:
        tx.connections.set_condition(connection.id, condition)
        return tx.connections.get(connection.id)


def used(store: Store, connection: Connection) -> None:
    with store.write() as tx:
        tx.connections.save_page(connection.id, cursor="page 2", items=5)
        tx.connections.save_page(connection.id, cursor="page 3", items=2)


def test_a_new_connection_is_active_and_due_at_once(store: Store, bob: Person) -> None:
    connection = connected(store, bob)
    assert connection.condition == Condition(next_try_at=NOON)
    assert (connection.account, connection.cursor, connection.items) == ("bob@acme.example", "", 0)
    with store.read() as tx:
        assert tx.connections.of(bob.id) == {Side.MAILBOX: connection}
        assert tx.people.get(bob.id).next_run_at == NOON


def test_a_condition_comes_back_whole(store: Store, bob: Person) -> None:
    assert conditioned(store, connected(store, bob), DEAD).condition == DEAD


def test_signing_in_again_heals_and_keeps_what_belongs_to_the_account(store: Store, bob: Person) -> None:
    before = connected(store, bob)
    used(store, before)
    conditioned(store, before, DEAD)
    after = connected(store, bob, at=NOON + MINUTE, keep_cursor=True)
    assert after.condition == Condition(next_try_at=NOON + MINUTE, last_ok_at=NOON)
    assert (after.id, after.cursor, after.items, after.connected_at) == (before.id, "page 3", 7, NOON)
    assert after.credential_id != before.credential_id
    with store.read() as tx:
        assert tx.connections.recovered_items(after.id) == 0


def test_change_to_another_account_begins_anew(store: Store, bob: Person) -> None:
    before = connected(store, bob)
    used(store, before)
    other = replace(BOBS_KEY, identity="microsoft-1", account="robert@acme.example")
    after = connected(store, bob, provider="microsoft", credential=other, at=NOON + MINUTE)
    assert (after.id, after.provider, after.account) == (before.id, "microsoft", "robert@acme.example")
    assert (after.cursor, after.items, after.connected_at) == ("", 0, NOON + MINUTE)


def test_recovered_items_count_since_they_were_told(store: Store, bob: Person) -> None:
    connection = connected(store, bob)
    used(store, connection)
    with store.write() as tx:
        assert tx.connections.recovered_items(connection.id) == 7
        tx.connections.clear_recovered(connection.id)
        tx.connections.save_page(connection.id, cursor="page 4", items=1)
        assert tx.connections.recovered_items(connection.id) == 1
        assert tx.connections.get(connection.id).items == 8


def test_what_was_copied_is_counted_where_it_came_from_and_where_it_went(store: Store, bob: Person) -> None:
    mailbox, crm = connected(store, bob), connected(store, bob, side=Side.CRM, provider="salesforce")
    with store.write() as tx:
        tx.connections.save_page(mailbox.id, cursor="page 2", items=5)
        tx.connections.copied(crm.id, 5)
        assert [tx.connections.get(each.id).items for each in (mailbox, crm)] == [5, 5]
        assert [tx.connections.get(each.id).cursor for each in (mailbox, crm)] == ["page 2", ""]


@pytest.mark.parametrize(
    ("condition", "sooner"),
    [
        (Condition(next_try_at=NOON + HALF_AN_HOUR), True),
        (Condition(next_try_at=NOON - MINUTE), False),
        (Condition(failures=2, next_try_at=NOON + HALF_AN_HOUR), False),
        (Condition(struck_at=NOON, next_try_at=NOON + HALF_AN_HOUR), False),
        (replace(DEAD, next_try_at=NOON + HALF_AN_HOUR), False),
        (DEAD, False),
    ],
)
def test_only_a_mailbox_that_works_copies_again_sooner(
    store: Store, bob: Person, condition: Condition, sooner: bool
) -> None:
    mailbox = conditioned(store, connected(store, bob), condition)
    with store.write() as tx:
        tx.connections.copy_again(bob.id, NOON)
        after = tx.connections.get(mailbox.id).condition
        assert after == (replace(condition, next_try_at=NOON) if sooner else condition)
        assert tx.people.get(bob.id).next_run_at == after.next_try_at


def test_after_an_outage_of_a_crm_the_mailboxes_beside_it_are_due_too(store: Store, bob: Person) -> None:
    mailbox, crm = connected(store, bob), connected(store, bob, side=Side.CRM, provider="salesforce")
    for each in (mailbox, crm):
        conditioned(store, each, Condition(next_try_at=NOON + HALF_AN_HOUR))
    with store.write() as tx:
        tx.connections.due_everything("salesforce", NOON, MINUTE)
        assert {each.condition.next_try_at for each in tx.connections.of(bob.id).values()} == {NOON}


@pytest.mark.parametrize(
    ("culprit", "counted"),
    [(Culprit.PERSON, 1), (Culprit.ADMINISTRATOR, 1), (Culprit.NOBODY, 0), (Culprit.OPERATOR, 0)],
)
def test_only_what_people_must_mend_turned_bad(store: Store, bob: Person, culprit: Culprit, counted: int) -> None:
    conditioned(store, connected(store, bob), replace(DEAD, cause=replace(REVOKED, culprit=culprit)))
    connected(store, met(store, "Grace"))
    with store.read() as tx:
        assert tx.connections.turned_bad_since("google", NOON) == counted
        assert tx.connections.turned_bad_since("google", NOON + MINUTE) == 0
        assert tx.connections.turned_bad_since("microsoft", NOON) == 0


def test_the_revoked_are_not_counted(store: Store, bob: Person) -> None:
    connected(store, met(store, "Grace"))
    mine = connected(store, bob)
    with store.read() as tx:
        assert tx.connections.total("google") == 2
    conditioned(store, mine, Condition(Health.REVOKED))
    with store.read() as tx:
        assert tx.connections.total("google") == 1


def test_after_an_outage_all_are_due_but_not_at_once(store: Store) -> None:
    people = [met(store, name) for name in ("Ada", "Bob", "Grace", "Heidi")]
    each = [connected(store, person, at=NOON + HALF_AN_HOUR) for person in people]
    conditioned(store, each[3], Condition(Health.SUSPENDED))
    with store.write() as tx:
        tx.connections.due_everything("google", NOON, 9 * MINUTE)
        due = [tx.people.get(person.id).next_run_at for person in people]
    assert due == [NOON, NOON + 3 * MINUTE, NOON + 6 * MINUTE, None]


def test_the_probe_goes_round(store: Store, ada: Person, bob: Person) -> None:
    with store.read() as tx:
        assert tx.connections.next_probe("google") is None
    first, second = connected(store, ada), connected(store, bob, at=NOON + MINUTE)
    with store.read() as tx:
        assert tx.connections.next_probe("google") == first
    conditioned(store, first, Condition(next_try_at=NOON + 10 * MINUTE))
    with store.write() as tx:
        assert tx.connections.next_probe("google") == second
        tx.people.pause(bob.id, NOON)
        found = tx.connections.next_probe("google")
    assert found is not None
    assert found.id == first.id


def test_those_who_wait_for_an_administrator(store: Store, ada: Person, bob: Person) -> None:
    consent = Cause(Culprit.ADMINISTRATOR, Reason.NEEDS_ADMIN_APPROVAL)
    waiting = conditioned(store, connected(store, ada), Condition(Health.SUSPENDED, consent))
    conditioned(store, connected(store, bob), DEAD)
    with store.read() as tx:
        assert tx.connections.waiting_for_admin("google") == [waiting]


# Revoking


def revoking(store: Store, connection: Connection) -> Connection:
    with store.write() as tx:
        tx.connections.revoke(connection.id, connection.credential_id or 0, Condition(Health.REVOKING, since=NOON))
        return tx.connections.get(connection.id)


def test_a_side_that_is_revoked_lets_go_of_its_credential_and_keeps_no_cursor(store: Store, bob: Person) -> None:
    before = connected(store, bob)
    used(store, before)
    after = revoking(store, before)
    assert (after.condition.health, after.credential_id, after.cursor, after.items) == (Health.REVOKING, None, "", 0)
    assert (after.account, after.connected_at) == (before.account, before.connected_at)
    with store.read() as tx:
        assert tx.people.get(bob.id).next_run_at is None
        assert tx.connections.revoking(before.credential_id or 0) == after
        assert tx.connections.held_by("google", before.identity) == []


def test_when_it_has_ended_nothing_waits_for_it_any_more(store: Store, bob: Person) -> None:
    number = connected(store, bob).credential_id or 0
    with store.write() as tx:
        tx.connections.revoke(tx.connections.of(bob.id)[Side.MAILBOX].id, number, Condition(Health.REVOKING))
        tx.connections.revoked(tx.connections.of(bob.id)[Side.MAILBOX].id, Condition(Health.REVOKED))
        assert tx.connections.revoking(number) is None


def test_who_signs_in_anew_before_it_has_ended_waits_for_nothing(store: Store, bob: Person) -> None:
    before = connected(store, bob)
    revoking(store, before)
    after = connected(store, bob)
    with store.read() as tx:
        assert tx.connections.revoking(before.credential_id or 0) is None
        assert tx.connections.held_by("google", before.identity) == [after]


def test_an_account_is_found_whosever_it_is(store: Store, ada: Person, bob: Person) -> None:
    adas, bobs = connected(store, ada), connected(store, bob)
    with store.read() as tx:
        assert tx.connections.held_by("google", bobs.identity) == [adas, bobs]
        assert tx.connections.held_by("microsoft", bobs.identity) == []
        assert tx.connections.held_by("google", "somebody else") == []
