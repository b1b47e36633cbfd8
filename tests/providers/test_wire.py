"""The way out is held to its limits by servers that do what no vendor should, on loopback and with TLS."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
import trustme
from requests_ntlm import HttpNtlmAuth
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvId,
    Challenge,
    Negotiate,
    NTClientChallengeV2,
    NTLMMessage,
    TargetInfo,
)
from spnego.channel_bindings import GssChannelBindings

from providers.wire import (
    MOST_BYTES,
    MOST_PARTS,
    HostRefused,
    Nonsense,
    Redirected,
    Session,
    Timeout,
    TlsError,
    TooLarge,
    Unreachable,
    Wire,
    WireError,
    _is_forbidden,
    is_allowed,
    read_json,
)

CANARY = "canary-3f9a"
NOWHERE = "0.0.0.0"  # noqa: S104 - it is refused, and nobody binds to it
Speech = Callable[[], Iterable[bytes]]
OK = b"HTTP/1.1 200 OK\r\n"


class Peer:
    """An HTTPS server on localhost that answers every request with the pieces that a test gives it."""

    def __init__(self, directory: Path, *, name: str = "localhost") -> None:
        authority = trustme.CA()
        self.ca_bundle = directory / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(self._tls)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._speech: Speech = tuple
        self._over = threading.Event()
        self.heads: list[bytes] = []
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def says(self, *pieces: bytes) -> None:
        self._speech = lambda: pieces

    def thinks(self, seconds: float, *pieces: bytes) -> None:
        """Before it says anything."""

        def speech() -> Iterator[bytes]:
            self._over.wait(seconds)
            yield from pieces

        self._speech = speech

    def drips(self, first: bytes, drop: bytes) -> None:
        """A byte now and then, for ever."""

        def speech() -> Iterator[bytes]:
            yield first
            while not self._over.wait(0.05):
                yield drop

        self._speech = speech

    @contextmanager
    def running(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            # A connection of our own wakes the one that waits in accept.
            socket.create_connection(self._listener.getsockname()).close()
            thread.join()
            self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            plain, _ = self._listener.accept()
            with plain:
                try:
                    self._answer(plain)
                except OSError:
                    continue  # The client had enough, or never spoke TLS.

    def _answer(self, plain: socket.socket) -> None:
        with self._tls.wrap_socket(plain, server_side=True) as sock:
            head = b""
            while b"\r\n\r\n" not in head:
                more = sock.recv(4096)
                if not more:
                    return
                head += more
            self.heads.append(head)
            for piece in self._speech():
                sock.sendall(piece)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with Peer(tmp_path).running() as peer:
        yield peer


@pytest.fixture
def session(peer: Peer) -> Iterator[Session]:
    with Wire(ca_bundle=peer.ca_bundle, seconds=1).session() as session:
        yield session


def whole(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (*headers, f"Content-Length: {len(body)}"))
    return OK + lines.encode() + b"\r\n" + body


def test_an_answer_comes_through_whole_and_under_our_name(peer: Peer, session: Session) -> None:
    peer.says(whole(b'{"hello": "Bob"}'))
    assert read_json(session.get(peer.url)) == {"hello": "Bob"}
    assert b"User-Agent: Relatch\r\n" in peer.heads[0]


def test_a_packed_answer_is_unpacked(peer: Peer, session: Session) -> None:
    peer.says(whole(gzip.compress(b'{"hello": "Bob"}'), "Content-Encoding: gzip"))
    assert read_json(session.get(peer.url)) == {"hello": "Bob"}


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        pytest.param(b"", b"", id="says nothing"),
        pytest.param(b"H", b"T", id="drips its status line"),
        pytest.param(OK + b"X-Slow: ", b"x", id="drips a header"),
        pytest.param(OK + b"Content-Length: 1000000\r\n\r\n", b"x", id="drips its body"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="drips without an end"),
    ],
)
def test_a_server_that_drips_is_left_at_the_deadline(peer: Peer, session: Session, first: bytes, drop: bytes) -> None:
    peer.drips(first, drop)
    started = time.monotonic()
    with pytest.raises(Timeout):
        session.get(peer.url)
    assert time.monotonic() - started < 5


def test_the_deadline_is_one_for_all_requests_of_a_session(peer: Peer) -> None:
    peer.drips(OK + b"X-Slow: ", b"x")
    with Wire(ca_bundle=peer.ca_bundle, seconds=0.3).session() as session:
        for _ in range(2):
            with pytest.raises(Timeout):
                session.get(peer.url)
    assert len(peer.heads) == 1


def test_a_long_reading_has_the_deadline_anew_for_each_request(peer: Peer) -> None:
    peer.thinks(0.4, whole(b"{}", "Connection: close"))
    with Wire(ca_bundle=peer.ca_bundle, seconds=1).session(each_request=True) as session:
        for _ in range(3):
            assert read_json(session.get(peer.url)) == {}


@pytest.mark.parametrize("length", [b"Content-Length: 99999999999\r\n", b""], ids=["announced", "not announced"])
def test_a_body_without_end_is_cut(peer: Peer, session: Session, length: bytes) -> None:
    peer.says(OK + length + b"\r\n", *[b"x" * 1_000_000] * 12)
    with pytest.raises(TooLarge):
        session.get(peer.url)


def test_a_bomb_is_counted_by_what_it_unpacks_to(peer: Peer, session: Session) -> None:
    bomb = gzip.compress(b"0" * (MOST_BYTES + 1))
    assert len(bomb) < 20_000
    peer.says(whole(bomb, "Content-Encoding: gzip"))
    with pytest.raises(TooLarge):
        session.get(peer.url)


def test_the_largest_answer_that_is_allowed_arrives(peer: Peer) -> None:
    peer.says(whole(b"0" * MOST_BYTES))
    with Wire(ca_bundle=peer.ca_bundle).session() as session:
        assert len(session.get(peer.url).content) == MOST_BYTES


@pytest.mark.parametrize("part", [b"<a/>", b"{},", b"[],", b'a="" ', b"&a;"])
def test_what_has_too_many_parts_is_too_large(peer: Peer, part: bytes) -> None:
    with Wire(ca_bundle=peer.ca_bundle).session() as session:
        peer.says(whole(part * (MOST_PARTS // 2)))
        assert session.get(peer.url).ok
        peer.says(whole(part * (MOST_PARTS + 1)))
        with pytest.raises(TooLarge):
            session.get(peer.url)


def test_a_redirect_is_not_followed(peer: Peer, session: Session) -> None:
    peer.says(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere?canary-3f9a\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(Redirected, match="redirect") as caught:
        session.get(peer.url)
    assert len(peer.heads) == 1
    assert caught.value.to == f"/elsewhere?{CANARY}"
    assert CANARY not in repr(caught.value) + str(caught.value)


def test_a_broken_answer_is_not_asked_for_again(peer: Peer, session: Session) -> None:
    peer.says(OK + b"Content-Length: 100\r\n\r\nhalf of it")
    with pytest.raises(Unreachable) as caught:
        session.post(peer.url, data={"refresh_token": CANARY})
    assert len(peer.heads) == 1
    assert caught.value.sent


@pytest.mark.parametrize("host", ["nobody.invalid", "localhost:1"])
def test_what_found_no_connection_was_never_sent(session: Session, host: str) -> None:
    with pytest.raises(Unreachable) as caught:
        session.post(f"https://{host}/token", data={"refresh_token": CANARY})
    assert not caught.value.sent


def test_a_server_that_hangs_up_is_not_asked_again(peer: Peer, session: Session) -> None:
    with pytest.raises(Unreachable):
        session.post(peer.url, data={"refresh_token": CANARY})
    assert len(peer.heads) == 1


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[1]", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_nonsense(peer: Peer, session: Session, body: bytes) -> None:
    peer.says(whole(body))
    with pytest.raises(Nonsense):
        read_json(session.get(peer.url))


def test_a_broken_packing_is_nonsense(peer: Peer, session: Session) -> None:
    peer.says(whole(b"no gzip at all", "Content-Encoding: gzip"))
    with pytest.raises(Nonsense):
        session.get(peer.url)


def test_a_cookie_is_not_carried_to_the_next_request(peer: Peer, session: Session) -> None:
    peer.says(whole(b"{}", "Set-Cookie: track=me"))
    session.get(peer.url)
    session.get(peer.url)
    assert b"cookie" not in peer.heads[-1].lower()


# NTLM, which logs a connection in


class NtlmPeer(Peer):
    """It keeps its connections, asks for a login on each, and counts them."""

    connections = 0

    def _answer(self, plain: socket.socket) -> None:
        self.connections += 1
        with self._tls.wrap_socket(plain, server_side=True) as sock:
            while head := self._head(sock):
                self.heads.append(head)
                sock.sendall(self._challenge(head))

    def _head(self, sock: ssl.SSLSocket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(4096)
            if not more:
                return b""
            head += more
        return head

    def _challenge(self, head: bytes) -> bytes:
        refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nWWW-Authenticate: NTLM%s\r\n\r\nsorr"
        proof = re.search(rb"Authorization: NTLM (\S+)", head)
        if proof is None:
            return refused % b""
        message = NTLMMessage.unpack(base64.b64decode(proof[1]))
        if isinstance(message, Negotiate):
            fresh = Challenge(message.flags, b"12345678", target_info=TargetInfo()).pack()
            return refused % (b" " + base64.b64encode(fresh))
        return whole(b"welcome")


def test_ntlm_logs_in_on_one_connection_and_is_tied_to_its_certificate(tmp_path: Path) -> None:
    with NtlmPeer(tmp_path).running() as peer:
        with Wire(ca_bundle=peer.ca_bundle).session() as session:
            # Where it finds no certificate it warns, and warnings fail a test.
            session.auth = HttpNtlmAuth("bob", "secret")
            assert session.get(peer.url).content == b"welcome"
        proofs = [re.findall(rb"Authorization: NTLM (\S+)", head) for head in peer.heads]
        assert [len(proof) for proof in proofs] == [0, 1, 1]
        assert peer.connections == 1
        port = int(peer.url.rpartition(":")[2])
        certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
    proof = NTLMMessage.unpack(base64.b64decode(proofs[-1][0]))
    assert isinstance(proof, Authenticate)
    assert proof.nt_challenge_response is not None
    said = NTClientChallengeV2.unpack(proof.nt_challenge_response[16:]).av_pairs[AvId.channel_bindings]
    bound = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(certificate).digest())
    assert said == hashlib.md5(bound.pack(), usedforsecurity=False).digest()


# Who may be talked to


def test_a_certificate_of_an_unknown_authority_is_refused(peer: Peer) -> None:
    with Wire().session() as session, pytest.raises(TlsError) as caught:
        session.get(peer.url)
    assert caught.value.why == "CERTIFICATE_VERIFY_FAILED"
    assert not peer.heads


def test_a_library_cannot_switch_the_proof_off(peer: Peer) -> None:
    with Wire().session() as session, pytest.raises(TlsError):
        session.get(peer.url, verify=False)


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    with (
        Peer(tmp_path, name="elsewhere.example").running() as peer,
        Wire(ca_bundle=peer.ca_bundle).session() as session,
        pytest.raises(TlsError),
    ):
        session.get(peer.url)


def test_the_environment_is_not_asked(peer: Peer, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    peer.says(whole(b"{}"))
    assert read_json(session.get(peer.url)) == {}


def test_a_host_that_is_not_allowed_is_never_called(peer: Peer) -> None:
    wire = Wire(ca_bundle=peer.ca_bundle, allowed_hosts=frozenset({"accounts.google.com"}))
    with wire.session() as session, pytest.raises(HostRefused, match="localhost"):
        session.get(peer.url)
    assert not peer.heads


def test_an_allowed_host_is_called(peer: Peer) -> None:
    peer.says(whole(b"{}"))
    here = frozenset({peer.url.removeprefix("https://")})
    for wire, hosts in (
        (Wire(ca_bundle=peer.ca_bundle, allowed_hosts=here), None),
        (Wire(ca_bundle=peer.ca_bundle), here),
        (Wire(ca_bundle=peer.ca_bundle, allowed_hosts=here), here),
    ):
        with wire.session(hosts=hosts) as session:
            assert read_json(session.get(peer.url)) == {}


@pytest.mark.parametrize(
    ("address", "hosts", "allowed"),
    [
        ("https://mail.acme.example/EWS", "mail.acme.example", True),
        ("https://MAIL.acme.example:443/EWS", "mail.acme.example", True),
        ("https://mail.acme.example/EWS", "mail.acme.example:443", True),
        ("https://mail.acme.example:8443/EWS", "mail.acme.example:8443", True),
        ("https://mail.acme.example:8443/EWS", "mail.acme.example", False),
        ("https://mail.acme.example/EWS", "mail.acme.example:8443", False),
        ("http://mail.acme.example/EWS", "mail.acme.example", False),
        ("http://mail.acme.example:443/EWS", "mail.acme.example", False),
        ("https://acme.example/EWS", "mail.acme.example", False),
        ("https://mail.acme.example.evil.example/EWS", "mail.acme.example", False),
        ("https://mail.acme.example@evil.example/EWS", "mail.acme.example", False),
        ("https://evil.example\\@mail.acme.example/EWS", "mail.acme.example", False),
        ("https://bob@mail.acme.example/EWS", "mail.acme.example", False),
        ("https://mail.acme.example./EWS", "mail.acme.example", False),
        ("https://mail.acme.example:0/EWS", "mail.acme.example", False),
        ("https://mail.acme.example:99999/EWS", "mail.acme.example", False),
        ("https://mail.acme.example:x/EWS", "mail.acme.example", False),
        ("https://[", "mail.acme.example", False),
        ("https:///EWS", "mail.acme.example", False),
        ("", "", False),
    ],
)
def test_an_address_is_allowed_by_its_host_and_port(address: str, hosts: str, allowed: bool) -> None:
    assert is_allowed(address, frozenset({hosts})) is allowed


def test_two_lists_of_hosts_are_both_kept_to(peer: Peer) -> None:
    here, there = frozenset({peer.url.removeprefix("https://")}), frozenset({"accounts.google.com"})
    for of_wire, of_session in ((here, there), (there, here), (here, frozenset[str]())):
        wire = Wire(ca_bundle=peer.ca_bundle, allowed_hosts=of_wire)
        with wire.session(hosts=of_session) as session, pytest.raises(HostRefused):
            session.get(peer.url)
    assert not peer.heads


@pytest.mark.parametrize(
    ("found", "host", "forbidden"),
    [
        # Where companies keep their Exchange, and where the world is
        ("10.1.2.3", "mail.acme.example", False),
        ("192.168.1.5", "mail.acme.example", False),
        ("172.16.0.9", "mail.acme.example", False),
        ("fd12:3456::9", "mail.acme.example", False),
        ("142.250.1.1", "accounts.google.com", False),
        ("2a00:1450::1", "accounts.google.com", False),
        ("64:ff9b::8efa:101", "accounts.google.com", False),
        # This machine, which only its own names may mean
        ("127.0.0.1", "localhost", False),
        ("127.0.0.1", "login.google.localhost", False),
        ("127.0.0.1", "localhost.", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
        ("127.0.0.1", "mail.acme.example", True),
        ("127.8.9.10", "mail.acme.example", True),
        ("127.0.0.1", "notlocalhost", True),
        ("127.0.0.1", NOWHERE, True),
        ("127.0.0.1", "10.0.0.1", True),
        ("::1", "mail.acme.example", True),
        ("::ffff:127.0.0.1", "mail.acme.example", True),
        ("64:ff9b::7f00:1", "mail.acme.example", True),
        ("2002:7f00:1::", "mail.acme.example", True),
        # Where clouds keep secrets, and where nobody is
        ("169.254.169.254", "mail.acme.example", True),
        ("169.254.169.254", "localhost", True),
        ("::ffff:169.254.169.254", "mail.acme.example", True),
        ("64:ff9b::a9fe:a9fe", "mail.acme.example", True),
        ("2002:a9fe:a9fe::", "mail.acme.example", True),
        ("fd00:ec2::254", "mail.acme.example", True),
        ("fd20:ce::254", "mail.acme.example", True),
        ("100.100.100.200", "mail.acme.example", True),
        ("168.63.129.16", "mail.acme.example", True),
        ("192.0.0.192", "mail.acme.example", True),
        ("fe80::1%eth0", "mail.acme.example", True),
        ("224.0.0.1", "mail.acme.example", True),
        ("ff02::1", "mail.acme.example", True),
        (NOWHERE, "mail.acme.example", True),
        ("::", "mail.acme.example", True),
        ("255.255.255.255", "mail.acme.example", True),
        ("2001:0:4136:e378::1", "mail.acme.example", True),
    ],
)
def test_the_other_end_of_a_connection_is_looked_at(found: str, host: str, forbidden: bool) -> None:
    assert _is_forbidden(found, host) is forbidden


@pytest.mark.parametrize("name", [NOWHERE, "0"])
def test_a_name_that_leads_to_this_machine_by_stealth_gets_no_byte(peer: Peer, session: Session, name: str) -> None:
    with pytest.raises(HostRefused, match="address"):
        session.get(peer.url.replace("localhost", name))
    assert not peer.heads


def test_plain_http_is_refused(session: Session) -> None:
    with pytest.raises(HostRefused):
        session.get("http://localhost:9/")


def test_a_port_where_nobody_listens_is_unreachable(peer: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Wire(ca_bundle=peer.ca_bundle).session() as session, pytest.raises(Unreachable) as caught:
        session.get(f"https://localhost:{port}/")
    assert caught.value.why == "ConnectionRefusedError"


def test_a_name_that_does_not_resolve_is_unreachable(session: Session) -> None:
    with pytest.raises(Unreachable):
        session.get("https://nowhere.invalid/")


def test_a_proxy_that_is_set_is_used(peer: Peer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        asked: list[bytes] = []

        def refuse() -> None:
            sock, _ = listener.accept()
            with sock:
                asked.append(sock.recv(4096))
                sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        with Wire(ca_bundle=peer.ca_bundle, proxy=proxy).session() as session, pytest.raises(Unreachable):
            session.get("https://accounts.example/")
        thread.join()
    assert asked[0].startswith(b"CONNECT accounts.example:443 ")


def test_no_error_carries_an_address_or_a_secret(peer: Peer, session: Session) -> None:
    peer.says(OK + b"Content-Length: 100\r\n\r\nhalf of it")
    with pytest.raises(WireError) as caught:
        session.post(f"{peer.url}/path?page={CANARY}", data={"refresh_token": CANARY})
    assert CANARY not in repr(caught.value) + str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None
