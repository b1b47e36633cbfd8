"""The same mailbox over Exchange Web Services, with an access token, for companies that still have them switched on.

Exchange Online blocks EWS since October 2026 unless a company lists our application, and ends it in April 2027. How it
words that is not published: a bare 403 is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from providers.base import Blocked, Page, ProviderError, Reason, Rejected
from providers.exchange.errors import TABLE as EXCHANGE
from providers.exchange.protocol import Ews
from providers.exchange.pull import Reader
from providers.refusals import API, Row, Signal, only, row
from providers.refusals import told as told_by
from providers.wire import Session

SCOPES = ("https://outlook.office365.com/EWS.AccessAsUser.All",)
# A cursor of Graph's means nothing here, and the other way round.
OURS = "ews "

TABLE: tuple[Row, ...] = (
    # Right after a good renewal this may pass by itself. There is no password that it could be about.
    row(Rejected, Reason.CREDENTIALS_REVOKED, API, status=only(401)),
    row(Blocked, Reason.EWS_DISABLED, API, status=only(403)),
    row(Rejected, Reason.SCOPE_MISSING, API, "ErrorAccessDenied", definite=True),
    *EXCHANGE,
)


def told(signal: Signal) -> ProviderError:
    """The failure that a signal of Exchange Online's EWS means."""
    return told_by(TABLE, signal)


class EwsReader:
    """One pass over one person's mailbox and calendar. Raises ProviderError and WireError."""

    def __init__(
        self,
        *,
        session: Session,
        access_token: str,
        address: str,
        ews_url: str,
        clock: Callable[[], datetime],
        window: timedelta,
        page_size: int,
    ) -> None:
        self._ews = Ews(session, url=ews_url, address=address, told=told)
        session.headers["Authorization"] = f"Bearer {access_token}"
        self._reader = Reader(self._ews, clock=clock, window=window, page_size=page_size)

    def probe(self) -> None:
        self._ews.open()

    def addresses(self) -> tuple[str, ...]:
        """EWS tells nobody's addresses."""
        return ()

    def pages(self, cursor: str) -> Iterator[Page]:
        kept = cursor.removeprefix(OURS) if cursor.startswith(OURS) else ""
        for page in self._reader.pages(kept):
            yield replace(page, cursor=OURS + page.cursor)
