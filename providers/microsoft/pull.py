"""What is new in a mailbox at Microsoft 365, page by page, by Graph's delta. It renews and stores nothing.

Sources: learn.microsoft.com/graph/delta-query-overview, …/graph/api/message-delta, …/graph/api/event-delta.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from providers.base import Item, Mail, Page
from providers.microsoft.calendar import Known, Round, address
from providers.microsoft.errors import read_api, told
from providers.refusals import dicts, legible
from providers.wire import Answer, Nonsense, Session, read_json

MAIL_FIELDS = "internetMessageId,subject,from,toRecipients,ccRecipients,receivedDateTime"
SERIES_FIELDS = "iCalUId,subject,organizer,attendees,isCancelled"
EVENT_MESSAGE = "#microsoft.graph.eventMessage"
FOLDERS = ("inbox", "sentitems")
AHEAD = timedelta(days=90)
# A delta keeps to the window that it began with, so that a new one is begun in time.
LEAST_AHEAD = timedelta(days=60)

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the three readings stand. It is good after every page, for as long as Graph keeps what it names.

    `links` are whole addresses as Graph gave them: of the next page, or of the changes from there on.
    `until` is where the calendar's window ends. `halfway` is true between two pages of one round of the calendar.
    `meetings` is what is known of those in the window, some 200 bytes each.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    until: str = ""
    halfway: bool = False
    meetings: Mapping[str, Known] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Cursor:
        # One of EWS is none of ours, and begins otherwise.
        kept = json.loads(text) if text.startswith("{") else {}
        known = {handle: Known(*parts) for handle, parts in kept.pop("meetings", {}).items()}
        return cls(**kept, meetings=known)

    def written(self) -> str:
        meetings = {handle: known.parts() for handle, known in self.meetings.items()}
        kept = {"links": self.links, "until": self.until, "halfway": self.halfway, "meetings": meetings}
        return json.dumps({name: value for name, value in kept.items() if value})

    def at(self, part: str, link: str) -> Cursor:
        return replace(self, links={**self.links, part: link})


@dataclass(frozen=True, slots=True)
class Step:
    """What one page of one reading brought."""

    items: tuple[Item, ...]
    cursor: Cursor
    resync: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One page of a round. `anew` says that the round began with everything there is, `resync` that it had to."""

    entries: list[dict[str, Any]]
    link: str
    is_last: bool
    anew: bool
    resync: bool


class Gone(Exception):
    """Graph does not know this position any more, or this event."""


class Reader:
    """One pass over one person's mailbox and calendar. Raises ProviderError and WireError."""

    def __init__(
        self,
        *,
        session: Session,
        access_token: str,
        graph_url: str,
        clock: Callable[[], datetime],
        window: timedelta,
        page_size: int,
    ) -> None:
        self._session = session
        self._headers = {
            "Authorization": f"Bearer {access_token}",
            "Prefer": f"odata.maxpagesize={page_size}",
        }
        self._graph = graph_url.rstrip("/")
        self._now = clock()
        self._since = self._now - window

    def probe(self) -> None:
        """The cheapest call that proves token, scope and mailbox."""
        self._get(f"{self._graph}/me/mailFolders/inbox", {"$select": "id,totalItemCount"})

    def addresses(self) -> tuple[str, ...]:
        """The account's own addresses. Exchange has written `mail`, which is sure only after a probe that succeeded."""
        found = self._get(f"{self._graph}/me", {"$select": "mail,userPrincipalName"})
        return tuple(str(found[name]) for name in ("mail", "userPrincipalName") if found.get(name))

    def pages(self, cursor: str) -> Iterator[Page]:
        place = Cursor.read(cursor)
        readings = [*((self._mail, folder) for folder in FOLDERS), (self._calendar, "calendar")]
        for reading, part in readings:
            for step in reading(place, part):
                place = step.cursor
                yield Page(step.items, place.written(), resync=step.resync)

    # Mail

    def _mail(self, cursor: Cursor, folder: str) -> Iterator[Step]:
        asked = {"$select": MAIL_FIELDS, "$filter": f"receivedDateTime ge {_stamp(self._since)}"}
        start = (f"{self._graph}/me/mailFolders/{folder}/messages/delta", asked)
        for page in self._round(cursor.links.get(folder, ""), start):
            with legible():
                items = tuple(_mail(entry) for entry in page.entries if _is_whole(entry))
            yield Step(items, cursor.at(folder, page.link), resync=page.resync)

    # Meetings

    def _calendar(self, cursor: Cursor, part: str) -> Iterator[Step]:
        place = cursor
        if cursor.links.get(part):
            for step in self._meetings(cursor, part):
                place = step.cursor
                yield step
        if not place.until or datetime.fromisoformat(place.until) - self._now < LEAST_AHEAD:
            # The round before told of all that has gone, so that nothing falls between the two windows.
            yield from self._meetings(place.at(part, ""), part)

    def _meetings(self, cursor: Cursor, part: str) -> Iterator[Step]:
        until = self._now + AHEAD
        start = (
            f"{self._graph}/me/calendarView/delta",
            {"startDateTime": _stamp(self._since), "endDateTime": _stamp(until)},
        )
        link, place, round_ = cursor.links.get(part, ""), cursor, None
        for page in self._round(link, start):
            if round_ is None:
                # A round that was cut has told things that we cannot remember: nothing is missed in its rest.
                round_ = Round(cursor.meetings, self._series, anew=page.anew, whole=page.anew or not cursor.halfway)
            with legible():
                items = round_.read(page.entries)
                items += round_.missed(since=self._since, until=until) if page.is_last else []
            place = replace(
                place.at(part, page.link),
                until=until.isoformat(timespec="seconds") if page.anew else place.until,
                halfway=not page.is_last,
                meetings=round_.known_since(self._since),
            )
            yield Step(tuple(items), place, resync=page.resync)

    def _series(self, event_id: str) -> dict[str, Any] | None:
        """A series that the round does not tell of; None where it has been deleted meanwhile."""
        try:
            place = f"{self._graph}/me/events/{quote(event_id, safe='')}"
            return self._get(place, {"$select": SERIES_FIELDS}, gone=_is_missing)
        except Gone:
            return None

    # Graph

    def _round(self, link: str, start: tuple[str, Params]) -> Iterator[Told]:
        """All pages from `link` on, or from `start` where there is no link or Graph has forgotten it."""
        anew, resync = not link, False
        try:
            # An address of before a change of settings is as good as forgotten.
            if link and not self._is_ours(link):
                raise Gone
            found = self._get(link, gone=_is_forgotten) if link else self._get(*start)
        except Gone:
            anew = resync = True
            found = self._get(*start)
        while True:
            with legible():
                following, changes = found.get("@odata.nextLink"), found.get("@odata.deltaLink")
                entries = found["value"]
                if len(dicts(entries)) != len(entries):
                    raise TypeError
            onward = str(following or changes or "")
            if not self._is_ours(onward):
                # Followed, it would take the token along.
                raise Nonsense(urlsplit(self._graph).hostname or "", "a link elsewhere")
            yield Told(entries, onward, is_last=not following, anew=anew, resync=resync)
            if not following:
                return
            found = self._get(onward)

    def _is_ours(self, link: str) -> bool:
        return link.startswith(f"{self._graph}/")

    def _get(
        self, address: str, params: Params | None = None, *, gone: Callable[[Answer], bool] = lambda _: False
    ) -> dict[str, Any]:
        answer = self._session.get(address, params=params, headers=self._headers)
        if gone(answer):
            raise Gone
        if not answer.ok:
            raise told(read_api(answer))
        return read_json(answer)


def _is_forgotten(answer: Answer) -> bool:
    """Published are 410, and 40x with syncStateNotFound. A 400 without it means a token that Outlook cannot read."""
    codes = {code.casefold() for code in read_api(answer).errors}
    return answer.status_code in {400, 410} or (answer.status_code == 404 and "syncstatenotfound" in codes)


def _is_missing(answer: Answer) -> bool:
    return answer.status_code == 404


def _is_whole(entry: Mapping[str, Any]) -> bool:
    """Neither gone nor a mere change: a mail that is read is told again by its id and little else.

    Nor an invitation or an answer to one: their meeting is in the calendar.
    Source: github.com/microsoftgraph/microsoft-graph-docs/issues/7776
    """
    kind = str(entry.get("@odata.type", ""))
    return "@removed" not in entry and bool(entry.get("receivedDateTime")) and not kind.startswith(EVENT_MESSAGE)


def _mail(entry: Mapping[str, Any]) -> Mail:
    recipients = [*(entry.get("toRecipients") or ()), *(entry.get("ccRecipients") or ())]
    return Mail(
        id=entry.get("internetMessageId") or f"{entry['id']}@graph.microsoft.com",
        subject=entry.get("subject") or "",
        sender=address(entry.get("from")),
        recipients=tuple(dict.fromkeys(found for one in recipients if (found := address(one)))),
        # When Exchange took it in. The other date is whatever the sender's machine believed.
        at=datetime.fromisoformat(entry["receivedDateTime"]).astimezone(UTC),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
