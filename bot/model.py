"""The nouns of Relatch and the ports it is reached through. No Slack, no SQL, no HTTP in this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from providers.base import (
    Access,
    AccessType,
    Blocked,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Side,
    Unavailable,
)


class Word(StrEnum):
    """What a person can ask for: one file in bot/desk each."""

    STATUS = "status"
    CHECK = "check"
    REFRESH = "refresh"
    CHANGE = "change"
    REVOKE = "revoke"
    SYNC = "sync"
    WHY = "why"
    HELP = "help"
    HOME = "home"
    OPENED = "opened"
    STUCK = "stuck"
    RELEASE = "release"
    DISMISS = "dismiss"


class Culprit(StrEnum):
    """Who must act: the class of a ProviderError, as data."""

    NOBODY = "nobody"
    PERSON = "person"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Health(StrEnum):
    """What Relatch believes of a connection. No row means never connected."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKING = "revoking"
    REVOKED = "revoked"


class Stage(StrEnum):
    """Where an outcome was seen: at the token endpoint, or using the access token."""

    RENEWAL = "renewal"
    USE = "use"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who stands in front of us, as the payload says: not yet looked up, not yet trusted."""

    team_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message stands in Slack."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person picked in Change. `access` None: not sure. `account` is one used before, empty for another."""

    access: AccessType | None
    host: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A slash command and a button make the same one.

    `subject` is the Slack user whose connections are meant, empty for one's own. `target` is a side, a provider's
    slug, or `all`. `argument` is `now`, `pause` ... for sync, the unknown word for help, what was shown and is now
    confirmed for revoke, and an opaque id for opened, stuck, release, dismiss. `choice` comes with change.
    `delivery` tells a re-delivery from a new press; empty means that it cannot be re-delivered. `mark` and `at` are
    those of the message that was pressed, where it is a notice.
    """

    actor: Actor
    word: Word
    subject: str = ""
    target: str = ""
    argument: str = ""
    reason: str = ""
    delivery: str = ""
    mark: str = ""
    at: Address | None = None
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A template in templates/slack and what it needs. It replaces the one before on the same surface.

    `mark` comes back with every press on the message: it says which notice the message is a copy of.
    """

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack user of the installed workspace."""

    id: int
    team_id: str
    user_id: str
    name: str
    email: str
    timezone: str
    paused_at: datetime | None
    next_run_at: datetime | None
    synced_by_hand_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a connection does not work."""

    culprit: Culprit
    reason: Reason
    code: str = ""
    trace: str = ""

    @staticmethod
    def of(error: ProviderError) -> Cause:
        return Cause(culprit=culprit(error), reason=error.reason, code=error.code, trace=error.trace)


@dataclass(frozen=True, slots=True)
class Condition:
    """The part of a connection that bot/rules/health decides.

    `since` is when trouble of the present kind began, `struck_at` the first plain refusal of the token endpoint,
    `next_try_at` None means that it is left alone until somebody acts.
    """

    health: Health = Health.ACTIVE
    cause: Cause | None = None
    failures: int = 0
    rejections: int = 0
    struck_at: datetime | None = None
    since: datetime | None = None
    next_try_at: datetime | None = None
    last_ok_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """One side of one person."""

    id: int
    person_id: int
    side: Side
    provider: str
    access: Access
    account: str
    identity: str
    credential_id: int | None
    cursor: str
    items: int
    connected_at: datetime
    condition: Condition


class State(StrEnum):
    """What a person is shown of a side. Pause is a wish and is shown first."""

    NOT_OFFERED = "not_offered"
    NOT_SET_UP = "not_set_up"
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    REVOKING = "revoking"
    REVOKED = "revoked"


class Seen(StrEnum):
    """What came of looking at a side just now."""

    NOTHING = "nothing"
    RUNNING = "running"
    WORKS = "works"
    RENEWED = "renewed"
    FAILED = "failed"
    LEFT_ALONE = "left_alone"


@dataclass(frozen=True, slots=True)
class Door:
    """A sign-in button: where it leads and the opaque id that pressing it sends."""

    word: Word
    provider: str
    label: str
    url: str
    id: str


@dataclass(frozen=True, slots=True)
class Card:
    """One side of a person, as every message, page and the Home tab shows it.

    `label` is the provider's name for people. `doors` are the sign-ins offered now: none where a press cannot help.
    `choose`: there are several kinds of access, so that one is picked before signing in.
    `seen` and `cause` tell what a check or refresh found; `cause` alone, why the side is suspended.
    """

    side: Side
    state: State
    provider: str = ""
    label: str = ""
    account: str = ""
    cause: Cause | None = None
    since: datetime | None = None
    last_ok_at: datetime | None = None
    next_try_at: datetime | None = None
    items: int = 0
    doors: tuple[Door, ...] = ()
    choose: bool = False
    seen: Seen = Seen.NOTHING


@dataclass(frozen=True, slots=True)
class Who:
    """Whose connections a reply is about. `own` is true when the reader is that person."""

    name: str
    user_id: str
    own: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `why`, newest first. `actor` is empty where Relatch acted by itself."""

    kind: Kind
    at: datetime
    actor: str
    side: Side | None
    label: str
    cause: Cause | None
    detail: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Names:
    """What the operator calls things: the bot is white-labelled."""

    product: str
    company: str
    engine: str


class Kind(StrEnum):
    """What can stand in the history. Each has its line in templates/slack/why.j2."""

    OPENED = "opened"
    SIGN_IN_STARTED = "sign_in_started"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_UNFINISHED = "sign_in_unfinished"
    CONNECTED = "connected"
    SIGNED_IN = "signed_in"
    CHANGED = "changed"
    REVOKING = "revoking"
    REVOKE_WAITS = "revoke_waits"
    REVOKED = "revoked"
    GIVEN_UP = "given_up"
    RENEWED = "renewed"
    CHECKED = "checked"
    CHECK_FAILED = "check_failed"
    SYNCED = "synced"
    SYNC_FAILED = "sync_failed"
    RESYNCED = "resynced"
    NOT_COPIED = "not_copied"
    SUSPENDED = "suspended"
    RECOVERED = "recovered"
    PAUSED = "paused"
    RESUMED = "resumed"
    SYNC_ASKED = "sync_asked"
    REFRESH_ASKED = "refresh_asked"
    LOOKED = "looked"
    OPERATED = "operated"
    FORGOTTEN = "forgotten"
    REFUSED = "refused"
    STUCK = "stuck"
    NOTICE_SENT = "notice_sent"
    NOTICE_FAILED = "notice_failed"
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_CLOSED = "incident_closed"
    RELEASED = "released"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only history. `person_id` is whom it concerns, `actor_id` who did it (None: Relatch)."""

    kind: Kind
    at: datetime
    person_id: int | None = None
    actor_id: int | None = None
    side: Side | None = None
    provider: str = ""
    cause: Cause | None = None
    detail: str = ""
    number: int | None = None
    id: int = 0


class NoticeKind(StrEnum):
    """A message that Relatch keeps true. Each has its template in templates/slack/notices."""

    FAILURE = "failure"
    REQUESTED = "requested"
    CONNECTED = "connected"
    HANDOFF = "handoff"
    UNFINISHED = "unfinished"
    APPROVED = "approved"
    PAUSED = "paused"
    REVOKE = "revoke"
    INCIDENT = "incident"
    HELLO = "hello"
    AWAY = "away"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Notice:
    """`to` is a Slack user or channel id, `channel` and `ts` where it stands once sent.

    `facts` is what cannot be read elsewhere.
    """

    id: int
    kind: NoticeKind
    to: str
    person_id: int | None
    incident_id: int | None
    channel: str
    ts: str
    wanted: int
    drawn: int
    attempts: int
    opened_at: datetime
    closed_at: datetime | None
    facts: Mapping[str, Any]


class IncidentKind(StrEnum):
    """One trouble of many people, told once in the admin channel."""

    OUTAGE = "outage"
    MISCONFIGURED = "misconfigured"
    GUARD = "guard"
    APPROVAL = "approval"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Incident:
    """`code` and `trace` are those of the first error."""

    id: int
    kind: IncidentKind
    provider: str
    cause: Cause | None
    opened_at: datetime
    closed_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """The address behind a sign-in button: /connect/<id>. It gives no right, it only says what is meant.

    `hint` is the account that was chosen among those used before.
    """

    id: str
    person_id: int
    side: Side
    word: Word
    provider: str
    access: Access
    asked_by: int | None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way, bound to one browser session; ten minutes of life, used once."""

    id: int
    invitation: Invitation
    session_id: int
    remember: str = field(repr=False)
    awaiting: str = ""


@dataclass(frozen=True, slots=True)
class WebSession:
    """A browser that has signed in with Slack. `csrf` goes into its forms."""

    id: int
    team_id: str
    user_id: str
    email: str
    name: str
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says of a user."""

    team_id: str
    user_id: str
    name: str
    email: str
    timezone: str
    stranger: bool = False
    guest: bool = False
    bot: bool = False
    deleted: bool = False


class Level(StrEnum):
    """How bad a finding is: `warn` works for now, `fail` does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `relatch doctor`. `mend` says what to do, empty where there is nothing to do."""

    level: Level
    part: str
    words: str
    mend: str = ""


class MessengerError(Exception):
    """A message did not arrive. `code` is Slack's own."""

    def __init__(self, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after


class MessageGone(MessengerError):
    """The message to be edited no longer exists: post it anew."""


class Undeliverable(MessengerError):
    """This address will never work: a deactivated user, a channel that is gone."""


class SlackAway(MessengerError):
    """Slack did not answer, or asked for a pause: try again, after `retry_after` seconds where it said so."""


class Messenger(Protocol):
    """Slack as the core sees it. Methods block, for 10 seconds at most."""

    def post(self, to: str, reply: Reply) -> Address:
        """Send a new message to a user or channel id. Raises MessengerError."""

    def update(self, at: Address, reply: Reply) -> None:
        """Edit in place. Raises MessageGone when there is nothing to edit, else MessengerError."""

    def home(self, user_id: str, reply: Reply) -> None:
        """Publish the Home tab. Raises MessengerError."""


class Directory(Protocol):
    """Who is who in the workspace. Methods block, for 10 seconds at most, and raise SlackAway."""

    def profile(self, user_id: str) -> Profile: ...

    def is_admin(self, user_id: str) -> bool:
        """At most 60 seconds old. Raises SlackAway when that cannot be known: the caller refuses."""


class IdentityRefused(Exception):
    """Sign in with Slack did not prove anybody. `code` is Slack's own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class SlackUser:
    """Whom a browser turned out to be."""

    team_id: str
    user_id: str
    email: str
    name: str


class SlackIdentity(Protocol):
    """Sign in with Slack, by OpenID Connect."""

    def authorize_url(self, *, state: str, nonce: str) -> str: ...

    def exchange(self, *, code: str, nonce: str) -> SlackUser:
        """Blocks, for 10 seconds at most. Raises IdentityRefused or SlackAway."""


class Clock(Protocol):
    """`now` drives schedules; `real` drives leases, claims, flows and sessions. They differ only in the sandbox."""

    def now(self) -> datetime: ...

    def real(self) -> datetime: ...


def culprit(error: ProviderError) -> Culprit:
    return _CULPRITS[type(error)]


_CULPRITS: dict[type[ProviderError], Culprit] = {
    Unavailable: Culprit.NOBODY,
    Rejected: Culprit.PERSON,
    Blocked: Culprit.ADMINISTRATOR,
    Misconfigured: Culprit.OPERATOR,
}
