"""What is new in a mailbox that speaks EWS, and in its calendar, page by page. It logs in nowhere and stores nothing.

Sources: learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation, …/calendarview.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from providers.base import Item, Mail, Meeting, Page
from providers.exchange.protocol import Changes, Ews, Listed, StateLost
from providers.refusals import legible

T = TypeVar("T")

AHEAD = timedelta(days=90)
# Time itself brings meetings into the window, and Exchange does not call that a change.
VIEW_LIFE = timedelta(days=1)
# …/web-service-reference/maxchangesreturned
MOST_CHANGES = 512
MAIL_FOLDERS = ("inbox", "sentitems")
CALENDAR = "calendar"
# A listing knows no addresses, only names.
MAIL_FIELDS = ("message_id", "subject", "author", "sender", "to_recipients", "cc_recipients", "datetime_received")
MEETING_FIELDS = (
    "uid", "recurrence_id", "original_start", "type", "subject", "organizer", "required_attendees",
    "optional_attendees", "start", "end", "is_cancelled",
)  # fmt: skip

Seen = Mapping[str, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the readings stand. It is good after every page, for as long as Exchange keeps its sync states.

    `states` are Exchange's sync states by folder. `since`: mail that is older is none of ours.
    `seen` is what the calendar's window showed: from each item, in the state that it was in, to the id of its meeting
    and the second of its end. A sync of the calendar names what is deleted by Exchange's item id alone, and a series
    by its first item alone; so it tells no more than whether to look, and what is missing in the window has gone.
    `looked` is when the window was last looked through, empty while that is due.
    """

    since: str = ""
    states: Mapping[str, str] = field(default_factory=dict)
    seen: Seen = field(default_factory=dict)
    looked: str = ""

    @classmethod
    def read(cls, text: str) -> Cursor:
        return cls(**json.loads(text)) if text else cls()

    def written(self) -> str:
        # `asdict` would copy all that was seen, once for each page.
        kept = ((each.name, getattr(self, each.name)) for each in fields(self))
        return json.dumps({name: value for name, value in kept if value})

    def at(self, folder: str, state: str) -> Cursor:
        return replace(self, states={**self.states, folder: state})


@dataclass(frozen=True, slots=True)
class Step:
    """What one page of one reading brought."""

    items: tuple[Item, ...]
    cursor: Cursor
    resync: bool = False


class Reader:
    """One pass over one mailbox and its calendar. Raises ProviderError and WireError.

    `window` is how far a first sync or a resync reads back; `page_size` how many items a page has at most.
    """

    def __init__(self, ews: Ews, *, clock: Callable[[], datetime], window: timedelta, page_size: int) -> None:
        self._ews = ews
        self._now = clock()
        self._since = self._now - window
        self._page_size = min(page_size, MOST_CHANGES)

    def pages(self, cursor: str) -> Iterator[Page]:
        place = Cursor.read(cursor)
        for reading in (self._mail, self._meetings):
            for step in reading(place):
                place = step.cursor
                yield Page(step.items, place.written(), resync=step.resync)

    # Mail

    def _mail(self, cursor: Cursor) -> Iterator[Step]:
        for folder in MAIL_FOLDERS:
            for changes, step in self._followed(folder, cursor):
                cursor = step.cursor
                yield replace(step, items=self._mails(changes, cursor))

    def _mails(self, changes: Changes, cursor: Cursor) -> tuple[Mail, ...]:
        """A first sync lists the whole folder, so that nothing but a date is asked for of what is too old."""
        since = datetime.fromisoformat(cursor.since)
        with legible():
            ids = [item.id for item in changes.created if _is_mail(item, since)]
            return tuple(_mail(item) for item in self._ews.mails(ids, MAIL_FIELDS))

    def _followed(self, folder: str, cursor: Cursor) -> Iterator[tuple[Changes, Step]]:
        """Each page of changes in a folder, and the step behind it, without items."""
        # Nothing comes of the calendar's list itself.
        most = MOST_CHANGES if folder == CALENDAR else self._page_size
        lost = False
        while True:
            state = cursor.states.get(folder, "")
            if not state:
                cursor = replace(cursor, since=self._since.isoformat())
            try:
                changes = self._ews.changes(folder, state, most=most)
            except StateLost:
                cursor, lost = cursor.at(folder, ""), True
                continue
            cursor = cursor.at(folder, changes.state)
            if folder == CALENDAR and changes.any:
                cursor = replace(cursor, looked="")
            yield changes, Step((), cursor, resync=lost)
            if changes.last:
                return

    # Meetings

    def _meetings(self, cursor: Cursor) -> Iterator[Step]:
        # Before the window is looked through: what changes meanwhile is heard of at the next run.
        for _, step in self._followed(CALENDAR, cursor):
            cursor = step.cursor
            yield step
        if not self._is_fresh(cursor.looked):
            yield from self._window(cursor)

    def _window(self, cursor: Cursor) -> Iterator[Step]:
        """What is in the window and was not seen like that before; then what was seen and is no more."""
        shown = {_print(ids): ids[0] for ids in self._ews.meetings_between(self._since, self._now + AHEAD)}
        fresh = [mark for mark in shown if mark not in cursor.seen]
        place = cursor
        for marks in _pieces(fresh, self._page_size):
            found = self._found(marks, [shown[mark] for mark in marks])
            place = replace(place, seen={**place.seen, **_marked(found)})
            yield Step(tuple(found.values()), place)
        since, until = self._since.timestamp(), (self._now + AHEAD).timestamp()
        # Of one that ends beyond the window, the window cannot tell.
        there = {mark: kept for mark, kept in place.seen.items() if mark in shown or kept[1] > until}
        ids = {id for id, _ in there.values()}
        missing = {id: end for id, end in place.seen.values() if id not in ids and end > since}
        for gone in _pieces(list(missing), self._page_size):
            place = replace(place, seen={mark: kept for mark, kept in place.seen.items() if kept[0] not in gone})
            yield Step(tuple(_gone(id, missing[id]) for id in gone), place)
        yield Step((), replace(place, seen=there, looked=self._now.isoformat()))

    def _found(self, marks: Sequence[str], ids: Sequence[str]) -> dict[str, Meeting]:
        with legible():
            items = self._ews.meetings(ids, MEETING_FIELDS)
            return {mark: _meeting(item) for mark, item in zip(marks, items, strict=True) if item is not None}

    def _is_fresh(self, looked: str) -> bool:
        # The clock of a demo goes backwards too, so that a look from the future is no look.
        return bool(looked) and timedelta() <= self._now - datetime.fromisoformat(looked) < VIEW_LIFE


def _is_mail(item: Listed, since: datetime) -> bool:
    """Invitations and their answers lie in the Inbox as well: their meeting is in the calendar."""
    return item.item_class.upper().startswith("IPM.NOTE") and item.received is not None and item.received >= since


def _mail(item: Any) -> Mail:
    senders = _addresses([item.author, item.sender])
    return Mail(
        id=(item.message_id or "").strip() or str(item.id),
        subject=item.subject or "",
        sender=senders[0] if senders else "",
        recipients=_addresses([*(item.to_recipients or ()), *(item.cc_recipients or ())]),
        at=_plain(item.datetime_received),
    )


def _meeting(item: Any) -> Meeting:
    # All occurrences of a series share their UID. Google's are told apart in the same way.
    again = (
        (item.recurrence_id or item.original_start or item.start) if item.type in {"Occurrence", "Exception"} else None
    )
    uid = item.uid or str(item.id)
    people = [*(item.required_attendees or ()), *(item.optional_attendees or ())]
    return Meeting(
        id=f"{uid}/{_plain(again):%Y%m%dT%H%M%SZ}" if again else uid,
        subject=item.subject or "",
        organizer=next(iter(_addresses([item.organizer])), ""),
        attendees=_addresses([attendee.mailbox for attendee in people]),
        start=_plain(item.start),
        end=_plain(item.end),
        cancelled=bool(item.is_cancelled),
    )


def _gone(id: str, end: int) -> Meeting:
    """Only `id` and `cancelled` mean anything."""
    at = datetime.fromtimestamp(end, UTC)
    return Meeting(id=id, subject="", organizer="", attendees=(), start=at, end=at, cancelled=True)


def _marked(found: Mapping[str, Meeting]) -> dict[str, tuple[str, int]]:
    return {mark: (meeting.id, int(meeting.end.timestamp())) for mark, meeting in found.items()}


def _print(ids: tuple[str, str]) -> str:
    """An item in the state that it is in: its change key is another after every change. Short, since many are kept."""
    digest = hashlib.blake2b(" ".join(ids).encode(), digest_size=9).digest()
    return urlsafe_b64encode(digest).decode()


def _plain(moment: Any) -> datetime:
    """exchangelib's own kind of datetime does not leave this package."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)


def _addresses(mailboxes: Sequence[Any]) -> tuple[str, ...]:
    """People who have left are known by an X.500 name only."""
    found = (str(mailbox.email_address or "") for mailbox in mailboxes if mailbox is not None)
    return tuple(dict.fromkeys(address for address in found if "@" in address))


def _pieces(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
