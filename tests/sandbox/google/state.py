"""What Google remembers: accounts with mail and meetings, clients, and what is broken today. No HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Protocol

from tests.sandbox.google.tokens import Tokens

# "Typically available for at least one week": developers.google.com/workspace/gmail/api/guides/sync
HISTORY_LIFE = timedelta(days=7)


class Clock(Protocol):
    def now(self) -> datetime:
        """The sandbox's time, in UTC."""


@dataclass(frozen=True, slots=True)
class Mail:
    """`at` is when it was sent. `arrived` is when this mailbox learned of it, which history goes by."""

    id: str
    history_id: int
    at: datetime
    arrived: datetime
    headers: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]


@dataclass(slots=True)
class Inbox:
    """Mails in the order of arrival; `history_id` grows with each."""

    mails: list[Mail] = field(default_factory=list)
    history_id: int = 1000
    _floor: int = 0

    def add(self, mail: Mail) -> None:
        self.mails.append(mail)

    def next_history_id(self) -> int:
        self.history_id += 7
        return self.history_id

    def expire_history(self) -> None:
        """Everything that was handed out until now is too old to start from."""
        self._floor = self.next_history_id()

    def remembers(self, start: int, now: datetime) -> bool:
        forgotten = [mail.history_id for mail in self.mails if now - mail.arrived > HISTORY_LIFE]
        return start >= max([self._floor, *forgotten])


@dataclass(frozen=True, slots=True)
class Meeting:
    """`change` is the diary's count at its last change, which sync tokens go by."""

    id: str
    title: str
    start: datetime
    end: datetime
    organizer: str
    attendees: tuple[str, ...]
    updated: datetime
    change: int
    cancelled: bool = False


@dataclass(slots=True)
class Diary:
    """The primary calendar. `generation` rises when every sync token so far is declared gone."""

    meetings: dict[str, Meeting] = field(default_factory=dict)
    change: int = 0
    generation: int = 0

    def put(self, meeting: Meeting) -> None:
        self.change += 1
        self.meetings[meeting.id] = replace(meeting, change=self.change)

    def cancel(self, meeting_id: str) -> None:
        self.put(replace(self.meetings[meeting_id], cancelled=True))


@dataclass(slots=True)
class Account:
    email: str
    password: str = field(repr=False)
    sub: str
    aliases: tuple[str, ...] = ()
    suspended: bool = False
    unticked: bool = False
    session_lapsed_at: datetime | None = None
    granted: frozenset[str] = frozenset()
    inbox: Inbox = field(default_factory=Inbox)
    diary: Diary = field(default_factory=Diary)

    @property
    def hosted_domain(self) -> str:
        """The Workspace domain; empty for a private Gmail account, whose ID token has no `hd`."""
        domain = self.email.rpartition("@")[2]
        return "" if domain in {"gmail.com", "googlemail.com"} else domain


@dataclass(frozen=True, slots=True)
class Client:
    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str


@dataclass(slots=True)
class Faults:
    """What is broken for everyone."""

    rate_limited: int = 0
    slow: float = 0
    down: bool = False
    nonsense: str = ""
    wrong_client_secret: bool = False
    admin_approval: bool = False
    testing_mode: bool = False
    strict_rotation: bool = False
    lose_token_answer: bool = False


class State:
    """All of it, behind one lock: tests call from their thread, browsers and the bot from the loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.tokens = Tokens()
        self.faults = Faults()
        self.accounts: dict[str, Account] = {}
        self.clients: dict[str, Client] = {}

    def account(self, login: str) -> Account | None:
        """By its address or an alias, whatever the case."""
        wanted = login.strip().casefold()
        for account in self.accounts.values():
            if wanted in {account.email.casefold(), *(alias.casefold() for alias in account.aliases)}:
                return account
        return None

    def deliver(
        self, account: Account, *, sender: str, subject: str, at: datetime, to: tuple[str, ...]
    ) -> Mail:
        mail_id = secrets.token_hex(8)
        domain = sender.rpartition("@")[2]
        headers = {
            "From": sender,
            "To": ", ".join(to or (account.email,)),
            "Subject": subject,
            "Date": format_datetime(at),
            "Message-ID": f"<{mail_id}@{domain}>",
            "X-Mailer": "Sandbox",
        }
        is_own = account.email in sender
        mail = Mail(
            id=mail_id,
            history_id=account.inbox.next_history_id(),
            at=at,
            arrived=self.clock.now(),
            headers=tuple(headers.items()),
            labels=("SENT",) if is_own else ("INBOX", "UNREAD"),
        )
        account.inbox.add(mail)
        return mail

    def schedule(
        self, account: Account, *, title: str, start: datetime, end: datetime, attendees: tuple[str, ...]
    ) -> Meeting:
        meeting = Meeting(
            id=secrets.token_hex(13),
            title=title,
            start=start,
            end=end,
            organizer=account.email,
            attendees=attendees,
            updated=self.clock.now(),
            change=0,
        )
        account.diary.put(meeting)
        return meeting


def stable_sub(email: str) -> str:
    """21 digits, as Google's are, the same for an address in every sandbox."""
    return "1" + str(int(hashlib.sha256(email.encode()).hexdigest(), 16))[:20]


def pack(**marks: Any) -> str:
    """An opaque page or sync token. Clients must not look inside; Google's cannot be read either."""
    return base64.urlsafe_b64encode(json.dumps(marks).encode()).decode().rstrip("=")


def unpack(token: str) -> Mapping[str, Any] | None:
    """What `pack` was given; None for a token that we never made."""
    try:
        marks = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        return None
    return marks if isinstance(marks, dict) else None


def newest_first(mails: list[Mail]) -> Iterator[Mail]:
    return iter(sorted(mails, key=lambda mail: (mail.at, mail.history_id), reverse=True))
