"""How the contract test presses Exchange's switches and fills in its form. Only what is Exchange's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from providers.base import Access, AccessType, Credential, Form
from providers.exchange import Exchange
from tests.providers.kit import ADA, BOB, GRACE, Body, Kit
from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange import ExchangeServer
from tests.sandbox.serving import Serving

GRACES_LOGIN = "ACME\\grace"
# No Latin-1 has it all, and a colon parts the two halves of a Basic login.
BOBS_PASSWORD = "bob's: päss€ 密"
GRACES_PASSWORD = "grace's pass"
LOGINS = {BOB: BOB, GRACE: GRACES_LOGIN, ADA: ADA}
PASSWORDS = {BOB: BOBS_PASSWORD, GRACE: GRACES_PASSWORD, ADA: "ada's"}
EXCHANGE = Access(AccessType.EXCHANGE)


class ExchangeKit(Kit[Exchange]):
    """An Exchange of the sandbox, and our provider that may use it. Ada, Bob and Grace have mailboxes."""

    access = EXCHANGE

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        # What was asked, oldest first, as it came over the wire.
        self.asked: list[bytes] = []
        self.server: ExchangeServer = ExchangeServer(clock)
        self.server.addresses(api=self.serve(self.server.api_app))
        for email in (BOB, GRACE, ADA):
            self.server.add_account(email, login=LOGINS[email], password=PASSWORDS[email])
        self.host = self.server.ews_url.split("/")[2]
        self.settings = {"hosts": frozenset({self.host})}

    def make(self, **others: Any) -> Exchange:
        settings = {"wire": self.wire, "clock": self.clock.now, **self.settings}
        return Exchange(**(settings | others))

    def answer(self, email: str = BOB, *, cancel: bool = False, **others: Any) -> tuple[dict[str, str], str]:
        """What somebody types into the form for `email`, and what `complete` must remember. A form has no Cancel."""
        assert not cancel
        form = self.provider.begin(EXCHANGE, "a state of ours", email)
        assert isinstance(form, Form)
        typed = {"login": LOGINS[email], "password": PASSWORDS[email], "ews_url": ""}
        return typed | others, form.remember

    def sign_in(self, email: str = BOB, **others: Any) -> Credential:
        what = (email, *sorted(others.items()))
        return self._once(what, lambda: self.provider.complete(*self.answer(email, **others)))

    # The switches

    def refuse_definitely(self) -> None:
        self.server.change_password(BOB)

    def refuse(self) -> None:
        self.server.change_password(BOB)

    def token_posts(self) -> int:
        """A password is not renewed: every request that has come."""
        return len(self.server.requests)

    # Lies

    def lie(
        self,
        body: Body = b"",
        *,
        status: int = 200,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        kind: str = "text/xml",
        if_asked: bytes = b"",
    ) -> None:
        """From now on this is the answer to everything, or to whatever carries `if_asked` in its body."""
        super().lie(body, status=status, path=path, headers=headers, kind=kind)
        always = self._lies[path]
        self.intercept(path, lambda request: always(request) if if_asked in self.asked[-1] else None)

    @web.middleware
    async def _lie(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(await request.read())
        return await super()._lie(request, handler)


class AnotherCompanysKit(ExchangeKit):
    """Whom nobody trusts who trusts the sandbox."""

    authority = "another company"
