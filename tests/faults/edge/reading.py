"""A worker that reads from a peer on demand and says what it cost: run as a process of its own, whose peak is its own.

Each line on standard input names a read; each line on standard output tells how it went.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from providers.base import ProviderError
from providers.wire import SECONDS_OF_SILENCE, Session, Wire, _Adapter, _until
from tests.faults.edge.vendors import Vendors

READS = ("exchange", "microsoft", "google", "salesforce", "token")


class Uncapped(Wire):
    """Without `size_cap`: an answer is read to its end, whatever it is."""

    def fit(self, session: Session, *, each_request: bool = False, hosts: frozenset[str] | None = None) -> None:
        super().fit(session, each_request=each_request, hosts=hosts)
        session.mount("https://", UncappedAdapter(tls=self._tls, allowed=(), seconds=self._seconds, until=None))


class UncappedAdapter(_Adapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        running = _until.set(monotonic() + self._seconds)
        try:
            answer = HTTPAdapter.send(self, request, timeout=SECONDS_OF_SILENCE)
            assert answer.content is not None
            return answer
        finally:
            _until.reset(running)


def reads(vendors: Vendors) -> dict[str, Callable[[], object]]:
    def checked(slug: str) -> Callable[[], object]:
        provider, credential = vendors.provider(slug), vendors.credential(slug)
        return lambda: provider.check(credential)

    google = vendors.provider("google")
    renewed: dict[str, Callable[[], object]] = {"token": lambda: google.refresh(vendors.credential("google"))}
    return {slug: checked(slug) for slug in READS[:-1]} | renewed


def tried(read: Callable[[], object]) -> dict[str, Any]:
    began = monotonic()
    try:
        read()
        outcome = "read"
    except ProviderError as error:
        outcome = str(error.reason)
    except requests.RequestException as error:
        outcome = type(error).__name__
    return {"outcome": outcome, "seconds": monotonic() - began, "peak": peak()}


def peak() -> float:
    """The most memory that this process ever had, in MB. Not getrusage's: a child begins with its parent's there."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    host, ca_bundle, seconds, without = sys.argv[1:]
    kind = Uncapped if without == "size_cap" else Wire
    wire = kind(ca_bundle=Path(ca_bundle), seconds=float(seconds))
    known = reads(Vendors(host=host, wire=wire, hosts=frozenset({host})))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(tried(known[line.strip()])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
