"""Three small books: deliveries seen, settings kept, and accounts that people used before."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from bot.store.rows import given
from bot.store.tables import account_used, seen, setting

_NOTE = insert(seen).on_conflict_do_nothing()
_GET = sa.select(setting.c.value).where(setting.c.key == given("key"))
_NEW = insert(setting)
_PUT = _NEW.on_conflict_do_update(index_elements=["key"], set_={"value": _NEW.excluded.value})
_USE = insert(account_used)
_USE = _USE.on_conflict_do_update(
    index_elements=["person_id", "provider", "account"], set_={"used_at": _USE.excluded.used_at}
)
_OF = (
    sa.select(account_used.c.provider, account_used.c.account)
    .where(account_used.c.person_id == given("person_id"))
    .order_by(account_used.c.used_at.desc(), account_used.c.provider, account_used.c.account)
)


class Seen:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def first_time(self, key: str, real: datetime) -> bool:
        """False when this key came within the last 24 hours: it is the same delivery again."""
        return self._database.execute(_NOTE, {"key": key, "at": real}).rowcount == 1


class Settings:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        return self._database.execute(_GET, {"key": key}).scalar_one_or_none()

    def put(self, key: str, value: str) -> None:
        self._database.execute(_PUT, {"key": key, "value": value})


class Accounts:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def used(self, person_id: int, provider: str, account: str, now: datetime) -> None:
        used = {"person_id": person_id, "provider": provider, "account": account, "used_at": now}
        self._database.execute(_USE, used)

    def of(self, person_id: int) -> list[tuple[str, str]]:
        """Provider and account, the last used first."""
        return [(row.provider, row.account) for row in self._database.execute(_OF, {"person_id": person_id})]
