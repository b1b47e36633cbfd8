"""Replies turned into pages, and the pages that need no desk. It decides nothing and holds no words."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from starlette.responses import HTMLResponse, Response

from bot.model import Names, Reply
from handlers.jinja import Templates

# What a browser is told beside the words. A template that is not named here is an ordinary page.
STATUSES = {
    "not_yours": HTTPStatus.FORBIDDEN,
    "gone": HTTPStatus.NOT_FOUND,
    "refused": HTTPStatus.BAD_REQUEST,
    "not_proven": HTTPStatus.BAD_REQUEST,
    "error": HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Pages:
    """Every page in the one look, with the operator's names."""

    def __init__(self, *, names: Names, slack_app_url: str) -> None:
        self._templates = Templates()
        self._templates.globals.update(names=names, slack_app_url=slack_app_url)

    def reply(self, reply: Reply, *, status: int | None = None, slack_url: str = "") -> HTMLResponse:
        """`slack_url` is where the page's Sign in with Slack leads; empty where it offers none."""
        code = STATUSES.get(reply.template, HTTPStatus.OK) if status is None else status
        return self._page(reply.template, {**reply.context, "slack_url": slack_url}, code)

    def front(self) -> HTMLResponse:
        return self._page("front", {}, HTTPStatus.OK)

    def problem(self, status: int, *, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """What is wrong with the request itself: an unknown address, a form that is not ours."""
        return self._page("problem", {"status": status}, status, headers)

    def error(self, reference: str) -> HTMLResponse:
        """Our own fault. `reference` finds the traceback in the log."""
        return self._page("error", {"reference": reference}, STATUSES["error"])

    def _page(
        self, name: str, context: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        html = self._templates.get_template(f"web/{name}.j2").render(context)
        return HTMLResponse(html, status_code=status, headers=headers)


def asset(name: str, media_type: str) -> Response:
    """A file of the pages' look. It is a part of the package, so that it cannot be missing."""
    return Response((files("templates") / "web" / name).read_bytes(), media_type=media_type)
