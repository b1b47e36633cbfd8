"""People: met once, due when their connections are, claimed by one run at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Condition, Health, Person, Profile
from bot.store.database import Store
from providers.base import Side
from tests.store.kit import MINUTE, NOON, connected, met

OWNER = "run-1"


def claimed(store: Store, *, after: int = 0, owner: str = OWNER, without: frozenset[str] = frozenset()) -> list[str]:
    at = NOON + after * MINUTE
    with store.write() as tx:
        found = tx.people.claim_due(now=at, real=at, owner=owner, limit=10, without=without)
    return [person.name for person in found]


def next_run(store: Store, person: Person) -> object:
    with store.read() as tx:
        return tx.people.get(person.id).next_run_at


def test_a_person_is_met_once_and_kept_up_to_date(store: Store, bob: Person) -> None:
    renamed = Profile(bob.team_id, bob.user_id, "Robert", "robert@acme.example", "Asia/Tokyo")
    with store.write() as tx:
        tx.people.pause(bob.id, NOON)
        again = tx.people.meet(renamed, NOON + MINUTE)
        assert tx.people.find(bob.team_id, bob.user_id) == again
        assert tx.people.find("T-other", bob.user_id) is None
        assert tx.people.all_ids() == [bob.id]
        assert tx.people.paused() == [again]
    assert again == replace(bob, name="Robert", email="robert@acme.example", timezone="Asia/Tokyo", paused_at=NOON)


def test_a_person_is_due_when_the_first_connection_is(store: Store, bob: Person) -> None:
    assert next_run(store, bob) is None
    mailbox = connected(store, bob)
    crm = connected(store, bob, side=Side.CRM, provider="salesforce")
    with store.write() as tx:
        tx.connections.set_condition(mailbox.id, Condition(next_try_at=NOON + 30 * MINUTE))
        tx.connections.set_condition(crm.id, Condition(health=Health.SUSPENDED, next_try_at=NOON + 5 * MINUTE))
    assert next_run(store, bob) == NOON + 5 * MINUTE
    with store.write() as tx:
        tx.connections.set_condition(crm.id, Condition(health=Health.REVOKING, next_try_at=NOON))
    assert next_run(store, bob) == NOON + 30 * MINUTE
    with store.write() as tx:
        tx.connections.set_condition(mailbox.id, Condition(health=Health.SUSPENDED))
    assert next_run(store, bob) is None


def test_a_due_person_is_claimed_once(store: Store, bob: Person) -> None:
    connected(store, bob)
    assert claimed(store) == ["Bob"]
    assert claimed(store, owner="run-2") == []
    assert claimed(store, after=1, owner="run-2") == []


def test_a_claim_that_ran_out_is_anothers(store: Store, bob: Person) -> None:
    connected(store, bob)
    claimed(store)
    assert claimed(store, after=2, owner="run-2") == ["Bob"]
    with store.write() as tx:
        assert not tx.people.keep_claim(bob.id, OWNER, NOON)
        tx.people.end_claim(bob.id, OWNER)
        assert tx.people.keep_claim(bob.id, "run-2", NOON + 3 * MINUTE)
    assert claimed(store, after=4, owner="run-3") == []


def test_the_end_of_a_claim_sets_the_next_run(store: Store, bob: Person) -> None:
    mailbox = connected(store, bob)
    claimed(store)
    with store.write() as tx:
        tx.people.due_now(bob.id, NOON)
        tx.connections.set_condition(mailbox.id, Condition(next_try_at=NOON + 30 * MINUTE))
        tx.people.end_claim(bob.id, OWNER)
        assert not tx.people.keep_claim(bob.id, OWNER, NOON)
    assert next_run(store, bob) == NOON + 30 * MINUTE


def test_nobody_is_claimed_before_their_time_or_while_paused(store: Store, bob: Person) -> None:
    connected(store, bob, at=NOON + MINUTE)
    assert claimed(store) == []
    with store.write() as tx:
        tx.people.pause(bob.id, NOON)
    assert claimed(store, after=5) == []
    with store.write() as tx:
        tx.people.resume(bob.id, NOON + 5 * MINUTE)
        assert tx.connections.of(bob.id)[Side.MAILBOX].condition.next_try_at == NOON + 5 * MINUTE
    assert claimed(store, after=5) == ["Bob"]


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (frozenset[str](), ["Bob"]),
        (frozenset({"google"}), ["Bob"]),
        (frozenset({"salesforce"}), ["Bob"]),
        (frozenset({"google", "salesforce"}), []),
    ],
)
def test_a_person_is_left_alone_only_when_all_that_is_due_would_fail(
    store: Store, bob: Person, without: frozenset[str], expected: list[str]
) -> None:
    connected(store, bob)
    connected(store, bob, side=Side.CRM, provider="salesforce")
    assert claimed(store, without=without) == expected


def test_what_is_not_due_does_not_count(store: Store, bob: Person) -> None:
    connected(store, bob)
    connected(store, bob, side=Side.CRM, provider="salesforce", at=NOON + 30 * MINUTE)
    assert claimed(store, without=frozenset({"google"})) == []


def test_who_asked_for_a_run_gets_one_though_nothing_is_due(store: Store, bob: Person) -> None:
    connected(store, bob, at=NOON + 30 * MINUTE)
    with store.write() as tx:
        tx.people.due_now(bob.id, NOON)
    assert claimed(store) == ["Bob"]


def test_the_most_overdue_come_first(store: Store, ada: Person, bob: Person) -> None:
    connected(store, ada, at=NOON - MINUTE)
    connected(store, bob, at=NOON - 2 * MINUTE)
    connected(store, met(store, "Grace"))
    assert claimed(store) == ["Bob", "Ada", "Grace"]


def test_by_hand_at_most_once_a_minute(store: Store, bob: Person) -> None:
    with store.write() as tx:
        asked = [tx.people.by_hand(bob.id, NOON + seconds * MINUTE / 60) for seconds in (0, 59, 60, 61)]
    assert asked == [True, False, True, False]


def test_one_person_is_claimed_though_not_due_unless_another_works_for_them(store: Store, bob: Person) -> None:
    with store.write() as tx:
        assert tx.people.claim_one(bob.id, owner=OWNER, real=NOON)
        assert not tx.people.claim_one(bob.id, owner="run-2", real=NOON + MINUTE)
        assert tx.people.claim_one(bob.id, owner="run-2", real=NOON + 2 * MINUTE)


def test_at_start_the_claims_of_the_dead_are_dropped(store: Store, bob: Person) -> None:
    connected(store, bob)
    claimed(store)
    with store.write() as tx:
        tx.people.drop_claims()
        assert not tx.people.keep_claim(bob.id, OWNER, NOON)
    assert claimed(store, owner="run-2") == ["Bob"]


def test_a_connection_made_due_makes_its_person_due(store: Store, bob: Person) -> None:
    mailbox = connected(store, bob, at=NOON + 30 * MINUTE)
    with store.write() as tx:
        tx.connections.due_now(mailbox.id, NOON)
        assert tx.connections.get(mailbox.id).condition.next_try_at == NOON
    assert next_run(store, bob) == NOON
