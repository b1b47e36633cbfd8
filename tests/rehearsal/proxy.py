"""A company's forward proxy on loopback, and the outside that is reached through it alone. It knows no vendor."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from urllib.parse import quote

from tests.sandbox.serving import HOST, Serving

# Where the vendors listen. Whoever asks for `localhost` comes to 127.0.0.1, where nobody does.
OUTSIDE = "127.0.0.3"
OWN_ADDRESS = "127.0.0.2"
# A password as a company's rules make it: each of these ends an address, unless it is escaped.
USER, PASSWORD = "svc-relatch", "p@ss:w/rd#1"
PIECE = 64 * 1024


class Proxy:
    """Lets nobody through without the password. `tunnels` counts where they led, by host and port.

    `shut` are ports of 127.0.0.1 that a program would go to if it did not ask the proxy: `bypassed` counts who did.
    """

    def __init__(self, *, shut: Iterable[int] = ()) -> None:
        self.tunnels: Counter[str] = Counter()
        self.plain: list[str] = []
        self.refused = 0
        self.bypassed = 0
        self._shut = tuple(shut)
        self._port = 0
        self._servers: list[asyncio.Server] = []
        self._serving = Serving()
        self._expected = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def address(self, password: str = PASSWORD) -> str:
        return f"http://{USER}:{quote(password, safe='')}@{HOST}:{self._port}"

    def __enter__(self) -> Self:
        self._serving.start()
        self._serving.call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serving.call(self._close())
        self._serving.stop()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._asked, HOST, 0)
        self._port = server.sockets[0].getsockname()[1]
        self._servers = [server, *[await asyncio.start_server(self._caught, HOST, port) for port in self._shut]]

    async def _close(self) -> None:
        for server in self._servers:
            server.close()

    async def _caught(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.bypassed += 1
        writer.close()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            if headers.get("proxy-authorization") != self._expected:
                self.refused += 1
                writer.write(_answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="Acme"'))
            elif method != "CONNECT":
                self.plain.append(target)
                writer.write(_answer("403 Forbidden"))
            else:
                await self._tunnel(target, reader, writer)
        writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tunnels[target] += 1
        port = int(target.rpartition(":")[2])
        try:
            there, back = await asyncio.open_connection(OUTSIDE, port, local_addr=(OWN_ADDRESS, 0))
        except OSError:
            writer.write(_answer("502 Bad Gateway"))
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()


def _answer(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]).encode()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(PIECE):
            target.write(piece)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()
