"""Who is who in the workspace, for the core: the Directory port."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic

from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Profile
from handlers.slack.calls import call

ADMINS_LIVE_SECONDS = 60.0


class SlackDirectory:
    """`admin_ids` are admins without asking Slack; `admin_group` is a user group's id, empty where there is none."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        client: AsyncWebClient,
        admin_group: str,
        admin_ids: frozenset[str],
    ) -> None:
        self._loop = loop
        self._client = client
        self._admin_group = admin_group
        self._admin_ids = admin_ids
        self._lock = threading.Lock()
        self._members: tuple[float, frozenset[str]] | None = None

    def profile(self, user_id: str) -> Profile:
        user = call(self._loop, self._client.users_info(user=user_id))["user"]
        profile = user.get("profile", {})
        return Profile(
            team_id=user["team_id"],
            user_id=user["id"],
            name=user.get("real_name") or profile.get("real_name") or user.get("name", ""),
            email=profile.get("email", ""),
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
            if self._members is None or monotonic() - self._members[0] > ADMINS_LIVE_SECONDS:
                answer = call(self._loop, self._client.usergroups_users_list(usergroup=self._admin_group))
                self._members = (monotonic(), frozenset(answer["users"]))
            return self._members[1]
