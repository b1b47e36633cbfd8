"""The Google of the sandbox: its two web applications, and every way to use and to break it from a test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiohttp import web

from tests.sandbox.google.api import NONSENSE, Api
from tests.sandbox.google.identity import Identity
from tests.sandbox.google.signin import SignIn
from tests.sandbox.google.state import Account, Client, Clock, State, stable_sub
from tests.sandbox.google.tokens import IDLE_LIFE
from tests.sandbox.log import Handler, Log, Seen


class GoogleServer:
    """Every method may be called from any thread and takes effect at once."""

    def __init__(self, clock: Clock) -> None:
        self._state = State(clock)
        self._log = Log(clock.now)
        self._sign_in = SignIn(self._state)
        self._identity = Identity(self._state, self._sign_in)
        self.login_app = web.Application(middlewares=[self._log.record, self._show_outage])
        self.login_app.add_routes(self._sign_in.routes())
        self._api = Api(self._state, self._identity)
        self.api_app = web.Application(middlewares=[self._log.record, self._api.refuse, self._api.misbehave])
        self.api_app.add_routes(self._api.routes())

    def addresses(self, *, login: str, api: str) -> None:
        """Told once the ports are known: `http://login.google.localhost:<p>` and `https://localhost:<p>`."""
        self._identity.addresses.login = login.rstrip("/")
        self._identity.addresses.api = api.rstrip("/")

    # Setting up

    def register_client(self, redirect_uris: Sequence[str], *, name: str = "Relatch") -> tuple[str, str]:
        """A client id and its secret."""
        client = Client(
            id=f"{secrets.randbelow(10**12):012d}-{secrets.token_hex(8)}.apps.googleusercontent.com",
            secret="GOCSPX-" + secrets.token_urlsafe(21),
            redirect_uris=tuple(redirect_uris),
            name=name,
        )
        with self._state.lock:
            self._state.clients[client.id] = client
        return client.id, client.secret

    def add_account(
        self, email: str, *, password: str, sub: str | None = None, aliases: Sequence[str] = ()
    ) -> None:
        with self._state.lock:
            account = Account(
                email=email, password=password, sub=sub or stable_sub(email), aliases=tuple(aliases)
            )
            self._state.accounts[email] = account

    def deliver(
        self, email: str, *, sender: str, subject: str, at: datetime | None = None, to: Sequence[str] = ()
    ) -> str:
        """A mail arrives, or was sent where the sender is the account. Gives its Gmail id."""
        with self._state.lock:
            sent = at or self._state.clock.now()
            return self._state.deliver(
                self._account(email), sender=sender, subject=subject, at=sent, to=tuple(to)
            ).id

    def schedule(
        self,
        email: str,
        *,
        title: str,
        start: datetime,
        attendees: Sequence[str],
        length: timedelta = timedelta(hours=1),
    ) -> str:
        """A meeting in the account's primary calendar. Gives its event id."""
        with self._state.lock:
            return self._state.schedule(
                self._account(email), title=title, start=start, end=start + length, attendees=tuple(attendees)
            ).id

    def cancel(self, email: str, event_id: str) -> None:
        with self._state.lock:
            self._account(email).diary.cancel(event_id)

    # Breaking one account

    def change_password(self, email: str, password: str = "") -> None:
        """Ends every token with Gmail scopes, as Google does; others live on."""
        with self._state.lock:
            self._account(email).password = password or "changed-" + secrets.token_hex(4)
            self._state.tokens.end(email, only_with_gmail=True)

    def remove_access(self, email: str) -> None:
        """The person removed the app on Google's page of connected apps."""
        with self._state.lock:
            self._account(email).granted = frozenset()
            self._state.tokens.end(email)

    def idle_six_months(self, email: str) -> None:
        with self._state.lock:
            self._account(email)
            self._state.tokens.idle(email, IDLE_LIFE + timedelta(days=1))

    def session_policy(self, email: str, on: bool) -> None:
        """On: today's sign-in is over, and each later one lasts 16 hours."""
        with self._state.lock:
            self._account(email).session_lapsed_at = self._state.clock.now() if on else None
            if on:
                self._state.tokens.end_access(email)

    def untick(self, email: str, on: bool) -> None:
        """On: the boxes of the consent page come unticked for this person."""
        with self._state.lock:
            self._account(email).unticked = on

    def suspend(self, email: str, on: bool) -> None:
        """The Workspace administrator disables the account; its tokens do not come back with it."""
        with self._state.lock:
            self._account(email).suspended = on
            if on:
                self._state.tokens.end(email)

    def expire_access_tokens(self, email: str) -> None:
        """As if an hour had gone by: refresh tokens stay good."""
        with self._state.lock:
            self._account(email)
            self._state.tokens.end_access(email)

    def expire_history(self, email: str) -> None:
        """Gmail's history ids and Calendar's sync tokens handed out so far are too old: 404 and 410."""
        with self._state.lock:
            account = self._account(email)
            account.inbox.expire_history()
            account.diary.generation += 1

    # Breaking it for everyone

    def admin_approval(self, on: bool) -> None:
        """The administrators have not approved the app: a page that never calls back, refused renewals."""
        self._state.faults.admin_approval = on

    def rate_limit(self, on: bool, *, status: int = 403) -> None:
        """Gmail and Calendar answer rateLimitExceeded, as 403 or as 429."""
        self._state.faults.rate_limited = status if on else 0

    def slow(self, seconds: float) -> None:
        self._state.faults.slow = seconds

    def down(self, on: bool) -> None:
        self._state.faults.down = on

    def nonsense(self, on: bool, *, empty: bool = False) -> None:
        """Every answer to a program is 200 with HTML, or with nothing at all."""
        self._state.faults.nonsense = ("empty" if empty else "html") if on else ""

    def wrong_client_secret(self, on: bool) -> None:
        """The secret that we were given is no longer right: invalid_client for everyone."""
        self._state.faults.wrong_client_secret = on

    def testing_mode(self, on: bool) -> None:
        """The consent screen is in *Testing*: refresh tokens from now on live seven days."""
        self._state.faults.testing_mode = on

    def strict_rotation(self, on: bool) -> None:
        """Not Google's habit: each renewal gives a new refresh token; using an old one ends the grant."""
        self._state.faults.strict_rotation = on

    def lose_token_answer(self) -> None:
        """The next token request is carried out, but its answer never arrives."""
        self._state.faults.lose_token_answer = True

    # Looking

    @property
    def requests(self) -> list[Seen]:
        return self._log.all()

    def token_posts(self, grant: str = "refresh_token") -> int:
        return sum(seen.path == "/token" and seen.form.get("grant_type") == grant for seen in self.requests)

    @property
    def state(self) -> State:
        """What the side panel reads; a test may look too, under its lock."""
        return self._state

    def _account(self, email: str) -> Account:
        return self._state.accounts[email]

    @web.middleware
    async def _show_outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self._state.faults.slow)
        if self._state.faults.down:
            return web.Response(status=503, text=NONSENSE, content_type="text/html")
        return await handler(request)
