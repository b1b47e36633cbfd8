"""What one mailbox holds: mail, meetings, and what each reader was told. It knows no SOAP, no login and no fault."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from enum import StrEnum

WEEK = timedelta(weeks=1)


class Place(StrEnum):
    """The folders that hold something here, by their distinguished ids."""

    INBOX = "inbox"
    SENT = "sentitems"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Mail:
    """Addresses may carry a display name, as in "Cara <cara@customer.example>". `at` is when it was received."""

    id: str
    subject: str
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    at: datetime
    message_id: str
    item_class: str = "IPM.Note"
    is_read: bool = False

    def opened(self) -> Mail:
        return replace(self, is_read=True)


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting, or a weekly series of `weeks`. An occurrence has the series' uid and a recurrence id of its own."""

    id: str
    uid: str
    title: str
    start: datetime
    end: datetime
    organizer: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    planned_at: datetime
    cancelled: bool = False
    weeks: int = 1
    dropped: frozenset[int] = frozenset()
    recurrence_id: datetime | None = None

    @property
    def kind(self) -> str:
        if self.recurrence_id is not None:
            return "Occurrence"
        return "RecurringMaster" if self.weeks > 1 else "Single"

    def occurrences(self) -> Iterator[Meeting]:
        """What a calendar shows for it: itself, or each week of a series that was not dropped."""
        if self.weeks == 1:
            yield self
            return
        for number in range(self.weeks):
            if number not in self.dropped:
                yield self._occurrence(number)

    def _occurrence(self, number: int) -> Meeting:
        start, end = self.start + number * WEEK, self.end + number * WEEK
        return replace(self, id=f"{self.id}.{number}", start=start, end=end, recurrence_id=start, weeks=1)


Item = Mail | Meeting


@dataclass(frozen=True, slots=True)
class Told:
    """What the holder of a sync state has been told of a folder so far."""

    place: Place
    items: dict[str, Item]


@dataclass(slots=True)
class Mailbox:
    """A mailbox by its address. It has no lock: whoever holds it lets one thread in at a time."""

    email: str
    aliases: tuple[str, ...] = ()
    folders: dict[Place, dict[str, Item]] = field(default_factory=lambda: {place: {} for place in Place})
    sync_states: dict[str, Told] = field(default_factory=dict)

    def is_at(self, address: str) -> bool:
        return address.casefold() in {self.email.casefold(), *(alias.casefold() for alias in self.aliases)}

    def deliver(
        self,
        *,
        sender: str,
        subject: str,
        at: datetime,
        to: Sequence[str] = (),
        cc: Sequence[str] = (),
        item_class: str = "IPM.Note",
    ) -> Mail:
        """Into Sent Items where the sender is this mailbox, else into the Inbox."""
        own = self.is_at(parseaddr(sender)[1])
        token = secrets.token_hex(12)
        mail = Mail(
            id=f"AAMk{token}",
            subject=subject,
            sender=sender,
            to=tuple(to) or (self.email,),
            cc=tuple(cc),
            at=at,
            message_id=f"<{token}@{parseaddr(sender)[1].rpartition('@')[2]}>",
            item_class=item_class,
            is_read=own,
        )
        self.folders[Place.SENT if own else Place.INBOX][mail.id] = mail
        return mail

    def schedule(
        self,
        *,
        title: str,
        start: datetime,
        end: datetime,
        now: datetime,
        required: Sequence[str] = (),
        optional: Sequence[str] = (),
        organizer: str = "",
        weeks: int = 1,
    ) -> Meeting:
        """Into the calendar; this mailbox is the organizer unless another is named; `weeks` > 1 is a weekly series."""
        token = secrets.token_hex(12)
        meeting = Meeting(
            id=f"AAMk{token}",
            uid=f"040000008200E00074C5B7101A82E008{token.upper()}",
            title=title,
            start=start,
            end=end,
            organizer=organizer or self.email,
            required=tuple(required),
            optional=tuple(optional),
            planned_at=now,
            weeks=weeks,
        )
        self.folders[Place.CALENDAR][meeting.id] = meeting
        return meeting

    def cancel(self, id: str) -> None:
        """Own meetings vanish from the calendar, others' stay as cancelled. `<id>.<n>` drops one week of a series."""
        calendar = self.folders[Place.CALENDAR]
        id, _, number = id.partition(".")
        meeting = calendar[id]
        if not isinstance(meeting, Meeting):
            raise KeyError(id)
        if number:
            calendar[id] = replace(meeting, dropped=meeting.dropped | {int(number)})
        elif self.is_at(parseaddr(meeting.organizer)[1]):
            del calendar[id]
        else:
            calendar[id] = replace(meeting, cancelled=True, title=f"Canceled: {meeting.title}")

    def read(self, id: str) -> None:
        """The person opens a mail of the Inbox."""
        mail = self.folders[Place.INBOX][id]
        if isinstance(mail, Mail):
            self.folders[Place.INBOX][id] = mail.opened()

    def remove(self, id: str) -> None:
        """Deletes a mail or a meeting, wherever it is."""
        for items in self.folders.values():
            items.pop(id, None)

    def find(self, id: str) -> Item | None:
        """An item or one occurrence of a series, by its id."""
        base = id.partition(".")[0]
        for items in self.folders.values():
            item = items.get(base)
            if isinstance(item, Meeting):
                return next((found for found in (item, *item.occurrences()) if found.id == id), None)
            if item is not None and item.id == id:
                return item
        return None

    def remember(self, told: Told) -> str:
        """An opaque sync state."""
        state = secrets.token_urlsafe(48)
        self.sync_states[state] = told
        return state
