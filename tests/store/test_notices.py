"""Notices and incidents: one open for each key, drawn until it is as wanted, held while an incident holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.model import Address, Cause, Culprit, IncidentKind, Notice, NoticeKind, Person
from bot.store.database import Store
from providers.base import Reason
from tests.store.kit import MINUTE, NOON, raw

DOWN = Cause(Culprit.NOBODY, Reason.PROVIDER_DOWN, code="503")


def wanted(store: Store, person: Person, kind: NoticeKind = NoticeKind.FAILURE, **facts: Any) -> Notice:
    with store.write() as tx:
        key = f"{kind}:{person.id}"
        return tx.notices.open(kind=kind, key=key, to=person.user_id, person_id=person.id, facts=facts, now=NOON)


def sent(store: Store, notice: Notice, ts: str = "1.1") -> None:
    with store.write() as tx:
        tx.notices.drawn(notice.id, notice.wanted, channel="D1", ts=ts, now=NOON)


def behind(store: Store, after: int = 0) -> list[int]:
    with store.read() as tx:
        return [notice.id for notice in tx.notices.behind(now=NOON + after * MINUTE, limit=10)]


def incident(store: Store, kind: IncidentKind = IncidentKind.GUARD) -> int:
    with store.write() as tx:
        return tx.incidents.open(kind=kind, provider="google", cause=DOWN, now=NOON)[0].id


def test_one_key_has_one_open_notice(store: Store, bob: Person) -> None:
    first = wanted(store, bob, providers=["google"], day=0)
    again = wanted(store, bob, day=3)
    assert (again.id, again.wanted) == (first.id, 2)
    assert again.facts == {"providers": ["google"], "day": 3}
    with store.write() as tx:
        tx.notices.close(first.id, NOON)
        assert tx.notices.find_open(f"failure:{bob.id}") is None
    assert wanted(store, bob).id != first.id


def test_the_database_itself_refuses_a_second_open_one(store: Store, bob: Person) -> None:
    wanted(store, bob)
    with store._engine.connect() as database, pytest.raises(sa.exc.IntegrityError):
        database.execute(
            sa.text(
                'INSERT INTO notice (kind, "key", "to", wanted, opened_at, facts) '
                'SELECT kind, "key", "to", wanted, opened_at, facts FROM notice'
            )
        )


def test_a_notice_is_behind_until_the_wanted_revision_stands(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    assert behind(store) == [notice.id]
    with store.write() as tx:
        tx.notices.want(notice.id)
        tx.notices.drawn(notice.id, 1, channel="D1", ts="1.1", now=NOON)
    assert behind(store) == [notice.id]
    with store.write() as tx:
        tx.notices.drawn(notice.id, 2, channel="D1", ts="1.1", now=NOON)
    assert behind(store) == []


def test_the_oldest_comes_first(store: Store, ada: Person, bob: Person) -> None:
    ids = [wanted(store, bob).id, wanted(store, ada).id]
    with store.write() as tx:
        tx.notices.want(ids[0])
    assert behind(store) == ids


def test_a_first_notice_settles_and_a_failed_try_waits(store: Store, bob: Person) -> None:
    with store.write() as tx:
        notice = tx.notices.open(
            kind=NoticeKind.FAILURE, key="k", to=bob.user_id, person_id=bob.id, now=NOON, not_before=NOON + MINUTE
        )
    assert (behind(store), behind(store, after=1)) == ([], [notice.id])
    with store.write() as tx:
        tx.notices.retry(notice.id, NOON + 5 * MINUTE, 2)
        found = tx.notices.get(notice.id)
    assert found.attempts == 2
    assert (behind(store, after=4), behind(store, after=5)) == ([], [notice.id])


def test_an_undeliverable_one_is_left_alone_until_wanted_anew(tmp_path: Path, store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    with store.write() as tx:
        tx.notices.failed(notice.id, "user_not_found", NOON)
    assert behind(store) == []
    assert raw(tmp_path, "SELECT failed_code FROM notice") == [("user_not_found",)]
    wanted(store, bob)
    assert behind(store) == [notice.id]


def test_a_closed_one_is_still_drawn_to_its_end(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    sent(store, notice)
    with store.write() as tx:
        tx.notices.want(notice.id, {"recovered": 12})
        tx.notices.close(notice.id, NOON)
    assert behind(store) == [notice.id]


def test_a_failure_mended_before_anybody_heard_of_it_is_not_told(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    with store.write() as tx:
        tx.notices.want(notice.id, {"recovered": 12})
        tx.notices.close(notice.id, NOON)
    assert behind(store) == []


def test_a_message_that_is_gone_is_posted_anew(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    sent(store, notice)
    with store.write() as tx:
        tx.notices.gone(notice.id)
        found = tx.notices.get(notice.id)
    assert (found.channel, found.ts) == ("", "")
    assert behind(store) == [notice.id]


def test_a_reminder_moves_the_message(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    with store.write() as tx:
        assert tx.notices.move(notice.id) is None
    sent(store, notice)
    with store.write() as tx:
        assert tx.notices.move(notice.id) == Address("D1", "1.1")
    assert behind(store) == [notice.id]


def test_a_fact_can_be_noted_without_a_redraw(store: Store, bob: Person) -> None:
    notice = wanted(store, bob)
    with store.write() as tx:
        tx.notices.note(notice.id, {"stray": None})
        assert tx.notices.get(notice.id).facts["stray"] is None
        assert tx.notices.get(notice.id).wanted == notice.wanted
        assert tx.notices.find(notice.id + 1000) is None


def test_home_and_all_that_is_open_can_be_redrawn(store: Store, ada: Person, bob: Person) -> None:
    failure, home, others = wanted(store, bob), wanted(store, bob, NoticeKind.HOME), wanted(store, ada)
    for notice in (failure, home, others):
        sent(store, notice)
    with store.write() as tx:
        tx.notices.want_home(bob.id)
    assert behind(store) == [home.id]
    with store.write() as tx:
        tx.notices.want_for_person(bob.id)
        assert [notice.id for notice in tx.notices.of_kind_open(NoticeKind.HOME)] == [home.id]
    assert behind(store) == [failure.id, home.id]


def test_held_notices_wait_for_release(store: Store, ada: Person, bob: Person) -> None:
    told = wanted(store, ada, providers=["google"])
    sent(store, told)
    held = wanted(store, bob, providers=["salesforce", "google"])
    home = wanted(store, bob, NoticeKind.HOME, providers=["google"])
    wanted(store, ada)
    guard = incident(store)
    with store.write() as tx:
        tx.notices.hold("google", guard)
        assert tx.notices.held(guard) == 1
    assert behind(store) == [told.id, home.id]
    with store.write() as tx:
        assert tx.notices.release_held(guard) == 1
        assert tx.notices.held(guard) == 0
    assert behind(store) == [told.id, held.id, home.id]


def test_other_providers_notices_are_not_held(store: Store, ada: Person, bob: Person) -> None:
    wanted(store, ada, providers=["google-like"])
    wanted(store, bob)
    guard = incident(store)
    with store.write() as tx:
        tx.notices.hold("google", guard)
        assert tx.notices.held(guard) == 0


def test_dropped_notices_are_never_sent(store: Store, bob: Person) -> None:
    wanted(store, bob, providers=["google"])
    guard = incident(store)
    with store.write() as tx:
        tx.notices.hold("google", guard)
        assert tx.notices.drop_held(guard, NOON) == 1
        assert tx.notices.held(guard) == 0
    assert behind(store, after=60) == []


def test_one_trouble_is_one_incident(store: Store) -> None:
    with store.write() as tx:
        first, new = tx.incidents.open(kind=IncidentKind.OUTAGE, provider="google", cause=DOWN, now=NOON)
        again, second = tx.incidents.open(kind=IncidentKind.OUTAGE, provider="google", cause=None, now=NOON + MINUTE)
        other, _ = tx.incidents.open(kind=IncidentKind.OUTAGE, provider="microsoft", cause=None, now=NOON)
        assert (new, second, again) == (True, False, first)
        assert (first.cause, other.cause) == (DOWN, None)
        assert tx.incidents.all_open() == [first, other]
        tx.incidents.close(first.id, "recovered", NOON + MINUTE)
        assert tx.incidents.find_open(IncidentKind.OUTAGE, "google") is None
        closed = tx.incidents.get(first.id)
    assert closed is not None
    assert (closed.outcome, closed.closed_at) == ("recovered", NOON + MINUTE)
