"""Every sealed text of the database, whatever it is for: counted by key, opened for proof, sealed anew with another."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.store import credentials, flows
from bot.store.ledger import Settings
from bot.store.rows import Row, given
from bot.store.tables import credential, flow, invitation
from bot.store.vault import Place, SecretUnreadable, Vault, key_of

CHECK = "vault.check"
_CHECK_PLACE = Place(table="setting", row=0, owner=0, provider="", field=CHECK)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A column of sealed texts. `found` gives what the place of each is made of; the text itself comes as `sealed`."""

    name: str
    column: sa.Column[Any]
    found: sa.Select[Any]
    place: Callable[[Row], Place]


def _of_flows(column: sa.Column[Any]) -> Shelf:
    found = sa.select(flow.c.id, flow.c.session_id, invitation.c.provider, column.label("sealed"))
    field = str(column.name)
    return Shelf(
        name="sign-ins under way",
        column=column,
        found=found.join(invitation, invitation.c.id == flow.c.invitation_id),
        place=lambda row: flows.place_of(row.id, row.session_id, row.provider, field),
    )


# A test holds that every column of sealed texts stands here: one left out would be lost with the next rotation.
SHELVES = (
    Shelf(
        name="saved sign-ins",
        column=credential.c.secret,
        found=sa.select(credential, credential.c.secret.label("sealed")),
        place=lambda row: credentials.place_of(row.id, row.person_id, row.provider, version=row.version),
    ),
    _of_flows(flow.c.remember),
    _of_flows(flow.c.asked),
)


class Sealed:
    def __init__(self, database: sa.Connection, vault: Vault, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._settings = settings

    def put_check(self) -> None:
        """A value by which a wrong key is known at once, before anything else is tried."""
        sealed = self._vault.seal(_CHECK_PLACE, CHECK)
        self._settings.put(CHECK, b64encode(sealed).decode())

    def by_key(self) -> dict[int, Counter[str]]:
        """For each key id, how many texts of which name it has sealed."""
        found: dict[int, Counter[str]] = {}
        check = self._settings.get(CHECK)
        if check is not None:
            found[key_of(b64decode(check))] = Counter({"check value": 1})
        for shelf in SHELVES:
            prefix = sa.func.hex(sa.func.substr(shelf.column, 2, 4))
            counted = sa.select(prefix, sa.func.count()).where(shelf.column.is_not(None)).group_by(prefix)
            for key, number in self._database.execute(counted):
                found.setdefault(int(key or "0", 16), Counter())[shelf.name] += number
        return found

    def open_all(self) -> Iterator[int]:
        """Opens each once, and gives how many are done. Raises SecretUnreadable at the first that does not open."""
        done = 0
        for shelf in SHELVES:
            for row in self._database.execute(shelf.found.where(shelf.column.is_not(None))):
                self._vault.open(shelf.place(row), row.sealed)
                done += 1
                yield done

    def total(self) -> int:
        return sum(
            int(self._database.execute(sa.select(sa.func.count(shelf.column))).scalar_one()) for shelf in SHELVES
        )

    def seal_anew(self, key: int, *, limit: int) -> int:
        """Seal up to `limit` texts anew that another key than the primary `key` has sealed. 0: none is left.

        The text and its version stay: nobody who works with it notices. Raises SecretUnreadable.
        """
        done = 0
        for shelf in SHELVES:
            done += self._shelf_anew(shelf, key, limit - done)
        check = self._settings.get(CHECK)
        if done < limit and check is not None and key_of(b64decode(check)) != key:
            self.put_check()
            done += 1
        return done

    def _shelf_anew(self, shelf: Shelf, key: int, limit: int) -> int:
        others = sa.func.substr(shelf.column, 2, 4) != key.to_bytes(4, "big")
        rows = self._database.execute(shelf.found.where(shelf.column.is_not(None), others).limit(limit)).all()
        table = shelf.column.table
        change = sa.update(table).where(table.c.id == given("which"))
        for row in rows:
            place = shelf.place(row)
            sealed = self._vault.seal(place, self._vault.open(place, row.sealed))
            self._database.execute(change, {"which": row.id, shelf.column.name: sealed})
        return len(rows)


def check_opens(settings: Settings, vault: Vault) -> bool:
    """False where these keys are another database's."""
    check = settings.get(CHECK)
    try:
        if check is not None:
            vault.open(_CHECK_PLACE, b64decode(check))
    except SecretUnreadable:
        return False
    return True
