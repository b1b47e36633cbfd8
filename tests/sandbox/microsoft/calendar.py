"""Graph's calendarView/delta and single events, with their gaps. No tokens are judged here.

Source: learn.microsoft.com/graph/api/event-delta and …/resources/event
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from multidict import MultiMapping

from tests.sandbox.exchange.mailbox import Item, Mailbox, Meeting, Place
from tests.sandbox.microsoft import errors
from tests.sandbox.microsoft.mail import BODY, address, etag, names_in, selected, stamp
from tests.sandbox.microsoft.rounds import Collection
from tests.sandbox.microsoft.scopes import CALENDARS_WITH_BODY

Query = MultiMapping[str]

LONGEST_VIEW = timedelta(days=1825)
NOT_BASIC = {"body", "bodyPreview", "attachments", "extensions"}
TYPES = {"Single": "singleInstance", "RecurringMaster": "seriesMaster", "Occurrence": "occurrence"}
# github.com/microsoftgraph/microsoft-graph-docs/issues/7632: delta tells of an occurrence no more than this.
OF_AN_OCCURRENCE = ("@odata.etag", "seriesMasterId", "type", "start", "end", "id")


def asked(query: Query) -> dict[str, Any]:
    """The window of a first request to calendarView/delta. Raises Refused."""
    given = {name.casefold(): value for name, value in query.items()}
    for name in query:
        if name.casefold() not in {"startdatetime", "enddatetime", "$deltatoken"}:
            raise errors.not_with_delta(name)
    if not given.keys() >= {"startdatetime", "enddatetime"}:
        words = "This request requires a time window specified by the query parameters StartDateTime and EndDateTime."
        raise errors.bad_request(words, "ErrorInvalidParameter")
    start, end = _time(given["startdatetime"]), _time(given["enddatetime"])
    if end < start:
        raise errors.bad_request("The end of the time window is before its start.", "ErrorInvalidParameter")
    if end - start > LONGEST_VIEW:
        words = (
            "Your request can't be completed. The range between the start and end dates is greater than the allowed "
            f"range. Maximum number of days: {LONGEST_VIEW.days}"
        )
        raise errors.bad_request(words, "ErrorOccurrenceTimeSpanTooBig")
    return {"window": (start, end)}


def collection(mailbox: Mailbox, about: Mapping[str, Any], scopes: frozenset[str]) -> Collection:
    """Single meetings, series, and their occurrences. What touches the window is in view."""
    start, end = about["window"]
    items: dict[str, Item] = {}
    for item in mailbox.folders[Place.CALENDAR].values():
        if isinstance(item, Meeting):
            items |= {one.id: one for one in (item, *item.occurrences())}

    def written(item: Item) -> dict[str, Any] | None:
        assert isinstance(item, Meeting)
        if item.start >= end or item.end <= start:
            return None
        entry = _written(item, mailbox, scopes)
        if item.kind == "Occurrence":
            entry = {name: entry[name] for name in OF_AN_OCCURRENCE}
        return {"@odata.type": "#microsoft.graph.event", **entry}

    return Collection(items=items, written=written, kind="event", tells_of_outside=True)


def event(mailbox: Mailbox, event_id: str, query: Query, scopes: frozenset[str]) -> dict[str, Any]:
    """Raises Refused. Here an occurrence has everything."""
    names = names_in(query)
    if NOT_BASIC & names and not CALENDARS_WITH_BODY & scopes:
        raise errors.access_denied()
    found = mailbox.find(event_id)
    if not isinstance(found, Meeting):
        raise errors.not_found()
    return selected(_written(found, mailbox, scopes), names, "event")


def _written(meeting: Meeting, mailbox: Mailbox, scopes: frozenset[str]) -> dict[str, Any]:
    is_organizer = mailbox.is_at(address(meeting.organizer)["emailAddress"]["address"])
    known: dict[str, Any] = {
        "@odata.etag": etag(meeting),
        "id": meeting.id,
        "createdDateTime": stamp(meeting.planned_at),
        "lastModifiedDateTime": stamp(meeting.planned_at),
        "changeKey": etag(meeting)[3:-1],
        "categories": [],
        "transactionId": None,
        "originalStartTimeZone": "W. Europe Standard Time",
        "originalEndTimeZone": "W. Europe Standard Time",
        "iCalUId": _ical_uid(meeting),
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": True,
        "hasAttachments": False,
        "subject": meeting.title,
        "bodyPreview": BODY,
        "importance": "normal",
        "sensitivity": "normal",
        "isAllDay": False,
        "isCancelled": meeting.cancelled,
        "isOrganizer": is_organizer,
        "responseRequested": True,
        "seriesMasterId": meeting.id.rpartition(".")[0] if meeting.kind == "Occurrence" else None,
        "showAs": "busy",
        "type": TYPES[meeting.kind],
        "webLink": f"https://outlook.office365.com/owa/?itemid={meeting.id}&exvsurl=1&path=/calendar/item",
        "onlineMeetingUrl": None,
        "isOnlineMeeting": False,
        "isDraft": False,
        "hideAttendees": False,
        "recurrence": _recurrence(meeting),
        "responseStatus": {"response": "organizer" if is_organizer else "accepted", "time": "0001-01-01T00:00:00Z"},
        "body": {"contentType": "html", "content": BODY},
        "start": _local(meeting.start),
        "end": _local(meeting.end),
        "location": {"displayName": "", "locationType": "default"},
        "attendees": [
            {"type": kind, "status": {"response": "none", "time": "0001-01-01T00:00:00Z"}, **address(email)}
            for kind, emails in (("required", meeting.required), ("optional", meeting.optional))
            for email in emails
        ],
        "organizer": address(meeting.organizer),
    }
    if CALENDARS_WITH_BODY & scopes:
        return known
    return {name: value for name, value in known.items() if name not in NOT_BASIC}


def _ical_uid(meeting: Meeting) -> str:
    """ "This ID is different for each occurrence in a recurring series": …/resources/event."""
    if meeting.recurrence_id is None:
        return meeting.uid
    # The date of the occurrence stands in bytes 17 to 20 of an Outlook uid.
    at = meeting.recurrence_id
    return f"{meeting.uid[:32]}{at.year:04X}{at.month:02X}{at.day:02X}{meeting.uid[32:]}"


def _recurrence(meeting: Meeting) -> dict[str, Any] | None:
    if meeting.kind != "RecurringMaster":
        return None
    first = f"{meeting.start:%Y-%m-%d}"
    weekly = {"type": "weekly", "interval": 1, "daysOfWeek": [f"{meeting.start:%A}".lower()]}
    return {"pattern": weekly, "range": {"type": "numbered", "startDate": first, "numberOfOccurrences": meeting.weeks}}


def _local(moment: datetime) -> dict[str, str]:
    """Seven decimals and no offset: the zone stands beside it."""
    return {"dateTime": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}


def _time(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise errors.bad_request(
            f"The value '{text}' of a time window is not valid.", "ErrorInvalidParameter"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
