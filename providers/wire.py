"""The only way out: how a provider reaches its vendor, and the few ways that can fail. It knows no vendor.

WireError(host, why)      `why` is a short name (CERTIFICATE_VERIFY_FAILED), never text from the other end
  Timeout                 it took longer than allowed, in whatever phase
  Unreachable             no address, no connection, or the connection broke
  TlsError                the other end could not prove who it is
  Nonsense                an answer that no sane server gives: no JSON, a redirect, a broken encoding
    Redirected            it points elsewhere: no redirect is followed
    TooLarge              more than MOST_BYTES, counted after decompression, or more than MOST_PARTS
  HostRefused             the operator has not allowed this host, it is not https, or it leads to a forbidden address
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
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
# What a reader makes of an answer grows with its elements, attributes and values, not with its bytes: 3 million empty
# elements are 10 MB, and were read into 400 MB. A page of 100 mails with 250 recipients each has some 250,000 in EWS.
MOST_PARTS = 300_000
HTTPS = 443
USER_AGENT = "Relatch"

# Nobody that we talk to lives here, and cloud machines keep their own secrets at some of these addresses. They may not
# be reached by any name. Private networks may: an Exchange is usually on one.
FORBIDDEN = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "100.100.100.200/32",  # Alibaba's metadata
            "168.63.129.16/32",  # Azure's host
            "192.0.0.192/32",  # Oracle's metadata
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "2001::/32",  # Teredo
            "fd00:ec2::/32",  # Amazon's metadata
            "fd20:ce::254/128",  # Google's metadata
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
NAT64 = ip_network("64:ff9b::/96")

# For annotations: nobody else imports requests.
Answer = requests.Response
Session = requests.Session

_PIECE = 64 * 1024
# Each part of a JSON or XML text has one of these, whatever it is a part of.
_MARKS = b"{[,<=&"
_until: ContextVar[float] = ContextVar("_until")


class WireError(Exception):
    """Base of everything that can go wrong between us and a vendor before its words can be read."""

    def __init__(self, host: str, why: str = "") -> None:
        super().__init__(f"{host}: {why}" if why else host)
        self.host = host
        self.why = why


class Timeout(WireError):
    """It took longer than allowed. `sent` is false where there was not even a connection."""

    def __init__(self, host: str, why: str = "", *, sent: bool = True) -> None:
        super().__init__(host, why)
        self.sent = sent


class Unreachable(WireError):
    """No connection, or a broken one. `sent` is false where there was never one: else the request may have arrived."""

    def __init__(self, host: str, why: str = "", *, sent: bool = True) -> None:
        super().__init__(host, why)
        self.sent = sent


class TlsError(WireError):
    """The certificate is not trusted, not valid or not for this host."""


class Nonsense(WireError):
    """An answer that cannot be read."""


class Redirected(Nonsense):
    """An answer that points elsewhere. `to` is the other end's text: compare it, never show it."""

    def __init__(self, host: str, to: str) -> None:
        super().__init__(host, "redirect")
        self.to = to


class TooLarge(Nonsense):
    """An answer above MOST_BYTES or MOST_PARTS."""


class HostRefused(WireError):
    """Not a host that the operator allows, not https, or an address where no vendor is."""


class Wire:
    """Makes requests sessions that keep to our rules, whatever the library that uses them asks for.

    Https only; our CA bundle or certifi's, and nothing from the environment; no redirect, retry or cookie; at
    most MOST_BYTES, MOST_PARTS and `seconds` in all. Only the resolver's own time-out can come on top.
    Threads share it.

    `allowed_hosts` are "name", which means its port 443, or "name:port", in lower case; None allows every host. The
    address at the other end of a connection is looked at too. Behind a proxy that is the proxy's: what lies beyond it
    is for the proxy to refuse.
    """

    def __init__(
        self,
        *,
        ca_bundle: Path | None = None,
        proxy: str = "",
        allowed_hosts: frozenset[str] | None = None,
        seconds: float = SECONDS_IN_ALL,
    ) -> None:
        self._tls = ssl.create_default_context(cafile=str(ca_bundle)) if ca_bundle else _public_web()
        self._proxies = {"https": proxy} if proxy else {}
        self._allowed = allowed_hosts
        self._seconds = seconds

    @contextmanager
    def session(self, *, each_request: bool = False, hosts: frozenset[str] | None = None) -> Iterator[Session]:
        """A session whose requests may take `seconds` together, or with `each_request` that long each.

        With `hosts` it reaches none but these, as far as `allowed_hosts` has them too.
        What it sends raises WireError only. It is for one thread.
        """
        with requests.Session() as session:
            self.fit(session, each_request=each_request, hosts=hosts)
            yield session

    def fit(self, session: Session, *, each_request: bool = False, hosts: frozenset[str] | None = None) -> None:
        """Puts our rules on a session that a library has made."""
        until = None if each_request else monotonic() + self._seconds
        session.trust_env = False
        session.proxies = dict(self._proxies)
        session.headers["User-Agent"] = USER_AGENT
        # Plain http goes to the same adapter, which refuses it.
        allowed = [given for given in (self._allowed, hosts) if given is not None]
        adapter = _Adapter(tls=self._tls, allowed=allowed, seconds=self._seconds, until=until)
        session.mount("https://", adapter)
        session.mount("http://", adapter)


@functools.cache
def _public_web() -> ssl.SSLContext:
    """One for the process: it holds some hundred certificates, which take a while to read."""
    return ssl.create_default_context(cafile=certifi.where())


def is_allowed(address: str, hosts: frozenset[str]) -> bool:
    """Whether an address is https, at one of these hosts, written as in Wire's `allowed_hosts`."""
    try:
        parts = urlsplit(address)
        port = HTTPS if parts.port is None else parts.port
    except ValueError:
        return False
    # Programs differ on where the host begins in what has either.
    if "@" in parts.netloc or "\\" in address:
        return False
    host = parts.hostname or ""
    return parts.scheme == "https" and (f"{host}:{port}" in hosts or (port == HTTPS and host in hosts))


def is_this_machine(address: str) -> bool:
    """Whether an address names this machine by one of its own names, which the look at the other end lets through."""
    return _means_this_machine(urlsplit(address).hostname or "")


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
        self, *, tls: ssl.SSLContext, allowed: Sequence[frozenset[str]], seconds: float, until: float | None
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
        address = request.url or ""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme != "https" or not all(is_allowed(address, hosts) for hosts in self._allowed):
            raise HostRefused(host, parts.scheme)
        kwargs |= {"stream": True, "verify": True, "timeout": (SECONDS_TO_CONNECT, SECONDS_OF_SILENCE)}
        # One that was given for the whole session has been running since the session was made.
        running = _until.set(monotonic() + self._seconds if self._until is None else self._until)
        try:
            answer = super().send(request, *args, **kwargs)
            answer.raw = _whole(answer, host)
        except (requests.RequestException, HTTPError, OSError) as error:
            # Their text holds addresses and their `request` our secrets, so the chain ends here.
            raise _told_apart(error, host) from None
        finally:
            _until.reset(running)
        if answer.is_redirect:
            raise Redirected(host, answer.headers["location"])
        return answer


class _Body(io.BytesIO):
    """A body that has been read. `fp` leads to the certificate, where requests_ntlm looks for the connection's."""

    def __init__(self, body: bytes, certificate: bytes | None) -> None:
        super().__init__(body)
        sock = SimpleNamespace() if certificate is None else SimpleNamespace(getpeercert=lambda _binary: certificate)
        self.fp = SimpleNamespace(raw=SimpleNamespace(_sock=sock))


def _whole(answer: Answer, host: str) -> urllib3.HTTPResponse:
    """All of an answer, as a kind of thing that libraries over urllib3 know. Its connection is free for the next."""
    sock = getattr(answer.raw.connection, "sock", None)
    # NTLM ties a login to the certificate of the connection: without it, Extended Protection refuses the password.
    certificate = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
    return urllib3.HTTPResponse(_Body(_read(answer, host), certificate), preload_content=False)


def _read(answer: Answer, host: str) -> bytes:
    body = bytearray()
    try:
        # What says so itself is not even read.
        if (answer.raw.length_remaining or 0) > MOST_BYTES:
            raise TooLarge(host)
        for piece in answer.raw.stream(_PIECE, decode_content=True):
            body += piece
            if len(body) > MOST_BYTES:
                raise TooLarge(host)
            # A bomb unpacks without touching the socket, where the deadline is held otherwise.
            _seconds_left()
    finally:
        answer.raw.close()
    if sum(body.count(mark) for mark in _MARKS) > MOST_PARTS:
        raise TooLarge(host)
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
                return self._welcome(create_connection(place, seconds, socket_options=self.socket_options))
            except OSError as error:
                last = error
        raise last

    def _welcome(self, sock: socket.socket) -> socket.socket:
        """A fresh connection, if its other end is nowhere forbidden: nothing has been sent yet."""
        try:
            if _is_forbidden(sock.getpeername()[0], self.host):
                raise HostRefused(self.host, "address")
        except BaseException:
            sock.close()
            raise
        return sock


def _is_forbidden(peer: str, host: str) -> bool:
    """Whether this is an address that a request to `host` must not arrive at, whatever the resolver says."""
    address = _meant(ip_address(peer))
    if address.is_loopback:
        return not _means_this_machine(host)
    return any(address in network for network in FORBIDDEN)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address within an IPv6 one that only wraps it."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _means_this_machine(host: str) -> bool:
    try:
        return _meant(ip_address(host)).is_loopback
    except ValueError:
        name = host.casefold().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


def _seconds_left() -> float:
    """Until the deadline of the request under way. Raises TimeoutError past it."""
    left = _until.get() - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _told_apart(error: Exception, host: str) -> WireError:
    root, sent = _root(error), not _never_connected(error)
    why = type(root).__name__
    match root:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Unreachable(host, why)
        case ssl.SSLError():
            return TlsError(host, root.reason or why)
        case NewConnectionError() | ConnectionError():
            return Unreachable(host, why, sent=sent)
        case TimeoutError() | TimeoutHTTPError():
            return Timeout(host, why, sent=sent)
        case DecodeError() | InvalidHeader() | LocationValueError():
            return Nonsense(host, why)
        case _:
            return Unreachable(host, why, sent=sent)


def _never_connected(error: BaseException) -> bool:
    """urllib3 says so somewhere under the wrappings; a name that nobody resolves is one of these too."""
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return True
    inner = (getattr(error, "reason", None), *error.args)
    return any(isinstance(each, BaseException) and _never_connected(each) for each in inner)


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
