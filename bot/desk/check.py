"""`/creds check`: does it work right now? Live, all sides at once; a stale access token is renewed first."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.desk.looking import look
from bot.model import Reply, Seen


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    yield from look(tools, asked, template="check", force=False, good=Seen.WORKS)
