"""Calendar's events.list on the primary calendar, with its rules for sync tokens. No tokens are judged here.

Source: developers.google.com/workspace/calendar/api/guides/sync and …/v3/reference/events/list
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from multidict import MultiMapping

from tests.sandbox.google import errors
from tests.sandbox.google.state import Account, Diary, Meeting, pack, unpack

SYSTEM = {"alt", "fields", "key", "prettyPrint", "quotaUser"}
KNOWN = {
    "syncToken", "pageToken", "maxResults", "timeMin", "timeMax", "updatedMin", "orderBy", "singleEvents",
    "showDeleted", "timeZone", "eventTypes", "maxAttendees", "showHiddenInvitations",
}  # fmt: skip
NOT_WITH_SYNC_TOKEN = ("timeMin", "timeMax", "updatedMin", "orderBy")
MOST = 2500
USUAL = 250

Query = MultiMapping[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """What one listing asks for: the pages of it and the sync token after it all keep to this."""

    since: int
    upto: int
    window: tuple[str, str]
    cancelled: bool
    ordered: bool
    after: int = 0


def list_events(account: Account, query: Query) -> dict[str, Any]:
    """A full listing, or the changes since `syncToken`; 410 when that is gone, and a full sync is due."""
    for name in query:
        if name not in KNOWN | SYSTEM:
            raise errors.unknown_parameter(name)
    diary = account.diary
    listing = _listing(diary, query)
    size = _page_size(query)
    found = [
        meeting for meeting in sorted(diary.meetings.values(), key=_by_change) if _fits(meeting, listing)
    ]
    page = found[:size]
    answer: dict[str, Any] = {
        "kind": "calendar#events",
        "etag": f'"p{diary.change}"',
        "summary": account.email,
        "timeZone": "Europe/Berlin",
        "accessRole": "owner",
        "defaultReminders": [],
        "items": [_event(meeting) for meeting in page],
    }
    if len(found) > size:
        answer["nextPageToken"] = _page_token(diary, listing, after=page[-1].change)
    elif not listing.ordered:
        answer["nextSyncToken"] = _sync_token(diary, listing)
    return answer


def _listing(diary: Diary, query: Query) -> Listing:
    if "pageToken" in query:
        return _continued(diary, query)
    if "syncToken" in query:
        return _changes(diary, query)
    window = (_time(query, "timeMin"), _time(query, "timeMax"))
    if all(window) and datetime.fromisoformat(window[0]) >= datetime.fromisoformat(window[1]):
        raise errors.calendar(400, "timeRangeEmpty", "The specified time range is empty.", at="timeMax")
    if query.get("orderBy") == "startTime" and query.get("singleEvents") != "true":
        words = "The requested ordering is not available for the particular query."
        raise errors.calendar(400, "orderByNotAvailable", words, at="orderBy")
    return Listing(
        since=0,
        upto=diary.change,
        window=window,
        cancelled=query.get("showDeleted") == "true",
        ordered="orderBy" in query or "updatedMin" in query,
    )


def _changes(diary: Diary, query: Query) -> Listing:
    clash = next((name for name in NOT_WITH_SYNC_TOKEN if name in query), "")
    if clash or query.get("showDeleted") == "false":
        words = "Sync token cannot be used with this parameter."
        raise errors.calendar(400, "invalid", words, domain="global", at=clash or "showDeleted")
    marks = unpack(query["syncToken"])
    if marks is None or marks.get("kind") != "sync":
        raise errors.calendar(400, "invalid", "Invalid sync token value.", domain="global", at="syncToken")
    _refuse_gone(diary, marks)
    lower, upper = marks["window"]
    return Listing(
        since=int(marks["change"]), upto=diary.change, window=(lower, upper), cancelled=True, ordered=False
    )


def _continued(diary: Diary, query: Query) -> Listing:
    marks = unpack(query["pageToken"])
    if marks is None or marks.get("kind") != "page":
        raise errors.calendar(400, "invalid", "Invalid page token value.", domain="global", at="pageToken")
    _refuse_gone(diary, marks)
    lower, upper = marks["window"]
    return Listing(
        since=int(marks["since"]),
        upto=int(marks["upto"]),
        window=(lower, upper),
        cancelled=bool(marks["cancelled"]),
        ordered=bool(marks["ordered"]),
        after=int(marks["after"]),
    )


def _refuse_gone(diary: Diary, marks: Mapping[str, Any]) -> None:
    if marks["generation"] != diary.generation:
        raise errors.sync_token_gone()


def _fits(meeting: Meeting, listing: Listing) -> bool:
    lower, upper = listing.window
    return (
        max(listing.since, listing.after) < meeting.change <= listing.upto
        and (listing.cancelled or not meeting.cancelled)
        and (not lower or meeting.end > datetime.fromisoformat(lower))
        and (not upper or meeting.start < datetime.fromisoformat(upper))
    )


def _page_token(diary: Diary, listing: Listing, *, after: int) -> str:
    return pack(
        kind="page",
        generation=diary.generation,
        since=listing.since,
        upto=listing.upto,
        window=listing.window,
        cancelled=listing.cancelled,
        ordered=listing.ordered,
        after=after,
    )


def _sync_token(diary: Diary, listing: Listing) -> str:
    # It stands for the moment of the first page: what changed while pages were read comes with the next sync.
    return pack(kind="sync", generation=diary.generation, change=listing.upto, window=listing.window)


def _event(meeting: Meeting) -> dict[str, Any]:
    known = {"kind": "calendar#event", "etag": f'"{meeting.change}"', "id": meeting.id}
    if meeting.cancelled:
        # "Deleted events are only guaranteed to have the id field populated."
        return known | {"status": "cancelled"}
    return known | {
        "status": "confirmed",
        "summary": meeting.title,
        "iCalUID": f"{meeting.id}@google.com",
        "created": _z(meeting.updated),
        "updated": _z(meeting.updated),
        "eventType": "default",
        "creator": {"email": meeting.organizer},
        "organizer": {"email": meeting.organizer, "self": True},
        "start": {"dateTime": _z(meeting.start), "timeZone": "Europe/Berlin"},
        "end": {"dateTime": _z(meeting.end), "timeZone": "Europe/Berlin"},
        "attendees": [{"email": email, "responseStatus": "needsAction"} for email in meeting.attendees],
    }


def _z(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(query: Query, name: str) -> str:
    """RFC 3339 with a mandatory offset, else 400; empty when not asked for."""
    text = query.get(name, "")
    if not text:
        return ""
    refused = errors.calendar(400, "badRequest", "Bad Request", domain="global", at=name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise refused from error
    if moment.tzinfo is None:
        raise refused
    return moment.isoformat()


def _page_size(query: Query) -> int:
    asked = query.get("maxResults", str(USUAL))
    if not asked.isdigit() or int(asked) < 1:
        raise errors.calendar(400, "invalidParameter", "Invalid maxResults", domain="global", at="maxResults")
    return min(int(asked), MOST)


def _by_change(meeting: Meeting) -> int:
    return meeting.change
