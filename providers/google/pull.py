"""What is new in a Gmail mailbox and its primary calendar, page by page. It renews and stores nothing.

Sources: developers.google.com/workspace/gmail/api/guides/sync, …/workspace/calendar/api/guides/sync.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from email.utils import getaddresses
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from providers.base import Item, Mail, Meeting, Page
from providers.google.errors import read_api, told
from providers.refusals import legible
from providers.wire import Session, read_json

LEFT_OUT = frozenset({"DRAFT", "SPAM", "TRASH", "CHAT"})
HEADERS = ("Message-ID", "From", "To", "Cc", "Subject")
# A mask, so that snippets, descriptions and attachments do not even cross the wire.
MAIL_FIELDS = "id,labelIds,internalDate,payload/headers"
MEETING_FIELDS = (
    "timeZone,nextPageToken,nextSyncToken,items(id,iCalUID,status,summary,organizer/email,attendees/email,"
    "start,end,recurringEventId,originalStartTime)"
)

Params = dict[str, str | int | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where both readings stand. It is good after every page, for as long as Google keeps what it names.

    Mail: `history` is where changes are followed from. It is taken before the window is listed, so that what
    arrives meanwhile is seen afterwards. `listing` is the window's next page while that is being listed.
    Meetings: `sync` is the token to follow changes from. `page` is the next page while a listing is under
    way, which is of the changes since `sync`, or else of the window from `start`.
    """

    history: str = ""
    listing: str = ""
    sync: str = ""
    page: str = ""
    start: str = ""

    @classmethod
    def read(cls, text: str) -> Cursor:
        return cls(**json.loads(text)) if text else cls()

    def written(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value})


@dataclass(frozen=True, slots=True)
class Profile:
    address: str
    history: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one page of one reading brought."""

    items: tuple[Item, ...]
    cursor: Cursor
    resync: bool = False


class Gone(Exception):
    """Google does not know this position any more."""


class Reader:
    """One pass over one person's mailbox and calendar. Raises ProviderError and WireError."""

    def __init__(
        self,
        *,
        session: Session,
        access_token: str,
        gmail_url: str,
        calendar_url: str,
        clock: Callable[[], datetime],
        window: timedelta,
        page_size: int,
    ) -> None:
        self._session = session
        self._authorization = {"Authorization": f"Bearer {access_token}"}
        self._mailbox = f"{gmail_url.rstrip('/')}/gmail/v1/users/me"
        self._calendar = f"{calendar_url.rstrip('/')}/calendars/primary/events"
        self._since = clock() - window
        self._page_size = page_size

    def profile(self) -> Profile:
        """The cheapest call that proves token, scope and mailbox."""
        found = self._get(f"{self._mailbox}/profile", {})
        with legible():
            return Profile(address=str(found["emailAddress"]), history=str(int(found["historyId"])))

    def pages(self, cursor: str) -> Iterator[Page]:
        place = Cursor.read(cursor)
        for reading in (self._mail, self._meetings):
            for step in reading(place):
                place = step.cursor
                yield Page(step.items, place.written(), resync=step.resync)

    # Mail

    def _mail(self, cursor: Cursor) -> Iterator[Step]:
        if cursor.history:
            try:
                yield from self._listing(cursor) if cursor.listing else self._arrivals(cursor)
            except Gone:
                pass  # Too old: the window is listed again.
            else:
                return
        for step in self._listing(replace(cursor, history=self.profile().history, listing="")):
            yield replace(step, resync=bool(cursor.history))

    def _listing(self, cursor: Cursor) -> Iterator[Step]:
        """The window, newest first."""
        page = cursor.listing
        while True:
            params: Params = {"maxResults": self._page_size, "pageToken": page}
            # Only a page that an earlier run was given may have gone.
            gone = (400, 404) if page and page == cursor.listing else ()
            found = self._get(f"{self._mailbox}/messages", params, gone=gone)
            with legible():
                listed = [entry["id"] for entry in _entries(found, "messages")]
            mails = list(self._messages(listed))
            inside = [mail for mail in mails if mail.at >= self._since]
            page = str(found.get("nextPageToken", "")) if len(inside) == len(mails) else ""
            yield Step(tuple(inside), replace(cursor, listing=page))
            if not page:
                return

    def _arrivals(self, cursor: Cursor) -> Iterator[Step]:
        """What came since `history`, oldest first, so that the last record of a page is a place to resume at.

        A page token would do within the run only: it is not known how long one lives.
        """
        page, reached, end = "", int(cursor.history), 0
        while True:
            params: Params = {
                "startHistoryId": cursor.history,
                "historyTypes": "messageAdded",
                "maxResults": self._page_size,
                "pageToken": page,
            }
            found = self._get(f"{self._mailbox}/history", params, gone=() if page else (404,))
            with legible():
                records = _entries(found, "history")
                reached = max([reached, *(int(record["id"]) for record in records)])
                # The first page's: what comes while we turn pages may not be on them.
                end = end or int(found["historyId"])
                added = [
                    entry["message"]["id"]
                    for record in records
                    for entry in _entries(record, "messagesAdded")
                ]
            page = str(found.get("nextPageToken", ""))
            items = tuple(self._messages(dict.fromkeys(added)))
            yield Step(items, replace(cursor, history=str(reached if page else max(reached, end))))
            if not page:
                return

    def _messages(self, ids: Iterable[str]) -> Iterator[Mail]:
        for message_id in ids:
            params: Params = {"format": "metadata", "metadataHeaders": HEADERS, "fields": MAIL_FIELDS}
            try:
                found = self._get(
                    f"{self._mailbox}/messages/{quote(message_id, safe='')}", params, gone=(404,)
                )
            except Gone:
                continue  # Deleted since it was listed.
            if LEFT_OUT.isdisjoint(found.get("labelIds", ())):
                with legible():
                    mail = _mail(found)
                yield mail

    # Meetings

    def _meetings(self, cursor: Cursor) -> Iterator[Step]:
        places = [cursor] if cursor.sync or cursor.page else []
        if cursor.sync and cursor.page:
            places.append(replace(cursor, page=""))
        for place in places:
            try:
                yield from self._events(place)
            except Gone:
                continue
            return
        start = self._since.isoformat(timespec="seconds")
        for step in self._events(replace(cursor, sync="", page="", start=start)):
            yield replace(step, resync=bool(places))

    def _events(self, cursor: Cursor) -> Iterator[Step]:
        place = cursor
        while True:
            # Only what an earlier run was given may have gone.
            gone = (400, 404, 410) if place is cursor and (cursor.sync or cursor.page) else ()
            found = self._get(self._calendar, self._asked(place), gone=gone)
            with legible():
                zone = _zone(found.get("timeZone"))
                items = tuple(_meeting(entry, zone, self._since) for entry in _entries(found, "items"))
            page, sync = str(found.get("nextPageToken", "")), str(found.get("nextSyncToken", ""))
            place = replace(place, page=page) if page else replace(place, page="", start="", sync=sync)
            yield Step(items, place)
            if not page:
                return

    def _asked(self, place: Cursor) -> Params:
        """Google wants the same parameters for every page and for every sync that follows a listing."""
        return {
            "singleEvents": "true",
            # Else a cancelled meeting of somebody else comes without its iCalUID.
            "showDeleted": "true",
            # Neither birthdays, working places nor focus time.
            "eventTypes": "default",
            "maxResults": self._page_size,
            "fields": MEETING_FIELDS,
            "syncToken": place.sync,
            "timeMin": place.start,
            "pageToken": place.page,
        }

    def _get(self, address: str, params: Params, *, gone: tuple[int, ...] = ()) -> dict[str, Any]:
        asked = {name: value for name, value in params.items() if value}
        answer = self._session.get(address, params=asked, headers=self._authorization)
        if answer.status_code in gone:
            raise Gone
        if not answer.ok:
            raise told(read_api(answer))
        return read_json(answer)


def _mail(found: dict[str, Any]) -> Mail:
    headers: dict[str, str] = {}
    for header in _entries(found.get("payload", {}), "headers"):
        headers.setdefault(header["name"].casefold(), header["value"])
    senders = _addresses(headers.get("from", ""))
    return Mail(
        id=headers.get("message-id", "").strip() or f"{found['id']}@mail.gmail.com",
        subject=headers.get("subject", ""),
        sender=senders[0] if senders else "",
        recipients=_addresses(headers.get("to", ""), headers.get("cc", "")),
        # When Gmail took it in. The Date header is whatever the sender's machine believed.
        at=datetime.fromtimestamp(int(found["internalDate"]) / 1000, UTC),
    )


def _addresses(*headers: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(address for _, address in getaddresses(headers) if "@" in address))


def _meeting(event: dict[str, Any], zone: ZoneInfo, otherwise: datetime) -> Meeting:
    """A deleted event may hold nothing but its id: then only `id` and `cancelled` mean anything."""
    start = event.get("start") or event.get("originalStartTime")
    starts = _moment(start, zone) if start else otherwise
    # Google's own events have this iCalUID.
    uid = event.get("iCalUID") or f"{event['id']}@google.com"
    if event.get("recurringEventId") and event.get("originalStartTime"):
        # All occurrences of a series share their iCalUID.
        uid = f"{uid}/{_moment(event['originalStartTime'], zone):%Y%m%dT%H%M%SZ}"
    return Meeting(
        id=uid,
        subject=event.get("summary", ""),
        organizer=event.get("organizer", {}).get("email", ""),
        attendees=tuple(entry["email"] for entry in _entries(event, "attendees") if entry.get("email")),
        start=starts,
        end=_moment(event["end"], zone) if event.get("end") else starts,
        cancelled=event.get("status") == "cancelled",
    )


def _moment(found: dict[str, str], zone: ZoneInfo) -> datetime:
    """A time of day, or for a whole day its midnight in the calendar's zone."""
    if "dateTime" in found:
        return datetime.fromisoformat(found["dateTime"]).astimezone(UTC)
    return datetime.combine(date.fromisoformat(found["date"]), time(), zone).astimezone(UTC)


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, KeyError, TypeError):
        return ZoneInfo("UTC")


def _entries(found: Any, name: str) -> list[dict[str, Any]]:
    """Google leaves an empty list out."""
    with legible():
        entries = found.get(name, [])
        if not all(isinstance(entry, dict) for entry in entries):
            raise TypeError
        return list(entries)
