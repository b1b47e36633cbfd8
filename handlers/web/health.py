"""What a load balancer asks. It tells no names of people and no reasons: those are in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

PATHS = ("/healthz", "/readyz")


def routes(*, ready: Callable[[], Mapping[str, bool]], pool: ThreadPoolExecutor) -> list[Route]:
    async def healthz(_: Request) -> PlainTextResponse:
        """That the process lives: it asks nothing of the database or of Slack."""
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> JSONResponse:
        parts = dict(await asyncio.get_running_loop().run_in_executor(pool, ready))
        status = HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(parts, status_code=status)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
