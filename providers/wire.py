"""The only way out: how a provider reaches its vendor, and the few ways that can fail. It knows no vendor.

WireError(host, why)      `why` is a short name (CERTIFICATE_VERIFY_FAILED), never text from the other end
  Timeout                 it took longer than allowed, in whatever phase
  Unreachable             no address, no connection, or the connection broke
  TlsError                the other end could not prove who it is
  Nonsense                an answer that no sane server gives: no JSON, a redirect, a broken encoding
    TooLarge              more than MOST_BYTES, counted after decompression
  HostRefused             the operator has not allowed this host, or the address is not https
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    InvalidHeader,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.exceptions import TimeoutError as TimeoutHTTPError
from urllib3.util.connection import create_connection

SECONDS_IN_ALL = 20.0
SECONDS_TO_CONNECT = 5.0
SECONDS_OF_SILENCE = 10.0
MOST_BYTES = 10 * 1024 * 1024
USER_AGENT = "Relatch"

# For annotations: nobody else imports requests.
Answer = requests.Response
Session = requests.Session

_PIECE = 64 * 1024
_until: ContextVar[float] = ContextVar("_until")


class WireError(Exception):
    """Base of everything that can go wrong between us and a vendor before its words can be read."""

    def __init__(self, host: str, why: str = "") -> None:
        super().__init__(f"{host}: {why}" if why else host)
        self.host = host
        self.why = why


class Timeout(WireError):
    """It took longer than allowed. The request may have arrived."""


class Unreachable(WireError):
    """No connection, or a broken one. The request may have arrived."""


class TlsError(WireError):
    """The certificate is not trusted, not valid or not for this host."""


class Nonsense(WireError):
    """An answer that cannot be read."""


class TooLarge(Nonsense):
    """An answer above MOST_BYTES."""


class HostRefused(WireError):
    """Not a host that the operator allows, or not https."""


class Wire:
    """Makes requests sessions that keep to our rules, whatever the library that uses them asks for.

    Https only; our CA bundle or certifi's, and nothing from the environment; no redirect, retry or cookie; at
    most MOST_BYTES and `seconds` in all. Only the resolver's own time-out can come on top. Threads share it.
    """

    def __init__(
        self,
        *,
        ca_bundle: Path | None = None,
        proxy: str = "",
        allowed_hosts: frozenset[str] | None = None,
        seconds: float = SECONDS_IN_ALL,
    ) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca_bundle or certifi.where()))
        self._proxies = {"https": proxy} if proxy else {}
        self._allowed = allowed_hosts
        self._seconds = seconds

    @contextmanager
    def session(self, *, each_request: bool = False) -> Iterator[Session]:
        """A session whose requests may take `seconds` together, or with `each_request` that long each.

        What it sends raises WireError only. It is for one thread.
        """
        with requests.Session() as session:
            self.fit(session, each_request=each_request)
            yield session

    def fit(self, session: Session, *, each_request: bool = False) -> None:
        """Puts our rules on a session that a library has made."""
        until = None if each_request else monotonic() + self._seconds
        session.trust_env = False
        session.proxies = dict(self._proxies)
        session.headers["User-Agent"] = USER_AGENT
        # Plain http goes to the same adapter, which refuses it.
        adapter = _Adapter(tls=self._tls, allowed=self._allowed, seconds=self._seconds, until=until)
        session.mount("https://", adapter)
        session.mount("http://", adapter)


def read_json(answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer. Raises Nonsense for anything else."""
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Nonsense(urlsplit(answer.url).hostname or "", "no JSON object")
    return found


class _Adapter(HTTPAdapter):
    """Hands a request over to urllib3 and reads the answer to its end, within the limits."""

    def __init__(
        self, *, tls: ssl.SSLContext, allowed: frozenset[str] | None, seconds: float, until: float | None
    ) -> None:
        self._tls = tls
        self._seconds = seconds
        self._allowed = allowed
        self._until = until
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)
        manager.pool_classes_by_scheme = {"https": _Pool}
        return manager

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Leaves the context alone: it has its bundle, and `verify=False` must not reach it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        host = parts.hostname or ""
        if parts.scheme != "https" or (self._allowed is not None and host not in self._allowed):
            raise HostRefused(host, parts.scheme)
        kwargs |= {"stream": True, "verify": True, "timeout": (SECONDS_TO_CONNECT, SECONDS_OF_SILENCE)}
        # One that was given for the whole session has been running since the session was made.
        running = _until.set(monotonic() + self._seconds if self._until is None else self._until)
        try:
            answer = super().send(request, *args, **kwargs)
            answer.raw = io.BytesIO(_read(answer, host))
        except (requests.RequestException, HTTPError, OSError) as error:
            # Their text holds addresses and their `request` our secrets, so the chain ends here.
            raise _told_apart(error, host) from None
        finally:
            _until.reset(running)
        if answer.is_redirect:
            raise Nonsense(host, "redirect")
        return answer


def _read(answer: Answer, host: str) -> bytes:
    body = bytearray()
    try:
        for piece in answer.raw.stream(_PIECE, decode_content=True):
            body += piece
            if len(body) > MOST_BYTES:
                raise TooLarge(host)
            # A bomb unpacks without touching the socket, where the deadline is held otherwise.
            _seconds_left()
    finally:
        answer.raw.close()
    return bytes(body)


class _Clocked(io.RawIOBase):
    """A socket's bytes until the deadline, which a server that drips cannot stretch."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._bytes = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(min(SECONDS_OF_SILENCE, _seconds_left()))
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Clocked(sock))


class _Connection(HTTPSConnection):
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        # urllib3 gives every address of a host the whole connect time-out, and googleapis.com has sixteen.
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
            return self._first_of([place[:2] for *_, place in found])
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "") from error
        except OSError as error:
            raise NewConnectionError(self, "") from error

    def _first_of(self, places: list[Any]) -> socket.socket:
        last: OSError = OSError("no address")
        for place in places:
            seconds = min(SECONDS_TO_CONNECT, _seconds_left())
            try:
                return create_connection(place, seconds, socket_options=self.socket_options)
            except OSError as error:
                last = error
        raise last


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


def _seconds_left() -> float:
    """Until the deadline of the request under way. Raises TimeoutError past it."""
    left = _until.get() - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _told_apart(error: Exception, host: str) -> WireError:
    root = _root(error)
    why = type(root).__name__
    match root:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Unreachable(host, why)
        case ssl.SSLError():
            return TlsError(host, root.reason or why)
        case NewConnectionError() | ConnectionError():
            return Unreachable(host, why)
        case TimeoutError() | TimeoutHTTPError():
            return Timeout(host, why)
        case DecodeError() | InvalidHeader() | LocationValueError():
            return Nonsense(host, why)
        case _:
            return Unreachable(host, why)


def _root(error: BaseException) -> BaseException:
    """What lies under the wrappings: requests and urllib3 hand a cause on as `reason` or an argument."""
    if isinstance(error, NewConnectionError):
        return error.__cause__ or error
    if isinstance(error, DecodeError):
        return error
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            return _root(inner)
    return error
