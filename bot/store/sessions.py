"""Browser sessions of people who signed in with Slack. The token itself is known to the browser alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.model import SlackUser, WebSession
from bot.store.rows import given, hashed
from bot.store.tables import web_session

LIFE = timedelta(hours=12)

_OPEN = sa.insert(web_session).returning(web_session.c.id)
_FIND = sa.select(web_session).where(
    web_session.c.token_hash == given("token_hash"), web_session.c.opened_at > given("outlived")
)


class Sessions:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def open(self, *, token: str, csrf: str, user: SlackUser, real: datetime) -> int:
        added = {
            "token_hash": hashed(token),
            "csrf": csrf,
            "team_id": user.team_id,
            "user_id": user.user_id,
            "email": user.email,
            "name": user.name,
            "opened_at": real,
        }
        id: int = self._database.execute(_OPEN, added).scalar_one()
        return id

    def find(self, token: str, real: datetime) -> WebSession | None:
        row = self._database.execute(_FIND, {"token_hash": hashed(token), "outlived": real - LIFE}).one_or_none()
        if row is None:
            return None
        return WebSession(
            id=row.id,
            team_id=row.team_id,
            user_id=row.user_id,
            email=row.email,
            name=row.name,
            csrf=row.csrf,
        )

    def end_all(self) -> None:
        self._database.execute(sa.delete(web_session))

    def end(self, id: int) -> None:
        """Its flows end with it."""
        self._database.execute(sa.delete(web_session).where(web_session.c.id == id))
