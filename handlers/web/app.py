"""The web application: its routes, what holds for all of them, its server. It knows no store and no Slack."""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.model import Names
from handlers.web import health
from handlers.web.pages import Pages, asset
from handlers.web.sign_in import SignIn, SignInPages

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = {"Strict-Transport-Security": "max-age=31536000"}
DEFAULT_PORTS = {"https": 443, "http": 80}

# The longest honest query is a vendor's callback: a code of some 2,000 characters and the granted scopes.
QUERY_BYTES = 8192
IDLE_SECONDS = 15
SHUTDOWN_SECONDS = 20

_log = logging.getLogger(__name__)


def create(
    *,
    sign_in: SignIn,
    ready: Callable[[], Mapping[str, bool]],
    names: Names,
    public_url: str,
    pool: ThreadPoolExecutor,
    slack_app_url: str,
    slack_events: ASGIApp | None = None,
) -> Starlette:
    """`pool` runs what blocks. `ready` names the parts of the process and says of each whether it works.

    `slack_events` takes Slack's own requests at /slack/events; without it there is no such address.
    """
    pages = Pages(names=names, slack_app_url=slack_app_url)
    scheme, netloc, *_ = urlsplit(public_url)
    host = _host(netloc, scheme)
    browser = SignInPages(sign_in=sign_in, pages=pages, pool=pool, origin=f"{scheme}://{host}")

    async def on_http_error(_: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return pages.problem(error.status_code, headers=error.headers)

    async def front(_: Request) -> Response:
        return pages.front()

    async def style(_: Request) -> Response:
        return asset("style.css", "text/css")

    async def icon(_: Request) -> Response:
        return asset("icon.svg", "image/svg+xml")

    app = Starlette(
        routes=[
            *browser.routes(),
            *health.routes(ready=ready, pool=pool),
            Route("/", front),
            Route("/style.css", style),
            Route("/icon.svg", icon),
            *([Route("/slack/events", slack_events)] if slack_events is not None else []),
        ],
        middleware=[Middleware(Gate, pages=pages, scheme=scheme, host=host)],
        exception_handlers={HTTPException: on_http_error},
    )
    # A slash too many is an unknown address: no redirect is ever made of what a stranger wrote.
    app.router.redirect_slashes = False
    return app


class Gate:
    """Stands before every route: which requests come in, what each answer carries, and what a bug shows."""

    def __init__(self, app: ASGIApp, *, pages: Pages, scheme: str, host: str) -> None:
        self._app = app
        self._pages = pages
        self._scheme = scheme
        self._host = host
        self._headers = HEADERS | (HSTS if scheme == "https" else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await self._pages.problem(refusal)(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            reference = secrets.token_hex(4)
            # The path alone: a query can hold a code or a state.
            _log.exception("Page failed, reference %s: %s %.100r", reference, scope["method"], scope["path"])
            if started:
                raise
            await self._pages.error(reference)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> HTTPStatus | None:
        """A request for another host was rebound or misrouted; health is asked by address, not by name."""
        hosts = Headers(scope=scope).getlist("host")
        is_ours = len(hosts) == 1 and _host(hosts[0], self._scheme) == self._host
        if not is_ours and scope["path"] not in health.PATHS:
            return HTTPStatus.MISDIRECTED_REQUEST
        if len(scope["query_string"]) > QUERY_BYTES:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        return None


def _host(netloc: str, scheme: str) -> str:
    """Host and port as a browser writes them: lower case, without the scheme's own port."""
    return netloc.lower().removesuffix(f":{DEFAULT_PORTS[scheme]}")


class Server(uvicorn.Server):
    """Runs inside a loop that is not its own: `await serve()`, and `should_exit = True` ends it.

    `serve` raises OSError where it cannot listen.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process has one owner of SIGTERM, and it is not this server: uvicorn would replace its handler.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit as error:
            # Inside a task this would tear down the whole loop past every handler of ours.
            raise OSError(f"cannot listen on {self.config.host}:{self.config.port}") from error


def serve(app: Starlette, host: str, port: int) -> Server:
    """The server, not yet started. No access log: it would hold the codes and states of callbacks."""
    # access_log=False only takes the handlers away, and who gives the logger one later would hear it all.
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return Server(config)
