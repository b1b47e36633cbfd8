"""When a person is at work, by their own time zone. No clock, SQL or network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WRITTEN = re.compile(
    "(?P<first>{day})-(?P<last>{day}) (?P<begin>{time})-(?P<end>{time})".format(
        day="|".join(DAYS), time="(?:[01][0-9]|2[0-3]):[0-5][0-9]"
    )
)


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """From `begin` until before `end` on these days; Monday is 0."""

    days: frozenset[int]
    begin: time
    end: time

    @classmethod
    def read(cls, written: str) -> WorkingHours:
        """Of "Mon-Fri 08:00-18:00"; a week may begin on any day: "Sun-Thu". Raises ValueError."""
        found = WRITTEN.fullmatch(written.strip().title())
        if found is None:
            raise ValueError("must be days and hours such as Mon-Fri 08:00-18:00")
        first, last = (DAYS.index(found[name]) for name in ("first", "last"))
        begin, end = (time.fromisoformat(found[name]) for name in ("begin", "end"))
        if begin >= end:
            raise ValueError("must begin before they end, on the same day")
        return cls(frozenset((first + day) % 7 for day in range((last - first) % 7 + 1)), begin, end)

    def next(self, at: datetime, timezone: str) -> datetime:
        """`at` itself where it is within them, else when they begin next. `timezone` is an IANA name, or UTC counts."""
        zone = _zone(timezone)
        local = at.astimezone(zone)
        if local.weekday() in self.days and self.begin <= local.time() < self.end:
            return at
        days = (local.date() + timedelta(days=ahead) for ahead in range(8))
        begins = (datetime.combine(day, self.begin, zone) for day in days if day.weekday() in self.days)
        return next(begin for begin in begins if begin > local).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
