"""The CRM as one run uses it: look up who is known there, write what is about them. It commits nothing.

Whatever goes wrong at this end is raised as CrmFailed, so that no mailbox is blamed for it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.model import Connection, Stage
from bot.rules.activities import Own, activities, addresses
from bot.store.credentials import CredentialGone, Stored
from bot.store.database import StoreAway
from bot.upkeep.renew import Renewals
from providers.base import Credential, Crm, Item, ProviderError, Reason, Rejected, Unavailable

LONGEST_CODE = 80

T = TypeVar("T")
log = logging.getLogger(__name__)


class Superseded(Exception):
    """Signed in anew, paused, stopping, or the claim was lost: what the run holds no longer counts."""


class CrmFailed(Exception):
    """The CRM did not take it. `stage` and `error` are the outcome of this `connection`."""

    def __init__(self, connection: Connection, stage: Stage, error: ProviderError) -> None:
        super().__init__(str(error))
        self.connection = connection
        self.stage = stage
        self.error = error


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a page: `copied` counts items that this run had not copied before, `refused` by short code."""

    copied: int
    refused: Mapping[str, int]


class CrmEnd:
    """One run's. `room` bounds how many runs call the provider at once. Raises CrmFailed, StoreAway and Superseded."""

    def __init__(
        self, *, connection: Connection, provider: Crm, renewals: Renewals, room: AbstractContextManager[object]
    ) -> None:
        self.connection = connection
        self.proven = False
        self._provider = provider
        self._renewals = renewals
        self._room = room
        # Vendors list an item more than once; a key is 40 characters, so this stays small beside a page.
        self._copied: set[str] = set()

    def take(self, items: Collection[Item], own: Own, now: datetime) -> Taken:
        """Write what the items are worth. To do so again with the same ones changes nothing."""
        known = addresses(items, own, now)
        matches = self._ask(lambda key: self._provider.match(key, known)) if known else {}
        told = activities(items, matches, own, now)
        refused = self._ask(lambda key: self._provider.push(key, told)).refused if told else {}
        copied = {each.key for each in told if not each.gone} - refused.keys() - self._copied
        self._copied |= copied
        return Taken(copied=len(copied), refused=Counter(code[:LONGEST_CODE] for code in refused.values()))

    def check(self) -> None:
        """Prove it by one cheap read, where nothing was to be written."""
        self._ask(self._provider.check)

    def _ask(self, call: Callable[[Credential], T]) -> T:
        stage, refused = Stage.RENEWAL, None
        try:
            while True:
                stage = Stage.RENEWAL
                stored = self._fresh(refused)
                stage = Stage.USE
                try:
                    with self._room:
                        answer = call(stored.credential)
                except Rejected as error:
                    if error.definite or refused is not None:
                        raise
                    # The access token died before its time; the token endpoint knows why. Asked once.
                    refused = stored
                    continue
                self.proven = True
                return answer
        except CredentialGone:
            raise Superseded from None
        except ProviderError as error:
            raise CrmFailed(self.connection, stage, error) from error
        except (Superseded, StoreAway):
            raise
        except Exception as error:
            # A fault of our own at this end: it must not be put on the mailbox, and needs a next try that lies ahead.
            log.exception("CRM failed", extra={"connection": self.connection.id})
            unknown = Unavailable(Reason.UNKNOWN, type(error).__name__)
            raise CrmFailed(self.connection, Stage.USE, unknown) from error

    def _fresh(self, refused: Stored | None) -> Stored:
        if self.connection.credential_id is None:
            raise Superseded
        return self._renewals.fresh(self.connection.credential_id, refused=refused)
