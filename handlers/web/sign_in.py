"""A browser turned into calls of the desk's sign-in, its replies into pages. It keeps cookies and no rule."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from hmac import compare_digest
from http import HTTPStatus
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.model import Reply, WebSession
from handlers.web.pages import Pages

SESSION = "__Host-relatch"
SESSION_LIFE = timedelta(hours=12)
UNDER_WAY = "__Host-relatch-in"
UNDER_WAY_LIFE = timedelta(minutes=10)

INVITATION = re.compile(r"[A-Za-z0-9_-]{1,128}")
TOKEN = re.compile(r"[A-Za-z0-9_.~-]{1,256}")
SLUG = re.compile(r"[a-z]{1,32}")
CODE = re.compile(r"[a-z_]{1,40}")
FLOW = re.compile(r"[0-9]{1,18}")

BODY_BYTES = 4096
BODY_SECONDS = 10
OFFERS_SLACK = {"welcome", "connect", "form", "not_yours", "not_proven"}

T = TypeVar("T")


class SignIn(Protocol):
    """What the desk does for a browser. Every method blocks."""

    def slack_url(self, *, state: str, nonce: str) -> str: ...

    def arrive(self, *, code: str, nonce: str) -> tuple[str, Reply | None]:
        """The session's token for the cookie, or a reply where Slack proved nobody whom we serve."""

    def session(self, token: str) -> WebSession | None: ...

    def visit(self, invitation_id: str, session: WebSession | None) -> Reply:
        """Without a session it makes nothing."""

    def callback(self, slug: str, query: Mapping[str, str], session: WebSession | None) -> Reply: ...

    def approval_answered(self, slug: str, query: Mapping[str, str]) -> Reply:
        """An administrator comes back from the vendor's page that approves us; nobody here knows who it is."""

    def fill(self, slug: str, filled: Mapping[str, str], session: WebSession) -> Reply:
        """`filled` holds the form's fields and its state."""

    def confirm(self, flow_id: int, session: WebSession, *, yes: bool) -> Reply: ...


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One Sign in with Slack that this browser began: the whole of it is in the browser's cookie."""

    invitation: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @classmethod
    def of(cls, request: Request) -> UnderWay | None:
        state, nonce, invitation = [*request.cookies.get(UNDER_WAY, "").split("."), "", "", ""][:3]
        if not (state and nonce and INVITATION.fullmatch(invitation)):
            return None
        return cls(invitation=invitation, state=state, nonce=nonce)

    def written(self) -> str:
        return f"{self.state}.{self.nonce}.{self.invitation}"


class SignInPages:
    """The handlers of /connect, /callback, /fill and /confirm."""

    def __init__(self, *, sign_in: SignIn, pages: Pages, pool: ThreadPoolExecutor, origin: str) -> None:
        self._sign_in = sign_in
        self._pages = pages
        self._pool = pool
        self._origin = origin

    def routes(self) -> list[Route]:
        routes = [
            Route("/connect/{id}", self.connect, methods=["GET"]),
            Route("/callback/slack", self.slack_callback, methods=["GET"]),
            Route("/callback/{slug}", self.callback, methods=["GET"]),
            Route("/fill/{slug}", self.fill, methods=["POST"]),
            Route("/confirm", self.confirm, methods=["POST"]),
        ]
        for route in routes:
            # Starlette adds HEAD to every GET. Crawlers and mail scanners send it, and it must do nothing.
            route.methods = (route.methods or set()) - {"HEAD"}
        return routes

    async def connect(self, request: Request) -> Response:
        invitation = request.path_params["id"]
        if not INVITATION.fullmatch(invitation):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        session = await self._session(request)
        reply = await self._run(lambda: self._sign_in.visit(invitation, session))
        # The same sign-in goes on where the address is opened twice: the older tab works as well.
        known = UnderWay.of(request)
        under_way = known if known and known.invitation == invitation else UnderWay(invitation)
        return await self._page(reply, under_way)

    async def slack_callback(self, request: Request) -> Response:
        query = _once(request)
        under_way = UnderWay.of(request)
        if under_way is None or not _same(under_way.state, query.get("state", "")):
            # Not begun in this browser, or over: the cookie, if any, belongs to another sign-in and stays.
            return self._pages.reply(Reply("not_proven", {"code": ""}))
        again = UnderWay(under_way.invitation)
        if "error" in query or not query.get("code"):
            code = query.get("error", "")
            known = code if CODE.fullmatch(code) else "unknown"
            return await self._page(Reply("not_proven", {"code": known}), again)
        token, reply = await self._run(lambda: self._sign_in.arrive(code=query["code"], nonce=under_way.nonce))
        if reply is not None:
            return await self._page(reply, again)
        response = RedirectResponse(f"/connect/{under_way.invitation}", status_code=HTTPStatus.SEE_OTHER)
        _keep(response, SESSION, token, SESSION_LIFE)
        response.delete_cookie(UNDER_WAY, path="/", secure=True, httponly=True, samesite="lax")
        return response

    async def callback(self, request: Request) -> Response:
        slug, query = request.path_params["slug"], _once(request)
        if not SLUG.fullmatch(slug):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if "admin_consent" in query:
            return self._pages.reply(await self._run(lambda: self._sign_in.approval_answered(slug, query)))
        session = await self._session(request)
        return self._pages.reply(await self._run(lambda: self._sign_in.callback(slug, query, session)))

    async def fill(self, request: Request) -> Response:
        """A form that was refused is shown once more, by the same answer."""
        slug = request.path_params["slug"]
        if not SLUG.fullmatch(slug):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        form, session = await self._own_form(request)
        if session is None:
            return self._pages.reply(_over())
        filled = {name: value for name, value in form.items() if name != "csrf"}
        reply = await self._run(lambda: self._sign_in.fill(slug, filled, session))
        return self._pages.reply(reply, status=HTTPStatus.OK)

    async def confirm(self, request: Request) -> Response:
        """The answer is always a page: the policy on forms forbids to be redirected from one."""
        form, session = await self._own_form(request)
        if session is None:
            return self._pages.reply(_over())
        flow, answer = form.get("flow_id", ""), form.get("answer")
        if not FLOW.fullmatch(flow) or answer not in {"yes", "no"}:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        reply = await self._run(lambda: self._sign_in.confirm(int(flow), session, yes=answer == "yes"))
        return self._pages.reply(reply, status=HTTPStatus.OK)

    async def _own_form(self, request: Request) -> tuple[dict[str, str], WebSession | None]:
        """A form of ours, and who sent it; None where their session is over. Raises HTTPException for any other."""
        self._demand_own_form(request)
        form = await _form(request)
        session = await self._session(request)
        if session is not None and not _same(session.csrf, form.get("csrf", "")):
            raise HTTPException(HTTPStatus.FORBIDDEN)
        return form, session

    def _demand_own_form(self, request: Request) -> None:
        # Under no-referrer a browser says "Origin: null" even to the form's own server, so null proves
        # nothing either way. The token in the form is what decides; these two only refuse earlier.
        is_near = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        if not is_near or request.headers.get("origin", "null") not in {"null", self._origin}:
            raise HTTPException(HTTPStatus.FORBIDDEN)

    async def _session(self, request: Request) -> WebSession | None:
        token = request.cookies.get(SESSION, "")
        return await self._run(lambda: self._sign_in.session(token)) if TOKEN.fullmatch(token) else None

    async def _page(self, reply: Reply, under_way: UnderWay) -> Response:
        if reply.template not in OFFERS_SLACK:
            return self._pages.reply(reply)
        state, nonce = under_way.state, under_way.nonce
        url = await self._run(lambda: self._sign_in.slack_url(state=state, nonce=nonce))
        response = self._pages.reply(reply, slack_url=url)
        _keep(response, UNDER_WAY, under_way.written(), UNDER_WAY_LIFE)
        return response

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _keep(response: Response, name: str, value: str, life: timedelta) -> None:
    seconds = int(life.total_seconds())
    response.set_cookie(name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _over() -> Reply:
    nobody = {"why": "expired", "expected": "", "got": "", "label": "", "cause": None, "door": None}
    return Reply("refused", nobody)


def _same(ours: str, theirs: str) -> bool:
    # Bytes, because compare_digest raises on text that is not ASCII. Empty is never the same.
    return bool(ours) and compare_digest(ours.encode(), theirs.encode())


def _once(request: Request) -> dict[str, str]:
    """The query. A name that comes twice is refused: OAuth forbids it, and two readers would differ."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) != len(pairs):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return dict(pairs)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises HTTPException on one that is too long, too slow or no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except TimeoutError as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from error
    except (ClientDisconnect, UnicodeDecodeError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error
