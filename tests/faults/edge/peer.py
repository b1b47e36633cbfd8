"""An HTTPS server on localhost that says what a test has it say, byte by byte. It knows no vendor."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import trustme

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
Speech = Iterable[bytes]


class Peer:
    """`says` gives the pieces of an answer for a path, `otherwise` those for any that is not in it."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_bundle = directory / "peer-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._tls)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.over = threading.Event()
        self.says: dict[str, Callable[[], Speech]] = {}
        self.otherwise: Callable[[], Speech] = not_found
        self.asked: list[str] = []
        self.host = f"localhost:{self._listener.getsockname()[1]}"
        self.url = f"https://{self.host}"

    @contextmanager
    def running(self) -> Iterator[Self]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            # A connection of our own wakes the one that waits in accept.
            socket.create_connection(self._listener.getsockname()).close()
            thread.join()
            self._listener.close()

    def _serve(self) -> None:
        while not self.over.is_set():
            plain, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(plain,), daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        # Whoever hangs up in the middle has had enough, which is what most of these answers are for.
        with contextlib.suppress(OSError), plain, self._tls.wrap_socket(plain, server_side=True) as sock:
            head = _request(sock)
            if not head:
                return
            path = head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]
            self.asked.append(path)
            for piece in self.says.get(path, self.otherwise)():
                sock.sendall(piece)


def _request(sock: socket.socket) -> bytes:
    """The head of a request, which is read to its end: what is left unread would break the connection."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (more := sock.recv(65536)):
            return b""
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    left = (int(length[1]) if length else 0) - len(body)
    while left > 0 and (more := sock.recv(65536)):
        left -= len(more)
    return head


def whole(body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = (f"Content-Type: {kind}", *headers, f"Content-Length: {len(body)}")
    return OK + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def said(document: Mapping[str, Any]) -> Callable[[], Speech]:
    answer = whole(json.dumps(document).encode())
    return lambda: (answer,)


def sent_to(address: str) -> Callable[[], Speech]:
    answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {address}\r\nContent-Length: 0\r\n\r\n".encode()
    return lambda: (answer,)


def not_found() -> Speech:
    return (b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",)
