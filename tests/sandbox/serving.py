"""One thread with one asyncio loop that serves the sandbox's web applications. It knows no vendor."""

from __future__ import annotations

import asyncio
import functools
import random
import socket
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import trustme
from aiohttp import web

T = TypeVar("T")

HOST = "127.0.0.1"
# No system gives these out by itself, so that a port taken here stays free at the loopback's other addresses.
NEVER_GIVEN_OUT = range(20_000, 30_000)
# Streams and WebSockets of the page never end by themselves; they are cut after this many seconds.
CLOSING = 0.5
PASSES = 3


class Serving:
    """A loop in a daemon thread. Every method is called from other threads and blocks."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._runners: list[web.AppRunner] = []

    def start(self) -> None:
        self._thread.start()

    def calm(self) -> None:
        """Cuts every connection and ends whatever is being answered. The servers stay, for who comes next."""
        self.call(_calm())

    def stop(self) -> None:
        # Who connected and hung up a moment ago is still let in: asyncio loses a connection whose server has closed.
        self.call(_a_few_rounds())
        for runner in self._runners:
            self.call(runner.cleanup())
        self.call(_end_the_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T], *, seconds: float = 30) -> T:
        """Runs it in the loop and gives its result. Raises TimeoutError after `seconds`."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def serve(
        self, app: web.Application, *, host: str = HOST, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Starts serving and gives the port; 0 picks a free one."""
        return self.call(self._serve(app, host, port, tls))

    async def _serve(self, app: web.Application, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING)
        await runner.setup()
        listener = socket.create_server((host, port)) if port or host == HOST else _elsewhere(host)
        await web.SockSite(runner, listener, ssl_context=tls).start()
        self._runners.append(runner)
        return int(listener.getsockname()[1])


def _elsewhere(host: str) -> socket.socket:
    """Listens at any loopback address, on a port that is free at HOST too: a test may want it for itself."""
    for port in random.sample(NEVER_GIVEN_OUT, 100):
        try:
            socket.create_server((HOST, port)).close()
            return socket.create_server((host, port))
        except OSError:
            continue
    raise OSError(f"no port of {NEVER_GIVEN_OUT} is free at {host}")


def free_port() -> int:
    """A port that was free a moment ago, for a program that must be told its port before it starts."""
    with _elsewhere(HOST) as listener:
        return int(listener.getsockname()[1])


def own_tls(ca_bundle: Path, *, authority: str = "the sandbox") -> ssl.SSLContext:
    """Writes the CA of this name to `ca_bundle`, and gives a server context for localhost that it vouches for."""
    certificate, context = _made(authority)
    certificate.write_to_path(str(ca_bundle))
    return context


@functools.cache
def _made(authority: str) -> tuple[trustme.Blob, ssl.SSLContext]:
    """Once for the process: making keys takes longer than most tests."""
    made = trustme.CA(organization_name=authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("localhost", HOST).configure_cert(context)
    return made.cert_pem, context


async def _calm() -> None:
    await _a_few_rounds()
    await _end_the_rest()


async def _end_the_rest() -> None:
    loop: Any = asyncio.get_running_loop()
    # More than once: what is cancelled in the middle of connecting may still open its connection.
    for _ in range(PASSES):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        # By the loop's own list: aiohttp's forgets a connection that it has begun to close, and has never heard of one
        # that hung up in the middle of its TLS handshake. Either would outlive the loop.
        transports = list(loop._transports.values())
        if not others and not transports:
            return
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for transport in transports:
            transport.abort()
        # Each is told in the loop's next round, and tells the one above it.
        await _a_few_rounds()


async def _a_few_rounds() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
