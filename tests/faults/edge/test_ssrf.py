"""Sending our requests where they must not go: by a typed address, a redirect, DNS, an answer, or a document.

Somebody listens wherever they could arrive. What counts is a byte: the other end is looked at once it is connected,
before anything is said.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest

from providers.base import Access, AccessType, Credential, ProviderError
from providers.salesforce import Salesforce
from providers.salesforce.sign_in import Hosts
from providers.wire import Wire
from tests.faults.conftest import scaled
from tests.faults.edge.guarded import Everything, LedWire, Place
from tests.faults.edge.house import ACCESS
from tests.faults.edge.peer import Peer, said, sent_to
from tests.faults.edge.vendors import BOB, EWS, Vendors

ALLOWED = "mail.acme.example"

# The host of an address, as somebody may write it who wants to get at this machine or at a cloud's secrets, with the
# listener's port.
LOOPBACK = (
    "localhost:{port}", "LOCALHOST:{port}", "localhost.:{port}", "x.localhost:{port}", "127.0.0.1:{port}",
    "127.1:{port}", "127.0.1:{port}", "127.8.9.10:{port}", "2130706433:{port}", "0x7f000001:{port}", "0x7f.1:{port}",
    "017700000001:{port}", "0177.0.0.1:{port}", "0:{port}", "0.0.0.0:{port}", "0x0:{port}", "[::1]:{port}",
    "[0:0:0:0:0:0:0:1]:{port}", "[::]:{port}", "[::ffff:127.0.0.1]:{port}", "[::ffff:7f00:1]:{port}",
    "[64:ff9b::7f00:1]:{port}", "[2002:7f00:1::]:{port}", "[::127.0.0.1]:{port}", "bob@127.0.0.1:{port}",
    "mail.acme.example@127.0.0.1:{port}", "mail.acme.example:443@127.0.0.1:{port}",
    "127.0.0.1:{port}#@mail.acme.example", "127.0.0.1:{port}\\@mail.acme.example",
    "127.0.0.1:{port}?@mail.acme.example", "127.0.0.1:{port}/mail.acme.example",
    "mail.acme.example.evil.example:{port}", "evil.example:{port}", "\uff4c\uff4f\uff43alhost:{port}",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}", "127\u30020\u30020\u30021:{port}", "%6c%6f%63alhost:{port}",
    "127.0.0.1%00.acme.example:{port}", "mail.acme.example%2f@127.0.0.1:{port}", "mail.acme.example:{port}",
    "mail.acme.example.:{port}", "MAIL.acme.example:{port}", "127.0.0.1\t:{port}", " 127.0.0.1:{port}",
    "localtest.me:{port}", "127.0.0.1.nip.io:{port}",
)  # fmt: skip
# Which the listener answers for.
ELSEWHERE = (
    "169.254.169.254", "[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "169.254.170.2", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]",
    "metadata.google.internal", "instance-data.ec2.internal", "224.0.0.1", "255.255.255.255", "[ff02::1]",
)  # fmt: skip
SPELLINGS = LOOPBACK + ELSEWHERE
# What an allowed name may turn out to be: one answer after the other, each with its addresses.
ANSWERS = {
    "this machine": [["127.0.0.1"]],
    "another loopback address": [["127.8.9.10"]],
    "this machine by IPv6": [["::1"]],
    "nowhere": [["0.0.0.0"]],  # noqa: S104 - nobody binds to it
    "a cloud's secrets": [["169.254.169.254"]],
    "a cloud's secrets by IPv6": [["fd00:ec2::254"]],
    "a cloud's secrets in IPv6": [["::ffff:169.254.169.254"]],
    "a cloud's secrets behind NAT64": [["64:ff9b::a9fe:a9fe"]],
    "a cloud's secrets by 6to4": [["2002:a9fe:a9fe::"]],
    "this machine by 6to4": [["2002:7f00:1::"]],
    "Azure's host": [["168.63.129.16"]],
    "Oracle's secrets": [["192.0.0.192"]],
    "Alibaba's secrets": [["100.100.100.200"]],
    "a neighbour on the link": [["fe80::1%eth0"]],
    "everybody on the link": [["224.0.0.1"]],
    "one bad address after another": [["169.254.169.254", "127.0.0.1", "::1"]],
    "a good one for whoever looks first": [["198.51.100.7"], ["127.0.0.1"]],
    "a good one for whoever looks twice": [["198.51.100.7"], ["198.51.100.7"], ["169.254.169.254"]],
}


# A host as a number, which any resolver reads by itself; and those that are not on this machine.
NUMBER = re.compile(r"localhost|\[?[0-9a-fx.:]+\]?", re.IGNORECASE)
CLOUD = re.compile(r"^\[?(?:169\.|1[06]|192\.|2[25]|f|::ffff:169|64:ff9b|2002:)", re.IGNORECASE)
# What these names lead to, wherever they are asked for.
HERE = ("localhost.", "x.localhost", "localtest.me", "127.0.0.1.nip.io")


@dataclass(slots=True)
class Listener:
    """Counts those who said anything to it. It answers nobody."""

    heard: int = 0
    _socket: socket.socket = field(
        default_factory=lambda: socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    )
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> Place:
        return "127.0.0.1", int(self._socket.getsockname()[1])

    @contextmanager
    def running(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._listen, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            socket.create_connection(self.place).close()
            thread.join()
            self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            came, _ = self._socket.accept()
            with contextlib.suppress(OSError), came:
                came.settimeout(2)
                if came.recv(1):
                    self.heard += 1


class Resolver:
    """What DNS says. A name that nobody told it of is left to the machine, which knows numbers in every spelling."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {name: [["127.0.0.1"]] for name in HERE}

    def __call__(self, host: str, port: int) -> list[Place] | None:
        told = self.answers.get(host.casefold())
        if told is None:
            if NUMBER.fullmatch(host) and not CLOUD.search(host):
                return None
            # What no machine of ours has, and names of others, the listener answers for.
            return [(host.strip("[]") if NUMBER.fullmatch(host) else "169.254.169.254", port)]
        now = told.pop(0) if len(told) > 1 else told[0]
        return [(address, port) for address in now]


@dataclass(slots=True)
class Range:
    """An allowed server, a place that must not be reached, and our providers between them."""

    peer: Peer
    listener: Listener
    resolver: Resolver
    without: str

    @property
    def wire(self) -> Wire:
        return LedWire(
            resolver=self.resolver,
            listener=self.listener.place,
            without=self.without,
            ca_bundle=self.peer.ca_bundle,
            seconds=3,
        )

    def vendors(self, *more: str) -> Vendors:
        none_left_out = frozenset({self.peer.host, *more})
        hosts = Everything() if self.without == "allow_list" else none_left_out
        return Vendors(host=self.peer.host, wire=self.wire, hosts=hosts)

    def spelled(self, spelling: str) -> str:
        return "https://" + spelling.replace("{port}", str(self.listener.place[1]))

    def reached(self, work: Callable[[], object]) -> bool:
        """Whether anything arrived. That the provider refuses, in its own words, is all that may come of it."""
        before = self.listener.heard
        with contextlib.suppress(ProviderError):
            work()
        return self.listener.heard > before


@pytest.fixture
def range_(tmp_path: Path, without_control: str) -> Iterator[Range]:
    with Peer(tmp_path).running() as peer, Listener().running() as listener:
        yield Range(peer, listener, Resolver(), without_control)


def test_ssrf_by_a_typed_address_arrives_nowhere(range_: Range, tell: Callable[[str], None]) -> None:
    exchange, remember = range_.vendors(ALLOWED).provider("exchange"), json.dumps({"hint": BOB})
    arrived = []
    for spelling in SPELLINGS:
        for path in ("", EWS, "/latest/meta-data/"):
            typed = {"login": BOB, "password": "secret", "ews_url": range_.spelled(spelling) + path}
            if range_.reached(partial(exchange.complete, typed, remember)):
                arrived.append(typed["ews_url"])
    assert arrived == []
    tell(f"{len(SPELLINGS)} spellings x 3 paths typed as the EWS address: none arrived")


@pytest.mark.parametrize("slug", ["exchange", "microsoft", "google", "salesforce"])
def test_ssrf_by_a_redirect_arrives_nowhere(range_: Range, slug: str) -> None:
    vendors = range_.vendors()
    if slug != "exchange":
        path, document = vendors.discovery(slug)
        range_.peer.says[path] = said(document)
    arrived = []
    for spelling in some(SPELLINGS):
        range_.peer.otherwise = sent_to(range_.spelled(spelling).replace("\t", "").replace(" ", "") + EWS)
        provider, credential = vendors.provider(slug), vendors.credential(slug)
        uses = (partial(provider.check, credential), partial(provider.refresh, credential))
        arrived += [spelling for use in uses if range_.reached(use)]
    assert arrived == []
    assert range_.peer.asked, "the vendor was never asked"


def test_ssrf_by_an_autodiscover_answer_arrives_nowhere(range_: Range) -> None:
    """Exchange itself names the address of its EWS."""
    exchange, arrived = range_.vendors().provider("exchange"), []
    typed = {"login": BOB, "password": "secret", "ews_url": ""}
    for spelling in some(SPELLINGS):
        range_.peer.says["/autodiscover/autodiscover.json"] = said({"Url": range_.spelled(spelling) + EWS})
        if range_.reached(lambda: exchange.complete(typed, json.dumps({"hint": BOB}))):
            arrived.append(spelling)
    assert arrived == []


@pytest.mark.parametrize("slug", ["microsoft", "salesforce"])
def test_ssrf_by_a_next_page_arrives_nowhere(range_: Range, slug: str) -> None:
    """A page says where the next one is, and the token goes there."""
    vendors = range_.vendors()
    provider: Any = vendors.provider(slug)
    credential, arrived = vendors.credential(slug), []
    for spelling in some(SPELLINGS):
        there = range_.spelled(spelling)
        page = {"value": [], "@odata.nextLink": f"{there}/v1.0/x", "@odata.deltaLink": f"{there}/v1.0/y"}
        range_.peer.otherwise = said(page | {"records": [], "done": False, "nextRecordsUrl": f"{there}/query/x"})
        if range_.reached(partial(read_all, provider, credential)):
            arrived.append(spelling)
    assert arrived == []
    assert range_.peer.asked, "the vendor was never asked"


@pytest.mark.parametrize("name", ANSWERS)
def test_ssrf_by_dns_arrives_nowhere(range_: Range, name: str) -> None:
    """The host is allowed, and its name leads elsewhere: at once, or after a first look."""
    for repeated in range(3):
        host = f"{ALLOWED}:{range_.listener.place[1]}"
        range_.resolver.answers[ALLOWED] = [list(answer) for answer in ANSWERS[name]]
        for _ in range(len(ANSWERS[name]) - 1):
            # Whoever looks before connecting sees nothing wrong.
            assert range_.resolver(ALLOWED, 443) == [("198.51.100.7", 443)]
        typed = {"login": BOB, "password": "secret", "ews_url": f"https://{host}{EWS}"}
        exchange = range_.vendors(host).provider("exchange")
        assert not range_.reached(partial(exchange.complete, typed, json.dumps({"hint": BOB}))), repeated


class Trustful(Hosts):
    """Without `allow_list`: every host is Salesforce's."""

    def trusts(self, url: str) -> bool:
        return url.startswith("https://")


def salesforce(range_: Range, vendors: Vendors) -> Salesforce:
    made = vendors.provider("salesforce")
    assert isinstance(made, Salesforce)
    if range_.without == "allow_list":
        at = {"production_url": vendors.url, "sandbox_url": vendors.url, "my_domain_url": "https://{name}.example"}
        made._sign_in._hosts = Trustful(**at)
    return made


def test_ssrf_by_salesforces_answers_arrives_nowhere(range_: Range) -> None:
    """Tokens come with the address that they are for, at a first sign-in and at every renewal."""
    vendors = range_.vendors()
    path, document = vendors.discovery("salesforce")
    range_.peer.says[path] = said(document)
    provider, arrived = salesforce(range_, vendors), []
    remember = json.dumps({"verifier": "v" * 43, "host": vendors.url})
    for spelling in some(SPELLINGS):
        answer = {"access_token": "a", "refresh_token": "r", "scope": "api refresh_token"}
        answer |= {"instance_url": range_.spelled(spelling), "id": f"{vendors.url}/id/00D/005"}
        range_.peer.says["/token"] = said(answer)
        uses: list[Callable[[], object]] = [
            lambda: provider.complete({"code": "c"}, remember),
            lambda: provider.check(provider.refresh(vendors.credential("salesforce"))),
        ]
        arrived += [spelling for use in uses if range_.reached(use)]
    assert arrived == []


def test_ssrf_by_a_my_domain_arrives_nowhere(range_: Range) -> None:
    """What a person types as the name of a My Domain becomes part of an address."""
    vendors = range_.vendors()
    provider = salesforce(range_, vendors)
    if range_.without == "allow_list":
        provider._sign_in._hosts.login = lambda access: f"https://{access.host}"  # type: ignore[method-assign]  # the control is left out here
    arrived = []
    for spelling in some(SPELLINGS):
        given = range_.spelled(spelling)
        for host in (given, given.removeprefix("https://"), f"x@{given.removeprefix('https://')}/", f"{given}/.my."):
            access = Access(AccessType.MY_DOMAIN, host.removeprefix("https://") if range_.without else host)
            if range_.reached(partial(provider.begin, access, "state", BOB)):
                arrived.append(host)
    assert arrived == []


@pytest.mark.parametrize("slug", ["microsoft", "google", "salesforce"])
@pytest.mark.parametrize("name", ["token_endpoint", "revocation_endpoint", "jwks_uri", "issuer"])
def test_ssrf_by_a_discovery_document_arrives_nowhere(range_: Range, slug: str, name: str) -> None:
    """The document is the vendor's own, over TLS: what it may never do is lead to an address where no vendor is."""
    arrived = []
    for spelling in some(SPELLINGS):
        vendors = range_.vendors()
        path, document = vendors.discovery(slug, **{name: range_.spelled(spelling) + "/x"})
        range_.peer.says[path] = said(document)
        provider, credential = vendors.provider(slug), vendors.credential(slug)
        arrived += [spelling for use in every_use(provider, credential) if range_.reached(use)]
    assert arrived == []


def read_all(provider: Any, credential: Credential) -> None:
    list(provider.match(credential, [BOB]) if provider.slug == "salesforce" else provider.pull(credential, ""))


def some(spellings: Sequence[str]) -> Sequence[str]:
    """All of them, or every so many in a smaller run."""
    return spellings[:: max(1, len(spellings) // max(6, scaled(len(spellings))))]


def every_use(provider: Any, credential: Any) -> list[Callable[[], object]]:
    return [
        lambda: provider.begin(ACCESS[provider.slug], "state", BOB),
        lambda: provider.refresh(credential),
        lambda: provider.revoke(credential),
    ]
