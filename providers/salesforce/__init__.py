"""Salesforce as a CRM: sign in, renew, check, find contacts and leads, write activities, revoke."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar
from urllib.parse import quote, urlsplit

from providers.base import (
    Access,
    AccessType,
    Activity,
    Credential,
    Crm,
    Ended,
    Link,
    Pushed,
    Reached,
    Replaced,
    Revocation,
    Side,
)
from providers.reach import known, tried
from providers.refusals import translated
from providers.salesforce.push import Records
from providers.salesforce.sign_in import Hosts, Secret, SignIn
from providers.wire import Wire

# No answer says how long a session lasts, and an org may end it after a quarter of an hour or a day.
RENEWED_AFTER = timedelta(hours=1)


class Salesforce(Crm):
    """One external client app of ours at Salesforce. Threads share it."""

    slug: ClassVar[str] = "salesforce"
    label: ClassVar[str] = "Salesforce"
    side: ClassVar[Side] = Side.CRM
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.PRODUCTION, AccessType.SANDBOX, AccessType.MY_DOMAIN)
    # Each sign-in has a grant of its own, and of more than five of a user the oldest ends without a word.
    revokes_replaced: ClassVar[Replaced] = Replaced.ALWAYS

    def __init__(
        self,
        *,
        wire: Wire,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        production_url: str = "https://login.salesforce.com",
        sandbox_url: str = "https://test.salesforce.com",
        my_domain_url: str = "https://{name}.my.salesforce.com",
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._production_url = production_url.rstrip("/")
        self._sandbox_url = sandbox_url.rstrip("/")
        self._sign_in = SignIn(
            clock=clock,
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            hosts=Hosts(production_url=production_url, sandbox_url=sandbox_url, my_domain_url=my_domain_url),
        )

    def begin(self, access: Access, state: str, hint: str) -> Link:
        """For a My Domain, `access.host` is what the person gave: its name, its host, or any address of it."""
        with translated(), self._wire.session() as session:
            return self._sign_in.begin(session, access, state=state, hint=hint)

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        with translated(), self._wire.session() as session:
            secret, identity = self._sign_in.redeem(session, answer, remember)
        same = identity.username.casefold() == identity.email.casefold()
        credential = Credential(
            account=identity.email,
            identity=identity.id,
            secret="",
            aliases=() if same else (identity.username,),
        )
        return self._kept(credential, secret)

    def refresh(self, credential: Credential) -> Credential:
        with translated(), self._wire.session() as session:
            return self._kept(credential, self._sign_in.refresh(session, Secret.opened(credential.secret)))

    def check(self, credential: Credential) -> None:
        with self._records(credential) as records:
            records.check()

    def match(self, credential: Credential, addresses: Collection[str]) -> Mapping[str, str]:
        with self._records(credential, each_request=True) as records:
            return records.match(addresses)

    def push(self, credential: Credential, activities: Sequence[Activity]) -> Pushed:
        with self._records(credential, each_request=True) as records:
            return records.push(activities)

    def revoke(self, credential: Credential) -> Revocation:
        """Ends this sign-in alone: a newer one of the same user has a grant of its own."""
        with translated(), self._wire.session() as session:
            self._sign_in.revoke(session, Secret.opened(credential.secret))
        return Revocation(Ended.DONE)

    def approval(self) -> str:
        """Setup, Connected Apps OAuth Usage, where an app is installed. Its path is from use: see docs/verified.md."""
        place = quote("/lightning/setup/ConnectedAppsUsage/home", safe="")
        return f"{self._production_url}/?startURL={place}"

    def reach(self) -> Sequence[Reached]:
        """A My Domain is somebody's own: only the common addresses can be tried."""
        sign_in, places = self._sign_in, {"production": self._production_url, "sandbox": self._sandbox_url}
        with self._wire.session(each_request=True) as session:
            return (
                *(tried(f"{what} sign-in", url, partial(sign_in.find, session, url)) for what, url in places.items()),
                tried("our client", self._production_url, lambda: known(lambda: sign_in.try_client(session))),
            )

    @contextmanager
    def _records(self, credential: Credential, *, each_request: bool = False) -> Iterator[Records]:
        secret = Secret.opened(credential.secret)
        # An answer may say where its next page is: no token follows it to another host.
        only = frozenset({urlsplit(secret.instance_url).netloc.casefold()})
        with translated(), self._wire.session(each_request=each_request, hosts=only) as session:
            yield Records(session=session, secret=secret)

    def _kept(self, credential: Credential, secret: Secret) -> Credential:
        return replace(credential, secret=secret.written(), expires_at=self._clock() + RENEWED_AFTER)
