"""Answers that are made to hurt whoever reads them: each is left in time, costs little, and the worker lives on."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from providers.google.sign_in import SCOPES
from providers.wire import MOST_PARTS, SECONDS_IN_ALL, Wire
from tests.faults.edge.peer import OK, Peer, Speech, said, whole
from tests.faults.edge.reading import READS
from tests.faults.edge.vendors import Vendors
from tests.sandbox.child import CHECKOUT

LONGEST, MOST_MEGABYTES = 30.0, 100.0
MEGABYTE = 1024 * 1024
MANY = 3_000_000
# It is read, as far as there is anything to read in it.
LET_THROUGH = "the most that is let through"
UNPACKED = 256 * MEGABYTE
ENVELOPE = b'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">%s</s:Envelope>'
LAUGHS = b"".join(
    b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10 if level else b"ha" * 50) for level in range(10)
)
HONEST = {
    "emailAddress": "bob@acme.example",
    "historyId": "1",
    "id": "inbox",
    "records": [],
    "done": True,
    "totalSize": 0,
    "access_token": "fresh",
    "expires_in": 3599,
    "scope": " ".join(SCOPES),
}
FOLDER = (
    b'<s:Body><m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    b' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
    b'<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>'
    b'<t:Folder><t:FolderId Id="AAA=" ChangeKey="AQ=="/></t:Folder></m:Folders></m:GetFolderResponseMessage>'
    b"</m:ResponseMessages></m:GetFolderResponse></s:Body>"
)

Bomb = Callable[[bool], Callable[[], Speech]]


def text(xml: bytes, other: bytes) -> Bomb:
    """The same evil in the two languages that are read."""

    def made(is_xml: bool) -> Callable[[], Speech]:
        answer = whole(xml, kind="text/xml") if is_xml else whole(other)
        return lambda: (answer,)

    return made


def raw(*pieces: bytes, then: bytes = b"", times: int = 0, pause: float = 0.0) -> Bomb:
    """`pieces`, and after them `then` so many times, or for ever where that is 0."""

    def speech() -> Iterator[bytes]:
        yield from pieces
        count = 0
        while then and (not times or count < times):
            yield then
            count += 1
            time.sleep(pause)

    return lambda _: speech


@cache
def bombs() -> dict[str, Bomb]:
    zeros = gzip.compress(b"\0" * UNPACKED)
    attributes = b" ".join(b'a%x=""' % number for number in range(MANY // 4))
    pairs = b",".join(b'"%x":0' % number for number in range(MANY // 4))
    packed = {"gzip": zeros, "gzip, gzip": gzip.compress(zeros)}
    return {
        "entities": text(
            b"<?xml version='1.0'?><!DOCTYPE l [%s]><s:Envelope xmlns:s='x'>&e9;</s:Envelope>" % LAUGHS, b"[" * 200_000
        ),
        "empty elements": text(ENVELOPE % (b"<a/>" * (MANY // 5 * 4)), b"[%s{}]" % (b"{}," * MANY)),
        LET_THROUGH: text(
            ENVELOPE % (b'<a b="">' * 100 + b'<a b="%s"/>' * (MOST_PARTS // 3)),
            b'{"a":[%s{}]}' % (b'{"a":1},' * (MOST_PARTS // 3)),
        ),
        "attributes": text(ENVELOPE % (b"<a %s/>" % attributes), b"{%s}" % pairs),
        **{name: raw(whole(body, f"Content-Encoding: {name}")) for name, body in packed.items()},
        "endless body": raw(OK + b"\r\n", then=b"x" * 65536),
        "endless chunks": raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", then=b"1\r\nx\r\n", pause=0.0001),
        "one byte per second": raw(OK + b"Content-Length: 100000\r\n\r\n", then=b"x", pause=1.0),
        "header of 100 MB": raw(OK + b"X-Long: ", then=b"x" * 65536, times=1600),
        "headers without end": raw(OK, then=b"X: y\r\n" * 1000),
        "continue without end": raw(then=b"HTTP/1.1 100 Continue\r\n\r\n" * 100, pause=0.001),
    }


@dataclass(slots=True)
class Worker:
    """The process that reads. `peak` is the most memory it ever had, in MB."""

    peer: Peer
    process: subprocess.Popen[str]
    base: float = 0.0
    peak: float = 0.0

    def read(self, what: str, speech: Callable[[], Speech]) -> dict[str, Any]:
        self.peer.otherwise = speech
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the worker died of it, with code {self.process.wait()}"
        outcome: dict[str, Any] = json.loads(line)
        self.peak = outcome["peak"]
        return outcome

    def honestly(self, what: str) -> str:
        answer = whole(ENVELOPE % FOLDER, kind="text/xml") if what == "exchange" else said(HONEST)
        return str(self.read(what, answer if callable(answer) else lambda: (answer,))["outcome"])


@contextmanager
def working(folder: Path, without: str) -> Iterator[Worker]:
    seconds = SECONDS_IN_ALL if float(os.environ.get("FAULTS_SCALE", "1")) >= 1 else 1.0
    with Peer(folder).running() as peer:
        for slug in ("google", "microsoft", "salesforce"):
            path, document = Vendors(host=peer.host, wire=Wire(), hosts=frozenset()).discovery(slug)
            peer.says[path] = said(document)
        command = [sys.executable, "-m", "tests.faults.edge.reading", peer.host, str(peer.ca_bundle), str(seconds)]
        pipe = subprocess.PIPE
        with subprocess.Popen([*command, without], text=True, cwd=CHECKOUT, stdin=pipe, stdout=pipe) as process:
            try:
                worker = Worker(peer, process)
                for what in READS:
                    assert worker.honestly(what) == "read", what
                worker.base = worker.peak
                yield worker
            finally:
                process.kill()


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Worker]:
    with working(tmp_path_factory.mktemp("worker"), str(pytestconfig.getoption("--without-control"))) as worker:
        yield worker


@pytest.mark.parametrize("what", READS)
def test_a_bomb_is_left_in_time_costs_little_and_the_worker_lives_on(
    worker: Worker, what: str, tell: Callable[[str], None]
) -> None:
    slowest = 0.0
    for name, bomb in bombs().items():
        came = worker.read(what, bomb(what == "exchange"))
        assert came["outcome"] in {"provider_down", "network"} or name == LET_THROUGH, f"{name}: {came}"
        assert came["seconds"] <= LONGEST, f"{name}: {came['seconds']:.0f} s"
        assert worker.peak - worker.base <= MOST_MEGABYTES, f"{name}: {worker.peak - worker.base:.0f} MB more"
        slowest = max(slowest, came["seconds"])
        assert worker.honestly(what) == "read", f"after {name}"
    tell(
        f"{len(bombs())} bombs for {what}: at most {slowest:.1f} s and {worker.peak - worker.base:.0f} MB more, "
        "the worker lives on"
    )
