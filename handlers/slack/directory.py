"""Who is who in the workspace, for the core: the Directory port."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.model import MessengerError, Profile, SlackAway, Undeliverable
from handlers.slack.calls import call

ADMINS_LIVE_SECONDS = 60.0

log = logging.getLogger(__name__)


class SlackDirectory:
    """`admin_ids` are admins without asking Slack; `admin_group` is a user group's id, empty where there is none."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        client: AsyncWebClient,
        admin_group: str,
        admin_ids: frozenset[str],
        ticking: Callable[[], float] = monotonic,
    ) -> None:
        self._loop = loop
        self._client = client
        self._admin_group = admin_group
        self._admin_ids = admin_ids
        self._ticking = ticking
        self._lock = threading.Lock()
        self._members: tuple[float, frozenset[str]] | None = None

    def profile(self, user_id: str) -> Profile:
        """Somebody whom Slack does not show us is a stranger."""
        try:
            user = self._call(self._client.users_info(user=user_id))["user"]
        except Undeliverable:
            return Profile(team_id="", user_id=user_id, name="", email="", timezone="UTC", stranger=True)
        profile = user.get("profile") or {}
        return Profile(
            team_id=user["team_id"],
            user_id=user["id"],
            name=user.get("real_name") or profile.get("real_name") or user.get("name", ""),
            email=profile.get("email", ""),
            # Slack leaves the zone out for people who are gone.
            timezone=user.get("tz") or "UTC",
            stranger=bool(user.get("is_stranger")),
            guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
            bot=bool(user.get("is_bot")),
            deleted=bool(user.get("deleted")),
        )

    def is_admin(self, user_id: str) -> bool:
        if user_id in self._admin_ids:
            return True
        return bool(self._admin_group) and user_id in self._group()

    def _group(self) -> frozenset[str]:
        # One asks and the others wait for the same answer: the method is rate limited.
        with self._lock:
            asked_at = self._ticking()
            if self._members is None or asked_at - self._members[0] > ADMINS_LIVE_SECONDS:
                try:
                    answer = self._call(self._client.usergroups_users_list(usergroup=self._admin_group))
                except Undeliverable as error:
                    raise SlackAway(error.code) from error
                self._members = (asked_at, frozenset(answer["users"]))
            return self._members[1]

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Raises Undeliverable for whom Slack does not know, SlackAway for everything else that is no answer."""
        try:
            return call(self._loop, work)
        except (Undeliverable, SlackAway):
            raise
        except MessengerError as error:
            # A group that is gone, say: people are told to try later, and only the operator can mend it.
            log.warning("Slack's directory refuses", extra={"code": error.code})
            raise SlackAway(error.code) from error
