"""One mailbox over Exchange Web Services: exchangelib's operations on wire's session. It knows no cursor and no form.

exchangelib is never told a password. It keeps what it logs in with for ever, in a cache that a later login can be
answered from, and writes headers to its log. So the session carries the login, and exchangelib believes that this
server wants none.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from types import SimpleNamespace
from typing import Any

from exchangelib import DELEGATE, UTC, Account, Build, CalendarItem, Configuration, EWSDateTime, Mailbox, Message
from exchangelib import Version as ServerVersion
from exchangelib.errors import ErrorInvalidSyncStateData, EWSError
from exchangelib.fields import FieldPath
from exchangelib.folders import Inbox, Root
from exchangelib.items import ID_ONLY, SHALLOW
from exchangelib.properties import CalendarView, DistinguishedFolderId
from exchangelib.protocol import BaseProtocol, FailFast
from exchangelib.services import FindItem, GetFolder, GetItem, SyncFolderItems
from exchangelib.transport import DEFAULT_HEADERS, NOAUTH, get_auth_instance
from exchangelib.util import TNS, get_xml_attr, is_xml
from spnego.exceptions import SpnegoError

from providers.base import ProviderError
from providers.exchange import errors
from providers.refusals import At, Signal, legible
from providers.wire import Answer, Nonsense, Redirected, Session, TooLarge

# Every server since 2013 speaks this; an older one says so, and exchangelib asks it again in its own version.
USUAL = "15.0.847.0 Exchange2013_SP1"
# A listing of more than this may be cut by the server: EwsFindCountLimit of a throttling policy is 1,000 by default.
MOST_LISTED = 1000
SHORTEST_LISTED = timedelta(hours=1)
PIECE = 64 * 1024

Ids = tuple[str, str]


class Scheme(StrEnum):
    """How to log in, in exchangelib's words."""

    NTLM = "NTLM"
    BASIC = "basic"


class StateLost(Exception):
    """Exchange does not know this sync state any more."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An item as far as a listing is needed. `received` is None where Exchange does not say when it came."""

    id: str
    item_class: str
    received: datetime | None


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what changed in a folder. `created` is what is new there."""

    created: tuple[Listed, ...]
    any: bool
    state: str
    last: bool


class Ews:
    """One mailbox, for one thread, as long as its session lives. Raises ProviderError and WireError.

    `told` says what a refusal means; give another where another vendor's table holds. `version` is what `version`
    said after an earlier request. Without `log_in` the session has to carry its own login, such as a bearer token.
    """

    def __init__(
        self,
        session: Session,
        *,
        url: str,
        address: str,
        version: str = USUAL,
        told: Callable[[Signal], ProviderError] = errors.told,
        at: At = At.API,
    ) -> None:
        self._session = session
        self._address = address
        self._told = told
        self._at = at
        self._heard = _Heard(at)
        session.headers.update(DEFAULT_HEADERS)
        session.hooks["response"].append(self._heard.note)
        config = Configuration(
            service_endpoint=url, auth_type=NOAUTH, version=_read_version(version), retry_policy=self._heard
        )
        # Not the host's time zone: it is sent to the server, and has no Windows name everywhere.
        self._account = Account(address, config=config, access_type=DELEGATE, default_timezone=UTC)
        # In place of the one from exchangelib's cache. Neither has sent anything.
        self._account.protocol = _Protocol(config, session)

    @property
    def version(self) -> str:
        """The server's, as far as it has been heard of."""
        found = self._account.version
        return f"{found.build} {found.api_version}"

    # Logging in

    def scheme(self) -> Scheme:
        """Which login is wanted here. One request without any: whoever wants none gets no password from us."""
        with self._understood():
            try:
                self._get_inbox()
            except _Refused as refused:
                if refused.signal.status != 401:
                    raise
                for scheme in Scheme:
                    if scheme.casefold() in refused.offers:
                        return scheme
                raise
            raise Nonsense("", "no login wanted")

    def log_in(self, *, login: str, password: str, scheme: Scheme) -> None:
        """Every request from here on carries this login, and is tried once."""
        self._heard.scheme = scheme
        if scheme is Scheme.BASIC:
            # As text, requests would encode them to Latin-1, which has no euro sign.
            self._session.auth = get_auth_instance(scheme, username=login.encode(), password=password.encode())
        else:
            # A backslash keeps an address in one piece: without it what follows the @ is taken for a domain.
            name = f"\\{login}" if login.count("@") == 1 else login
            self._session.auth = get_auth_instance(scheme, username=name, password=password)

    # Reading

    def open(self) -> None:
        """The cheapest request that proves the login and the right to this mailbox."""
        with self._understood():
            self._get_inbox()

    def changes(self, folder: str, state: str, *, most: int) -> Changes:
        """What changed in a folder since `state`, or all of it since none. Raises StateLost."""
        with self._understood():
            asked = _Listing(account=self._account)
            try:
                found = list(
                    asked.call(
                        folder=self._folder(folder),
                        shape=ID_ONLY,
                        additional_fields=_paths(Message, ("item_class", "datetime_received")),
                        sync_state=state or None,
                        ignore=None,
                        max_changes_returned=most,
                        sync_scope=None,
                    )
                )
            except ErrorInvalidSyncStateData:
                if not state:
                    raise
                raise StateLost from None
            if not asked.sync_state:
                raise Nonsense("", "no sync state")
            return Changes(
                created=tuple(item for item in found if item is not None),
                any=bool(found),
                state=str(asked.sync_state),
                # It happens that a server gives the same state again and says that there is more.
                last=asked.includes_last_item_in_range or asked.sync_state == state,
            )

    def meetings_between(self, start: datetime, end: datetime) -> list[Ids]:
        """Ids and change keys of all meetings that touch this stretch of the calendar, each week of a series too."""
        with self._understood():
            view = CalendarView(start=_moment(start), end=_moment(end), max_items=MOST_LISTED)
            found = FindItem(account=self._account).call(
                folders=[self._folder("calendar")],
                additional_fields=None,
                restriction=None,
                order_fields=None,
                shape=ID_ONLY,
                query_string=None,
                depth=SHALLOW,
                calendar_view=view,
                max_items=MOST_LISTED,
                offset=0,
            )
            listed = [(str(id), str(change_key)) for id, change_key in found]
        if len(listed) < MOST_LISTED or end - start < SHORTEST_LISTED:
            return listed
        # A view has no pages. What touches both halves is listed in both.
        middle = start + (end - start) / 2
        halves = self.meetings_between(start, middle) + self.meetings_between(middle, end)
        return list(dict.fromkeys(halves))

    def mails(self, ids: Sequence[str], fields: Sequence[str]) -> Iterator[Any]:
        """Those of these that are still there."""
        return (item for item in self._items(ids, _paths(Message, fields)) if item is not None)

    def meetings(self, ids: Sequence[str], fields: Sequence[str]) -> list[Any | None]:
        """One for each id, in the same order; None where it is gone."""
        return self._items(ids, _paths(CalendarItem, fields))

    def _items(self, ids: Sequence[str], paths: set[Any]) -> list[Any | None]:
        try:
            return self._got(ids, paths) if ids else []
        except TooLarge:
            # Mails to hundreds of people each: fewer of them fit into an answer.
            if len(ids) == 1:
                raise
            middle = len(ids) // 2
            return self._items(ids[:middle], paths) + self._items(ids[middle:], paths)

    def _got(self, ids: Sequence[str], paths: set[Any]) -> list[Any | None]:
        with self._understood():
            found = list(
                _Reading(account=self._account, chunk_size=len(ids), paths=paths).call(
                    items=[(id, None) for id in ids], additional_fields=paths, shape=ID_ONLY
                )
            )
            if len(found) != len(ids):
                raise Nonsense("", "other items than asked for")
            # One that is gone, or damaged, is handed over as the error that it is.
            return [None if isinstance(item, Exception) else item for item in found]

    def _get_inbox(self) -> None:
        inbox = Inbox(root=Root(account=self._account), _distinguished_id=self._folder("inbox"))
        GetFolder(account=self._account).get(folders=[inbox], additional_fields=None, shape=ID_ONLY)

    def _folder(self, name: str) -> Any:
        return DistinguishedFolderId(id=name, mailbox=Mailbox(email_address=self._address))

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Turns what exchangelib and the login raise into ProviderError. Their texts hold headers and bodies."""
        try:
            with legible():
                yield
        except _Refused as refused:
            raise self._told(refused.signal) from None
        except EWSError as error:
            raise self._told(errors.read_soap(error, at=self._at, trace=self._heard.trace)) from None
        except Redirected as error:
            raise self._told(errors.read_redirect(error, at=self._at)) from None
        except PermissionError:
            # NTLM was offered, and then not taken up.
            raise self._told(Signal(self._at, 401, (errors.NOT_OFFERED,))) from None
        except (SpnegoError, struct.error) as error:
            raise Nonsense("", f"unexpected answer: {type(error).__name__}") from None


class _Listing(SyncFolderItems):  # type: ignore[misc]  # exchangelib has no types.
    """The first sync of a folder lists all that was ever put there: exchangelib's own reading takes ten times as long.

    It would fail at kinds of items that it does not know, too.
    """

    def _elem_to_obj(self, elem: Any) -> Listed | None:
        if self.change_types_map[elem.tag] != self.CREATE:
            return None
        (item,) = elem
        received = get_xml_attr(item, f"{{{TNS}}}DateTimeReceived")
        return Listed(
            id=item.find(f"{{{TNS}}}ItemId").attrib["Id"],
            item_class=get_xml_attr(item, f"{{{TNS}}}ItemClass") or "",
            received=datetime.fromisoformat(received) if received else None,
        )


class _Reading(GetItem):  # type: ignore[misc]  # exchangelib has no types.
    """Reads what was asked for: exchangelib's own reading looks in each item for all that an item may have."""

    def __init__(self, *, paths: set[Any], **others: Any) -> None:
        super().__init__(**others)
        self._fields = [path.field for path in paths]

    def _elem_to_obj(self, elem: Any) -> SimpleNamespace:
        found = {field.name: field.from_xml(elem=elem, account=self.account) for field in self._fields}
        id = elem.find(f"{{{TNS}}}ItemId").attrib["Id"]
        # A page of mails to hundreds of people each would be in memory twice.
        elem.clear()
        return SimpleNamespace(id=id, **found)


class _Refused(Exception):
    """An answer that is no SOAP. `offers` are the kinds of login that it names, in lower case."""

    def __init__(self, signal: Signal, offers: frozenset[str]) -> None:
        super().__init__(signal.code)
        self.signal = signal
        self.offers = offers


class _Heard(FailFast):  # type: ignore[misc]  # exchangelib has no types.
    """Judges answers in exchangelib's place: it would put their bodies into its errors, and lose their Retry-After."""

    def __init__(self, at: At) -> None:
        self.scheme: Scheme | None = None
        self.trace = ""
        self._at = at
        self._tried = False

    def note(self, answer: Answer, **_: Any) -> None:
        """Runs after the login has. From here on exchangelib may log the request's headers."""
        self._tried = answer.request.headers.pop("Authorization", None) is not None
        self.trace = errors.trace(answer)
        # exchangelib would read it byte by byte, which takes seconds for a large page.
        vars(answer)["iter_content"] = partial(_pieces, answer.content)

    def raise_response_errors(self, response: Answer) -> None:
        # Exchange answers a SOAP fault with a 500.
        if response.status_code in {200, 500} and is_xml(response.content):
            return
        offers = _offers(response)
        offered = self._tried and (not offers or self.scheme is None or self.scheme.casefold() in offers)
        raise _Refused(errors.read_http(response, at=self._at, offered=offered), offers)


class _Protocol(BaseProtocol):  # type: ignore[misc]  # exchangelib has no types.
    """A protocol of its own for each mailbox, over one session that is not exchangelib's."""

    # exchangelib would invent this many seconds where a busy server asks for no pause.
    RETRY_WAIT = 0

    def __init__(self, config: Configuration, session: Session) -> None:
        super().__init__(config)
        self._session = session

    @property
    def version(self) -> ServerVersion:
        return self.config.version

    def create_session(self) -> Session:
        # What exchangelib counts on a session.
        vars(self._session).update(session_id=0, usage_count=0)
        return self._session


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def _offers(answer: Answer) -> frozenset[str]:
    """The first word of each challenge. requests joins several headers by commas."""
    challenges = answer.headers.get("WWW-Authenticate", "").casefold().split(",")
    return frozenset(words[0] for words in map(str.split, challenges) if words)


def _paths(model: Any, fields: Sequence[str]) -> set[Any]:
    return {FieldPath(field=model.get_field_by_fieldname(name)) for name in fields}


def _moment(at: datetime) -> Any:
    return EWSDateTime.from_datetime(at)


def _read_version(text: str) -> ServerVersion:
    build, _, api_version = text.partition(" ")
    return ServerVersion(build=Build(*map(int, build.split("."))), api_version=api_version)
