"""The Microsoft 365 of the sandbox: its two web applications, and every way to use and to break it from a test."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web

from tests.sandbox.exchange.mailbox import Mailbox, Meeting, Place
from tests.sandbox.log import Handler, Log, Seen
from tests.sandbox.microsoft.adminconsent import AdminConsent
from tests.sandbox.microsoft.api import NONSENSE, Api
from tests.sandbox.microsoft.identity import Identity
from tests.sandbox.microsoft.signin import SignIn
from tests.sandbox.microsoft.state import Account, Client, Clock, State, stable_id
from tests.sandbox.microsoft.tokens import IDLE_LIFE, End


class MicrosoftServer:
    """Every method may be called from any thread and takes effect at once.

    What ends a person's sign-in ends their access tokens too, as if the hour that they last had gone by: the next
    renewal tells why.
    """

    def __init__(self, clock: Clock) -> None:
        self._state = State(clock)
        self._log = Log(clock.now)
        self._sign_in = SignIn(self._state)
        self._admin_consent = AdminConsent(self._state)
        self.login_app = web.Application(middlewares=[self._log.record, self._show_outage])
        self.login_app.add_routes([*self._sign_in.routes(), *self._admin_consent.routes()])
        self._api = Api(self._state, Identity(self._state, self._sign_in))
        self.api_app = web.Application(middlewares=[self._log.record, self._api.refuse, self._api.misbehave])
        self.api_app.add_routes(self._api.routes())

    def addresses(self, *, login: str, api: str) -> None:
        """Told once the ports are known: `http://login.microsoft.localhost:<p>` and `https://localhost:<p>`."""
        self._state.addresses.login = login.rstrip("/")
        self._state.addresses.api = api.rstrip("/")

    # Setting up

    def register_client(
        self, redirect_uris: Sequence[str], *, public_key: str = "", name: str = "Relatch"
    ) -> tuple[str, str]:
        """A client id and its secret. `public_key` is PEM, of a key or a certificate, for client assertions."""
        client = Client(
            id=str(uuid.uuid4()),
            secret="8Q~" + secrets.token_urlsafe(28),
            redirect_uris=tuple(redirect_uris),
            name=name,
            public_key=public_key,
        )
        with self._state.lock:
            self._state.clients[client.id] = client
        return client.id, client.secret

    def add_account(
        self, email: str, *, password: str, tenant: str = "acme.example", aliases: Sequence[str] = ()
    ) -> None:
        """`tenant` is a domain. Whoever comes first in a tenant administers it."""
        with self._state.lock:
            self._state.accounts[email] = Account(
                email=email,
                password=password,
                oid=stable_id(email),
                tenant=self._state.directory(tenant),
                mailbox=Mailbox(email, aliases=tuple(aliases)),
            )

    def deliver(
        self, email: str, *, sender: str, subject: str, at: datetime | None = None, to: Sequence[str] = ()
    ) -> str:
        """A mail arrives, or was sent where the sender is the account. Gives its id."""
        with self._state.lock:
            sent = at or self._state.clock.now()
            return self._account(email).mailbox.deliver(sender=sender, subject=subject, at=sent, to=to).id

    def read(self, email: str, mail_id: str) -> None:
        """The person opens a mail of the Inbox, which is a change that delta tells of."""
        with self._state.lock:
            self._account(email).mailbox.read(mail_id)

    def delete(self, email: str, item_id: str) -> None:
        """A mail or a meeting is gone."""
        with self._state.lock:
            self._account(email).mailbox.remove(item_id)

    def schedule(
        self,
        email: str,
        *,
        title: str,
        start: datetime,
        attendees: Sequence[str],
        length: timedelta = timedelta(hours=1),
        organizer: str = "",
        weeks: int = 1,
    ) -> str:
        """A meeting, or a weekly series, in the account's primary calendar. Gives its id."""
        with self._state.lock:
            mailbox = self._account(email).mailbox
            return mailbox.schedule(
                title=title,
                start=start,
                end=start + length,
                now=self._state.clock.now(),
                required=attendees,
                organizer=organizer,
                weeks=weeks,
            ).id

    def cancel(self, email: str, event_id: str) -> None:
        """An own meeting is gone; another organizer's stays, marked as cancelled."""
        with self._state.lock:
            self._account(email).mailbox.cancel(event_id)

    def move(self, email: str, event_id: str, *, start: datetime) -> None:
        """A meeting takes place at another time."""
        with self._state.lock:
            calendar = self._account(email).mailbox.folders[Place.CALENDAR]
            meeting = calendar[event_id]
            if not isinstance(meeting, Meeting):
                raise KeyError(event_id)
            calendar[event_id] = replace(meeting, start=start, end=start + (meeting.end - meeting.start))

    # Breaking one account

    def revoke_sessions(self, email: str) -> None:
        """An administrator, or the person, signed the account out everywhere."""
        self._end(email, End.REVOKED)

    def plain_refusal(self, email: str) -> None:
        """Its refresh tokens end with invalid_grant, and no number that anybody knows."""
        self._end(email, End.WITHOUT_A_WORD)

    def idle_ninety_days(self, email: str) -> None:
        with self._state.lock:
            self._account(email)
            self._state.tokens.idle(email, IDLE_LIFE + timedelta(days=1))

    def change_password(self, email: str, password: str = "") -> None:
        """A web app's tokens live on: learn.microsoft.com/entra/identity-platform/refresh-tokens."""
        with self._state.lock:
            self._account(email).password = password or "changed-" + secrets.token_hex(4)

    def expire_password(self, email: str, on: bool) -> None:
        """On: renewals are refused until the person has set a new one, which the sign-in page asks for."""
        self._set(email, password_expired=on)

    def sign_in_frequency(self, email: str, on: bool) -> None:
        """On: today's sign-in is over, and each later one lasts 12 hours."""
        self._set(email, asked_again_at=self._state.clock.now() if on else None)

    def mfa(self, email: str, on: bool) -> None:
        """On: only a sign-in with a second factor counts; the sign-in page asks for it."""
        self._set(email, mfa=on)

    def conditional_access(self, email: str, on: bool) -> None:
        """On: a policy blocks the app, whatever the person does; the sign-in page never calls back."""
        self._set(email, conditional_access=on)

    def disable(self, email: str, on: bool) -> None:
        self._set(email, disabled=on)

    def unassign(self, email: str, on: bool) -> None:
        """On: the app is for assigned people only, and this one is not assigned."""
        self._set(email, unassigned=on)

    def lock(self, email: str, on: bool) -> None:
        self._set(email, locked=on)

    def no_mailbox(self, email: str, on: bool) -> None:
        """On: the account has no mailbox in the cloud; `/me` is there all the same."""
        with self._state.lock:
            self._account(email).no_mailbox = on

    def less_scope(self, email: str, on: bool) -> None:
        """On: tokens do not carry the permission for mail, old ones and new ones alike."""
        with self._state.lock:
            self._account(email).less_scope = on

    def remove_consent(self, email: str) -> None:
        """What the person allowed is taken back, and what was allowed for their whole company with it."""
        with self._state.lock:
            account = self._account(email)
            account.granted = account.tenant.consented = frozenset()
            self._state.tokens.end_access(email)

    def expire_access_tokens(self, email: str) -> None:
        """As if an hour had gone by: refresh tokens stay good."""
        with self._state.lock:
            self._account(email)
            self._state.tokens.end_access(email)

    def expire_delta(self, email: str, *, status: int = 410) -> None:
        """Delta and skip tokens handed out so far are too old: 410 with a Location, or 400 syncStateNotFound."""
        with self._state.lock:
            self._state.faults.lost_sync_status = status
            account = self._account(email)
            account.rounds.expire()
            account.mailbox.sync_states.clear()

    # Breaking it for everyone

    def admin_approval(self, on: bool) -> None:
        """Administrators must approve the app first: a page that never calls back, refused renewals.

        The administrator's own consent page turns it off for their company.
        """
        with self._state.lock:
            for tenant in self._state.tenants.values():
                tenant.needs_approval = on
                tenant.consented = frozenset() if on else tenant.consented

    def app_missing(self, on: bool) -> None:
        """Nobody's directory knows the app."""
        self._state.faults.app_missing = on

    def tenant_restricted(self, on: bool) -> None:
        """The company does not let its people into this tenant."""
        self._state.faults.tenant_restricted = on

    def wrong_client_secret(self, on: bool) -> None:
        """The secret, or the certificate, that we were given is no longer right: invalid_client for everyone."""
        self._state.faults.wrong_client_secret = on

    def client_secret_expired(self, on: bool) -> None:
        """A certificate is not touched by it."""
        self._state.faults.client_secret_expired = on

    def ews_enabled(self, on: bool) -> None:
        """Off, as Exchange Online has it: EWS answers 403."""
        self._state.faults.ews_enabled = on

    def rate_limit(self, on: bool) -> None:
        """Graph answers 429 with Retry-After, EWS ErrorServerBusy."""
        self._state.faults.rate_limited = on

    def slow(self, seconds: float) -> None:
        self._state.faults.slow = seconds

    def down(self, on: bool) -> None:
        self._state.faults.down = on

    def nonsense(self, on: bool, *, empty: bool = False) -> None:
        """Every answer to a program is 200 with HTML, or with nothing at all."""
        self._state.faults.nonsense = ("empty" if empty else "html") if on else ""

    def lose_token_answer(self) -> None:
        """The next token request is carried out, but its answer never arrives."""
        self._state.faults.lose_token_answer = True

    def strict_rotation(self, on: bool) -> None:
        """Not Microsoft's habit: using a refresh token that was already replaced ends every one of the account."""
        self._state.faults.strict_rotation = on

    # Looking

    @property
    def requests(self) -> list[Seen]:
        return self._log.all()

    def token_posts(self, grant: str = "refresh_token") -> int:
        return sum(
            seen.path.endswith("/oauth2/v2.0/token") and seen.form.get("grant_type") == grant for seen in self.requests
        )

    @property
    def state(self) -> State:
        """What the side panel reads; a test may look too, under its lock."""
        return self._state

    def _account(self, email: str) -> Account:
        return self._state.accounts[email]

    def _end(self, email: str, why: End) -> None:
        with self._state.lock:
            self._account(email)
            self._state.tokens.end(email, why)

    def _set(self, email: str, **changes: object) -> None:
        with self._state.lock:
            account = self._account(email)
            for name, value in changes.items():
                setattr(account, name, value)
            self._state.tokens.end_access(email)

    @web.middleware
    async def _show_outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self._state.faults.slow)
        if self._state.faults.down:
            return web.Response(status=503, text=NONSENSE, content_type="text/html")
        return await handler(request)
