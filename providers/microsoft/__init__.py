"""Microsoft 365 as a mailbox: sign in, renew, check, read what is new; what remains at Microsoft is ended by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
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
from providers.microsoft.ews import SCOPES as EWS_SCOPES
from providers.microsoft.ews import EwsReader
from providers.microsoft.pull import Reader
from providers.microsoft.sign_in import GRAPH_SCOPES, SignIn
from providers.oauth import Secret, Tokens
from providers.reach import NOBODYS_TOKEN, answers, known, tried
from providers.refusals import translated
from providers.wire import Session, Wire

# The person's list of apps, each with "Manage your application" and its revocation. See docs/verified.md.
MY_APPS = "https://myapps.microsoft.com"


class Microsoft(Mailbox):
    """One application of ours at Microsoft. Threads share it.

    `certificate` is a PEM file with key and certificate, used in place of the secret. With `ews` the mailbox is read by
    Exchange Web Services and not by Graph. `window` is how far a first sync or a resync reads back; `page_size` how
    many items a page has at most.
    """

    slug: ClassVar[str] = "microsoft"
    label: ClassVar[str] = "Office 365"
    side: ClassVar[Side] = Side.MAILBOX
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.OFFICE365,)
    # There is nothing to end it with.
    revokes_replaced: ClassVar[Replaced] = Replaced.NEVER

    def __init__(
        self,
        *,
        wire: Wire,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str = "",
        certificate: Path | None = None,
        redirect_uri: str,
        authority: str = "https://login.microsoftonline.com/organizations",
        graph_url: str = "https://graph.microsoft.com/v1.0",
        ews_url: str = "https://outlook.office365.com/EWS/Exchange.asmx",
        ews: bool = False,
        window: timedelta = timedelta(days=30),
        page_size: int = 100,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._graph_url = graph_url
        self._ews_url = ews_url if ews else ""
        self._window = window
        self._page_size = page_size
        self._authority = authority
        self._sign_in = SignIn(
            clock=clock,
            client_id=client_id,
            client_secret=client_secret,
            certificate=certificate,
            redirect_uri=redirect_uri,
            authority=authority,
            scopes=EWS_SCOPES if ews else GRAPH_SCOPES,
        )

    def begin(self, access: Access, state: str, hint: str) -> Link:  # noqa: ARG002 - Microsoft has one access type.
        with translated(), self._wire.session() as session:
            return self._sign_in.begin(session, state=state, hint=hint)

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        with translated(), self._wire.session() as session:
            tokens, identity = self._sign_in.redeem(session, answer, remember)
            reader = self._reader(session, tokens.secret, identity.username)
            reader.probe()
            addresses = reader.addresses()
        others = {address.casefold(): address for address in addresses}
        others.pop(identity.username.casefold(), None)
        return _kept(
            Credential(
                account=identity.username,
                identity=f"{identity.tid}/{identity.oid}",
                secret="",
                aliases=tuple(others.values()),
            ),
            tokens,
        )

    def refresh(self, credential: Credential) -> Credential:
        with translated(), self._wire.session() as session:
            refresh_token = Secret.opened(credential.secret).refresh_token
            return _kept(credential, self._sign_in.refresh(session, refresh_token))

    def check(self, credential: Credential) -> None:
        with translated(), self._wire.session() as session:
            self._reader(session, Secret.opened(credential.secret), credential.account).probe()

    def pull(self, credential: Credential, cursor: str) -> Iterator[Page]:
        with translated(), self._wire.session(each_request=True) as session:
            reader = self._reader(session, Secret.opened(credential.secret), credential.account)
            yield from reader.pages(cursor)

    def revoke(self, credential: Credential) -> Revocation:  # noqa: ARG002 - Microsoft has nothing to send it to.
        """Nothing at Microsoft: it cannot end one sign-in, and to end all of them needs an administrator.

        An access token that was given out before lives for up to an hour or so.
        """
        return Revocation(Ended.BY_HAND, MY_APPS)

    def approval(self) -> str:
        return self._sign_in.approval()

    def reach(self) -> Sequence[Reached]:
        sign_in, url = self._sign_in, self._ews_url or self._graph_url
        with self._wire.session(each_request=True) as session:
            return (
                tried("sign-in", self._authority, lambda: sign_in.find(session)),
                tried("our client", self._authority, lambda: known(lambda: sign_in.refresh(session, NOBODYS_TOKEN))),
                tried("EWS" if self._ews_url else "Graph", url, lambda: answers(session, url)),
            )

    def recognises(self, address: str) -> bool:
        with translated(), self._wire.session() as session:
            return self._sign_in.knows(session, address)

    def _reader(self, session: Session, secret: Secret, address: str) -> Reader | EwsReader:
        if self._ews_url:
            return EwsReader(
                session=session,
                access_token=secret.access_token,
                address=address,
                ews_url=self._ews_url,
                clock=self._clock,
                window=self._window,
                page_size=self._page_size,
            )
        return Reader(
            session=session,
            access_token=secret.access_token,
            graph_url=self._graph_url,
            clock=self._clock,
            window=self._window,
            page_size=self._page_size,
        )


def _kept(credential: Credential, tokens: Tokens) -> Credential:
    return replace(credential, secret=tokens.secret.written(), expires_at=tokens.expires_at)
