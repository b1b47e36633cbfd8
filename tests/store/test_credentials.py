"""Credentials: bound to their row, renewed by one at a time, gone when destroyed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.model import Person
from bot.store.credentials import LEASE, CredentialGone, Lease
from bot.store.database import Store
from bot.store.vault import SecretUnreadable
from tests.store.kit import BOBS_KEY, MINUTE, NOON, connected, met, raw

RENEWED = replace(BOBS_KEY, secret="renewed secret", expires_at=None, aliases=())


@pytest.fixture
def key(store: Store, bob: Person) -> int:
    return connected(store, bob).credential_id or 0


def leased(store: Store, key: int, *, owner: str = "desk", after: int = 0) -> Lease:
    with store.write() as tx:
        lease = tx.credentials.take_lease(key, owner=owner, real=NOON + after * MINUTE)
    assert lease is not None
    return lease


def test_it_comes_back_as_it_was(store: Store, bob: Person, key: int) -> None:
    with store.read() as tx:
        stored = tx.credentials.load(key)
    assert stored.credential == BOBS_KEY
    assert (stored.person_id, stored.provider, stored.version, stored.fence) == (bob.id, "google", 1, 0)
    assert BOBS_KEY.secret not in repr(stored)


@pytest.mark.parametrize("column", ["secret", "person_id", "provider", "version"])
def test_a_row_put_in_place_of_another_does_not_open(tmp_path: Path, store: Store, key: int, column: str) -> None:
    ada = met(store, "Ada")
    other = replace(BOBS_KEY, secret="Ada's", account="ada@acme.example")
    theirs = connected(store, ada, provider="microsoft", credential=other).credential_id
    with store.write() as tx:
        lease = tx.credentials.take_lease(theirs or 0, owner="desk", real=NOON)
        assert lease is not None
        assert tx.credentials.store_renewed(lease, other, now=NOON)
    swap = f"UPDATE credential SET {column} = (SELECT {column} FROM credential WHERE id = ?) WHERE id = ?"  # noqa: S608 - a column of the table above
    raw(tmp_path, swap, theirs, key)
    with store.read() as tx, pytest.raises(SecretUnreadable):
        tx.credentials.load(key)


def test_an_older_secret_put_back_does_not_open(tmp_path: Path, store: Store, key: int) -> None:
    [(old,)] = raw(tmp_path, "SELECT secret FROM credential")
    with store.write() as tx:
        lease = tx.credentials.take_lease(key, owner="desk", real=NOON)
        assert lease is not None
        tx.credentials.store_renewed(lease, RENEWED, now=NOON)
    raw(tmp_path, "UPDATE credential SET secret = ?", old)
    with store.read() as tx, pytest.raises(SecretUnreadable):
        tx.credentials.load(key)


def test_a_renewed_secret_is_a_new_version_and_ends_doubt_and_lease(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        assert tx.credentials.in_doubt(lease, NOON)
        assert tx.credentials.load(key).in_doubt_at == NOON
        assert tx.credentials.store_renewed(lease, RENEWED, now=NOON + MINUTE)
        stored = tx.credentials.load(key)
        assert tx.credentials.take_lease(key, owner="runner", real=NOON) is not None
    assert (stored.credential, stored.version, stored.in_doubt_at) == (RENEWED, 2, None)
    assert stored.changed_at == NOON + MINUTE


def test_two_do_not_hold_a_lease_at_once_whoever_they_are(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        assert tx.credentials.take_lease(key, owner="runner", real=NOON) is None
        assert tx.credentials.take_lease(key, owner="desk", real=NOON) is None
        tx.credentials.release(lease)
        assert tx.credentials.take_lease(key, owner="runner", real=NOON) is not None


def test_a_lease_that_ran_out_is_anothers_and_its_holder_writes_nothing(store: Store, key: int) -> None:
    slow = leased(store, key)
    assert slow.until == NOON + LEASE
    with store.write() as tx:
        tx.credentials.in_doubt(slow, NOON)
    quick = leased(store, key, owner="runner", after=2)
    assert quick.fence == slow.fence + 1
    with store.write() as tx:
        assert not tx.credentials.store_renewed(slow, RENEWED, now=NOON)
        assert not tx.credentials.in_doubt(slow, NOON)
        tx.credentials.clear_doubt(slow)
        tx.credentials.release(slow)
        assert tx.credentials.load(key).in_doubt_at == NOON
        assert tx.credentials.take_lease(key, owner="third", real=NOON + 2 * MINUTE) is None
        assert tx.credentials.store_renewed(quick, RENEWED, now=NOON)


def test_change_and_revoke_stop_a_renewal_that_is_under_way(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.raise_fence(key)
        assert not tx.credentials.store_renewed(lease, RENEWED, now=NOON)
        assert tx.credentials.load(key).credential == BOBS_KEY


def test_a_lease_alone_leaves_the_secret_readable(store: Store, key: int) -> None:
    leased(store, key)
    with store.read() as tx:
        assert tx.credentials.load(key).version == 1


def test_a_doubt_survives_until_it_is_cleared(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.in_doubt(lease, NOON)
        tx.credentials.release(lease)
    with store.write() as tx:
        assert tx.credentials.load(key).in_doubt_at == NOON
        tx.credentials.clear_doubt(lease)
        assert tx.credentials.load(key).in_doubt_at is None


def test_what_is_destroyed_cannot_be_loaded_leased_or_written_again(tmp_path: Path, store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.destroy(key)
        assert not tx.credentials.store_renewed(lease, RENEWED, now=NOON)
        with pytest.raises(CredentialGone):
            tx.credentials.load(key)
        with pytest.raises(CredentialGone):
            tx.credentials.take_lease(key, owner="desk", real=NOON)
    assert raw(tmp_path, "SELECT secret FROM credential") == [(None,)]


def test_the_idle_credentials_of_paused_people_are_found(store: Store, bob: Person, key: int) -> None:
    connected(store, met(store, "Grace"))
    with store.write() as tx:
        mine = tx.connections.of(bob.id).popitem()[1].id
        assert tx.credentials.stale_of_paused(NOON + MINUTE) == []
        tx.people.pause(bob.id, NOON)
        assert tx.credentials.stale_of_paused(NOON + MINUTE) == [mine]
        assert tx.credentials.stale_of_paused(NOON) == []
        tx.credentials.destroy(key)
        assert tx.credentials.stale_of_paused(NOON + MINUTE) == []


def test_a_renewal_under_way_is_seen(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        assert tx.credentials.leased(key, NOON)
        assert not tx.credentials.leased(key, NOON + 2 * MINUTE)
        tx.credentials.release(lease)
        assert not tx.credentials.leased(key, NOON)


def test_at_start_the_leases_of_the_dead_are_dropped_and_their_doubts_stay(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.in_doubt(lease, NOON)
        tx.credentials.drop_leases()
        assert tx.credentials.load(key).in_doubt_at == NOON
        assert tx.credentials.take_lease(key, owner="runner", real=NOON) is not None
        assert not tx.credentials.store_renewed(lease, RENEWED, now=NOON)


# Given up


def given_up(store: Store, *, after: int = 0) -> list[int]:
    with store.read() as tx:
        return tx.credentials.given_up(now=NOON + after * MINUTE, real=NOON + after * MINUTE, limit=9)


def give_up(store: Store, key: int) -> None:
    with store.write() as tx:
        tx.credentials.give_up(key, NOON)


def test_what_is_given_up_is_gone_for_all_but_its_end(store: Store, key: int) -> None:
    assert given_up(store) == []
    give_up(store, key)
    with store.read() as tx, pytest.raises(CredentialGone):
        tx.credentials.load(key)
    with store.write() as tx, pytest.raises(CredentialGone):
        tx.credentials.take_lease(key, owner="desk", real=NOON)
    with store.read() as tx:
        assert tx.credentials.load_given_up(key).credential == BOBS_KEY
    assert given_up(store) == [key]


def test_what_is_in_use_is_not_to_be_ended(store: Store, key: int) -> None:
    with store.read() as tx, pytest.raises(CredentialGone):
        tx.credentials.load_given_up(key)


def test_who_holds_its_lease_writes_nothing_into_use(store: Store, key: int) -> None:
    lease = leased(store, key)
    give_up(store, key)
    with store.write() as tx:
        assert not tx.credentials.in_doubt(lease, NOON)
        assert not tx.credentials.store_renewed(lease, RENEWED, now=NOON)


def test_what_a_renewal_brings_too_late_is_what_must_be_ended(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.in_doubt(lease, NOON)
    give_up(store, key)
    assert given_up(store) == [], "the renewal is waited for"
    with store.write() as tx:
        tx.credentials.store_too_late(key, RENEWED, now=NOON)
    assert given_up(store) == [key]
    with store.read() as tx:
        assert tx.credentials.load_given_up(key).credential == RENEWED


def test_a_renewal_that_never_ends_is_waited_for_half_a_minute(store: Store, key: int) -> None:
    lease = leased(store, key)
    with store.write() as tx:
        tx.credentials.in_doubt(lease, NOON)
    give_up(store, key)
    assert given_up(store, after=1) == [key]


def test_too_late_for_one_that_is_in_use_or_destroyed_writes_nothing(store: Store, key: int) -> None:
    with store.write() as tx:
        tx.credentials.store_too_late(key, RENEWED, now=NOON)
        assert tx.credentials.load(key).credential == BOBS_KEY
        tx.credentials.give_up(key, NOON)
        tx.credentials.destroy(key)
        tx.credentials.store_too_late(key, RENEWED, now=NOON)
        with pytest.raises(CredentialGone):
            tx.credentials.load_given_up(key)


def test_each_try_is_counted_and_the_next_is_later(store: Store, key: int) -> None:
    give_up(store, key)
    with store.write() as tx:
        tx.credentials.revoke_later(key, NOON + 5 * MINUTE)
        assert tx.credentials.revoke_attempts(key) == 1
    assert given_up(store, after=4) == []
    assert given_up(store, after=5) == [key]


def test_what_was_ended_and_destroyed_is_no_longer_due(tmp_path: Path, store: Store, key: int) -> None:
    give_up(store, key)
    with store.write() as tx:
        tx.credentials.destroy(key)
        tx.credentials.give_up(key, NOON)
        tx.credentials.revoke_later(key, NOON)
    assert given_up(store, after=99) == []
    assert raw(tmp_path, "SELECT secret, revoke_at FROM credential WHERE id = ?", key) == [(None, None)]


def test_what_comes_from_a_backup_is_in_doubt_and_asks_the_token_endpoint_next(store: Store, bob: Person) -> None:
    key = connected(store, bob).credential_id or 0
    with store.write() as tx:
        tx.credentials.doubt_all(now=NOON, real=NOON + MINUTE)
        stored = tx.credentials.load(key)
    assert stored.in_doubt_at == NOON + MINUTE
    assert stored.credential == replace(BOBS_KEY, expires_at=NOON)


def test_a_password_from_a_backup_is_in_no_doubt(store: Store, bob: Person) -> None:
    """It is right or wrong: one look tells, and a refused one is never sent again."""
    key = connected(store, bob, provider="exchange", credential=replace(BOBS_KEY, expires_at=None)).credential_id or 0
    with store.write() as tx:
        tx.credentials.doubt_all(now=NOON, real=NOON)
        stored = tx.credentials.load(key)
    assert (stored.version, stored.in_doubt_at) == (1, None)
