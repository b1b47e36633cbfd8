"""The Home tab was opened: from now on it is a notice that is kept true."""

from __future__ import annotations

from collections.abc import Iterator

from bot.desk.asked import Asked, Tools
from bot.model import NoticeKind, Reply, SlackAway


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    """Yields nothing: the runner publishes the tab."""
    try:
        admin = tools.directory.is_admin(asked.actor.user_id)
    except SlackAway:
        admin = False
    with tools.store.write() as tx:
        tx.notices.open(
            kind=NoticeKind.HOME,
            key=f"home:{asked.actor.id}",
            to=asked.actor.user_id,
            person_id=asked.actor.id,
            facts={"admin": admin},
            now=tools.clock.now(),
        )
    tools.ring()
    yield from ()
