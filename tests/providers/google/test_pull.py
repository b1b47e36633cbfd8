"""What a run reads from Gmail and Calendar, and that nothing is lost where it is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from providers.base import Credential, Mail, Meeting, Page, ProviderError, Reason, Unavailable
from providers.google import Google
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import BOB, GRACE

ADA = "ada@acme.example"


@pytest.fixture
def bob(kit: GoogleKit) -> Credential:
    return kit.sign_in(BOB)


def deliver(kit: GoogleKit, *subjects: str, ago: timedelta = timedelta(minutes=5)) -> None:
    for subject in subjects:
        kit.server.deliver(BOB, sender=ADA, subject=subject, at=kit.clock.now() - ago, to=(BOB, GRACE))


def schedule(kit: GoogleKit, title: str, *, start: timedelta = timedelta(hours=1)) -> str:
    return kit.server.schedule(BOB, title=title, start=kit.clock.now() + start, attendees=(BOB, GRACE))


def read(provider: Google, credential: Credential, cursor: str = "") -> tuple[list[str], str]:
    """The subjects that a run brings, and the cursor after it."""
    pages = list(provider.pull(credential, cursor))
    return subjects(pages), pages[-1].cursor


def subjects(pages: list[Page]) -> list[str]:
    return [item.subject for page in pages for item in page.items]


# What a run brings


def test_a_mail_comes_by_its_headers(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "Offer")
    (mail,) = [item for page in kit.provider.pull(bob, "") for item in page.items]
    assert isinstance(mail, Mail)
    assert (mail.subject, mail.sender, mail.recipients) == ("Offer", ADA, (BOB, GRACE))
    assert mail.id.startswith("<")
    assert mail.id.endswith("@acme.example>")
    assert timedelta(minutes=4) < kit.clock.now() - mail.at < timedelta(minutes=6)


def test_a_meeting_comes_with_its_people(kit: GoogleKit, bob: Credential) -> None:
    event_id = schedule(kit, "Kick-off")
    (meeting,) = [item for page in kit.provider.pull(bob, "") for item in page.items]
    assert isinstance(meeting, Meeting)
    assert (meeting.subject, meeting.organizer, meeting.attendees) == ("Kick-off", BOB, (BOB, GRACE))
    assert (meeting.id, meeting.cancelled) == (f"{event_id}@google.com", False)
    assert meeting.end - meeting.start == timedelta(hours=1)


def test_the_first_reading_goes_back_by_the_window_and_no_further(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "ancient", ago=timedelta(days=31))
    deliver(kit, "old", ago=timedelta(days=29))
    deliver(kit, "new")
    schedule(kit, "long over", start=timedelta(days=-31, hours=-2))
    schedule(kit, "over", start=timedelta(days=-29))
    assert read(kit.provider, bob)[0] == ["new", "old", "over"]


def test_a_listing_stops_where_the_window_ends(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, *(f"ancient {number}" for number in range(9)), ago=timedelta(days=40))
    deliver(kit, "new")
    read(kit.make(page_size=2), bob)
    asked = [seen for seen in kit.server.requests if "/messages/" in seen.path]
    assert len(asked) == 2


def test_the_next_run_brings_only_what_is_new(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "first")
    schedule(kit, "meeting one")
    _, cursor = read(kit.provider, bob)
    assert read(kit.provider, bob, cursor)[0] == []
    deliver(kit, "second")
    schedule(kit, "meeting two")
    found, cursor = read(kit.provider, bob, cursor)
    assert found == ["second", "meeting two"]
    assert read(kit.provider, bob, cursor)[0] == []


def test_a_cancelled_meeting_is_told_by_the_same_id(kit: GoogleKit, bob: Credential) -> None:
    event_id = schedule(kit, "Kick-off")
    before = [item for page in kit.provider.pull(bob, "") for item in page.items]
    _, cursor = read(kit.provider, bob)
    kit.server.cancel(BOB, event_id)
    (after,) = [item for page in kit.provider.pull(bob, cursor) for item in page.items]
    assert isinstance(after, Meeting)
    assert after.cancelled
    assert after.id == before[0].id


def test_neither_drafts_nor_spam_nor_chats_are_read(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "kept")
    truth = {
        "id": "1",
        "internalDate": str(int(kit.clock.now().timestamp()) * 1000),
        "payload": {"headers": []},
    }
    for label in ("DRAFT", "SPAM", "TRASH", "CHAT"):
        kit.lie(truth | {"labelIds": ["INBOX", label]}, path="/gmail/v1/users/me/messages/")
        assert read(kit.provider, bob)[0] == []
    kit.lie(truth | {"labelIds": ["SENT"]}, path="/gmail/v1/users/me/messages/")
    assert read(kit.provider, bob)[0] == [""]


def test_a_message_deleted_since_it_was_listed_is_skipped(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "gone")
    schedule(kit, "meeting")
    kit.lie({"error": {"code": 404}}, status=404, path="/gmail/v1/users/me/messages/")
    assert read(kit.provider, bob)[0] == ["meeting"]


def test_bodies_and_descriptions_are_never_asked_for(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "Offer")
    schedule(kit, "Kick-off")
    _, cursor = read(kit.provider, bob)
    read(kit.provider, bob, cursor)
    for seen in kit.server.requests:
        if "/messages/" in seen.path:
            assert seen.query["format"] == "metadata"
            assert "snippet" not in seen.query["fields"]
        if seen.path.endswith("/events"):
            assert "description" not in seen.query["fields"]
            assert "attachments" not in seen.query["fields"]
        assert "q" not in seen.query


# Where a run is cut


def runs_cut_after_each_page(provider: Google, credential: Credential, cursor: str) -> Iterator[Page]:
    """Every run is killed when it has committed one page; each next one starts where that page says."""
    for _ in range(60):
        page = next(provider.pull(credential, cursor), None)
        assert page is not None
        yield page
        if page.cursor == cursor:
            return
        cursor = page.cursor
    raise AssertionError("the runs never come to an end")


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_runs_that_die_after_every_page_lose_nothing(kit: GoogleKit, bob: Credential, count: int) -> None:
    small = kit.make(page_size=2)
    names = [f"mail {number}" for number in range(count)]
    deliver(kit, *names)
    # A run that dies with its mail in hand has not come to the meetings yet: those are a run of their own.
    pages = list(runs_cut_after_each_page(small, bob, ""))
    assert sorted(subjects(pages)) == names
    later = [f"later {number}" for number in range(count)]
    deliver(kit, *later)
    pages = list(runs_cut_after_each_page(small, bob, pages[-1].cursor))
    assert sorted(subjects(pages)) == later


def test_a_run_that_dies_among_the_meetings_goes_on_there(kit: GoogleKit, bob: Credential) -> None:
    small = kit.make(page_size=2)
    titles = [f"meeting {number}" for number in range(7)]
    for title in titles:
        schedule(kit, title)
    first = [page for page, _ in zip(small.pull(bob, ""), range(3), strict=False)]
    assert 0 < len(subjects(first)) < 7
    rest = list(small.pull(bob, first[-1].cursor))
    assert sorted(subjects(first + rest)) == titles
    more = [f"more {number}" for number in range(5)]
    for title in more:
        schedule(kit, title)
    first = [page for page, _ in zip(small.pull(bob, rest[-1].cursor), range(2), strict=False)]
    again = list(small.pull(bob, first[-1].cursor))
    assert sorted(subjects(first + again)) == more
    assert subjects(list(small.pull(bob, again[-1].cursor))) == []


def test_what_arrives_while_the_window_is_listed_is_not_skipped(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    small = kit.make(page_size=2)
    run = small.pull(bob, "")
    pages = [next(run)]
    deliver(kit, "meanwhile")
    pages += list(run)
    found, cursor = read(small, bob, pages[-1].cursor)
    assert {"one", "two", "three", "four", "meanwhile"} <= {*subjects(pages), *found}
    assert read(small, bob, cursor)[0] == []


def test_what_arrives_while_changes_are_paged_is_not_skipped(kit: GoogleKit, bob: Credential) -> None:
    small = kit.make(page_size=2)
    _, cursor = read(small, bob)
    deliver(kit, "one", "two", "three", "four")
    run = small.pull(bob, cursor)
    pages = [next(run)]
    deliver(kit, "meanwhile")
    pages += list(run)
    found, _ = read(small, bob, pages[-1].cursor)
    assert {"one", "two", "three", "four", "meanwhile"} <= {*subjects(pages), *found}


def test_changes_are_followed_from_where_the_first_of_their_pages_stood(
    kit: GoogleKit, bob: Credential
) -> None:
    def history(query: Mapping[str, str]) -> dict[str, Any]:
        # Google does not say whether a later page shows what came after the first one, only where it stands.
        if "pageToken" in query:
            return {"historyId": "9000", "history": [{"id": "1500"}]}
        return {"historyId": "2000", "history": [{"id": "1200"}], "nextPageToken": "next"}

    kit.lie(history, path="/gmail/v1/users/me/history")
    pages = list(kit.provider.pull(bob, json.dumps({"history": "1000"})))
    assert [places(page)["history"] for page in pages[:2]] == ["1200", "2000"]


# Where Google has forgotten the cursor


def test_a_forgotten_cursor_reads_the_window_again_and_says_so(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    first = list(kit.provider.pull(bob, ""))
    assert not any(page.resync for page in first)
    kit.server.expire_history(BOB)
    deliver(kit, "newer")
    pages = list(kit.provider.pull(bob, first[-1].cursor))
    assert subjects(pages) == ["newer", "mail", "meeting"] or subjects(pages) == ["mail", "newer", "meeting"]
    assert all(page.resync for page in pages)
    next_run = list(kit.provider.pull(bob, pages[-1].cursor))
    assert subjects(next_run) == []
    assert not any(page.resync for page in next_run)


def test_a_listing_that_was_cut_and_forgotten_begins_again(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three")
    for title in ("four", "five", "six"):
        schedule(kit, title)
    small = kit.make(page_size=2)
    for cut_after in range(1, 4):
        pages = [page for page, _ in zip(small.pull(bob, ""), range(cut_after), strict=False)]
        stale = {
            name: "stale" if name in {"listing", "page"} else value
            for name, value in places(pages[-1]).items()
        }
        found = {*subjects(pages), *read(small, bob, json.dumps(stale))[0]}
        assert found == {"one", "two", "three", "four", "five", "six"}


def test_a_page_of_changes_that_was_forgotten_is_read_from_its_sync_token(
    kit: GoogleKit, bob: Credential
) -> None:
    small = kit.make(page_size=2)
    _, cursor = read(small, bob)
    for title in ("one", "two", "three"):
        schedule(kit, title)
    stale = json.dumps({**json.loads(cursor), "page": "stale"})
    pages = list(small.pull(bob, stale))
    assert subjects(pages) == ["one", "two", "three"]
    assert not any(page.resync for page in pages)


def places(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.cursor)
    return found


# Where Google fails


def test_an_outage_in_mid_run_leaves_the_last_page_to_go_on_from(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    small = kit.make(page_size=2)
    run = small.pull(bob, "")
    page = next(run)
    kit.server.down(True)
    with pytest.raises(Unavailable):
        next(run)
    kit.server.down(False)
    found, _ = read(small, bob, page.cursor)
    assert {*subjects([page]), *found} == {"one", "two", "three", "four"}


def test_a_calendar_that_fails_does_not_undo_the_mail(kit: GoogleKit, bob: Credential) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    kit.lie(b"", status=503, path="/calendar")
    run = kit.provider.pull(bob, "")
    page = next(run)
    assert subjects([page]) == ["mail"]
    with pytest.raises(Unavailable):
        next(run)
    kit.tell_the_truth()
    assert read(kit.provider, bob, page.cursor)[0] == ["meeting"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/gmail/v1/users/me/profile", {}),
        ("/gmail/v1/users/me/messages", {"messages": [{"name": "no id"}]}),
        ("/gmail/v1/users/me/messages", {"messages": "many"}),
        ("/gmail/v1/users/me/messages/", {"id": "1", "internalDate": "yesterday", "payload": {}}),
        ("/calendar", {"items": [7]}),
        ("/calendar", {"items": [{"id": "1", "start": {"dateTime": "soon"}}]}),
    ],
)
def test_an_answer_of_another_shape_is_googles_fault(
    kit: GoogleKit, bob: Credential, path: str, body: dict[str, object]
) -> None:
    deliver(kit, "mail")
    kit.lie(body, path=path)
    with pytest.raises(ProviderError) as caught:
        list(kit.provider.pull(bob, ""))
    assert caught.value.reason is Reason.PROVIDER_DOWN


# Calendar's odd events


def meeting(kit: GoogleKit, bob: Credential, **event: object) -> Meeting:
    kit.lie({"timeZone": "Europe/Berlin", "items": [{"id": "e1", **event}]}, path="/calendar")
    (found,) = [item for page in kit.provider.pull(bob, "") for item in page.items]
    assert isinstance(found, Meeting)
    return found


def test_a_whole_day_begins_at_midnight_of_the_calendars_zone(kit: GoogleKit, bob: Credential) -> None:
    found = meeting(kit, bob, start={"date": "2026-11-21"}, end={"date": "2026-11-22"})
    assert found.start == datetime.fromisoformat("2026-11-20T23:00:00+00:00")
    assert found.end - found.start == timedelta(days=1)


def test_the_occurrences_of_a_series_are_told_apart(kit: GoogleKit, bob: Credential) -> None:
    ids = {
        meeting(
            kit,
            bob,
            iCalUID="series@google.com",
            recurringEventId="series",
            originalStartTime={"dateTime": f"2026-11-2{day}T10:00:00+01:00"},
            start={"dateTime": f"2026-11-2{day}T11:00:00+01:00"},
            end={"dateTime": f"2026-11-2{day}T12:00:00+01:00"},
        ).id
        for day in range(3)
    }
    assert ids == {f"series@google.com/2026112{day}T090000Z" for day in range(3)}


def test_a_deleted_event_may_hold_its_id_only(kit: GoogleKit, bob: Credential) -> None:
    found = meeting(kit, bob, status="cancelled")
    assert (found.id, found.cancelled, found.subject) == ("e1@google.com", True, "")


# Gmail's odd headers


@pytest.mark.parametrize(
    ("headers", "sender", "recipients"),
    [
        ({}, "", ()),
        ({"From": '"Builder, Bob" <bob@acme.example>'}, BOB, ()),
        ({"from": BOB, "TO": f"{ADA}, Grace <{GRACE}>", "Cc": ADA}, BOB, (ADA, GRACE)),
        ({"From": "nobody", "To": "undisclosed-recipients:;"}, "", ()),
    ],
)
def test_people_are_read_from_headers_of_every_kind(
    kit: GoogleKit, bob: Credential, headers: dict[str, str], sender: str, recipients: tuple[str, ...]
) -> None:
    deliver(kit, "mail")
    said = [{"name": name, "value": value} for name, value in headers.items()]
    date = str(int(kit.clock.now().timestamp()) * 1000)
    kit.lie(
        {"id": "17", "internalDate": date, "payload": {"headers": said}}, path="/gmail/v1/users/me/messages/"
    )
    (mail,) = [item for page in kit.provider.pull(bob, "") for item in page.items]
    assert isinstance(mail, Mail)
    assert (mail.sender, mail.recipients, mail.id) == (sender, recipients, "17@mail.gmail.com")
