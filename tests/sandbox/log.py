"""What a vendor's server was asked and how it answered, without secrets. It knows no vendor."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

# A handler sets it on its request when the answer never reached the other side.
LOST = web.RequestKey("lost", bool)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECRET_FIELDS = {
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "password",
    "refresh_token",
    "token",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request and how it was answered; `status` 0 means that the answer was lost on the way."""

    method: str
    path: str
    form: dict[str, str]
    query: dict[str, str]
    status: int
    at: datetime


class Log:
    """Every request to the applications that have `record` among their middlewares."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._seen: list[Seen] = []

    def all(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    @web.middleware
    async def record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            await self._note(request, error.status)
            raise
        await self._note(request, 0 if request.get(LOST) else response.status)
        return response

    async def _note(self, request: web.Request, status: int) -> None:
        form: dict[str, Any] = dict(await request.post()) if request.method == "POST" else {}
        seen = Seen(
            method=request.method,
            path=request.path,
            form={name: str(value) for name, value in form.items() if name not in SECRET_FIELDS},
            query={name: value for name, value in request.query.items() if name not in SECRET_FIELDS},
            status=status,
            at=self._now(),
        )
        with self._lock:
            self._seen.append(seen)
