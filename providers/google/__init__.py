"""Google Workspace and Gmail as a mailbox: sign in, renew, check, read what is new, revoke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from providers.base import (
    Access,
    AccessType,
    Credential,
    Ended,
    Link,
    Mailbox,
    Page,
    Reached,
    Replaced,
    Revocation,
    Side,
)
from providers.google.pull import Reader
from providers.google.sign_in import SignIn
from providers.oauth import Secret, Tokens
from providers.reach import NOBODYS_TOKEN, answers, known, tried
from providers.refusals import legible, translated
from providers.wire import Session, Wire, read_json

# Source: support.google.com/a/answer/174125, "Set up MX records for Google Workspace".
MAIL_SERVERS = (".google.com", ".googlemail.com")


class Google(Mailbox):
    """One OAuth client of ours at Google. Threads share it.

    `window` is how far a first sync or a resync reads back; `page_size` how many items a page has at most.
    """

    slug: ClassVar[str] = "google"
    label: ClassVar[str] = "Google"
    side: ClassVar[Side] = Side.MAILBOX
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.GOOGLE,)
    # Ending an older grant of the same account would end the new one with it.
    revokes_replaced: ClassVar[Replaced] = Replaced.OTHER_ACCOUNT

    def __init__(
        self,
        *,
        wire: Wire,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        issuer: str = "https://accounts.google.com",
        gmail_url: str = "https://gmail.googleapis.com",
        calendar_url: str = "https://www.googleapis.com/calendar/v3",
        dns_url: str = "https://dns.google/resolve",
        window: timedelta = timedelta(days=30),
        page_size: int = 100,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._gmail_url = gmail_url
        self._calendar_url = calendar_url
        self._dns_url = dns_url
        self._window = window
        self._page_size = page_size
        self._issuer = issuer
        self._sign_in = SignIn(
            wire=wire,
            clock=clock,
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            issuer=issuer,
        )

    def begin(self, access: Access, state: str, hint: str) -> Link:  # noqa: ARG002 - Google has one access type.
        with translated(), self._wire.session() as session:
            return self._sign_in.begin(session, state=state, hint=hint)

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        with translated(), self._wire.session() as session:
            tokens, identity = self._sign_in.redeem(session, answer, remember)
            address = self._reader(session, tokens.secret).profile().address
        return _kept(
            Credential(
                account=identity.email,
                identity=identity.sub,
                secret="",
                aliases=(address,) if address.casefold() != identity.email.casefold() else (),
            ),
            tokens,
        )

    def refresh(self, credential: Credential) -> Credential:
        with translated(), self._wire.session() as session:
            refresh_token = Secret.opened(credential.secret).refresh_token
            return _kept(credential, self._sign_in.refresh(session, refresh_token))

    def check(self, credential: Credential) -> None:
        with translated(), self._wire.session() as session:
            self._reader(session, Secret.opened(credential.secret)).profile()

    def pull(self, credential: Credential, cursor: str) -> Iterator[Page]:
        with translated(), self._wire.session(each_request=True) as session:
            yield from self._reader(session, Secret.opened(credential.secret)).pages(cursor)

    def recognises(self, address: str) -> bool:
        """Its domain's mail goes to Google's servers. Only the domain is asked about, of Google's public resolver.

        Source: developers.google.com/speed/public-dns/docs/doh/json.
        """
        with translated(), self._wire.session() as session:
            answer = session.get(self._dns_url, params={"name": address.rpartition("@")[2], "type": "MX"})
            with legible():
                records = [str(record["data"]) for record in read_json(answer).get("Answer", [])]
        return any(record.rstrip(".").lower().endswith(MAIL_SERVERS) for record in records)

    def revoke(self, credential: Credential) -> Revocation:
        """Ends all that the account has given to our Google project: a newer sign-in of the same account too.

        Source: developers.google.com/identity/protocols/oauth2/web-server, incremental authorization.
        """
        with translated(), self._wire.session() as session:
            self._sign_in.revoke(session, Secret.opened(credential.secret).refresh_token)
        return Revocation(Ended.DONE)

    def approval(self) -> str:
        """The Admin console's list of configured apps. The address is from memory: see docs/verified.md."""
        return "https://admin.google.com/ac/owl/list?tab=configuredApps"

    def reach(self) -> Sequence[Reached]:
        sign_in, places = self._sign_in, {"Gmail": self._gmail_url, "the calendar": self._calendar_url}
        with self._wire.session(each_request=True) as session:
            return (
                tried("sign-in", self._issuer, lambda: sign_in.find(session)),
                tried("our client", self._issuer, lambda: known(lambda: sign_in.refresh(session, NOBODYS_TOKEN))),
                *(tried(what, url, partial(answers, session, url)) for what, url in places.items()),
            )

    def _reader(self, session: Session, secret: Secret) -> Reader:
        return Reader(
            session=session,
            access_token=secret.access_token,
            gmail_url=self._gmail_url,
            calendar_url=self._calendar_url,
            clock=self._clock,
            window=self._window,
            page_size=self._page_size,
        )


def _kept(credential: Credential, tokens: Tokens) -> Credential:
    return replace(credential, secret=tokens.secret.written(), expires_at=tokens.expires_at)
