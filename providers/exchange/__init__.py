"""An on-premises Exchange as a mailbox: sign in with a password, check it, read what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from providers.base import (
    Access,
    AccessType,
    Credential,
    Ended,
    Form,
    Mailbox,
    Page,
    Reached,
    Replaced,
    Revocation,
    Side,
)
from providers.exchange.pull import Reader
from providers.exchange.sign_in import SignIn
from providers.reach import tried
from providers.refusals import translated
from providers.wire import Wire


class Exchange(Mailbox):
    """The Exchange servers of the companies that the operator serves. Threads share it.

    `hosts` are those whose EWS may be used, "name" or "name:port" in lower case; `url` is the address of their EWS
    where there is one for all. `window` is how far a first sync or a resync reads back; `page_size` how many items a
    page has at most.
    """

    slug: ClassVar[str] = "exchange"
    label: ClassVar[str] = "Microsoft Exchange"
    side: ClassVar[Side] = Side.MAILBOX
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.EXCHANGE,)
    revokes_replaced: ClassVar[Replaced] = Replaced.NEVER

    def __init__(
        self,
        *,
        wire: Wire,
        clock: Callable[[], datetime],
        hosts: frozenset[str],
        url: str = "",
        window: timedelta = timedelta(days=30),
        page_size: int = 100,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._hosts = hosts
        self._window = window
        self._page_size = page_size
        self._sign_in = SignIn(hosts=hosts, url=url)

    def begin(self, access: Access, state: str, hint: str) -> Form:  # noqa: ARG002 - a form has no address of its own.
        return self._sign_in.begin(hint)

    def complete(self, answer: Mapping[str, str], remember: str) -> Credential:
        with translated(), self._wire.session(hosts=self._hosts) as session:
            return self._sign_in.prove(session, answer, remember)

    def refresh(self, credential: Credential) -> Credential:
        """A password is not renewed: one probe says whether it is still good."""
        self.check(credential)
        return credential

    def check(self, credential: Credential) -> None:
        with translated(), self._wire.session(hosts=self._hosts) as session:
            self._sign_in.ews(session, credential).open()

    def pull(self, credential: Credential, cursor: str) -> Iterator[Page]:
        with translated(), self._wire.session(each_request=True, hosts=self._hosts) as session:
            ews = self._sign_in.ews(session, credential)
            yield from Reader(ews, clock=self._clock, window=self._window, page_size=self._page_size).pages(cursor)

    def recognises(self, address: str) -> bool:
        with translated(), self._wire.session(hosts=self._hosts) as session:
            return self._sign_in.recognises(session, address)

    def revoke(self, credential: Credential) -> Revocation:  # noqa: ARG002 - nothing is kept at the server.
        """A password is ended by changing it, which only the person can."""
        return Revocation(Ended.BY_HAND)

    def approval(self) -> str:
        return ""

    def reach(self) -> Sequence[Reached]:
        """Asks each server which login it wants, without any."""
        with self._wire.session(each_request=True, hosts=self._hosts) as session:
            return tuple(
                tried("EWS", address, partial(self._sign_in.knock, session, address))
                for address in self._sign_in.addresses()
            )
