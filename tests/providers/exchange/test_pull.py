"""Reading an Exchange mailbox and calendar, run after run: nothing lost, nothing twice without need, never a body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from providers.base import Credential, Mail, Meeting, Page, ProviderError, Reason, Rejected, Unavailable
from providers.exchange import Exchange
from providers.exchange.protocol import MOST_LISTED
from providers.wire import MOST_PARTS
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.kit import ADA, BOB, GRACE
from tests.sandbox.exchange import mailbox
from tests.sandbox.exchange.mailbox import Place

CARA = "Cara Customer <cara@customer.example>"
CARAS = "cara@customer.example"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def deliver(kit: ExchangeKit, *subjects: str, ago: timedelta = timedelta(minutes=5), sender: str = CARA) -> list[str]:
    at = kit.clock.now() - ago
    return [kit.server.deliver(BOB, sender=sender, subject=subject, at=at) for subject in subjects]


def schedule(kit: ExchangeKit, title: str, *, start: timedelta = DAY, **more: Any) -> str:
    return kit.server.schedule(BOB, title=title, start=kit.clock.now() + start, attendees=[CARA], **more)


def items(pages: list[Page]) -> list[Any]:
    return [item for page in pages for item in page.items]


def subjects(pages: list[Page]) -> list[str]:
    return [item.subject for item in items(pages)]


def meetings(pages: list[Page]) -> list[tuple[str, bool]]:
    """Ids without what Exchange makes up, and whether they are cancelled."""
    return [(item.id.partition("/")[2], item.cancelled) for item in items(pages) if isinstance(item, Meeting)]


def read(provider: Exchange, bob: Credential, cursor: str = "") -> tuple[list[str], str]:
    pages = list(provider.pull(bob, cursor))
    return subjects(pages), pages[-1].cursor


# What a run brings


def test_a_mail_comes_by_its_headers(kit: ExchangeKit, bob: Credential) -> None:
    at = kit.clock.now() - HOUR
    kit.server.deliver(BOB, sender=CARA, subject="Offer €", at=at, to=[BOB, "Ada <ada@acme.example>"], cc=[GRACE, BOB])
    (mail,) = items(list(kit.provider.pull(bob, "")))
    assert isinstance(mail, Mail)
    assert (mail.subject, mail.sender, mail.recipients) == ("Offer €", CARAS, (BOB, ADA, GRACE))
    assert re.fullmatch(r"<\w+@customer\.example>", mail.id)
    assert mail.at == at.replace(microsecond=0)
    assert type(mail.at).__module__ == "datetime"


def test_mails_that_are_too_much_for_one_answer_come_in_several(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "To all of you", "To all of you, again")
    kit.provider.check(bob)
    list(kit.provider.pull(bob, ""))
    both = next(found[0] for asked in kit.asked if (found := re.findall(rb"ItemId .*ItemId [^>]*>", asked)))
    # As if both went to thousands of people: together they have too many parts.
    kit.lie(b"<?xml version='1.0'?>" + b"<a/>" * (MOST_PARTS + 1), if_asked=both)
    assert sorted(subjects(list(kit.provider.pull(bob, "")))) == ["To all of you", "To all of you, again"]


def test_what_bob_sent_comes_too(kit: ExchangeKit, bob: Credential) -> None:
    kit.server.deliver(BOB, sender=BOB, subject="My offer", to=[CARA])
    (mail,) = items(list(kit.provider.pull(bob, "")))
    assert (mail.subject, mail.sender, mail.recipients) == ("My offer", BOB, (CARAS,))


def test_a_meeting_comes_with_its_people(kit: ExchangeKit, bob: Credential) -> None:
    schedule(kit, "Kick-off", optional=[GRACE], organizer=ADA)
    (meeting,) = items(list(kit.provider.pull(bob, "")))
    assert isinstance(meeting, Meeting)
    assert (meeting.subject, meeting.organizer, meeting.attendees) == ("Kick-off", ADA, (CARAS, GRACE))
    assert (meeting.cancelled, meeting.end - meeting.start) == (False, HOUR)
    assert re.fullmatch(r"[0-9A-F]+", meeting.id)
    assert type(meeting.start).__module__ == "datetime"


def test_the_first_reading_goes_back_by_the_window_and_no_further(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "ancient", ago=31 * DAY)
    deliver(kit, "old", ago=29 * DAY)
    deliver(kit, "new")
    schedule(kit, "long over", start=-31 * DAY)
    schedule(kit, "over", start=-29 * DAY)
    schedule(kit, "far away", start=91 * DAY)
    schedule(kit, "ahead", start=89 * DAY)
    assert read(kit.provider, bob)[0] == ["old", "new", "over", "ahead"]


def test_what_is_too_old_is_asked_for_by_its_date_only(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, *(f"ancient {number}" for number in range(9)), ago=40 * DAY)
    deliver(kit, "new")
    assert read(kit.provider, bob)[0] == ["new"]
    fetched = [asked for asked in kit.asked if b"GetItem>" in asked]
    assert [asked.count(b"<t:ItemId ") for asked in fetched] == [1]
    listed = b"".join(asked for asked in kit.asked if b"SyncFolderItems>" in asked)
    assert set(re.findall(rb'FieldURI="([^"]+)"', listed)) == {b"item:DateTimeReceived", b"item:ItemClass"}


def test_an_invitation_is_no_mail(kit: ExchangeKit, bob: Credential) -> None:
    for kind in ("Request", "Canceled", "Resp.Pos"):
        kit.server.deliver(BOB, sender=CARA, subject="Demo", item_class=f"IPM.Schedule.Meeting.{kind}")
    kit.server.deliver(BOB, sender=CARA, subject="signed", item_class="IPM.Note.SMIME.MultipartSigned")
    assert read(kit.provider, bob)[0] == ["signed"]


def test_the_next_run_brings_only_what_is_new(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "first")
    schedule(kit, "meeting one")
    _, cursor = read(kit.provider, bob)
    assert read(kit.provider, bob, cursor)[0] == []
    deliver(kit, "second")
    schedule(kit, "meeting two")
    found, cursor = read(kit.provider, bob, cursor)
    assert found == ["second", "meeting two"]
    assert read(kit.provider, bob, cursor)[0] == []


def test_a_quiet_mailbox_costs_three_requests(kit: ExchangeKit) -> None:
    kit.server.ntlm(False)
    bob = kit.sign_in(BOB)
    schedule(kit, "meeting")
    _, cursor = read(kit.provider, bob)
    before = len(kit.asked)
    read(kit.provider, bob, cursor)
    assert [b"SyncFolderItems>" in asked for asked in kit.asked[before:]] == [True] * 3


def test_a_mail_that_is_read_or_thrown_away_is_no_news(kit: ExchangeKit, bob: Credential) -> None:
    opened, removed = deliver(kit, "opened", "removed")
    _, cursor = read(kit.provider, bob)
    kit.server.read(BOB, opened)
    kit.server.remove(BOB, removed)
    assert read(kit.provider, bob, cursor)[0] == []


def test_old_mail_that_is_moved_into_the_inbox_later_is_no_news(kit: ExchangeKit, bob: Credential) -> None:
    _, cursor = read(kit.provider, bob)
    kit.clock.move(60 * DAY)
    deliver(kit, "from before Bob came", ago=100 * DAY)
    deliver(kit, "from while nobody looked", ago=50 * DAY)
    assert read(kit.provider, bob, cursor)[0] == ["from while nobody looked"]


def test_neither_bodies_nor_attachments_are_asked_for(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "Offer")
    schedule(kit, "Kick-off")
    _, cursor = read(kit.provider, bob)
    read(kit.provider, bob, cursor)
    asked = b"".join(kit.asked)
    assert set(re.findall(rb"<t:BaseShape>(\w+)<", asked)) == {b"IdOnly"}
    fields = {field.rpartition(b":")[2] for field in re.findall(rb'FieldURI="([^"]+)"', asked)}
    assert b"Subject" in fields
    assert fields.isdisjoint(
        {b"Body", b"TextBody", b"UniqueBody", b"Attachments", b"MimeContent", b"Preview", b"Location"}
    )


# Meetings come, change and go


def test_an_own_meeting_that_is_cancelled_is_told_by_the_same_id(kit: ExchangeKit, bob: Credential) -> None:
    planned = schedule(kit, "Kick-off")
    (before,) = items(list(kit.provider.pull(bob, "")))
    _, cursor = read(kit.provider, bob)
    kit.server.cancel(BOB, planned)
    pages = list(kit.provider.pull(bob, cursor))
    (after,) = items(pages)
    assert (after.id, after.cancelled) == (before.id, True)
    assert read(kit.provider, bob, pages[-1].cursor)[0] == []


def test_a_meeting_that_somebody_else_cancelled_is_told_by_the_same_id(kit: ExchangeKit, bob: Credential) -> None:
    planned = schedule(kit, "Kick-off", organizer=ADA)
    first = list(kit.provider.pull(bob, ""))
    kit.server.cancel(BOB, planned)
    pages = list(kit.provider.pull(bob, first[-1].cursor))
    (after,) = items(pages)
    assert (after.id, after.cancelled) == (items(first)[0].id, True)


def test_each_week_of_a_series_is_a_meeting_of_its_own(kit: ExchangeKit, bob: Credential) -> None:
    start = kit.clock.now() + DAY
    series = schedule(kit, "Weekly", weeks=4)
    first = list(kit.provider.pull(bob, ""))
    weeks = [f"{start + timedelta(weeks=week):%Y%m%dT%H%M%SZ}" for week in range(4)]
    assert meetings(first) == [(week, False) for week in weeks]
    assert len({item.id.partition("/")[0] for item in items(first)}) == 1
    kit.server.cancel(BOB, f"{series}.1")
    second = list(kit.provider.pull(bob, first[-1].cursor))
    assert [told for told in meetings(second) if told[1]] == [(weeks[1], True)]
    kit.server.cancel(BOB, series)
    third = list(kit.provider.pull(bob, second[-1].cursor))
    assert sorted(meetings(third)) == [(weeks[0], True), (weeks[2], True), (weeks[3], True)]


def change(kit: ExchangeKit, planned: str, /, **changes: Any) -> None:
    """Somebody edits a meeting. Its item id may change too: that is what Exchange does when one is accepted."""
    with kit.server.state.lock:
        calendar = kit.server.state.accounts[BOB].mailbox.folders[Place.CALENDAR]
        meeting = calendar.pop(planned)
        assert isinstance(meeting, mailbox.Meeting)
        changed = replace(meeting, **changes)
        calendar[changed.id] = changed


def test_a_meeting_that_is_moved_is_the_same_meeting(kit: ExchangeKit, bob: Credential) -> None:
    planned = schedule(kit, "Kick-off")
    first = list(kit.provider.pull(bob, ""))
    start = kit.clock.now() + 40 * DAY
    change(kit, planned, start=start, end=start + HOUR)
    (after,) = items(list(kit.provider.pull(bob, first[-1].cursor)))
    assert (after.id, after.cancelled) == (items(first)[0].id, False)
    assert after.start == start.replace(microsecond=0)


def test_a_meeting_that_bob_accepts_is_not_cancelled(kit: ExchangeKit, bob: Credential) -> None:
    planned = schedule(kit, "Kick-off", organizer=ADA)
    first = list(kit.provider.pull(bob, ""))
    change(kit, planned, id="AAMkAccepted")
    second = list(kit.provider.pull(bob, first[-1].cursor))
    assert meetings(second) == [("", False)]
    assert read(kit.provider, bob, second[-1].cursor)[0] == []


def test_a_series_goes_on_as_time_does(kit: ExchangeKit, bob: Credential) -> None:
    schedule(kit, "Weekly", weeks=52)
    first = list(kit.provider.pull(bob, ""))
    assert len(items(first)) == 13
    kit.clock.move(14 * DAY)
    second = list(kit.provider.pull(bob, first[-1].cursor))
    assert [cancelled for _, cancelled in meetings(second)] == [False, False]
    kit.clock.move(200 * DAY)
    third = list(kit.provider.pull(bob, second[-1].cursor))
    assert not any(cancelled for _, cancelled in meetings(third))
    kit.clock.move(-400 * DAY)
    assert not any(cancelled for _, cancelled in meetings(list(kit.provider.pull(bob, third[-1].cursor))))


def test_what_is_over_is_forgotten_and_not_cancelled(kit: ExchangeKit, bob: Credential) -> None:
    planned = schedule(kit, "Kick-off")
    _, cursor = read(kit.provider, bob)
    kit.clock.move(60 * DAY)
    kit.server.cancel(BOB, planned)
    pages = list(kit.provider.pull(bob, cursor))
    assert items(pages) == []
    assert "seen" not in json.loads(pages[-1].cursor)


def test_a_full_calendar_is_read_to_its_end(kit: ExchangeKit, bob: Credential) -> None:
    for number in range(MOST_LISTED + 100):
        schedule(kit, f"No. {number}", start=number * HOUR)
    schedule(kit, "holidays", length=30 * DAY)
    pages = list(kit.provider.pull(bob, ""))
    assert sorted(subjects(pages)) == sorted([*(f"No. {n}" for n in range(MOST_LISTED + 100)), "holidays"])
    assert all(len(page.items) <= 100 for page in pages)
    assert len(pages[-1].cursor) < 150 * (MOST_LISTED + 100)
    assert read(kit.provider, bob, pages[-1].cursor)[0] == []


# Where a run is cut


def cut_after_each_page(provider: Exchange, bob: Credential, cursor: str) -> Iterator[Page]:
    """Every run is killed when it has committed one page with something in it, the next one starts where that says."""
    for _ in range(60):
        for page in provider.pull(bob, cursor):
            cursor = page.cursor
            yield page
            if page.items:
                break
        else:
            return
    raise AssertionError("the runs never come to an end")


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_runs_that_die_after_every_page_lose_nothing(kit: ExchangeKit, bob: Credential, count: int) -> None:
    small = kit.make(page_size=2)
    mail, planned = [f"mail {n}" for n in range(count)], [f"meeting {n}" for n in range(count)]
    deliver(kit, *mail)
    ids = [schedule(kit, title) for title in planned]
    pages = list(cut_after_each_page(small, bob, ""))
    assert sorted(subjects(pages)) == mail + planned
    later = [f"later {n}" for n in range(count)]
    deliver(kit, *later)
    for id in ids:
        kit.server.cancel(BOB, id)
    pages = list(cut_after_each_page(small, bob, pages[-1].cursor))
    assert sorted({item.subject for item in items(pages) if isinstance(item, Mail)}) == later
    assert len({item.id for item in items(pages) if isinstance(item, Meeting) and item.cancelled}) == count


def test_no_page_is_larger_than_was_asked_for(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, *(f"mail {n}" for n in range(7)))
    ids = [schedule(kit, f"meeting {n}") for n in range(7)]
    small = kit.make(page_size=3)
    first = list(small.pull(bob, ""))
    for id in ids:
        kit.server.cancel(BOB, id)
    pages = first + list(small.pull(bob, first[-1].cursor))
    assert len(items(pages)) == 21
    assert max(len(page.items) for page in pages) == 3


def test_what_arrives_in_mid_run_is_not_skipped(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    schedule(kit, "five")
    run = kit.make(page_size=2).pull(bob, "")
    pages = [next(run)]
    deliver(kit, "meanwhile")
    pages += list(run)
    schedule(kit, "afterwards")
    found, cursor = read(kit.provider, bob, pages[-1].cursor)
    assert sorted([*subjects(pages), *found]) == sorted(
        ["one", "two", "three", "four", "five", "meanwhile", "afterwards"]
    )
    assert read(kit.provider, bob, cursor)[0] == []


def test_an_outage_in_mid_run_leaves_the_last_page_to_go_on_from(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    small = kit.make(page_size=2)
    run = small.pull(bob, "")
    page = next(run)
    kit.server.down(True)
    with pytest.raises(Unavailable):
        next(run)
    kit.server.down(False)
    assert sorted([*subjects([page]), *read(small, bob, page.cursor)[0]]) == sorted(["one", "two", "three", "four"])


def test_a_password_that_is_changed_in_mid_run_is_refused_once(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "one", "two", "three", "four")
    run = kit.make(page_size=2).pull(bob, "")
    next(run)
    kit.server.change_password(BOB)
    with pytest.raises(Rejected) as caught:
        next(run)
    assert caught.value.reason is Reason.PASSWORD_CHANGED
    assert kit.server.refused_logins(BOB) == 1


# Where Exchange has forgotten the cursor


def test_a_forgotten_cursor_reads_the_window_again_and_says_so(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "mail")
    kept, dropped = schedule(kit, "kept"), schedule(kit, "dropped")
    first = list(kit.provider.pull(bob, ""))
    assert not any(page.resync for page in first)
    kit.server.expire_sync_state(BOB)
    deliver(kit, "newer")
    kit.server.cancel(BOB, dropped)
    pages = list(kit.provider.pull(bob, first[-1].cursor))
    # Of the calendar it is still known what was seen.
    assert [item.subject for item in items(pages) if isinstance(item, Mail)] == ["mail", "newer"]
    assert [(item.id, item.cancelled) for item in items(pages) if isinstance(item, Meeting)] == [
        (items(first)[2].id, True)
    ]
    assert all(page.resync for page in pages[:3])
    again = list(kit.provider.pull(bob, pages[-1].cursor))
    assert items(again) == []
    assert not any(page.resync for page in again)
    assert kept


def test_a_cursor_that_is_forgotten_in_mid_run_begins_again(kit: ExchangeKit, bob: Credential) -> None:
    names = ["one", "two", "three", "four", "five"]
    deliver(kit, *names)
    run = kit.make(page_size=2).pull(bob, "")
    pages = [next(run), next(run)]
    kit.server.expire_sync_state(BOB)
    pages += list(run)
    assert set(subjects(pages)) == set(names)
    assert [page.resync for page in pages[:6]] == [False, False, True, True, True, False]


def test_a_resync_goes_back_by_the_window_and_no_further(kit: ExchangeKit, bob: Credential) -> None:
    deliver(kit, "old")
    _, cursor = read(kit.provider, bob)
    kit.clock.move(40 * DAY)
    kit.server.expire_sync_state(BOB)
    deliver(kit, "new")
    assert read(kit.provider, bob, cursor)[0] == ["new"]


# Odd answers


def envelope(operation: str, inner: str) -> bytes:
    return f"""<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body><m:{operation}Response>
 <m:ResponseMessages>{inner}</m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>""".encode()


def success(operation: str, inner: str) -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
        f"{inner}</m:{operation}ResponseMessage>"
    )


def failed(operation: str, code: str) -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>x</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode></m:{operation}ResponseMessage>"
    )


END = "<m:SyncState>s</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        ("SyncFolderItems", success("SyncFolderItems", "")),
        ("SyncFolderItems", success("SyncFolderItems", END)),
        ("SyncFolderItems", success("SyncFolderItems", f"{END}<m:Changes><t:Create/></m:Changes>")),
        ("SyncFolderItems", success("SyncFolderItems", f"{END}<m:Changes><t:Create><t:Odd/></t:Create></m:Changes>")),
        ("SyncFolderItems", success("SyncFolderItems", f"{END}<m:Changes><t:Odd/></m:Changes>")),
        ("SyncFolderItems", failed("SyncFolderItems", "ErrorInternalServerError")),
        ("SyncFolderItems", success("SyncFolderItems", END.replace(">s<", "><") + "<m:Changes/>")),
        ("GetItem", ""),
        ("GetItem", success("GetItem", "<m:Items><t:Message/></m:Items>")),
        ("GetItem", success("GetItem", "<m:Items><t:Message/><t:Message/></m:Items>")),
        ("FindItem", success("FindItem", "<m:RootFolder/>")),
        ("FindItem", ""),
    ],
)
def test_an_answer_of_another_shape_is_exchanges_fault(
    kit: ExchangeKit, bob: Credential, operation: str, inner: str
) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    kit.lie(envelope(operation, inner), if_asked=f"<m:{operation}".encode())
    with pytest.raises(ProviderError) as caught:
        list(kit.provider.pull(bob, ""))
    assert isinstance(caught.value, Unavailable)
    assert caught.value.reason is Reason.PROVIDER_DOWN


def test_a_server_that_takes_no_state_at_all_is_left(kit: ExchangeKit, bob: Credential) -> None:
    refused = failed("SyncFolderItems", "ErrorInvalidSyncStateData").replace(
        "</m:ResponseCode>", f"</m:ResponseCode>{END}"
    )
    kit.lie(envelope("SyncFolderItems", refused), if_asked=b"<m:SyncFolderItems")
    with pytest.raises(Unavailable, match="ErrorInvalidSyncStateData"):
        list(kit.provider.pull(bob, ""))


def test_a_server_that_never_comes_to_an_end_is_left(kit: ExchangeKit, bob: Credential) -> None:
    unending = "<m:SyncState>s</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange><m:Changes/>"
    kit.lie(envelope("SyncFolderItems", success("SyncFolderItems", unending)), if_asked=b"<m:SyncFolderItems")
    assert items(list(kit.provider.pull(bob, ""))) == []
    assert sum(b"<m:SyncFolderItems" in asked for asked in kit.asked) == 6


@pytest.mark.parametrize("code", ["ErrorItemNotFound", "ErrorCorruptData", "ErrorItemCorrupt"])
def test_an_item_that_is_gone_or_damaged_is_skipped(kit: ExchangeKit, bob: Credential, code: str) -> None:
    deliver(kit, "mail")
    schedule(kit, "meeting")
    kit.lie(envelope("GetItem", failed("GetItem", code)), if_asked=b"<m:GetItem")
    pages = list(kit.provider.pull(bob, ""))
    assert items(pages) == []
    kit.tell_the_truth()
    assert read(kit.provider, bob, pages[-1].cursor)[0] == []


PERSON = "<t:Mailbox><t:Name>{0}</t:Name><t:EmailAddress>{0}</t:EmailAddress></t:Mailbox>"
LEGACY = "/O=ACME/OU=EXCHANGE/CN=RECIPIENTS/CN=GONE"


@pytest.mark.parametrize(
    ("fields", "sender", "recipients"),
    [
        ("", "", ()),
        (f"<t:From>{PERSON.format(LEGACY)}</t:From>", "", ()),
        (f"<t:Sender>{PERSON.format(GRACE)}</t:Sender>", GRACE, ()),
        (f"<t:Sender>{PERSON.format(GRACE)}</t:Sender><t:From>{PERSON.format(BOB)}</t:From>", BOB, ()),
        (f"<t:ToRecipients>{PERSON.format(LEGACY)}{PERSON.format(BOB)}</t:ToRecipients>", "", (BOB,)),
        ("<t:ToRecipients/><t:From><t:Mailbox><t:Name>x</t:Name></t:Mailbox></t:From>", "", ()),
    ],
)
def test_people_of_every_kind_are_read(
    kit: ExchangeKit, bob: Credential, fields: str, sender: str, recipients: tuple[str, ...]
) -> None:
    deliver(kit, "mail")
    date = f"<t:DateTimeReceived>{kit.clock.now():%Y-%m-%dT%H:%M:%SZ}</t:DateTimeReceived>"
    message = f'<m:Items><t:Message><t:ItemId Id="i" ChangeKey="c"/>{date}{fields}</t:Message></m:Items>'
    kit.lie(envelope("GetItem", success("GetItem", message)), if_asked=b"<m:GetItem")
    (mail,) = items(list(kit.provider.pull(bob, "")))
    assert (mail.id, mail.subject, mail.sender, mail.recipients) == ("i", "", sender, recipients)


def occurrence(fields: str) -> bytes:
    return envelope(
        "GetItem",
        success(
            "GetItem",
            '<m:Items><t:CalendarItem><t:ItemId Id="i" ChangeKey="c"/><t:UID>u</t:UID>'
            f"<t:Start>2026-11-21T12:00:00+01:00</t:Start><t:End>2026-11-21T13:00:00+01:00</t:End>{fields}"
            "</t:CalendarItem></m:Items>",
        ),
    )


@pytest.mark.parametrize(
    ("fields", "id"),
    [
        ("", "u"),
        ("<t:CalendarItemType>Single</t:CalendarItemType>", "u"),
        ("<t:CalendarItemType>Occurrence</t:CalendarItemType>", "u/20261121T110000Z"),
        (
            "<t:OriginalStart>2026-11-20T09:00:00Z</t:OriginalStart><t:CalendarItemType>Exception</t:CalendarItemType>",
            "u/20261120T090000Z",
        ),
        (
            "<t:RecurrenceId>2026-11-19T09:00:00Z</t:RecurrenceId><t:CalendarItemType>Exception</t:CalendarItemType>",
            "u/20261119T090000Z",
        ),
    ],
)
def test_an_occurrence_is_named_by_when_it_was_meant_to_be(
    kit: ExchangeKit, bob: Credential, fields: str, id: str
) -> None:
    schedule(kit, "meeting")
    kit.lie(occurrence(fields), if_asked=b"<m:GetItem")
    (meeting,) = items(list(kit.provider.pull(bob, "")))
    assert (meeting.id, meeting.organizer, meeting.attendees) == (id, "", ())
    assert f"{meeting.start:%H:%M %Z}" == "11:00 UTC"
