"""The redirect address on this machine: waits until the browser comes back. It knows no vendor and logs nothing.

What comes back is a code, as good as a password for a minute.
"""

from __future__ import annotations

import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

PAGE = b"<!doctype html><title>Done</title><p>This window can be closed: the rest is on the terminal.</p>"


class NobodyCame(Exception):
    """The person did not sign in in time."""


class Callback:
    """`with Callback(host, port) as back:` listens until the end of the block."""

    def __init__(self, host: str, port: int) -> None:
        self._came: Queue[tuple[str, dict[str, str]]] = Queue()
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, state: str, *, seconds: float) -> dict[str, str]:
        """What the vendor's page sent back for this sign-in. Anything else that comes is somebody else's."""
        while True:
            try:
                came_to, query = self._came.get(timeout=seconds)
            except Empty:
                raise NobodyCame from None
            if came_to == path and secrets.compare_digest(query.get("state", "").encode(), state.encode()):
                return query

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        came = self._came

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                came.put((address.path, dict(parse_qsl(address.query))))
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it so.
                """Nothing: the address of a request holds the code."""

        return Handler
