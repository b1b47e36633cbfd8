"""Slack as the core sees it, kept in memory: messages that can be edited, people, and Sign in with Slack."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bot.model import Address, IdentityRefused, MessageGone, Profile, Reply, SlackAway, SlackUser

TEAM, OTHER_TEAM = "T_ACME", "T_EVIL"
ADA, BOB, GRACE, MALLORY = "U0ADA", "U0BOB", "U0GRACE", "U0MALLORY"
ADMIN_CHANNEL = "C0ITADMIN"


@dataclass(slots=True)
class Message:
    """`edits` counts how often it was changed since it was posted."""

    at: Address
    reply: Reply
    edits: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.reply.context[name]


@dataclass(slots=True)
class MemorySlack:
    """`faults` are raised by the next calls, one each. `on_call` comes before a call, `on_sent` after a post."""

    messages: dict[Address, Message] = field(default_factory=dict)
    homes: dict[str, list[Reply]] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    admins: set[str] = field(default_factory=lambda: {ADA})
    away: bool = False
    group_away: bool = False
    faults: list[Exception] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None
    on_sent: Callable[[], None] = lambda: None
    said: list[Reply] = field(default_factory=list)
    posted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def __post_init__(self) -> None:
        for user_id, name in ((ADA, "Ada"), (BOB, "Bob"), (GRACE, "Grace")):
            self.hire(user_id, name)
        self.profiles[MALLORY] = Profile(
            OTHER_TEAM, MALLORY, "Mallory", "mallory@evil.example", "UTC", stranger=True
        )

    def hire(self, user_id: str, name: str, **others: Any) -> None:
        email = f"{name.lower()}@acme.example"
        self.profiles[user_id] = Profile(TEAM, user_id, name, email, "Europe/Berlin", **others)

    def change(self, user_id: str, **others: Any) -> None:
        self.profiles[user_id] = replace(self.profiles[user_id], **others)

    def to(self, whom: str) -> list[Message]:
        """What stands in the DM with somebody, or in a channel; the oldest first."""
        return [message for at, message in self.messages.items() if at.channel == whom]

    def kinds(self, whom: str) -> list[str]:
        return [message.reply.template.removeprefix("notices/") for message in self.to(whom)]

    # Messenger

    def post(self, to: str, reply: Reply) -> Address:
        self._called(reply)
        with self._lock:
            self.posted += 1
            at = Address(channel=to, ts=f"{self.posted}.0")
        self.messages[at] = Message(at, reply)
        self.on_sent()
        return at

    def update(self, at: Address, reply: Reply) -> None:
        self._called(reply)
        if at not in self.messages:
            raise MessageGone("message_not_found")
        self.messages[at].reply = reply
        self.messages[at].edits += 1

    def home(self, user_id: str, reply: Reply) -> None:
        self._called(reply)
        self.homes.setdefault(user_id, []).append(reply)

    def _called(self, reply: Reply) -> None:
        with self._lock:
            self.said.append(reply)
            fault = self.faults.pop(0) if self.faults else None
        self.on_call()
        if fault is not None:
            raise fault
        self._answers()

    # Directory

    def profile(self, user_id: str) -> Profile:
        self._answers()
        return self.profiles[user_id]

    def is_admin(self, user_id: str) -> bool:
        if self.away or self.group_away:
            raise SlackAway("timeout")
        return user_id in self.admins

    def _answers(self) -> None:
        if self.away:
            raise SlackAway("timeout")

    # Sign in with Slack: the code is the user's id

    def authorize_url(self, *, state: str, nonce: str) -> str:
        return f"http://slack.localhost/?state={state}&nonce={nonce}"

    def exchange(self, *, code: str, nonce: str) -> SlackUser:
        self._answers()
        if code not in self.profiles:
            raise IdentityRefused("bad_code")
        profile = self.profiles[code]
        return SlackUser(profile.team_id, profile.user_id, profile.email, profile.name)
