"""The Salesforce of the sandbox: its two web applications, and every way to use and to break it from a test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from tests.sandbox.log import Handler, Log, Seen
from tests.sandbox.salesforce.api import NONSENSE, Api
from tests.sandbox.salesforce.identity import Identity
from tests.sandbox.salesforce.people import PRODUCTION, Org, User
from tests.sandbox.salesforce.signin import SignIn
from tests.sandbox.salesforce.state import Client, Clock, State
from tests.sandbox.salesforce.tokens import IDLE_LIFE


class SalesforceServer:
    """Every method may be called from any thread and takes effect at once.

    A person may be a user of several orgs; what happens to an address happens in each of them.
    """

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
        """Told once the ports are known: `http://login.salesforce.localhost:<p>` and `https://localhost:<p>`."""
        self._identity.addresses.login = login.rstrip("/")
        self._identity.addresses.api = api.rstrip("/")

    # Setting up

    def register_client(self, redirect_uris: Sequence[str], *, name: str = "Relatch") -> tuple[str, str]:
        """A client id and its secret."""
        client = Client(
            id="3MVG9" + secrets.token_urlsafe(60),
            secret=secrets.token_hex(32).upper(),
            redirect_uris=tuple(redirect_uris),
            name=name,
        )
        with self._state.lock:
            self._state.clients[client.id] = client
        return client.id, client.secret

    def add_user(self, email: str, *, password: str, org: str = PRODUCTION) -> None:
        """`org` is "production", "sandbox" or the name of a My Domain. The user name is the address."""
        with self._state.lock:
            self._state.add_user(self._state.org(org), email, password)

    def add_contact(self, org_or_email: str, *, email: str, name: str) -> str:
        """In the named org, or in the first org of the user with this address. Gives its id."""
        with self._state.lock:
            return self._state.add_person(self._org_of(org_or_email), "Contact", email=email, name=name)

    def add_lead(self, org_or_email: str, *, email: str, name: str, converted: bool = False) -> str:
        with self._state.lock:
            org = self._org_of(org_or_email)
            return self._state.add_person(org, "Lead", email=email, name=name, IsConverted=converted)

    # Breaking one user

    def revoke_grant(self, email: str) -> None:
        """The person or an administrator revoked the app: "expired access/refresh token"."""
        with self._each(email) as users:
            for user in users:
                user.approved.clear()
                self._state.tokens.end(user)

    def change_password(self, email: str, password: str = "") -> None:
        """Sessions end, and earlier grants are refused with "authentication failure" until a new sign-in.

        Sources disagree on whether Salesforce does so; this is the harsher reading.
        """
        with self._each(email) as users:
            for user in users:
                user.password = password or "changed-" + secrets.token_hex(4)
                user.password_changed_at = self._state.clock.now()
                self._state.tokens.end_sessions(user)

    def idle_thirty_days(self, email: str) -> None:
        with self._each(email) as users:
            for user in users:
                self._state.tokens.idle(user, IDLE_LIFE + timedelta(days=1))

    def deactivate(self, email: str, on: bool) -> None:
        """Sessions end; renewals say "inactive user". Grants outlive it."""
        with self._each(email) as users:
            for user in users:
                user.active = not on
                if on:
                    self._state.tokens.end_sessions(user)

    def api_disabled(self, email: str, on: bool) -> None:
        """The user's profile lacks "API Enabled": 403 API_CURRENTLY_DISABLED."""
        with self._each(email) as users:
            for user in users:
                user.api_enabled = not on

    def may_not_write(self, email: str, on: bool) -> None:
        """No activity can be written: INSUFFICIENT_ACCESS_OR_READONLY, for each record of a request."""
        with self._each(email) as users:
            for user in users:
                user.may_write = not on

    def ip_restricted(self, email: str, on: bool) -> None:
        """The profile's login IP ranges leave our servers out, and are enforced on every request: sessions end."""
        with self._each(email) as users:
            for user in users:
                user.ip_restricted = on
                if on:
                    self._state.tokens.end_sessions(user)

    def expire_access_tokens(self, email: str) -> None:
        """As if two hours had gone by: 401 INVALID_SESSION_ID, while refresh tokens stay good."""
        with self._each(email) as users:
            for user in users:
                self._state.tokens.end_sessions(user)

    # Breaking it for everyone

    def down(self, on: bool) -> None:
        self._state.faults.down = on

    def slow(self, seconds: float) -> None:
        self._state.faults.slow = seconds

    def nonsense(self, on: bool, *, empty: bool = False) -> None:
        """Every answer to a program is 200 with HTML, or with nothing at all."""
        self._state.faults.nonsense = ("empty" if empty else "html") if on else ""

    def rate_limit(self, on: bool) -> None:
        """403 REQUEST_LIMIT_EXCEEDED until it is off again."""
        self._state.faults.rate_limited = on

    def use_up_api_calls(self) -> None:
        """The day's calls of every org are gone: 403 REQUEST_LIMIT_EXCEEDED for the next 24 hours."""
        with self._state.lock:
            for org in self._state.orgs.values():
                org.use_up_calls(self._state.clock.now())

    def login_rate(self, on: bool) -> None:
        """The token endpoint says rate_limit_exceeded."""
        self._state.faults.login_rate = on

    def wrong_client_secret(self, on: bool) -> None:
        """The secret that we were given is no longer right: invalid_client for everyone."""
        self._state.faults.wrong_client_secret = on

    def app_not_installed(self, on: bool) -> None:
        """New sign-ins end on Salesforce's own error page and never come back. Grants live on."""
        self._state.faults.app_not_installed = on

    def api_disabled_for_org(self, on: bool) -> None:
        """The org's edition has no API: 403 API_DISABLED_FOR_ORG."""
        self._state.faults.api_disabled_for_org = on

    def field_missing(self, on: bool) -> None:
        """The administrator has not made the external id field."""
        self._state.faults.field_missing = on

    def rotation(self, on: bool) -> None:
        """On, as it is at first: each renewal gives a new refresh token, and using an old one ends the grant."""
        self._state.faults.rotation = on

    def lose_token_answer(self) -> None:
        """The next token request is carried out, but its answer never arrives."""
        self._state.faults.lose_token_answer = True

    # Looking

    def tasks(self, org: str = PRODUCTION) -> list[dict[str, Any]]:
        """Fields by name, and `updates`: how often a task was written again. Newest last."""
        return self._rows(org, "Task")

    def events(self, org: str = PRODUCTION) -> list[dict[str, Any]]:
        return self._rows(org, "Event")

    def has_contact(self, org: str, email: str) -> bool:
        with self._state.lock:
            contacts = self._state.org(org).tables["Contact"].values()
            return any(row.values["Email"] == email for row in contacts)

    @property
    def requests(self) -> list[Seen]:
        return self._log.all()

    def token_posts(self, grant: str = "refresh_token") -> int:
        return sum(
            seen.path.endswith("/services/oauth2/token") and seen.form.get("grant_type") == grant
            for seen in self.requests
        )

    @property
    def state(self) -> State:
        """What the side panel reads; a test may look too, under its lock."""
        return self._state

    def _rows(self, org: str, sobject: str) -> list[dict[str, Any]]:
        with self._state.lock:
            rows = self._state.org(org).tables[sobject].values()
            return [dict(row.values) | {"updates": row.updates} for row in rows]

    def _org_of(self, org_or_email: str) -> Org:
        if "@" in org_or_email:
            return self._state.named(org_or_email)[0].org
        return self._state.org(org_or_email)

    @contextmanager
    def _each(self, email: str) -> Iterator[list[User]]:
        with self._state.lock:
            yield self._state.named(email)

    @web.middleware
    async def _show_outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self._state.faults.slow)
        if self._state.faults.down:
            return web.Response(status=503, text=NONSENSE, content_type="text/html")
        return await handler(request)
