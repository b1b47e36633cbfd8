"""The history and the small books beside it: complete, in order, and any tampering shows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import Cause, Culprit, Event, Kind, Person
from bot.store.database import Store
from bot.store.events import ChainBroken
from providers.base import Reason, Side
from tests.store.kit import MINUTE, NOON, raw

WHY = Cause(Culprit.PERSON, Reason.PASSWORD_CHANGED, code="50173", trace="t-1")


@pytest.fixture
def told(store: Store, ada: Person, bob: Person) -> list[Event]:
    events = [
        Event(Kind.SYNCED, NOON, bob.id, side=Side.MAILBOX, provider="google", number=7),
        Event(Kind.SUSPENDED, NOON + MINUTE, bob.id, side=Side.MAILBOX, provider="google", cause=WHY),
        Event(Kind.LOOKED, NOON + 2 * MINUTE, bob.id, actor_id=ada.id, detail="status"),
        Event(Kind.SYNCED, NOON + 3 * MINUTE, bob.id, side=Side.CRM, provider="salesforce", number=7),
        Event(Kind.INCIDENT_OPENED, NOON + 4 * MINUTE, provider="google", detail="Größe ☂"),
    ]
    with store.write() as tx:
        for event in events:
            tx.events.append(event)
    return events


def test_the_history_of_a_person_is_newest_first(store: Store, bob: Person, told: list[Event]) -> None:
    with store.read() as tx:
        found = tx.events.of_person(bob.id)
        assert [event.kind for event in found] == [Kind.SYNCED, Kind.LOOKED, Kind.SUSPENDED, Kind.SYNCED]
        assert found[2].cause == WHY
        assert tx.events.of_person(bob.id, limit=1) == found[:1]


def test_the_last_of_a_kind_and_side(store: Store, ada: Person, bob: Person, told: list[Event]) -> None:
    with store.read() as tx:
        mailbox, either = tx.events.last(bob.id, Kind.SYNCED, Side.MAILBOX), tx.events.last(bob.id, Kind.SYNCED)
        assert tx.events.last(ada.id, Kind.SYNCED) is None
    assert mailbox is not None
    assert either is not None
    assert (mailbox.at, either.at) == (NOON, NOON + 3 * MINUTE)


def test_an_untouched_chain_holds(store: Store, told: list[Event]) -> None:
    with store.read() as tx:
        assert tx.events.verify() == len(told)


@pytest.mark.parametrize(
    ("tampering", "shows_at"),
    [
        ("UPDATE event SET detail = 'check' WHERE id = 3", 3),
        ("UPDATE event SET at = '2026-11-20 12:00:30.000000' WHERE id = 1", 1),
        ("UPDATE event SET actor_id = NULL WHERE id = 3", 3),
        ("UPDATE event SET code = '' WHERE id = 2", 2),
        ("UPDATE event SET number = 8 WHERE id = 4", 4),
        ("UPDATE event SET hash = 'x' WHERE id = 2", 2),
        ("DELETE FROM event WHERE id = 1", 2),
        ("DELETE FROM event WHERE id = 3", 4),
        ("DELETE FROM event WHERE id = 5", 5),
        ("DELETE FROM event", 1),
        ("UPDATE event SET id = 7 - id WHERE id IN (3, 4)", None),
        ("INSERT INTO event (id, at, kind, hash) VALUES (6, '2026-11-20 12:00:00.000000', 'synced', 'x')", 6),
    ],
)
def test_tampering_shows(tmp_path: Path, store: Store, told: list[Event], tampering: str, shows_at: int | None) -> None:
    if shows_at is None:  # Two lines change places.
        raw(tmp_path, "UPDATE event SET id = 99 WHERE id = 3")
        raw(tmp_path, "UPDATE event SET id = 3 WHERE id = 4")
        raw(tmp_path, "UPDATE event SET id = 4 WHERE id = 99")
    else:
        raw(tmp_path, tampering)
    with store.read() as tx, pytest.raises(ChainBroken) as broken:
        tx.events.verify()
    assert broken.value.event_id == (shows_at or 3)


def test_a_tail_cut_off_still_shows_after_the_next_line(tmp_path: Path, store: Store, told: list[Event]) -> None:
    raw(tmp_path, "DELETE FROM event WHERE id = 5")
    with store.write() as tx:
        tx.events.append(told[0])
        with pytest.raises(ChainBroken):
            tx.events.verify()


@pytest.mark.parametrize(("after", "kept"), [(0, 5), (2, 3), (60, 0)])
def test_the_chain_holds_when_its_beginning_is_swept(store: Store, told: list[Event], after: int, kept: int) -> None:
    with store.write() as tx:
        tx.events.sweep(NOON + after * MINUTE, 100)
        assert tx.events.verify() == kept
        tx.events.append(told[0])
        assert tx.events.verify() == kept + 1


def test_a_line_dated_back_keeps_nothing_from_being_swept_in_order(store: Store, told: list[Event]) -> None:
    """A clock that was set back leaves a young line before old ones: what follows the young one stays."""
    with store.write() as tx:
        tx.events.append(Event(Kind.SYNCED, NOON - timedelta(days=500)))
        tx.events.sweep(NOON, 100)
        assert tx.events.verify() == len(told) + 1


def test_the_same_delivery_is_new_once(store: Store) -> None:
    with store.write() as tx:
        assert [tx.seen.first_time(key, NOON) for key in ("a", "a", "b")] == [True, False, True]


def test_settings_are_kept_and_replaced(store: Store) -> None:
    with store.write() as tx:
        assert tx.settings.get("mood") is None
        tx.settings.put("mood", "good")
        tx.settings.put("mood", "better")
        assert tx.settings.get("mood") == "better"


def test_the_account_used_last_comes_first(store: Store, bob: Person) -> None:
    with store.write() as tx:
        for minute, account in enumerate(["a@acme.example", "b@acme.example", "a@acme.example"]):
            tx.accounts.used(bob.id, "google", account, NOON + minute * MINUTE)
        assert tx.accounts.of(bob.id) == [("google", "a@acme.example"), ("google", "b@acme.example")]
