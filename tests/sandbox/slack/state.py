"""What Slack remembers: people, channels, messages, views, tokens, triggers. One lock, no HTTP."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

Json = dict[str, Any]

MILLION = 1_000_000
BOT_USER = "U0RELATCH"
BOT = "B0RELATCH"
APP = "A0RELATCH"

# Real seconds, whatever the sandbox's clock says: docs.slack.dev/surfaces/modals and /interactivity.
TRIGGER_LIFE = 3.0
RESPONSE_URL_LIFE = 30 * 60.0
RESPONSE_URL_USES = 5


class Clock(Protocol):
    """The sandbox's time, in UTC; `offset` is how far it is from the real one."""

    @property
    def offset(self) -> timedelta: ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    name: str

    @property
    def domain(self) -> str:
        return self.name.lower()


@dataclass(slots=True)
class User:
    id: str
    name: str
    real_name: str
    email: str
    team: str
    is_stranger: bool = False
    is_bot: bool = False
    deleted: bool = False
    is_restricted: bool = False
    tz: str = "Europe/Berlin"


@dataclass(slots=True)
class Channel:
    """`user` is set for the app's conversation with one person, whose id begins with D."""

    id: str
    name: str
    members: set[str]
    user: str = ""


@dataclass(slots=True)
class Post:
    """One message. `viewer` names the only person who sees it; empty for a lasting message."""

    ts: str
    channel: str
    author: str
    text: str
    blocks: list[Json]
    viewer: str = ""
    edits: int = 0
    edited_ts: str = ""


@dataclass(slots=True)
class View:
    """A modal or a Home tab. `shown` is the view object that apps get, `entered` what was filled in."""

    id: str
    user: str
    shown: Json
    entered: dict[tuple[str, str], Json] = field(default_factory=dict)


@dataclass(slots=True)
class Trigger:
    user: str
    view: str
    born: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """`origin` is the message that replace_original and delete_original mean; a command has none at first."""

    user: str
    channel: str
    born: float
    origin: tuple[str, str] | None = None
    uses: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token may do. `kind` is bot, app or user."""

    kind: str
    user: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a page shows has changed. `users` are those who see it."""

    kind: str
    users: frozenset[str]
    body: Json


class State:
    """Held by all parts of the server; whoever reads or writes more than one thing takes `lock`."""

    def __init__(self, clock: Clock, team: Team) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.home_team = team
        self.teams = {team.id: team}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, tuple[str, list[str]]] = {}
        self.posts: dict[str, dict[str, Post]] = {}
        self.read_up_to: dict[tuple[str, str], str] = {}
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.grants: dict[str, Grant] = {}
        self.manifest: Json = {}
        self._last_ts = 0
        self._listeners: list[Callable[[Change], None]] = []

    # Telling pages

    def listen(self, listener: Callable[[Change], None]) -> None:
        self._listeners.append(listener)

    def changed(self, kind: str, users: Iterable[str], **body: Any) -> None:
        change = Change(kind, frozenset(users), body)
        for listener in self._listeners:
            listener(change)

    # Names for things

    def new_ts(self) -> str:
        """Seconds and microseconds of the sandbox's clock, never twice the same."""
        now = self.clock.now()
        with self.lock:
            self._last_ts = max(self._last_ts + 1, int(now.timestamp()) * MILLION + now.microsecond)
            return f"{self._last_ts // MILLION}.{self._last_ts % MILLION:06d}"

    def dm(self, user: str) -> Channel:
        """The app's conversation with this person; its id is the same as long as the workspace lives."""
        with self.lock:
            channel_id = "D" + user[1:]
            if channel_id not in self.channels:
                self.channels[channel_id] = Channel(channel_id, "directmessage", {user, BOT_USER}, user=user)
            return self.channels[channel_id]

    def trigger(self, user: str, *, view: str = "") -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        with self.lock:
            self.triggers[trigger_id] = Trigger(user=user, view=view, born=time.monotonic())
        return trigger_id

    def name_of(self, some_id: str) -> str:
        """What people call a user, channel or group; empty for an id that nobody knows."""
        if some_id in self.users:
            return self.users[some_id].name
        if some_id in self.channels:
            return self.channels[some_id].name
        return self.groups[some_id][0] if some_id in self.groups else ""

    def user_named(self, name: str) -> str:
        return next((user.id for user in self.users.values() if user.name == name and not user.deleted), "")

    def channel_named(self, name: str) -> str:
        return next(
            (channel.id for channel in self.channels.values() if channel.name == name and not channel.user),
            "",
        )

    # Messages

    def put(self, post: Post) -> None:
        with self.lock:
            self.posts.setdefault(post.channel, {})[post.ts] = post

    def post(self, channel: str, ts: str) -> Post | None:
        return self.posts.get(channel, {}).get(ts)

    def seen_by(self, user: str, channel: str) -> list[Post]:
        """What this person sees in a channel, oldest first."""
        with self.lock:
            members = self.channels[channel].members if channel in self.channels else set()
            posts = sorted(self.posts.get(channel, {}).values(), key=lambda post: post.ts)
            return [post for post in posts if (post.viewer == user if post.viewer else user in members)]

    def viewers(self, post: Post) -> set[str]:
        return {post.viewer} if post.viewer else set(self.channels[post.channel].members)

    def unread(self, user: str, channel: str) -> int:
        """Without ephemeral messages: they are no news, and gone with the next look."""
        since = self.read_up_to.get((user, channel), "")
        return sum(
            post.ts > since and post.author != user and not post.viewer for post in self.seen_by(user, channel)
        )

    # The installed app

    @property
    def app_name(self) -> str:
        return str(self.manifest.get("display_information", {}).get("name", "App"))

    @property
    def commands(self) -> list[Json]:
        return list(self.manifest.get("features", {}).get("slash_commands", []))

    def subscribes_to(self, event: str) -> bool:
        events = self.manifest.get("settings", {}).get("event_subscriptions", {}).get("bot_events", [])
        return event in events

    def setting(self, *path: str) -> Any:
        """One value of the installed manifest; None where it is not said."""
        value: Any = self.manifest
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value
