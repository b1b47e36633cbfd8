"""Folders and items as EWS elements, with the fields that were asked for. It knows no operation.

A listing (FindItem, SyncFolderItems) is poorer than GetItem: "FindItem does not return a message body, attachments, or
recipient lists", and of the sender "only the DisplayName is returned in the FindItem call"
(learn.microsoft.com/archive/blogs/brijs/how-to-retrieve-email-address-from-the-from-and-to-field-of-mail-item-using-ews-managed-api);
"SyncFolderItems is similar to the FindItem operation in that" (…/web-service-reference/syncfolderitems-operation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import partial
from xml.etree.ElementTree import Element

from tests.sandbox.exchange.mailbox import Item, Mail, Meeting
from tests.sandbox.exchange.soap import NAMES, element

TAGS = {
    "IPM.Schedule.Meeting.Request": "t:MeetingRequest",
    "IPM.Schedule.Meeting.Canceled": "t:MeetingCancellation",
    "IPM.Schedule.Meeting.Resp.Pos": "t:MeetingResponse",
}

# By the schema's names. Made only where asked for: a full calendar has thousands that nobody asks for.
Fields = dict[str, Callable[[], Element | None]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a request wants to know of each item. `listing`: of a listing, which knows less than GetItem."""

    every: bool
    fields: frozenset[str]
    listing: bool

    @classmethod
    def of(cls, operation: Element, *, listing: bool = False) -> Shape:
        """Reads ItemShape or FolderShape."""
        base = operation.findtext("*/t:BaseShape", "IdOnly", NAMES)
        asked = operation.findall("*/t:AdditionalProperties/t:FieldURI", NAMES)
        return cls(base != "IdOnly", frozenset(path.get("FieldURI", "") for path in asked), listing)

    def pick(self, fields: Fields) -> list[Element]:
        picked = [make() for name, make in fields.items() if self.every or name in self.fields]
        return [made for made in picked if made is not None]


def item(found: Item, shape: Shape) -> Element:
    if isinstance(found, Meeting):
        return element("t:CalendarItem", item_id(found), *shape.pick(_meeting(found, listing=shape.listing)))
    tag = TAGS.get(found.item_class, "t:Message")
    return element(tag, item_id(found), *shape.pick(_mail(found, listing=shape.listing)))


def item_id(found: Item) -> Element:
    return element("t:ItemId", Id=found.id, ChangeKey=f"{hash(found) & 0xFFFFFFFF:08x}")


def folder(tag: str, id: str, shape: Shape, fields: dict[str, object]) -> Element:
    """`fields` by their names in the schema, such as DisplayName."""
    known: Fields = {f"folder:{name}": partial(element, f"t:{name}", str(value)) for name, value in fields.items()}
    return element(tag, element("t:FolderId", Id=id, ChangeKey="AQAAAA=="), *shape.pick(known))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _mail(mail: Mail, *, listing: bool) -> Fields:
    return {
        "item:ItemClass": lambda: element("t:ItemClass", mail.item_class),
        "item:Subject": lambda: element("t:Subject", mail.subject),
        "item:DateTimeReceived": lambda: element("t:DateTimeReceived", moment(mail.at)),
        "item:DateTimeSent": lambda: element("t:DateTimeSent", moment(mail.at)),
        "message:Sender": lambda: element("t:Sender", _person(mail.sender, listing=listing)),
        "message:ToRecipients": lambda: None if listing else _people("t:ToRecipients", mail.to),
        "message:CcRecipients": lambda: None if listing else _people("t:CcRecipients", mail.cc),
        "message:From": lambda: element("t:From", _person(mail.sender, listing=listing)),
        "message:InternetMessageId": lambda: element("t:InternetMessageId", mail.message_id),
        "message:IsRead": lambda: element("t:IsRead", _bool(mail.is_read)),
    }


def _meeting(meeting: Meeting, *, listing: bool) -> Fields:
    again = meeting.recurrence_id
    return {
        "item:ItemClass": lambda: element("t:ItemClass", "IPM.Appointment"),
        "item:Subject": lambda: element("t:Subject", meeting.title),
        "item:DateTimeReceived": lambda: element("t:DateTimeReceived", moment(meeting.planned_at)),
        "calendar:UID": lambda: element("t:UID", meeting.uid),
        "calendar:RecurrenceId": lambda: element("t:RecurrenceId", moment(again)) if again else None,
        "calendar:Start": lambda: element("t:Start", moment(meeting.start)),
        "calendar:End": lambda: element("t:End", moment(meeting.end)),
        "calendar:IsAllDayEvent": lambda: element("t:IsAllDayEvent", "false"),
        "calendar:IsMeeting": lambda: element("t:IsMeeting", _bool(bool(meeting.required or meeting.optional))),
        "calendar:IsCancelled": lambda: element("t:IsCancelled", _bool(meeting.cancelled)),
        "calendar:IsRecurring": lambda: element("t:IsRecurring", _bool(meeting.kind == "Occurrence")),
        "calendar:CalendarItemType": lambda: element("t:CalendarItemType", meeting.kind),
        "calendar:Organizer": lambda: element("t:Organizer", _person(meeting.organizer, listing=listing)),
        "calendar:RequiredAttendees": lambda: None if listing else _attendees("t:RequiredAttendees", meeting.required),
        "calendar:OptionalAttendees": lambda: None if listing else _attendees("t:OptionalAttendees", meeting.optional),
    }


def _person(address: str, *, listing: bool = False) -> Element:
    name, email = parseaddr(address)
    if listing:
        return element("t:Mailbox", element("t:Name", name or email))
    return element(
        "t:Mailbox",
        element("t:Name", name or email),
        element("t:EmailAddress", email),
        element("t:RoutingType", "SMTP"),
        element("t:MailboxType", "OneOff"),
    )


def _people(tag: str, addresses: Sequence[str]) -> Element | None:
    return element(tag, *map(_person, addresses)) if addresses else None


def _attendees(tag: str, addresses: Sequence[str]) -> Element | None:
    if not addresses:
        return None
    reply = "Unknown"
    return element(tag, *(element("t:Attendee", _person(one), element("t:ResponseType", reply)) for one in addresses))


def _bool(value: bool) -> str:
    return "true" if value else "false"
