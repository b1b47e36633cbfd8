"""The Exchange of the sandbox: its web application, and every way to use and to break it from a test."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiohttp import web

from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange import ews
from tests.sandbox.exchange.auth import Door, NotLoggedIn
from tests.sandbox.exchange.mailbox import Mailbox
from tests.sandbox.exchange.state import Account, State
from tests.sandbox.log import Handler, Log, Seen

NONSENSE = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network to go on."
UNAVAILABLE = "<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD><BODY><h2>Service Unavailable</h2></BODY></HTML>"


class ExchangeServer:
    """Every method may be called from any thread and takes effect at once."""

    def __init__(self, clock: SandboxClock, *, host: str = "localhost") -> None:
        self._state = State(clock)
        self._log = Log(clock.now)
        self._door = Door(self._state)
        self._url = f"https://{host}"
        self.api_app = web.Application(middlewares=[self._log.record, self._misbehave])
        # IIS does not mind the case of a path, and people type it in every case.
        self.api_app.router.add_post(r"/{ews:(?i:ews)}/{asmx:(?i:exchange\.asmx)}", self._ews)
        autodiscover = r"/{where:(?i:autodiscover/autodiscover\.json)}"
        self.api_app.router.add_get(autodiscover, self._autodiscover)
        self.api_app.router.add_get(autodiscover + r"/v1.0/{address}", self._autodiscover)

    def addresses(self, *, api: str) -> None:
        """Told once the port is known: `https://localhost:<p>`."""
        self._url = api.rstrip("/")

    @property
    def ews_url(self) -> str:
        return f"{self._url}/EWS/Exchange.asmx"

    # Setting up

    def add_account(self, email: str, *, login: str = "", password: str, aliases: Sequence[str] = ()) -> None:
        """`login` is the only name that it logs in with: DOMAIN\\user, or a UPN; the address where none is given."""
        mailbox = Mailbox(email, tuple(aliases))
        with self._state.lock:
            self._state.accounts[email] = Account(email, login or email, password, mailbox)

    def deliver(
        self,
        email: str,
        *,
        sender: str,
        subject: str,
        at: datetime | None = None,
        to: Sequence[str] = (),
        cc: Sequence[str] = (),
        item_class: str = "IPM.Note",
    ) -> str:
        """A mail arrives, or was sent where the sender is the account. Gives its item id."""
        with self._state.lock:
            received = at or self._state.clock.now()
            mailbox = self._account(email).mailbox
            return mailbox.deliver(sender=sender, subject=subject, at=received, to=to, cc=cc, item_class=item_class).id

    def schedule(
        self,
        email: str,
        *,
        title: str,
        start: datetime,
        attendees: Sequence[str],
        length: timedelta = timedelta(hours=1),
        optional: Sequence[str] = (),
        organizer: str = "",
        weeks: int = 1,
    ) -> str:
        """A meeting in the account's calendar, or a weekly series of `weeks`. Gives its item id."""
        with self._state.lock:
            mailbox = self._account(email).mailbox
            return mailbox.schedule(
                title=title,
                start=start,
                end=start + length,
                now=self._state.clock.now(),
                required=attendees,
                optional=optional,
                organizer=organizer,
                weeks=weeks,
            ).id

    def cancel(self, email: str, event_id: str) -> None:
        """Own meetings vanish, others' stay as cancelled. `<id>.<n>` drops the n-th week of a series, from 0."""
        with self._state.lock:
            self._account(email).mailbox.cancel(event_id)

    def read(self, email: str, mail_id: str) -> None:
        """The person opens a mail of the Inbox."""
        with self._state.lock:
            self._account(email).mailbox.read(mail_id)

    def remove(self, email: str, item_id: str) -> None:
        with self._state.lock:
            self._account(email).mailbox.remove(item_id)

    # Breaking one account

    def change_password(self, email: str, password: str = "") -> None:
        """The old one is refused at once; on a real server it may work for some 15 minutes more."""
        with self._state.lock:
            self._account(email).password = password or "changed-" + secrets.token_hex(4)

    def lock(self, email: str, on: bool) -> None:
        """Unlocking forgets the refusals in a row."""
        with self._state.lock:
            account = self._account(email)
            account.locked, account.refused_in_a_row = on, 0

    def expire_password(self, email: str, on: bool) -> None:
        with self._state.lock:
            self._account(email).password_expired = on

    def disable(self, email: str, on: bool) -> None:
        with self._state.lock:
            self._account(email).disabled = on

    def no_mailbox(self, email: str, on: bool) -> None:
        with self._state.lock:
            self._account(email).no_mailbox = on

    def deny(self, email: str, on: bool) -> None:
        """The account may log in, but not open the mailbox."""
        with self._state.lock:
            self._account(email).denied = on

    def move_mailbox(self, email: str, on: bool) -> None:
        """On: the mailbox is on its way to another database."""
        with self._state.lock:
            self._account(email).moving = on

    def expire_sync_state(self, email: str) -> None:
        """No sync state that was handed out is good any more: a full sync is due."""
        with self._state.lock:
            self._account(email).mailbox.sync_states.clear()

    # Breaking it for everyone

    def down(self, on: bool) -> None:
        self._state.faults.down = on

    def slow(self, seconds: float) -> None:
        self._state.faults.slow = seconds

    def nonsense(self, on: bool, *, empty: bool = False) -> None:
        """Every answer is 200 with HTML, or with nothing at all."""
        self._state.faults.nonsense = ("empty" if empty else "html") if on else ""

    def rate_limit(self, on: bool) -> None:
        """Who has logged in gets a SOAP fault ErrorServerBusy with BackOffMilliseconds."""
        self._state.faults.busy = on

    def basic(self, on: bool) -> None:
        """Whether Basic is offered and taken."""
        self._state.faults.basic = on

    def ntlm(self, on: bool) -> None:
        """Whether NTLM is offered and taken."""
        self._state.faults.ntlm = on

    def extended_protection(self, on: bool) -> None:
        """On: an NTLM login must carry channel bindings, as behind Windows Extended Protection. Not compared."""
        self._state.faults.extended_protection = on

    def redirect(self, on: bool) -> None:
        """Every request is sent to the sign-in page of the web mail."""
        self._state.faults.redirect = on

    def ews_off(self, on: bool, *, status: int = 403) -> None:
        """403 as where a policy blocks EWS, or 404 as where its web application is not there."""
        self._state.faults.ews_off = status if on else 0

    # Looking

    def refused_logins(self, email: str) -> int:
        """For ever; a good login does not set it back."""
        return self._account(email).refused_logins

    def logins(self, email: str) -> int:
        """Good ones: one for each request with Basic, one for each connection with NTLM."""
        return self._account(email).logins

    @property
    def requests(self) -> list[Seen]:
        return self._log.all()

    @property
    def state(self) -> State:
        """What the side panel reads; a test may look too, under its lock."""
        return self._state

    def _account(self, email: str) -> Account:
        return self._state.accounts[email]

    # Serving

    async def _ews(self, request: web.Request) -> web.Response:
        body = await request.read()
        with self._state.lock:
            try:
                account = self._door.account(request)
            except NotLoggedIn as refused:
                return self._unauthorized(refused)
            refusal = "ErrorServerBusy" if self._state.faults.busy else account.refusal
            neighbours = self._state.addresses()
            status, answer = ews.answer(body, account.mailbox, refusal=refusal, neighbours=neighbours)
        headers = {"request-id": str(uuid.uuid4()), "X-FEServer": "MAIL01"}
        return web.Response(status=status, body=answer, content_type="text/xml", charset="utf-8", headers=headers)

    def _unauthorized(self, refused: NotLoggedIn) -> web.Response:
        response = web.Response(status=401, text=refused.text)
        ways = [f"NTLM {refused.challenge}"] if refused.challenge else self._door.offered()
        for way in ways:
            response.headers.add("WWW-Authenticate", way)
        return response

    async def _autodiscover(self, request: web.Request) -> web.Response:
        """Needs no login, and does not tell whether the very address exists: the domain is enough."""
        address = request.match_info.get("address") or request.query.get("Email", "")
        protocol = request.query.get("Protocol", "")
        if protocol.casefold() != "ews":
            return _not_discovered(400, "ProtocolNotSupported", f"The given protocol value '{protocol}' is invalid.")
        with self._state.lock:
            known = self._state.knows_domain_of(address)
        if not known:
            return _not_discovered(404, "UserNotFound", "The given user is not found.")
        return web.json_response({"Protocol": "EWS", "Url": self.ews_url})

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._state.faults
        await asyncio.sleep(faults.slow)
        if faults.nonsense:
            text = NONSENSE if faults.nonsense == "html" else ""
            return web.Response(text=text, content_type="text/html")
        if faults.down:
            return web.Response(status=503, text=UNAVAILABLE, content_type="text/html")
        if faults.redirect:
            url = f"{self._url}/owa/auth/logon.aspx?url={self._url}/EWS/&reason=0"
            return web.Response(status=302, headers={"Location": url})
        if faults.ews_off and "autodiscover" not in request.path.casefold():
            return web.Response(status=faults.ews_off)
        return await handler(request)


def _not_discovered(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"ErrorCode": code, "ErrorMessage": message}, status=status)
