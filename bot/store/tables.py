"""The tables, as data. What is asked of them stands in the repositories beside this file."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.engine import Dialect

from bot.model import Culprit, Health, IncidentKind, Kind, NoticeKind, Word
from providers.base import AccessType, Reason, Side

E = TypeVar("E", bound=StrEnum)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment. Kept as UTC text, which sorts by time; a time without its zone is refused with ValueError."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC)


class Choice(sa.TypeDecorator[E]):
    """One word of a closed set, kept as its value."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[E]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else self.words(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else self.words(value)


metadata = sa.MetaData()


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _cause() -> tuple[Column[Any], ...]:
    return Column("culprit", Choice(Culprit)), Column("reason", Choice(Reason)), _text("code"), _text("trace")


person = Table(
    "person",
    metadata,
    _key(),
    Column("team_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    _text("name"),
    _text("email"),
    _text("timezone"),
    Column("met_at", UtcDateTime, nullable=False),
    Column("paused_at", UtcDateTime),
    Column("next_run_at", UtcDateTime),
    Column("synced_by_hand_at", UtcDateTime),
    _text("claim_owner"),
    Column("claim_until", UtcDateTime),
    Index("person_slack", "team_id", "user_id", unique=True),
    Index("person_due", "next_run_at"),
)

credential = Table(
    "credential",
    metadata,
    _key(),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("provider", Text, nullable=False),
    Column("version", Integer, nullable=False),
    _count("fence"),
    Column("secret", LargeBinary),
    Column("in_doubt_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    _text("lease_owner"),
    Column("lease_until", UtcDateTime),
    # Given up: nobody may use it any more, and at this time it is tried to end it at the vendor.
    Column("revoke_at", UtcDateTime),
    _count("revoke_attempts"),
    Index("credential_revoke", "revoke_at", sqlite_where=sa.text("revoke_at IS NOT NULL")),
)

connection = Table(
    "connection",
    metadata,
    _key(),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("side", Choice(Side), nullable=False),
    Column("provider", Text, nullable=False),
    Column("access_type", Choice(AccessType), nullable=False),
    _text("access_host"),
    _text("account"),
    _text("identity"),
    Column("credential_id", ForeignKey("credential.id"), index=True),
    _text("cursor"),
    _count("items"),
    _count("items_since"),
    Column("connected_at", UtcDateTime, nullable=False),
    Column("health", Choice(Health), nullable=False),
    *_cause(),
    _count("failures"),
    _count("rejections"),
    Column("struck_at", UtcDateTime),
    Column("since", UtcDateTime),
    Column("next_try_at", UtcDateTime),
    Column("last_ok_at", UtcDateTime),
    # What it was connected with, while that is being ended at the vendor.
    Column("revoking_id", ForeignKey("credential.id"), index=True),
    # It came from a backup then, and has not been tried since.
    Column("restored_at", UtcDateTime),
    Index("connection_side", "person_id", "side", unique=True),
    Index("connection_provider", "provider", "health"),
)

incident = Table(
    "incident",
    metadata,
    _key(),
    Column("kind", Choice(IncidentKind), nullable=False),
    Column("provider", Text, nullable=False),
    *_cause(),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    _text("outcome"),
    Index("incident_open", "kind", "provider", unique=True, sqlite_where=sa.text("closed_at IS NULL")),
)

notice = Table(
    "notice",
    metadata,
    _key(),
    Column("kind", Choice(NoticeKind), nullable=False),
    Column("key", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("person_id", ForeignKey("person.id")),
    Column("incident_id", ForeignKey("incident.id"), index=True),
    _text("channel"),
    _text("ts"),
    Column("wanted", Integer, nullable=False),
    _count("drawn"),
    _count("attempts"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("facts", sa.JSON, nullable=False),
    Column("not_before", UtcDateTime),
    Column("retry_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    _text("failed_code"),
    Column("held_by", ForeignKey("incident.id"), index=True),
    Index("notice_open", "key", unique=True, sqlite_where=sa.text("closed_at IS NULL")),
    Index("notice_person", "person_id", "kind"),
    Index("notice_behind", "opened_at", sqlite_where=sa.text("drawn < wanted")),
)

invitation = Table(
    "invitation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("side", Choice(Side), nullable=False),
    Column("word", Choice(Word), nullable=False),
    Column("provider", Text, nullable=False),
    Column("access_type", Choice(AccessType), nullable=False),
    _text("access_host"),
    Column("asked_by", ForeignKey("person.id")),
    Column("used_at", UtcDateTime, nullable=False),
    _text("hint"),
)

web_session = Table(
    "web_session",
    metadata,
    _key(),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("csrf", Text, nullable=False),
    Column("team_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    _text("email"),
    _text("name"),
    Column("opened_at", UtcDateTime, nullable=False),
)

flow = Table(
    "flow",
    metadata,
    _key(),
    Column("invitation_id", ForeignKey("invitation.id"), nullable=False, index=True),
    Column("session_id", ForeignKey("web_session.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state_hash", Text, nullable=False, unique=True),
    Column("remember", LargeBinary),
    _text("awaiting"),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    _count("told"),
    Column("asked", LargeBinary),
    Column("asked_until", UtcDateTime),
)

event = Table(
    "event",
    metadata,
    _key(),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Choice(Kind), nullable=False),
    Column("person_id", ForeignKey("person.id")),
    Column("actor_id", ForeignKey("person.id")),
    Column("side", Choice(Side)),
    _text("provider"),
    *_cause(),
    _text("detail"),
    Column("number", Integer),
    Column("hash", Text, nullable=False),
    Index("event_person", "person_id", "id"),
    Index("event_at", "at"),
)

seen = Table(
    "seen",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
)

account_used = Table(
    "account_used",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("used_at", UtcDateTime, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
