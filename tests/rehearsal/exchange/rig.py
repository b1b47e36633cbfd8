"""One Exchange of the sandbox, spoken to by the real exchangelib. Nothing of ours runs here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from exchangelib import DELEGATE, NTLM, Account, Build, Configuration, Credentials, FailFast, Version
from exchangelib.protocol import CachingProtocol

from tests.providers.world import World as HttpWorld
from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange import ExchangeServer
from tests.sandbox.serving import Serving

BOB, GRACE = "bob@acme.example", "grace@acme.example"
BOBS_PASSWORD, GRACES_PASSWORD = "bob's: päss", "grace's"
GRACES_LOGIN = "ACME\\grace"
CARA = "Cara Customer <cara@customer.example>"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EXCHANGE_2019 = Version(build=Build(15, 2))


class World(HttpWorld):
    """One Exchange, and somebody who knows passwords."""

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.server = ExchangeServer(clock)
        self.url = self.serve(self.server.api_app)
        self.server.addresses(api=self.url)
        self.server.add_account(BOB, password=BOBS_PASSWORD, aliases=["builder@acme.example"])
        self.server.add_account(GRACE, login=GRACES_LOGIN, password=GRACES_PASSWORD)

    def let_go(self) -> None:
        super().let_go()
        CachingProtocol.clear_cache()

    def account(
        self,
        email: str = BOB,
        *,
        login: str = BOB,
        password: str = BOBS_PASSWORD,
        auth_type: str | None = NTLM,
        version: Version | None = EXCHANGE_2019,
    ) -> Account:
        """Of exchangelib, with nothing cached: its cache hands out protocols that have logged in before."""
        CachingProtocol.clear_cache()
        config = Configuration(
            service_endpoint=f"{self.url}/EWS/Exchange.asmx",
            credentials=Credentials(login, password),
            auth_type=auth_type,
            version=version,
            retry_policy=FailFast(),
        )
        return Account(email, config=config, autodiscover=False, access_type=DELEGATE)

    def post(self, body: bytes = b"", **how: Any) -> requests.Response:
        return self.http.post(f"{self.url}/EWS/Exchange.asmx", data=body, allow_redirects=False, **how)

    def deliver(self, *subjects: str, sender: str = CARA, at: datetime | None = None) -> list[str]:
        return [self.server.deliver(BOB, sender=sender, subject=subject, at=at) for subject in subjects]

    def schedule(self, title: str, *, start: datetime = NOON, **more: Any) -> str:
        return self.server.schedule(BOB, title=title, start=start, attendees=[CARA], **more)


def synced(folder: Any, *fields: str, state: str = "", most: int | None = None) -> tuple[list[Any], str]:
    """Changes as (kind, item) and the sync state after them."""
    changes = list(
        folder.sync_items(sync_state=state or None, only_fields=fields or ["subject"], max_changes_returned=most)
    )
    return changes, folder.item_sync_state


def subjects(changes: Sequence[Any]) -> list[tuple[str, str]]:
    return [(kind, item.subject) for kind, item in changes]
