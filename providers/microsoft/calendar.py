"""What one round of Graph's calendar delta means in meetings. It sends nothing but asks for a series that it misses.

Graph tells of an occurrence by its times and its series only, and of what has gone by an id that nobody else knows. Of
an occurrence that was taken out of its series it tells nothing at all: then the whole series is told again without it.
Sources: learn.microsoft.com/graph/api/event-delta, …/graph/api/resources/event,
github.com/microsoftgraph/microsoft-graph-docs issues 7632 and 4501.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from providers.base import Meeting

Event = dict[str, Any]
SERIES = "seriesMaster"
OCCURRENCE = "occurrence"


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a meeting for the day when Graph says that it has gone.

    `id` is the Meeting's. `start` is where it was told to begin. `series` is the handle of its series, or empty.
    """

    id: str
    start: str
    series: str = ""

    def parts(self) -> tuple[str, ...]:
        return astuple(self)


class Round:
    """One round, page by page. `known` are the meetings of earlier rounds, by handle.

    `anew` says that it tells of everything there is, `whole` that it is read from its first page on: then a meeting
    that it does not tell of has gone. `series` reads a series by Graph's id, and gives None for one that has gone.
    """

    def __init__(
        self, known: Mapping[str, Known], series: Callable[[str], Event | None], *, anew: bool, whole: bool
    ) -> None:
        self._known = dict(known)
        self._read_series = series
        self._anew = anew
        self._whole = whole
        self._series: dict[str, Event | None] = {}
        self._seen: set[str] = set()
        self._told_series: set[str] = set()
        self._expanded: set[str] = set()

    def read(self, entries: Iterable[Event]) -> list[Meeting]:
        """The meetings on a page. Its series are looked at first, wherever they stand."""
        page = list(entries)
        for entry in page:
            if entry.get("type") == SERIES:
                self._series[entry["id"]] = entry
                self._told_series.add(handle(entry["id"]))
        found: list[Meeting] = []
        for entry in page:
            if "@removed" in entry:
                gone = handle(entry["id"])
                found += self._end(one for one, known in self._known.items() if gone in {one, known.series})
            elif entry.get("type") != SERIES and entry.get("start"):
                found += self._meeting(entry)
        return found

    def missed(self, *, since: datetime, until: datetime) -> list[Meeting]:
        """After the last page: what has gone without being told of."""
        if not self._whole:
            return []
        left = {one: known for one, known in self._known.items() if one not in self._seen}
        if self._anew:
            first, last = _compact(since), _compact(until)
            return self._end(one for one, known in left.items() if first <= known.start < last)
        # A series without a single occurrence was not told again in full.
        retold = self._told_series & self._expanded
        return self._end(one for one, known in left.items() if known.series in retold)

    def known_since(self, since: datetime) -> dict[str, Known]:
        """What to keep: as little as can still be asked for."""
        first = _compact(since)
        return {one: known for one, known in self._known.items() if known.start >= first}

    def _meeting(self, entry: Event) -> list[Meeting]:
        whole, uid, series = entry, entry.get("iCalUId"), ""
        if entry.get("seriesMasterId"):
            master = self._master(entry["seriesMasterId"])
            if master is None:
                return []
            whole = master | {name: value for name, value in entry.items() if value is not None}
            # The occurrences' own iCalUIds are Outlook's invention: elsewhere they share the one of their series.
            uid, series = master.get("iCalUId"), handle(entry["seriesMasterId"])
        uid = uid or f"{entry['seriesMasterId' if series else 'id']}@graph.microsoft.com"
        own, start = handle(entry["id"]), _moment(entry["start"])
        meeting = Meeting(
            id=self._occurrence_id(entry, uid, start) if series else uid,
            subject=whole.get("subject") or "",
            organizer=address(whole.get("organizer")),
            attendees=tuple(found for one in whole.get("attendees") or () if (found := address(one))),
            start=start,
            end=_moment(entry["end"]),
            cancelled=whole.get("isCancelled") is True,
        )
        self._seen.add(own)
        if entry.get("type") == OCCURRENCE:
            self._expanded.add(series)
        if meeting.cancelled:
            self._known.pop(own, None)
        else:
            self._known[own] = Known(meeting.id, _compact(start), series)
        return [meeting]

    def _occurrence_id(self, entry: Event, uid: str, start: datetime) -> str:
        """By its original start, as with every vendor. One that was moved keeps Graph's id, and with it ours."""
        original, known = entry.get("originalStart"), self._known.get(handle(entry["id"]))
        if original:
            return f"{uid}/{_compact(datetime.fromisoformat(original))}"
        if entry.get("type") != OCCURRENCE and known:
            return known.id
        return f"{uid}/{_compact(start)}"

    def _master(self, event_id: str) -> Event | None:
        if event_id not in self._series:
            self._series[event_id] = self._read_series(event_id)
        return self._series[event_id]

    def _end(self, handles: Iterable[str]) -> list[Meeting]:
        return [_ended(self._known.pop(one)) for one in list(handles)]


def handle(event_id: str) -> str:
    """Stands for Graph's id, which may have 200 characters. It tells thousands of them apart."""
    digest = hashlib.blake2b(event_id.encode(), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode()


def address(person: Any) -> str:
    """Of a sender, recipient, organizer or attendee; empty for one that has none."""
    found = (person or {}).get("emailAddress") or {}
    return found.get("address") or ""


def _ended(known: Known) -> Meeting:
    """Only `id` and `cancelled` mean anything."""
    start = datetime.fromisoformat(known.start)
    return Meeting(id=known.id, subject="", organizer="", attendees=(), start=start, end=start, cancelled=True)


def _moment(found: Mapping[str, str]) -> datetime:
    """UTC, as long as nobody prefers another zone. A whole day begins at midnight UTC, wherever its person is."""
    return datetime.fromisoformat(found["dateTime"]).replace(tzinfo=UTC)


def _compact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
