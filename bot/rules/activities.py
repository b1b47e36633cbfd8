"""Which messages and meetings a CRM is told of, and about whom. No clock, SQL or network.

One message is one activity and one meeting is one, about the first participant whom the CRM knows. So a repeat changes
nothing, and a cancelled meeting, of which a vendor may tell no more than its id, can still be taken out again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import Person
from providers.base import Activity, Item, Mail, Meeting

AHEAD = timedelta(days=90)
# A message to hundreds is a mailing: to look all of them up would eat the calls of a whole org.
MOST_PARTICIPANTS = 50
LONGEST_SUBJECT = 255
NO_SUBJECT = "(no subject)"
KEY_VERSION = "r1-"
LONGEST_KEY = 40
# Who writes from one of these is nobody's colleague for that.
ANYBODYS = frozenset(
    {
        "aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com", "live.com",
        "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me", "protonmail.com", "web.de", "yahoo.com",
        "yandex.ru",
    }
)  # fmt: skip

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class Own:
    """Whose items these are. `name` goes into the keys: it must never change. Addresses are case-folded."""

    name: str
    addresses: frozenset[str]

    @staticmethod
    def of(person: Person, *addresses: str) -> Own:
        """`addresses` are those of the mailbox, besides the one in Slack."""
        known = frozenset(address.casefold() for address in (*addresses, person.email) if address)
        return Own(name=f"{person.team_id}/{person.user_id}", addresses=known)

    @property
    def domains(self) -> frozenset[str]:
        return frozenset(map(_domain, self.addresses)) - ANYBODYS


def addresses(items: Iterable[Item], own: Own, now: datetime) -> frozenset[str]:
    """Whom to look up in the CRM, case-folded. Colleagues are no customers."""
    ours = own.domains
    return frozenset(each for item in items if _is_told(item, now) for each in _others(item, own, ours))


def activities(items: Iterable[Item], matches: Mapping[str, str], own: Own, now: datetime) -> list[Activity]:
    """`matches` gives the CRM's id for case-folded addresses. A key comes once, as its last item has it."""
    found: dict[str, Activity] = {}
    ours = own.domains
    for item in items:
        key, about = key_of(item, own), None
        if _is_told(item, now):
            about = next((matches[each] for each in _others(item, own, ours) if each in matches), None)
        if about is not None:
            found[key] = _activity(item, key, about, own)
        elif isinstance(item, Meeting):
            # Cancelled, moved far ahead, or its customer is no longer invited: an older copy would be wrong by now.
            found[key] = Activity(key=key, subject="", about="", start=item.start, end=item.end, gone=True)
    return list(found.values())


def key_of(item: Item, own: Own) -> str:
    """The external id: a hash, so that it fits, and tells nobody who reads the CRM what stands in a mailbox."""
    kind = "mail" if isinstance(item, Mail) else "meeting"
    digest = hashlib.sha256(json.dumps([own.name, kind, item.id]).encode()).hexdigest()
    return f"{KEY_VERSION}{digest}"[:LONGEST_KEY]


def _activity(item: Item, key: str, about: str, own: Own) -> Activity:
    match item:
        case Mail():
            way = "Sent" if item.sender.casefold() in own.addresses else "Received"
            return Activity(key=key, subject=_cut(f"{way}: {_plain(item.subject)}"), about=about, start=item.at)
        case Meeting():
            subject = _cut(_plain(item.subject))
            return Activity(key=key, subject=subject, about=about, start=item.start, end=item.end)


def _is_told(item: Item, now: datetime) -> bool:
    """A cancelled meeting is about nobody, and a weekly one without an end would fill decades."""
    return isinstance(item, Mail) or (not item.cancelled and item.start <= now + AHEAD)


def _others(item: Item, own: Own, ours: frozenset[str]) -> Iterator[str]:
    """Those who may be customers: the sender or organizer first, then the others in their order."""
    everybody = (item.sender, *item.recipients) if isinstance(item, Mail) else (item.organizer, *item.attendees)
    for address in dict.fromkeys(each.strip().casefold() for each in everybody[:MOST_PARTICIPANTS]):
        if _domain(address) and address not in own.addresses and _domain(address) not in ours:
            yield address


def _domain(address: str) -> str:
    return address.rpartition("@")[2] if "@" in address else ""


def _plain(subject: str) -> str:
    return " ".join(_CONTROLS.sub(" ", subject).split()) or NO_SUBJECT


def _cut(subject: str) -> str:
    """Vendors count in UTF-16, where an emoji is two: none is cut in half."""
    units = subject.encode("utf-16-le", "replace")
    if len(units) <= LONGEST_SUBJECT * 2:
        return units.decode("utf-16-le")
    return units[: (LONGEST_SUBJECT - 1) * 2].decode("utf-16-le", "ignore") + "…"
