"""Invitations, sessions and flows: a sign-in is bound to one browser and used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from bot.model import Person, Word
from bot.store.database import Store
from providers.base import Access, AccessType, Side
from tests.store.kit import BOBS_KEY, GMAIL, MINUTE, NOON, begun, invited, signed_in


def test_the_same_invitation_has_the_same_address(store: Store, ada: Person, bob: Person) -> None:
    meant: dict[str, Any] = {
        "person_id": bob.id,
        "side": Side.MAILBOX,
        "word": Word.REFRESH,
        "provider": "google",
        "access": GMAIL,
    }
    others: list[dict[str, Any]] = [
        {"person_id": ada.id},
        {"side": Side.CRM},
        {"word": Word.CHANGE},
        {"provider": "exchange"},
        {"access": Access(AccessType.EXCHANGE)},
        {"access": Access(AccessType.GOOGLE, "mail.acme.example")},
        {"asked_by": ada.id},
        {"hint": "robert@acme.example"},
    ]
    with store.write() as tx:
        first = tx.invitations.for_side(**meant, now=NOON)
        again = tx.invitations.for_side(**meant, now=NOON + MINUTE)
        ids = {tx.invitations.for_side(**{**meant, **other}, now=NOON).id for other in others}
        assert tx.invitations.get(first.id) == again == first
        assert tx.invitations.get("guess") is None
    assert len(ids - {first.id}) == len(others)
    assert len(first.id) == 22


def test_a_session_is_found_by_its_token_for_twelve_hours(store: Store, bob: Person) -> None:
    session = signed_in(store, bob, "browser")
    with store.write() as tx:
        found = tx.sessions.find("browser", NOON + timedelta(hours=11, minutes=59))
        assert found is not None
        assert (found.id, found.user_id, found.csrf) == (session, bob.user_id, "form")
        assert tx.sessions.find("browser", NOON + timedelta(hours=12)) is None
        assert tx.sessions.find("other", NOON) is None
        tx.sessions.end(session)
        assert tx.sessions.find("browser", NOON) is None


def test_a_flow_is_used_once(store: Store, bob: Person) -> None:
    session = signed_in(store, bob)
    id = begun(store, bob, state="state", session=session)
    with store.write() as tx:
        flow = tx.flows.take("state", session_id=session, real=NOON)
        assert flow is not None
        assert (flow.id, flow.remember) == (id, "the verifier")
        assert flow.invitation == tx.invitations.get(flow.invitation.id)
        assert tx.flows.take("state", session_id=session, real=NOON) is None
        assert tx.flows.look("state", session_id=session, real=NOON) == "used"


@pytest.mark.parametrize(
    ("state", "whose", "after", "seen"),
    [
        ("state", "mine", 9, "open"),
        ("state", "mine", 10, "expired"),
        ("state", "theirs", 0, "foreign"),
        ("state", "theirs", 10, "foreign"),
        ("guess", "mine", 0, "unknown"),
    ],
)
def test_a_flow_is_refused_to_others_and_to_the_late(
    store: Store, ada: Person, bob: Person, state: str, whose: str, after: int, seen: str
) -> None:
    sessions = {"mine": signed_in(store, bob, "bob's"), "theirs": signed_in(store, ada, "ada's")}
    begun(store, bob, state="state", session=sessions["mine"])
    real = NOON + after * MINUTE
    with store.write() as tx:
        assert tx.flows.look(state, session_id=sessions[whose], real=real) == seen
        taken = tx.flows.take(state, session_id=sessions[whose], real=real)
    assert (taken is not None) == (seen == "open")


def test_of_two_racing_takes_one_wins(store: Store, bob: Person) -> None:
    session = signed_in(store, bob)
    invitation = invited(store, bob)
    with store.write() as tx:
        for number in range(200):
            tx.flows.begin(invitation_id=invitation, session_id=session, state=f"s{number}", remember="", real=NOON)
    gate = Barrier(2)

    def race(_: int) -> list[bool]:
        won = []
        for number in range(200):
            gate.wait(timeout=30)
            with store.write() as tx:
                won.append(tx.flows.take(f"s{number}", session_id=session, real=NOON) is not None)
        return won

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(race, range(2))
    assert [a + b for a, b in zip(one, other, strict=True)] == [1] * 200


def test_unfinished_flows_are_told_once(store: Store, bob: Person) -> None:
    session = signed_in(store, bob)
    left = begun(store, bob, state="left", session=session)
    begun(store, bob, state="used", session=session)
    with store.write() as tx:
        tx.flows.take("used", session_id=session, real=NOON)
        assert tx.flows.unfinished(NOON + 9 * MINUTE) == []
        found = tx.flows.unfinished(NOON + 10 * MINUTE)
        assert [(flow.id, flow.remember) for flow in found] == [(left, "")]
        tx.flows.told(left)
        assert tx.flows.unfinished(NOON + 10 * MINUTE) == []


def test_another_address_waits_for_its_owners_word(store: Store, ada: Person, bob: Person) -> None:
    session, foreign = signed_in(store, bob, "bob's"), signed_in(store, ada, "ada's")
    id = begun(store, bob, state="state", session=session)
    proven = replace(BOBS_KEY, account="bobby@acme.example")
    with store.write() as tx:
        assert tx.flows.answer(id, session, NOON) is None
        tx.flows.take("state", session_id=session, real=NOON)
        tx.flows.ask(id, proven, NOON + 10 * MINUTE)
        assert tx.flows.answer(id, foreign, NOON) is None
        assert tx.flows.answer(id, session, NOON + 10 * MINUTE) is None
        answered = tx.flows.answer(id, session, NOON + 9 * MINUTE)
        assert answered is not None
        assert (answered[0].id, answered[1]) == (id, proven)
        assert tx.flows.answer(id, session, NOON + 9 * MINUTE) is None
