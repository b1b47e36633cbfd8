"""What a run reads from Outlook's mail and calendar, and that nothing is lost where it is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.base import Credential, Item, Mail, Meeting, Page, ProviderError, Reason, Unavailable
from providers.microsoft import Microsoft
from tests.providers.kit import ADA, BOB, GRACE
from tests.providers.microsoft.kit import MicrosoftKit

CARA = "cara@customer.example"
INBOX = "/v1.0/me/mailFolders/inbox/messages/delta"
CALENDAR = "/v1.0/me/calendarView/delta"
DAY = timedelta(days=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def bob(kit: MicrosoftKit) -> Credential:
    kit.clock.move(NOON - kit.clock.now())
    return kit.sign_in(BOB)


def deliver(kit: MicrosoftKit, *subjects: str, ago: timedelta = timedelta(minutes=5), sender: str = ADA) -> list[str]:
    at = kit.clock.now() - ago
    return [kit.server.deliver(BOB, sender=sender, subject=subject, at=at, to=(BOB, GRACE)) for subject in subjects]


def schedule(
    kit: MicrosoftKit, title: str, *, start: timedelta = timedelta(hours=1), weeks: int = 1, organizer: str = ""
) -> str:
    begins = kit.clock.now() + start
    return kit.server.schedule(BOB, title=title, start=begins, attendees=(BOB, GRACE), weeks=weeks, organizer=organizer)


def read(provider: Microsoft, credential: Credential, cursor: str = "") -> tuple[list[str], str]:
    """The subjects that a run brings, and the cursor after it."""
    pages = list(provider.pull(credential, cursor))
    return subjects(pages), pages[-1].cursor


def subjects(pages: list[Page]) -> list[str]:
    return [item.subject for item in items(pages)]


def items(pages: list[Page]) -> list[Item]:
    return [item for page in pages for item in page.items]


def meetings(provider: Microsoft, credential: Credential, cursor: str = "") -> tuple[list[Meeting], str]:
    pages = list(provider.pull(credential, cursor))
    return [item for item in items(pages) if isinstance(item, Meeting)], pages[-1].cursor


def places(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.cursor)
    return found


# What a run brings


def test_a_mail_comes_by_its_headers(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "Offer", sender=f"Ada <{ADA}>")
    (mail,) = items(list(kit.provider.pull(bob, "")))
    assert isinstance(mail, Mail)
    assert (mail.subject, mail.sender, mail.recipients) == ("Offer", ADA, (BOB, GRACE))
    assert mail.id.startswith("<")
    assert mail.id.endswith("@acme.example>")
    assert timedelta(minutes=4) < kit.clock.now() - mail.at < timedelta(minutes=6)


def test_sent_mail_comes_too(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "Question")
    deliver(kit, "Answer", sender=BOB)
    assert read(kit.provider, bob)[0] == ["Question", "Answer"]


def test_a_meeting_comes_with_its_people(kit: MicrosoftKit, bob: Credential) -> None:
    event_id = schedule(kit, "Kick-off")
    (meeting,) = items(list(kit.provider.pull(bob, "")))
    assert isinstance(meeting, Meeting)
    assert (meeting.subject, meeting.organizer, meeting.attendees) == ("Kick-off", BOB, (BOB, GRACE))
    assert (meeting.id, meeting.cancelled) == (uid(kit, event_id), False)
    assert meeting.end - meeting.start == timedelta(hours=1)


def uid(kit: MicrosoftKit, event_id: str) -> str:
    found = kit.server.state.accounts[BOB].mailbox.find(event_id)
    return str(getattr(found, "uid", ""))


def test_the_first_reading_goes_back_by_the_window_and_no_further(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "ancient", ago=31 * DAY)
    deliver(kit, "old", ago=29 * DAY)
    deliver(kit, "new")
    schedule(kit, "long over", start=-31 * DAY)
    schedule(kit, "over", start=-29 * DAY)
    schedule(kit, "far", start=91 * DAY)
    assert sorted(read(kit.provider, bob)[0]) == ["new", "old", "over"]


def test_the_next_run_brings_only_what_is_new(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "first")
    schedule(kit, "meeting one")
    _, cursor = read(kit.provider, bob)
    assert read(kit.provider, bob, cursor)[0] == []
    deliver(kit, "second")
    deliver(kit, "sent", sender=BOB)
    schedule(kit, "meeting two")
    found, cursor = read(kit.provider, bob, cursor)
    assert found == ["second", "sent", "meeting two"]
    assert read(kit.provider, bob, cursor)[0] == []


def test_a_deleted_mail_is_no_news(kit: MicrosoftKit, bob: Credential) -> None:
    one, _ = deliver(kit, "one", "two")
    _, cursor = read(kit.provider, bob)
    kit.server.delete(BOB, one)
    assert read(kit.provider, bob, cursor)[0] == []


def test_a_change_that_tells_only_itself_is_no_mail(kit: MicrosoftKit, bob: Credential) -> None:
    # Graph tells of a mail that was read by its id and that it was read.
    kit.lie(told(kit, INBOX, {"id": "AAMk1", "isRead": True}), path=INBOX)
    assert read(kit.provider, bob)[0] == []


@pytest.mark.parametrize("kind", ["eventMessage", "eventMessageRequest", "eventMessageResponse"])
def test_an_invitation_is_no_mail(kit: MicrosoftKit, bob: Credential, kind: str) -> None:
    entry = {"id": "AAMk1", "receivedDateTime": "2026-11-21T12:00:00Z", "subject": "Kick-off"}
    kit.lie(told(kit, INBOX, entry | {"@odata.type": f"#microsoft.graph.{kind}"}), path=INBOX)
    assert read(kit.provider, bob)[0] == []
    kit.lie(told(kit, INBOX, entry | {"@odata.type": "#microsoft.graph.message"}), path=INBOX)
    assert read(kit.provider, bob)[0] == ["Kick-off"]


def told(kit: MicrosoftKit, path: str, *entries: dict[str, Any]) -> dict[str, Any]:
    link = f"{kit.settings['graph_url'].removesuffix('/v1.0')}{path}?$deltatoken=t"
    return {"value": list(entries), "@odata.deltaLink": link}


def test_bodies_are_never_asked_for(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "Offer")
    schedule(kit, "Kick-off", weeks=3)
    _, cursor = read(kit.provider, bob)
    read(kit.provider, bob, cursor)
    asked = [seen for seen in kit.server.requests if "$select" in seen.query]
    assert asked
    assert not any("ody" in seen.query["$select"] for seen in asked)


def test_a_page_is_as_long_as_we_want_it(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, *(f"mail {number}" for number in range(5)))
    pages = list(kit.make(page_size=2).pull(bob, ""))
    assert [len(page.items) for page in pages] == [2, 2, 1, 0, 0]


# Meetings that have gone


@pytest.mark.parametrize("organizer", ["", CARA], ids=["own", "of somebody else"])
def test_a_cancelled_meeting_is_told_by_the_same_id(kit: MicrosoftKit, bob: Credential, organizer: str) -> None:
    event_id = schedule(kit, "Kick-off", organizer=organizer)
    (before,), cursor = meetings(kit.provider, bob)
    kit.server.cancel(BOB, event_id)
    (after,), cursor = meetings(kit.provider, bob, cursor)
    assert after.cancelled
    assert (after.id, after.start) == (before.id, before.start.replace(microsecond=0))
    assert meetings(kit.provider, bob, cursor)[0] == []
    assert json.loads(cursor).get("meetings", {}) == {}


def test_a_meeting_that_was_never_told_of_goes_without_a_word(kit: MicrosoftKit, bob: Credential) -> None:
    _, cursor = meetings(kit.provider, bob)
    event_id = schedule(kit, "next year", start=365 * DAY)
    found, cursor = meetings(kit.provider, bob, cursor)
    kit.server.cancel(BOB, event_id)
    assert (found, meetings(kit.provider, bob, cursor)[0]) == ([], [])


def test_a_meeting_that_is_moved_keeps_its_id(kit: MicrosoftKit, bob: Credential) -> None:
    event_id = schedule(kit, "Kick-off")
    (before,), cursor = meetings(kit.provider, bob)
    kit.server.move(BOB, event_id, start=kit.clock.now() + 2 * DAY)
    (after,), cursor = meetings(kit.provider, bob, cursor)
    assert (after.id, after.cancelled) == (before.id, False)
    assert after.start > before.start + DAY
    kit.server.move(BOB, event_id, start=kit.clock.now() + 200 * DAY)
    (gone,), cursor = meetings(kit.provider, bob, cursor)
    assert (gone.id, gone.cancelled) == (before.id, True)
    kit.server.move(BOB, event_id, start=kit.clock.now() + 3 * DAY)
    (back,), _ = meetings(kit.provider, bob, cursor)
    assert (back.id, back.cancelled) == (before.id, False)


# Series


def test_the_occurrences_of_a_series_are_told_apart_by_when_they_were_meant_to_be(
    kit: MicrosoftKit, bob: Credential
) -> None:
    event_id = schedule(kit, "Weekly", weeks=3)
    found, _ = meetings(kit.provider, bob)
    assert [meeting.id for meeting in found] == [
        f"{uid(kit, event_id)}/{meeting.start:%Y%m%dT%H%M%SZ}" for meeting in found
    ]
    assert [meeting.start - found[0].start for meeting in found] == [0 * DAY, 7 * DAY, 14 * DAY]
    for meeting in found:
        assert (meeting.subject, meeting.organizer, meeting.attendees) == ("Weekly", BOB, (BOB, GRACE))


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_an_occurrence_that_is_cancelled_goes_alone(kit: MicrosoftKit, bob: Credential, page_size: int) -> None:
    provider = kit.make(page_size=page_size)
    event_id = schedule(kit, "Weekly", weeks=4)
    before, cursor = meetings(provider, bob)
    kit.server.cancel(BOB, f"{event_id}.1")
    after, cursor = meetings(provider, bob, cursor)
    assert [meeting.id for meeting in after if meeting.cancelled] == [before[1].id]
    assert meetings(provider, bob, cursor)[0] == []


@pytest.mark.parametrize("organizer", ["", CARA], ids=["own", "of somebody else"])
def test_a_cancelled_series_takes_all_its_occurrences_along(kit: MicrosoftKit, bob: Credential, organizer: str) -> None:
    event_id = schedule(kit, "Weekly", weeks=3, organizer=organizer)
    before, cursor = meetings(kit.provider, bob)
    kit.server.cancel(BOB, event_id)
    after, cursor = meetings(kit.provider, bob, cursor)
    assert {meeting.id for meeting in after if meeting.cancelled} == {meeting.id for meeting in before}
    assert meetings(kit.provider, bob, cursor)[0] == []


def event(event_id: str, day: int, **more: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "type": "singleInstance",
        "start": {"dateTime": f"2026-11-{day:02}T10:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": f"2026-11-{day:02}T11:00:00.0000000", "timeZone": "UTC"},
    } | more


def series(**more: Any) -> dict[str, Any]:
    people = {"organizer": {"emailAddress": {"address": ADA}}, "attendees": [{"emailAddress": {"address": BOB}}]}
    return event("S", 1, type="seriesMaster", iCalUId="U", subject="Weekly", **people, **more)


def occurrence(day: int, **more: Any) -> dict[str, Any]:
    return event(f"S.{day}", day, type="occurrence", seriesMasterId="S") | more


def hears(kit: MicrosoftKit, bob: Credential, cursor: str, *entries: dict[str, Any]) -> tuple[list[Meeting], str]:
    kit.lie(told(kit, CALENDAR, *entries), path=CALENDAR)
    return meetings(kit.provider, bob, cursor)


def test_an_occurrence_that_was_deleted_is_missing_where_its_series_is_told_again(
    kit: MicrosoftKit, bob: Credential
) -> None:
    # That is all that Graph says of it.
    _, cursor = hears(kit, bob, "", series(), occurrence(22), occurrence(29))
    found, cursor = hears(kit, bob, cursor, series(), occurrence(29))
    assert {(meeting.id, meeting.cancelled) for meeting in found} == {
        ("U/20261129T100000Z", False),
        ("U/20261122T100000Z", True),
    }
    assert hears(kit, bob, cursor)[0] == []


def test_a_series_that_is_moved_leaves_no_occurrence_behind(kit: MicrosoftKit, bob: Credential) -> None:
    _, cursor = hears(kit, bob, "", series(), occurrence(22), occurrence(29))
    found, _ = hears(kit, bob, cursor, series(), occurrence(23), occurrence(30))
    assert {meeting.id for meeting in found if meeting.cancelled} == {"U/20261122T100000Z", "U/20261129T100000Z"}
    assert {meeting.id for meeting in found if not meeting.cancelled} == {"U/20261123T100000Z", "U/20261130T100000Z"}


def test_what_is_told_of_a_series_alone_takes_no_occurrence_away(kit: MicrosoftKit, bob: Credential) -> None:
    moved = event("S.22", 23, type="exception", seriesMasterId="S", iCalUId="odd", subject="Weekly, later")
    _, cursor = hears(kit, bob, "", series(), occurrence(22), occurrence(29))
    assert hears(kit, bob, cursor, series())[0] == []
    (found,), _ = hears(kit, bob, cursor, series(), moved)
    assert (found.id, found.subject, found.cancelled) == ("U/20261122T100000Z", "Weekly, later", False)


@pytest.mark.parametrize("known", [True, False])
def test_an_occurrence_that_is_moved_goes_by_its_original_start(
    kit: MicrosoftKit, bob: Credential, *, known: bool
) -> None:
    moved = event("S.22", 23, type="exception", seriesMasterId="S", originalStart="2026-11-22T10:00:00Z")
    cursor = hears(kit, bob, "", series(), occurrence(22))[1] if known else ""
    (found,), _ = hears(kit, bob, cursor, series(), moved)
    assert (found.id, found.start.day) == ("U/20261122T100000Z", 23)
    assert (found.subject, found.organizer, found.attendees) == ("Weekly", ADA, (BOB,))


def test_a_series_that_is_not_told_of_is_asked_for_once(kit: MicrosoftKit, bob: Credential) -> None:
    asked: list[Mapping[str, str]] = []

    def answer(query: Mapping[str, str]) -> dict[str, Any]:
        asked.append(query)
        return {"iCalUId": "U", "subject": "Weekly"}

    kit.lie(answer, path="/v1.0/me/events/S")
    found, _ = hears(kit, bob, "", occurrence(22), occurrence(29))
    assert [(meeting.id, meeting.subject) for meeting in found] == [
        ("U/20261122T100000Z", "Weekly"),
        ("U/20261129T100000Z", "Weekly"),
    ]
    assert [query["$select"] for query in asked] == ["iCalUId,subject,organizer,attendees,isCancelled"]


def test_occurrences_of_a_series_that_has_gone_meanwhile_are_skipped(kit: MicrosoftKit, bob: Credential) -> None:
    kit.lie({"error": {"code": "ErrorItemNotFound"}}, status=404, path="/v1.0/me/events/S")
    found, _ = hears(kit, bob, "", occurrence(22), event("E", 23, iCalUId="V"))
    assert [meeting.id for meeting in found] == ["V"]


def test_a_removed_series_takes_along_what_is_known_of_it(kit: MicrosoftKit, bob: Credential) -> None:
    _, cursor = hears(kit, bob, "", series(), occurrence(22), occurrence(29), event("E", 23, iCalUId="V"))
    found, _ = hears(kit, bob, cursor, {"id": "S", "@removed": {"reason": "deleted"}})
    assert sorted(meeting.id for meeting in found) == ["U/20261122T100000Z", "U/20261129T100000Z"]
    assert all(meeting.cancelled for meeting in found)


def test_a_meeting_may_lack_nearly_everything(kit: MicrosoftKit, bob: Credential) -> None:
    people = {"organizer": {"emailAddress": {"name": "Room"}}, "attendees": [{}, {"emailAddress": None}]}
    (found,), _ = hears(kit, bob, "", event("E", 23, subject=None, **people))
    assert (found.id, found.subject, found.organizer, found.attendees) == ("E@graph.microsoft.com", "", "", ())


# The window moves on


def window_of(kit: MicrosoftKit) -> tuple[str, str]:
    asked = [seen.query for seen in kit.server.requests if "startDateTime" in seen.query]
    return asked[-1]["startDateTime"], asked[-1]["endDateTime"]


def test_the_calendars_window_moves_on_before_it_ends(kit: MicrosoftKit, bob: Credential) -> None:
    schedule(kit, "soon", start=10 * DAY)
    schedule(kit, "in spring", start=100 * DAY)
    gone = schedule(kit, "called off", start=40 * DAY)
    found, cursor = read(kit.provider, bob)
    assert sorted(found) == ["called off", "soon"]
    first = window_of(kit)
    kit.clock.move(29 * DAY)
    bob = kit.provider.refresh(bob)
    assert read(kit.provider, bob, cursor)[0] == []
    assert window_of(kit) == first
    kit.clock.move(2 * DAY)
    bob = kit.provider.refresh(bob)
    kit.server.cancel(BOB, gone)
    pages = list(kit.provider.pull(bob, cursor))
    assert not any(page.resync for page in pages)
    assert {(item.subject, getattr(item, "cancelled", None)) for item in items(pages)} == {
        ("", True),
        ("soon", False),
        ("in spring", False),
    }
    assert window_of(kit) > first
    assert read(kit.provider, bob, pages[-1].cursor)[0] == []


def test_what_is_kept_of_meetings_is_no_more_than_the_window(kit: MicrosoftKit, bob: Credential) -> None:
    schedule(kit, "over", start=-20 * DAY)
    schedule(kit, "to come", start=20 * DAY)
    _, cursor = read(kit.provider, bob)
    assert len(json.loads(cursor)["meetings"]) == 2
    kit.clock.move(15 * DAY)
    bob = kit.provider.refresh(bob)
    _, cursor = read(kit.provider, bob, cursor)
    assert len(json.loads(cursor)["meetings"]) == 1


# Where a run is cut


def runs_cut_after_each_page(provider: Microsoft, credential: Credential, cursor: str) -> Iterator[Page]:
    """Every run is killed when it has committed one page; each next one starts where that page says."""
    for _ in range(60):
        page = next(provider.pull(credential, cursor), None)
        assert page is not None
        yield page
        if not page.items:
            return
        cursor = page.cursor
    raise AssertionError("the runs never come to an end")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_runs_that_die_after_every_page_lose_nothing(kit: MicrosoftKit, bob: Credential, count: int) -> None:
    small = kit.make(page_size=2)
    names = [f"mail {number}" for number in range(count)]
    deliver(kit, *names)
    # A run that dies with its mail in hand has not come to the meetings yet: those are a run of their own.
    pages = list(runs_cut_after_each_page(small, bob, ""))
    assert sorted(subjects(pages)) == names
    later = [f"later {number}" for number in range(count)]
    deliver(kit, *later)
    assert sorted(subjects(list(runs_cut_after_each_page(small, bob, pages[-1].cursor)))) == later


def test_a_run_that_dies_among_the_meetings_goes_on_there(kit: MicrosoftKit, bob: Credential) -> None:
    small = kit.make(page_size=2)
    titles = [f"meeting {number}" for number in range(7)]
    ids = [schedule(kit, title) for title in titles]
    first = [page for page, _ in zip(small.pull(bob, ""), range(4), strict=False)]
    assert 0 < len(subjects(first)) < 7
    rest = list(small.pull(bob, first[-1].cursor))
    assert sorted(subjects(first + rest)) == titles
    assert not any(page.resync for page in rest)
    # What is known of them came over the cut.
    for event_id in ids:
        kit.server.cancel(BOB, event_id)
    first_gone = [page for page, _ in zip(small.pull(bob, rest[-1].cursor), range(4), strict=False)]
    gone, cursor = meetings(small, bob, first_gone[-1].cursor)
    ended = {item.id for item in [*items(first_gone), *gone]}
    assert ended == {item.id for item in items(first + rest)}
    assert meetings(small, bob, cursor)[0] == []


def test_a_series_that_is_told_over_a_cut_loses_no_occurrence(kit: MicrosoftKit, bob: Credential) -> None:
    small = kit.make(page_size=1)
    event_id = schedule(kit, "Weekly", weeks=5)
    pages = list(runs_cut_after_each_page(small, bob, ""))
    pages += list(small.pull(bob, pages[-1].cursor))
    assert len({item.id for item in items(pages)}) == 5
    kit.server.cancel(BOB, f"{event_id}.3")
    cursor, later = pages[-1].cursor, list[Page]()
    for _ in range(9):
        # The first two readings have nothing, each on a page of its own.
        later += [page for page, _ in zip(small.pull(bob, cursor), range(3), strict=False)]
        cursor = later[-1].cursor
    cancelled = {item.id for item in items(later) if isinstance(item, Meeting) and item.cancelled}
    assert len(cancelled) == 1


def test_what_was_told_before_a_cut_is_not_missed_after_it(kit: MicrosoftKit, bob: Credential) -> None:
    _, cursor = hears(kit, bob, "", series(), occurrence(22), occurrence(29))
    page = told(kit, CALENDAR, occurrence(22))
    kit.lie(page | {"@odata.nextLink": page.pop("@odata.deltaLink")}, path=CALENDAR)
    pages = [page for page, _ in zip(kit.provider.pull(bob, cursor), range(3), strict=False)]
    assert places(pages[-1])["halfway"]
    found, cursor = hears(kit, bob, pages[-1].cursor, series(), occurrence(29))
    assert [(meeting.id, meeting.cancelled) for meeting in found] == [("U/20261129T100000Z", False)]
    assert "halfway" not in json.loads(cursor)


def test_what_arrives_while_pages_are_turned_is_not_skipped(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    small = kit.make(page_size=2)
    run = small.pull(bob, "")
    pages = [next(run)]
    deliver(kit, "meanwhile")
    pages += list(run)
    found, cursor = read(small, bob, pages[-1].cursor)
    assert {"one", "two", "three", "four", "meanwhile"} <= {*subjects(pages), *found}
    assert read(small, bob, cursor)[0] == []


# Where Graph has forgotten the cursor


@pytest.mark.parametrize("status", [410, 400])
def test_a_forgotten_cursor_reads_the_window_again_and_says_so(kit: MicrosoftKit, bob: Credential, status: int) -> None:
    deliver(kit, "mail")
    gone = schedule(kit, "called off", start=2 * DAY)
    schedule(kit, "meeting")
    first = list(kit.provider.pull(bob, ""))
    assert not any(page.resync for page in first)
    kit.server.expire_delta(BOB, status=status)
    deliver(kit, "newer")
    kit.server.cancel(BOB, gone)
    pages = list(kit.provider.pull(bob, first[-1].cursor))
    # A meeting that went meanwhile is told as well, by what was known of it.
    assert sorted(subjects(pages)) == ["", "mail", "meeting", "newer"]
    assert [item.id for item in items(pages) if getattr(item, "cancelled", False)] == [
        item.id for item in items(first) if item.subject == "called off"
    ]
    assert all(page.resync for page in pages)
    next_run = list(kit.provider.pull(bob, pages[-1].cursor))
    assert subjects(next_run) == []
    assert not any(page.resync for page in next_run)


def test_only_the_part_that_was_forgotten_is_read_again(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    _, cursor = read(kit.provider, bob)
    kept = json.loads(cursor)
    kept["links"]["calendar"] = kept["links"]["calendar"].partition("=")[0] + "=unheard-of"
    pages = list(kit.provider.pull(bob, json.dumps(kept)))
    assert [(subjects([page]), page.resync) for page in pages] == [([], False), ([], False), (["meeting"], True)]


def test_a_listing_that_was_cut_and_forgotten_begins_again(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three")
    for title in ("four", "five", "six"):
        schedule(kit, title)
    small = kit.make(page_size=2)
    for cut_after in range(1, 6):
        pages = [page for page, _ in zip(small.pull(bob, ""), range(cut_after), strict=False)]
        kit.server.expire_delta(BOB)
        again = list(small.pull(bob, pages[-1].cursor))
        found = {item.subject for item in items(pages + again)}
        assert found == {"one", "two", "three", "four", "five", "six"}
        assert not any(getattr(item, "cancelled", False) for item in items(again))


def test_a_link_of_another_graph_in_the_cursor_is_as_good_as_forgotten(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "mail")
    cursor = json.dumps({"links": {"inbox": "https://evil.example/v1.0/me"}})
    pages = list(kit.provider.pull(bob, cursor))
    assert (subjects(pages), pages[0].resync) == (["mail"], True)


@pytest.mark.parametrize("kind", ["@odata.nextLink", "@odata.deltaLink"])
@pytest.mark.parametrize(
    "link", ["https://evil.example/v1.0/me", "{graph}@evil.example/", "{graph}.evil.example/me", "", 7]
)
def test_a_link_that_leads_elsewhere_is_not_followed(
    kit: MicrosoftKit, bob: Credential, kind: str, link: str | int
) -> None:
    where = link.format(graph=kit.settings["graph_url"]) if isinstance(link, str) else link
    kit.lie({"value": [], kind: where}, path=INBOX)
    with pytest.raises(Unavailable) as caught:
        list(kit.provider.pull(bob, ""))
    assert (caught.value.reason, caught.value.code) == (Reason.PROVIDER_DOWN, "a link elsewhere")


# Where Microsoft fails


def test_an_outage_in_mid_run_leaves_the_last_page_to_go_on_from(kit: MicrosoftKit, bob: Credential) -> None:
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


def test_a_position_that_is_lost_in_mid_run_is_mended_by_the_next_run(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    small = kit.make(page_size=2)
    run = small.pull(bob, "")
    page = next(run)
    kit.server.expire_delta(BOB)
    with pytest.raises(Unavailable):
        next(run)
    pages = list(small.pull(bob, page.cursor))
    assert set(subjects(pages)) == {"one", "two", "three", "four"}
    assert pages[0].resync


def test_a_calendar_that_fails_does_not_undo_the_mail(kit: MicrosoftKit, bob: Credential) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    kit.lie(b"", status=503, path=CALENDAR)
    run = kit.provider.pull(bob, "")
    pages = [next(run), next(run)]
    with pytest.raises(Unavailable):
        next(run)
    kit.tell_the_truth()
    assert subjects(pages) == ["mail"]
    assert read(kit.provider, bob, pages[-1].cursor)[0] == ["meeting"]


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        (INBOX, [7]),
        (INBOX, "many"),
        (INBOX, [{"receivedDateTime": "soon", "id": "1"}]),
        (INBOX, [{"receivedDateTime": "2026-11-21T12:00:00Z"}]),
        (INBOX, [{"receivedDateTime": "2026-11-21T12:00:00Z", "id": "1", "from": 7}]),
        (CALENDAR, [7]),
        (CALENDAR, [{"id": "1", "start": {"dateTime": "soon"}}]),
        (CALENDAR, [{"start": {"dateTime": "2026-11-21T12:00:00"}}]),
        (CALENDAR, [{"@removed": {}}]),
    ],
)
def test_an_answer_of_another_shape_is_microsofts_fault(
    kit: MicrosoftKit, bob: Credential, path: str, entries: object
) -> None:
    kit.lie(told(kit, path) | {"value": entries}, path=path)
    with pytest.raises(ProviderError) as caught:
        list(kit.provider.pull(bob, ""))
    assert caught.value.reason is Reason.PROVIDER_DOWN


@pytest.mark.parametrize(
    ("entry", "sender", "recipients"),
    [
        ({}, "", ()),
        ({"from": None, "toRecipients": None}, "", ()),
        ({"from": {"emailAddress": {"name": "Bob", "address": BOB}}}, BOB, ()),
        (
            {
                "toRecipients": [{"emailAddress": {"address": ADA}}, {"emailAddress": {"name": "undisclosed"}}],
                "ccRecipients": [{"emailAddress": {"address": GRACE}}, {"emailAddress": {"address": ADA}}],
            },
            "",
            (ADA, GRACE),
        ),
    ],
)
def test_people_are_read_from_mails_of_every_kind(
    kit: MicrosoftKit, bob: Credential, entry: Mapping[str, Any], sender: str, recipients: tuple[str, ...]
) -> None:
    base = {"id": "17", "receivedDateTime": "2026-11-21T12:00:00+01:00"}
    kit.lie(told(kit, INBOX, base | dict(entry)), path=INBOX)
    (mail,) = items(list(kit.provider.pull(bob, "")))
    assert isinstance(mail, Mail)
    assert (mail.sender, mail.recipients, mail.id) == (sender, recipients, "17@graph.microsoft.com")
    assert mail.at == datetime(2026, 11, 21, 11, tzinfo=UTC)
