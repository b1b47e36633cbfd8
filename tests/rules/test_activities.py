"""What of a mailbox a CRM is told, and about whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Person
from bot.rules.activities import AHEAD, LONGEST_KEY, LONGEST_SUBJECT, Own, activities, addresses, key_of
from providers.base import Activity, Item, Mail, Meeting

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOB, GRACE = "bob@acme.example", "grace@acme.example"
CARA, CHRIS = "cara@customer.example", "chris@customer.example"
CONTACTS = {CARA: "003CARA", CHRIS: "003CHRIS"}
PERSON = Person(
    id=1, team_id="T1", user_id="U0BOB", name="Bob", email=BOB, timezone="UTC",
    paused_at=None, next_run_at=None, synced_by_hand_at=None,
)  # fmt: skip
BOBS = Own.of(PERSON, "robert@acme.example", "Bob@Acme-Labs.example")
MAIL = Mail(id="<1@acme>", subject="Offer", sender=CARA, recipients=(BOB,), at=NOON)
MEETING = Meeting(id="m-1", subject="Demo", organizer=BOB, attendees=(BOB, CARA), start=NOON, end=NOON + HOUR)


def told(*items: Item, own: Own = BOBS) -> list[Activity]:
    return activities(items, CONTACTS, own, NOON)


def told_of(item: Item) -> Activity:
    [activity] = told(item)
    return activity


def test_a_mail_is_one_activity_without_an_end() -> None:
    assert told_of(MAIL) == Activity(
        key=key_of(MAIL, BOBS), subject="Received: Offer", about="003CARA", start=NOON, end=None
    )


def test_a_meeting_is_one_activity_with_an_end() -> None:
    assert told_of(MEETING) == Activity(
        key=key_of(MEETING, BOBS), subject="Demo", about="003CARA", start=NOON, end=NOON + HOUR
    )


@pytest.mark.parametrize("own", [BOB, "BOB@acme.example", "robert@acme.example", "bob@acme-labs.example"])
def test_what_the_person_wrote_was_sent_from_whichever_own_address(own: str) -> None:
    assert told_of(replace(MAIL, sender=own, recipients=(CARA,))).subject == "Sent: Offer"


@pytest.mark.parametrize(
    ("item", "about"),
    [
        (replace(MAIL, sender=CHRIS, recipients=(BOB, CARA)), "003CHRIS"),
        (replace(MAIL, sender=GRACE, recipients=(BOB, CHRIS, CARA)), "003CHRIS"),
        (replace(MEETING, organizer=CHRIS), "003CHRIS"),
        (replace(MEETING, organizer=GRACE, attendees=("dan@unknown.example", CARA, CHRIS)), "003CARA"),
        (replace(MAIL, sender="CARA@Customer.example "), "003CARA"),
    ],
)
def test_it_is_about_the_first_whom_the_crm_knows(item: Item, about: str) -> None:
    assert told_of(item).about == about


@pytest.mark.parametrize(
    "item",
    [
        replace(MAIL, sender=GRACE),
        replace(MAIL, sender="news@letters.example"),
        replace(MAIL, sender="", recipients=()),
        replace(MAIL, sender="undisclosed-recipients", recipients=("nobody",)),
        replace(MEETING, attendees=(GRACE,)),
    ],
)
def test_what_no_customer_took_part_in_is_not_told(item: Item) -> None:
    assert [activity for activity in told(item) if not activity.gone] == []


def test_colleagues_are_not_even_looked_up() -> None:
    items = (replace(MAIL, recipients=(BOB, GRACE, "dan@ACME-LABS.example", CHRIS)), replace(MEETING, organizer=GRACE))
    assert addresses(items, BOBS, NOON) == {CARA, CHRIS}
    contacts = CONTACTS | {GRACE: "003GRACE"}
    assert activities([replace(MAIL, sender=GRACE)], contacts, BOBS, NOON) == []


def test_a_private_address_of_ones_own_makes_no_colleagues_of_all_who_mail_from_there() -> None:
    own = Own.of(PERSON, "bob.at.home@gmail.com")
    assert addresses([replace(MAIL, sender="cara@gmail.com")], own, NOON) == {"cara@gmail.com"}
    assert addresses([replace(MAIL, sender="bob.at.home@gmail.com")], own, NOON) == frozenset()


def test_of_a_mailing_only_the_first_fifty_are_looked_up() -> None:
    mailing = replace(MAIL, sender=BOB, recipients=tuple(f"p{n}@customer.example" for n in range(500)))
    assert len(addresses([mailing], BOBS, NOON)) == 49


@pytest.mark.parametrize(("ahead", "count"), [(AHEAD, 1), (AHEAD + timedelta(seconds=1), 0)])
def test_a_meeting_far_ahead_is_cut(ahead: timedelta, count: int) -> None:
    later = replace(MEETING, start=NOON + ahead, end=NOON + ahead + HOUR)
    assert sum(not activity.gone for activity in told(later)) == count
    assert bool(addresses([later], BOBS, NOON)) is bool(count)


@pytest.mark.parametrize(
    "now_otherwise",
    [{"start": NOON + AHEAD * 2, "end": NOON + AHEAD * 2 + HOUR}, {"organizer": BOB, "attendees": (BOB,)}],
    ids=["moved far ahead", "without its customer"],
)
def test_a_meeting_that_is_no_longer_to_be_told_takes_its_older_copy_out(now_otherwise: dict[str, Any]) -> None:
    gone = told_of(replace(MEETING, **now_otherwise))
    assert (gone.key, gone.gone) == (told_of(MEETING).key, True)


def test_a_cancelled_meeting_of_which_only_the_id_is_known_is_taken_out_by_its_key() -> None:
    bare = Meeting(id=MEETING.id, subject="", organizer="", attendees=(), start=NOON, end=NOON, cancelled=True)
    gone = told_of(bare)
    assert (gone.key, gone.gone) == (told_of(MEETING).key, True)
    assert gone.end is not None, "it is known for a meeting"
    assert addresses([replace(MEETING, cancelled=True)], BOBS, NOON) == frozenset()


def test_what_comes_twice_in_a_page_is_told_once_as_it_is_last() -> None:
    moved = replace(MEETING, start=NOON + HOUR, end=NOON + 2 * HOUR)
    assert [each.start for each in told(MEETING, MAIL, moved, MAIL)] == [NOON + HOUR, NOON]
    assert told_of(moved).key == told_of(MEETING).key


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("", "Received: (no subject)"),
        (" \r\n\t ", "Received: (no subject)"),
        ("one\r\n two\x00three", "Received: one two three"),
        ("Grüße 👩‍💻", "Received: Grüße 👩‍💻"),
    ],
)
def test_a_subject_is_one_line(subject: str, expected: str) -> None:
    assert told_of(replace(MAIL, subject=subject)).subject == expected


@given(st.text(st.characters(), max_size=600))
def test_any_subject_fits_and_can_be_sent(subject: str) -> None:
    for item in (replace(MAIL, subject=subject), replace(MEETING, subject=subject)):
        cut = told_of(item).subject
        assert cut
        assert len(cut.encode("utf-16-le")) <= 2 * LONGEST_SUBJECT


def test_a_long_subject_says_that_it_was_cut() -> None:
    cut = told_of(replace(MEETING, subject="👋" * 200)).subject
    assert cut == "👋" * 127 + "…"


@given(st.text(), st.text())
def test_keys_fit_and_differ(one: str, other: str) -> None:
    keys = {key_of(replace(MAIL, id=one), BOBS), key_of(replace(MEETING, id=one), BOBS)}
    assert len(keys) == 2, "a mail and a meeting may have the same id"
    assert all(len(key) == LONGEST_KEY and key.isascii() for key in keys)
    assert (key_of(replace(MAIL, id=other), BOBS) in keys) is (one == other)


def test_each_person_has_keys_of_her_own_and_an_address_that_changes_does_not_change_them() -> None:
    grace = Own.of(replace(PERSON, user_id="U0GRACE", id=2), GRACE)
    elsewhere = Own.of(replace(PERSON, team_id="T2"))
    moved = Own.of(replace(PERSON, email="bob@newname.example", id=7))
    assert len({key_of(MAIL, each) for each in (BOBS, grace, elsewhere)}) == 3
    assert key_of(MAIL, moved) == key_of(MAIL, BOBS)


def test_a_key_stays_the_same_from_release_to_release() -> None:
    assert key_of(MAIL, BOBS) == "r1-4c9e1e450e2155c82c28d5d090b451e9110fe"
