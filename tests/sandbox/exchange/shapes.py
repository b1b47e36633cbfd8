"""Folders and items as EWS elements, with the fields that were asked for. It knows no operation.

A listing (FindItem, SyncFolderItems) is poorer than GetItem: "FindItem does not return a message body, attachments, or
recipient lists", and of the sender "only the DisplayName is returned in the FindItem call"
(learn.microsoft.com/archive/blogs/brijs/how-to-retrieve-email-address-from-the-from-and-to-field-of-mail-item-using-ews-managed-api);
"SyncFolderItems is similar to the FindItem operation in that" (…/web-service-reference/syncfolderitems-operation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from xml.etree.ElementTree import Element

from tests.sandbox.exchange.mailbox import Item, Mail, Meeting
from tests.sandbox.exchange.soap import NAMES, element

TAGS = {
    "IPM.Schedule.Meeting.Request": "t:MeetingRequest",
    "IPM.Schedule.Meeting.Canceled": "t:MeetingCancellation",
    "IPM.Schedule.Meeting.Resp.Pos": "t:MeetingResponse",
}

Fields = dict[str, Element | None]


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
        return [made for name, made in fields.items() if made is not None and (self.every or name in self.fields)]


def item(found: Item, shape: Shape) -> Element:
    if isinstance(found, Meeting):
        return element("t:CalendarItem", item_id(found), *shape.pick(_meeting(found, listing=shape.listing)))
    tag = TAGS.get(found.item_class, "t:Message")
    return element(tag, item_id(found), *shape.pick(_mail(found, listing=shape.listing)))


def item_id(found: Item) -> Element:
    return element("t:ItemId", Id=found.id, ChangeKey=f"{hash(found) & 0xFFFFFFFF:08x}")


def folder(tag: str, id: str, shape: Shape, fields: dict[str, object]) -> Element:
    """`fields` by their names in the schema, such as DisplayName."""
    known: Fields = {f"folder:{name}": element(f"t:{name}", str(value)) for name, value in fields.items()}
    return element(tag, element("t:FolderId", Id=id, ChangeKey="AQAAAA=="), *shape.pick(known))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _mail(mail: Mail, *, listing: bool) -> Fields:
    return {
        "item:ItemClass": element("t:ItemClass", mail.item_class),
        "item:Subject": element("t:Subject", mail.subject),
        "item:DateTimeReceived": element("t:DateTimeReceived", moment(mail.at)),
        "item:DateTimeSent": element("t:DateTimeSent", moment(mail.at)),
        "message:Sender": element("t:Sender", _person(mail.sender, listing=listing)),
        "message:ToRecipients": None if listing else _people("t:ToRecipients", mail.to),
        "message:CcRecipients": None if listing else _people("t:CcRecipients", mail.cc),
        "message:From": element("t:From", _person(mail.sender, listing=listing)),
        "message:InternetMessageId": element("t:InternetMessageId", mail.message_id),
        "message:IsRead": element("t:IsRead", _bool(mail.is_read)),
    }


def _meeting(meeting: Meeting, *, listing: bool) -> Fields:
    again = meeting.recurrence_id
    return {
        "item:ItemClass": element("t:ItemClass", "IPM.Appointment"),
        "item:Subject": element("t:Subject", meeting.title),
        "item:DateTimeReceived": element("t:DateTimeReceived", moment(meeting.planned_at)),
        "calendar:UID": element("t:UID", meeting.uid),
        "calendar:RecurrenceId": element("t:RecurrenceId", moment(again)) if again else None,
        "calendar:Start": element("t:Start", moment(meeting.start)),
        "calendar:End": element("t:End", moment(meeting.end)),
        "calendar:IsAllDayEvent": element("t:IsAllDayEvent", "false"),
        "calendar:IsMeeting": element("t:IsMeeting", _bool(bool(meeting.required or meeting.optional))),
        "calendar:IsCancelled": element("t:IsCancelled", _bool(meeting.cancelled)),
        "calendar:IsRecurring": element("t:IsRecurring", _bool(meeting.kind == "Occurrence")),
        "calendar:CalendarItemType": element("t:CalendarItemType", meeting.kind),
        "calendar:Organizer": element("t:Organizer", _person(meeting.organizer, listing=listing)),
        "calendar:RequiredAttendees": None if listing else _attendees("t:RequiredAttendees", meeting.required),
        "calendar:OptionalAttendees": None if listing else _attendees("t:OptionalAttendees", meeting.optional),
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
