"""Mail and meetings as a real exchangelib reads them: in pages, by sync state, by query, one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from exchangelib import EWSDateTime
from exchangelib.errors import ErrorCalendarViewRangeTooBig, ErrorInvalidSyncStateData, ErrorItemNotFound
from exchangelib.items import MeetingRequest

from tests.rehearsal.exchange.rig import BOB, CARA, GRACE, NOON, World, subjects, synced

ENVELOPE = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
  xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>{}</s:Body></s:Envelope>"""
CHANGES = """<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>
  <t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>{}</m:SyncState>
  <m:MaxChangesReturned>{}</m:MaxChangesReturned></m:SyncFolderItems>"""


def test_the_inbox_comes_in_pages_and_then_only_what_is_new(world: World) -> None:
    world.deliver("one", "two", "three", "four", "five")
    inbox = world.account().inbox
    before = len(world.server.requests)
    changes, state = synced(inbox, "subject", most=2)
    assert subjects(changes) == [("create", name) for name in ("one", "two", "three", "four", "five")]
    assert len(world.server.requests) - before == 3
    assert synced(inbox, "subject", state=state)[0] == []
    world.deliver("six")
    assert subjects(synced(inbox, "subject", state=state)[0]) == [("create", "six")]


def test_a_sync_tells_of_changes_reads_and_removals(world: World) -> None:
    read, removed = world.deliver("read", "removed")
    planned = world.schedule("planned", organizer=CARA)
    account = world.account()
    _, mail_state = synced(account.inbox)
    _, plan_state = synced(account.calendar)
    world.server.read(BOB, read)
    world.server.remove(BOB, removed)
    world.server.cancel(BOB, planned)
    changes, _ = synced(account.inbox, state=mail_state)
    assert [(kind, what[0].id if kind == "read_flag_change" else what.id) for kind, what in changes] == [
        ("read_flag_change", read),
        ("delete", removed),
    ]
    [(kind, meeting)], _ = synced(account.calendar, "subject", "is_cancelled", state=plan_state)
    assert (kind, meeting.subject, meeting.is_cancelled) == ("update", "Canceled: planned", True)


def test_a_mail_that_came_and_went_between_two_syncs_is_never_heard_of(world: World) -> None:
    inbox = world.account().inbox
    _, state = synced(inbox)
    world.server.remove(BOB, *world.deliver("gone"))
    assert synced(inbox, state=state)[0] == []


def test_sent_mail_lies_in_sent_items(world: World) -> None:
    world.deliver("mine", sender=f"Bob Builder <{BOB}>")
    world.deliver("mine too", sender="builder@acme.example")
    account = world.account()
    assert synced(account.inbox)[0] == []
    assert subjects(synced(account.sent)[0]) == [("create", "mine"), ("create", "mine too")]


def test_a_page_holds_512_changes_at_most(world: World) -> None:
    world.deliver(*(f"No. {n}" for n in range(513)))
    body = ENVELOPE.format(CHANGES.format("", 1000)).encode()
    answer = world.post(body, auth=(BOB, "bob's: päss".encode())).text
    assert answer.count("<t:Create>") == 512
    assert "<m:IncludesLastItemInRange>false<" in answer


def test_only_the_asked_fields_are_sent(world: World) -> None:
    world.deliver("Offer")
    body = ENVELOPE.format(CHANGES.format("", 10)).encode()
    answer = world.post(body, auth=(BOB, "bob's: päss".encode())).text
    assert "<t:ItemId " in answer
    assert "Offer" not in answer
    assert "customer.example" not in answer


def test_a_listing_knows_names_and_only_getitem_knows_addresses(world: World) -> None:
    world.server.deliver(BOB, sender=CARA, subject="Offer", to=[BOB], cc=[f"Grace <{GRACE}>"])
    account = world.account()
    people = ("sender", "author", "to_recipients", "cc_recipients", "message_id")
    [(_, listed)], _ = synced(account.inbox, *people)
    assert (listed.author.name, listed.author.email_address) == ("Cara Customer", None)
    assert (listed.to_recipients, listed.cc_recipients) == (None, None)
    [got] = account.fetch([listed], only_fields=people)
    assert (got.sender.email_address, got.author.email_address) == ("cara@customer.example", "cara@customer.example")
    assert [one.email_address for one in got.to_recipients + got.cc_recipients] == [BOB, GRACE]
    assert got.message_id == listed.message_id
    assert got.message_id.endswith("@customer.example>")


def test_what_is_gone_is_not_found_and_the_rest_is(world: World) -> None:
    kept, gone = world.deliver("kept", "gone")
    world.server.remove(BOB, gone)
    found = list(world.account().fetch([(kept, None), (gone, None)], only_fields=["subject"]))
    assert found[0].subject == "kept"
    assert isinstance(found[1], ErrorItemNotFound)


def test_an_invitation_in_the_inbox_is_no_plain_mail(world: World) -> None:
    world.server.deliver(BOB, sender=CARA, subject="Demo", item_class="IPM.Schedule.Meeting.Request")
    [(_, item)], _ = synced(world.account().inbox, "subject", "item_class")
    assert isinstance(item, MeetingRequest)
    assert item.item_class == "IPM.Schedule.Meeting.Request"


def test_a_query_by_date_is_answered_newest_first_in_pages(world: World) -> None:
    for days in range(6):
        world.deliver(f"{days} days old", at=NOON - timedelta(days=days))
    since = EWSDateTime.from_datetime(NOON - timedelta(days=4))
    query = world.account().inbox.filter(datetime_received__gte=since).only("subject", "datetime_received")
    query.page_size = 2
    assert [mail.subject for mail in query] == [f"{days} days old" for days in range(5)]
    assert next(mail.subject for mail in query.order_by("datetime_received")) == "4 days old"
    between = world.account().inbox.filter(datetime_received__gt=since, datetime_received__lt=since + timedelta(days=2))
    assert [mail.subject for mail in between.only("subject")] == ["3 days old"]


def view(world: World, *, start: int = 0, end: int = 30) -> list[Any]:
    begin, until = (EWSDateTime.from_datetime(NOON + timedelta(days=days)) for days in (start, end))
    return list(world.account().calendar.view(begin, until))


def test_a_calendar_view_shows_what_touches_it_by_start(world: World) -> None:
    world.schedule("second", start=NOON + timedelta(days=2))
    world.schedule("under way", start=NOON - timedelta(minutes=30))
    world.schedule("over", start=NOON - timedelta(hours=1))
    world.schedule("too late", start=NOON + timedelta(days=30))
    assert [meeting.subject for meeting in view(world)] == ["under way", "second"]


def test_a_series_is_one_item_to_sync_and_many_to_view(world: World) -> None:
    series = world.schedule("Weekly", weeks=4)
    world.server.cancel(BOB, f"{series}.1")
    [(_, master)], _ = synced(world.account().calendar, "uid", "type", "recurrence_id")
    assert (master.type, master.recurrence_id) == ("RecurringMaster", None)
    shown = view(world, start=-1)
    assert {meeting.type for meeting in shown} == {"Occurrence"}
    assert {meeting.uid for meeting in shown} == {master.uid}
    assert len({meeting.id for meeting in shown} | {master.id}) == 4
    assert [meeting.recurrence_id for meeting in shown] == [meeting.start for meeting in shown]
    assert [(meeting.start - NOON).days for meeting in shown] == [0, 14, 21]


def test_a_meeting_tells_who_takes_part(world: World) -> None:
    world.schedule("Demo", optional=[GRACE])
    [meeting] = view(world, start=-1)
    assert meeting.type == "Single"
    assert meeting.organizer.email_address == BOB
    assert [one.mailbox.email_address for one in meeting.required_attendees] == ["cara@customer.example"]
    assert [one.mailbox.email_address for one in meeting.optional_attendees] == [GRACE]
    assert meeting.end - meeting.start == timedelta(hours=1)


def test_an_own_meeting_that_is_cancelled_leaves_the_calendar(world: World) -> None:
    planned = world.schedule("Demo")
    calendar = world.account().calendar
    _, state = synced(calendar)
    world.server.cancel(BOB, planned)
    [(kind, item)], _ = synced(calendar, state=state)
    assert (kind, item.id) == ("delete", planned)
    assert view(world, start=-1) == []


def test_a_view_of_more_than_two_years_is_refused(world: World) -> None:
    with pytest.raises(ErrorCalendarViewRangeTooBig):
        view(world, end=800)


def test_a_sync_state_is_good_for_its_folder_only_and_not_for_ever(world: World) -> None:
    account = world.account()
    _, state = synced(account.inbox)
    for wrong in (state, "bWFkZSB1cA=="):
        with pytest.raises(ErrorInvalidSyncStateData):
            synced(account.calendar, state=wrong)
    world.server.expire_sync_state(BOB)
    with pytest.raises(ErrorInvalidSyncStateData):
        synced(account.inbox, state=state)
    world.deliver("all over again")
    fresh = world.account().inbox
    assert subjects(synced(fresh)[0]) == [("create", "all over again")]
