"""What a provider is, the values it deals in, and the four ways it can fail. No SDK, no HTTP, no Slack in this file.

    ProviderError(reason, code, trace)    the class says who must act, the reason only picks words
      Unavailable                         nobody: wait
      Rejected(definite)                  the person
      Blocked                             their administrator
      Misconfigured                       we, the operator
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol


class Side(StrEnum):
    """The two ends of a person's sync."""

    MAILBOX = "mailbox"
    CRM = "crm"


class AccessType(StrEnum):
    """What a person picks in Change."""

    OFFICE365 = "office365"
    EXCHANGE = "exchange"
    GOOGLE = "google"
    PRODUCTION = "production"
    SANDBOX = "sandbox"
    MY_DOMAIN = "my_domain"


@dataclass(frozen=True, slots=True)
class Access:
    """An access type and, where the type needs one, the host that the person gave."""

    type: AccessType
    host: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key that has worked once.

    `identity` never changes for an account (Google `sub`, Microsoft `tid/oid`); `account` is the address people know.
    `secret` is the provider's own business. `expires_at` is when it wants a `refresh`; None means never.
    """

    account: str
    identity: str
    secret: str = field(repr=False)
    expires_at: datetime | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """The person signs in on the vendor's page and comes back with an answer.

    `remember` is what `complete` must see again, such as a PKCE verifier. It is stored sealed. `allows_more` means that
    the permission asked would let bodies and attachments be read, though they never are: the person is told so.
    """

    url: str = field(repr=False)
    remember: str = field(default="", repr=False)
    allows_more: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form: `advanced` ones stand under *Advanced setup*."""

    name: str
    label: str
    secret: bool = False
    advanced: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The person fills in our own HTTPS page. Slack inputs cannot hide a password. `remember` is as a Link's."""

    fields: tuple[Field, ...]
    remember: str = field(default="", repr=False)


class Ended(StrEnum):
    """What became of a credential on the vendor's side."""

    DONE = "done"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Revocation:
    """`link` is where the person ends the rest by hand; empty when nothing remains."""

    ended: Ended
    link: str = ""


class Replaced(StrEnum):
    """When a grant is ended at the vendor because a newer sign-in took its place. Here it is destroyed in any case."""

    NEVER = "never"
    OTHER_ACCOUNT = "other_account"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Mail:
    """One message, by its headers only. `id` is its internetMessageId, stable across mailboxes."""

    id: str
    subject: str
    sender: str
    recipients: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Meeting:
    """One calendar event. `id` is its iCalUId."""

    id: str
    subject: str
    organizer: str
    attendees: tuple[str, ...]
    start: datetime
    end: datetime
    cancelled: bool = False


Item = Mail | Meeting


@dataclass(frozen=True, slots=True)
class Page:
    """One page of what is new. Commit `cursor` with the items: the next pull starts there.

    `resync` is true when the vendor no longer knew the old cursor and the window was read again.
    """

    items: tuple[Item, ...]
    cursor: str
    resync: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """What a CRM is told of one message or meeting. `key` is its external id: a repeat changes nothing.

    `about` is the CRM's id of the contact or lead. `end` is None for a message. `gone` takes it out again: then only
    `key` means anything, and whether it is a message or a meeting.
    """

    key: str
    subject: str
    about: str
    start: datetime
    end: datetime | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """`refused` are the keys that the CRM does not take, each with its short code, such as a validation rule's."""

    written: int
    refused: Mapping[str, str]


class Reason(StrEnum):
    """Why a provider said no. Each has its advice in templates/advice/<reason>.j2."""

    # The person
    CREDENTIALS_REVOKED = "credentials_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, not a password
    TOKEN_EXPIRED_INACTIVE = "token_expired_inactive"  # noqa: S105 - a reason, not a token
    SESSION_POLICY_EXPIRED = "session_policy_expired"
    CONSENT_REVOKED = "consent_revoked"
    CONSENT_DECLINED = "consent_declined"
    SCOPE_MISSING = "scope_missing"
    MFA_REQUIRED = "mfa_required"
    ROTATION_LOST = "rotation_lost"
    WRONG_TENANT = "wrong_tenant"
    WRONG_ACCOUNT = "wrong_account"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 - a reason, not a password
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - a reason, not a password
    ACCOUNT_LOCKED = "account_locked"
    # Their administrator
    NEEDS_ADMIN_APPROVAL = "needs_admin_approval"
    CONDITIONAL_ACCESS = "conditional_access"
    ACCOUNT_DISABLED = "account_disabled"
    USER_NOT_ASSIGNED = "user_not_assigned"
    EWS_DISABLED = "ews_disabled"
    API_DISABLED = "api_disabled"
    MAILBOX_MISSING = "mailbox_missing"
    ADMIN_POLICY_BLOCKED = "admin_policy_blocked"
    DELEGATION_MISSING = "delegation_missing"
    APP_MISSING = "app_missing"
    ENDPOINT_WRONG = "endpoint_wrong"
    CRM_FIELD_MISSING = "crm_field_missing"
    TLS_ERROR = "tls_error"
    # We, the operator
    CLIENT_SECRET_EXPIRED = "client_secret_expired"  # noqa: S105 - a reason, not a secret
    CLIENT_MISCONFIGURED = "client_misconfigured"
    # Nobody: it passes
    RATE_LIMITED = "rate_limited"
    PROVIDER_DOWN = "provider_down"
    NETWORK = "network"
    UNKNOWN = "unknown"


class ProviderError(Exception):
    """Base of all provider failures.

    `code` is the vendor's own code, `trace` its correlation id: both short, both safe to store and to show to support.
    Neither ever holds the vendor's free text.
    """

    def __init__(self, reason: Reason, code: str = "", trace: str = "") -> None:
        super().__init__(f"{reason} ({code})" if code else str(reason))
        self.reason = reason
        self.code = code
        self.trace = trace


class Unavailable(ProviderError):
    """Nobody must act: wait and try again. `retry_after` in seconds where the vendor asked for a pause.

    `sent` is false where it is certain that nothing has reached the vendor.
    """

    def __init__(
        self, reason: Reason, code: str = "", trace: str = "", *, retry_after: float | None = None, sent: bool = True
    ) -> None:
        super().__init__(reason, code, trace)
        self.retry_after = retry_after
        self.sent = sent


class Rejected(ProviderError):
    """The person must sign in again. `definite` means that one such answer is enough to believe it."""

    def __init__(self, reason: Reason, code: str = "", trace: str = "", *, definite: bool) -> None:
        super().__init__(reason, code, trace)
        self.definite = definite


class Blocked(ProviderError):
    """Their administrator must act: consent, policy, a disabled account, a missing mailbox."""


class Misconfigured(ProviderError):
    """The operator must act: our own application is set up wrong, which breaks it for everyone."""


@dataclass(frozen=True, slots=True)
class Reached:
    """One thing that was asked of a vendor without any person: what, of which host, and how it failed if it did."""

    what: str
    host: str
    error: ProviderError | None = None


class Provider(Protocol):
    """One vendor. Every method blocks, bounds its time, and raises only ProviderError."""

    slug: ClassVar[str]
    label: ClassVar[str]
    side: ClassVar[Side]
    access_types: ClassVar[tuple[AccessType, ...]]
    revokes_replaced: ClassVar[Replaced]

    def begin(self, access: Access, state: str, hint: str) -> Link | Form:
        """Say how a person hands over a credential. `hint` is the address to preselect, or empty."""

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        """Turn the answer to `begin` into a credential that has worked once, with its stable identity."""

    def refresh(self, credential: Credential) -> Credential:
        """Renew it without the person: one POST, 20 seconds in all, never repeated."""

    def check(self, credential: Credential) -> None:
        """Return if it works, else raise. One cheap live read past every cache of the client library."""

    def revoke(self, credential: Credential) -> Revocation:
        """End it at the vendor. A credential that is already dead is DONE."""

    def approval(self) -> str:
        """The page on which their administrator approves our application; empty where the vendor has none."""

    def reach(self) -> Sequence[Reached]:
        """Ask whatever can be asked without a person: addresses, discovery, our own client. It raises nothing."""


class Mailbox(Provider, Protocol):
    """A provider of the mailbox side."""

    def pull(self, credential: Credential, cursor: str) -> Iterator[Page]:
        """Yield what is new since `cursor`, page by page; an empty cursor reads the window. Never bodies."""

    def recognises(self, address: str) -> bool:
        """Whether the mailbox of this address is kept here, as far as can be seen without signing in."""


class Crm(Provider, Protocol):
    """A provider of the CRM side."""

    def match(self, credential: Credential, addresses: Collection[str]) -> Mapping[str, str]:
        """The CRM's id of the contact, or else the open lead, for each address that has one. Keys are case-folded."""

    def push(self, credential: Credential, activities: Sequence[Activity]) -> Pushed:
        """Write them by their keys. Raises where the whole of it cannot work: a field or a permission is missing."""
