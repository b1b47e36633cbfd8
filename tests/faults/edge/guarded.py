"""Wires whose names lead where a test says, with and without what keeps requests from arriving at the wrong place."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

import requests
import urllib3

from providers.wire import HTTPS, Redirected, Session, Wire, _Adapter, _Connection, _Pool

Place = tuple[str, int]
# Where a host's addresses are, each time that it is asked for. None: as the machine's own resolver says.
Resolver = Callable[[str, int], Sequence[Place] | None]


class Everything(frozenset[str]):
    """Without `allow_list`: every host is on it."""

    def __contains__(self, _: object) -> bool:
        return True


class Disguised(socket.socket):
    """A connection to a listener of ours that says it was made to somewhere else: nobody can listen there."""

    peer = ""

    @classmethod
    def as_if(cls, peer: str, listener: Place) -> Disguised:
        plain = socket.create_connection(listener, timeout=5)
        disguised = cls(plain.family, plain.type, fileno=plain.detach())
        disguised.settimeout(5)
        disguised.peer = peer
        return disguised

    def getpeername(self) -> Any:
        return (self.peer, HTTPS)


class LedConnection(_Connection):
    """Ours but for the resolver; whom it would connect to beyond this machine, `listener` answers for."""

    resolver: Resolver
    listener: Place

    def _new_conn(self) -> socket.socket:
        places = self.resolver(self._dns_host, self.port or HTTPS)
        if places is None:
            return super()._new_conn()
        last: OSError = OSError("no address")
        for name, port in places:
            try:
                # What is on loopback is dialled; the rest could only be reached from elsewhere.
                if name.startswith("127.") or name in {"::1", "0.0.0.0"}:  # noqa: S104 - nobody binds to it
                    return self._first_of([(name, port)])
                return self._welcome(Disguised.as_if(name, self.listener))
            except OSError as error:
                last = error
        raise last


class TrustfulConnection(LedConnection):
    """Without `peer_check`: whoever is at the other end is welcome."""

    def _welcome(self, sock: socket.socket) -> socket.socket:
        return sock


class FollowingAdapter(_Adapter):
    """Without `redirects`: an answer that points elsewhere is followed."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().send(request, *args, **kwargs)
        except Redirected as error:
            request.url = requests.compat.urljoin(request.url or "", error.to)
            return super().send(request, *args, **kwargs)


class LedWire(Wire):
    """Ours, with `resolver` for DNS. `without` is the control that it leaves out."""

    def __init__(self, *, resolver: Resolver, listener: Place, without: str, **others: Any) -> None:
        super().__init__(**others)
        self._without = without
        base = TrustfulConnection if without == "peer_check" else LedConnection
        connection = type("Led", (base,), {"resolver": staticmethod(resolver), "listener": listener})
        self._pool = type("LedPool", (_Pool,), {"ConnectionCls": connection})

    def fit(self, session: Session, *, each_request: bool = False, hosts: frozenset[str] | None = None) -> None:
        only = None if self._without in {"allow_list", "redirects"} else hosts
        super().fit(session, each_request=each_request, hosts=only)
        adapter = session.get_adapter("https://")
        assert isinstance(adapter, _Adapter)
        if self._without == "redirects":
            following = FollowingAdapter(
                tls=self._tls, allowed=adapter._allowed, seconds=self._seconds, until=adapter._until
            )
            session.mount("https://", following)
            adapter = following
        manager: urllib3.PoolManager = adapter.poolmanager
        manager.pool_classes_by_scheme = {"https": self._pool}
