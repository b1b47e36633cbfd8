"""Three small books: deliveries seen, settings kept, and accounts that people used before."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from bot.store.tables import account_used, seen, setting


class Seen:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def first_time(self, key: str, real: datetime) -> bool:
        """False when this key came within the last 24 hours: it is the same delivery again."""
        noted = insert(seen).values(key=key, at=real).on_conflict_do_nothing()
        return self._database.execute(noted).rowcount == 1


class Settings:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        return self._database.execute(sa.select(setting.c.value).where(setting.c.key == key)).scalar_one_or_none()

    def put(self, key: str, value: str) -> None:
        kept = insert(setting).values(key=key, value=value)
        self._database.execute(kept.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


class Accounts:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def used(self, person_id: int, provider: str, account: str, now: datetime) -> None:
        noted = insert(account_used).values(person_id=person_id, provider=provider, account=account, used_at=now)
        key = ["person_id", "provider", "account"]
        self._database.execute(noted.on_conflict_do_update(index_elements=key, set_={"used_at": now}))

    def of(self, person_id: int) -> list[tuple[str, str]]:
        """Provider and account, the last used first."""
        book = account_used.c
        found = sa.select(book.provider, book.account).where(book.person_id == person_id)
        newest = found.order_by(book.used_at.desc(), book.provider, book.account)
        return [(row.provider, row.account) for row in self._database.execute(newest)]
