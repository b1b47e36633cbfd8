"""The Slack app as Slack is told of it: the least that Relatch needs. It asks for no history of any conversation."""

from __future__ import annotations

import re
from typing import Any

from bot.model import Names

COMMAND = "/creds"
EVENTS_PATH = "/slack/events"
BOT_SCOPES = ("commands", "chat:write", "users:read", "users:read.email", "usergroups:read")
USER_SCOPES = ("openid", "profile", "email")


def manifest(public_url: str, names: Names, *, http: bool = False) -> dict[str, Any]:
    """For Socket Mode, or with the one request URL of `http`. Limits: docs.slack.dev/reference/app-manifest."""
    events = f"{public_url}{EVENTS_PATH}"
    requests = {"request_url": events} if http else {}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": names.product[:35],
            "description": "Check, refresh, change or revoke the sign-ins of your mailbox and CRM",
            "background_color": "#1d3557",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                # Read-only would take away the composer, and the command with it.
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": _handle(names.product), "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "Check, refresh, change or revoke the sign-ins that sync needs",
                    "usage_hint": "check | refresh | change | revoke | sync now | why | help",
                    "should_escape": True,
                    **({"url": events} if http else {}),
                }
            ],
        },
        "oauth_config": {
            "redirect_urls": [f"{public_url}/callback/slack"],
            "scopes": {"bot": list(BOT_SCOPES), "user": list(USER_SCOPES)},
        },
        "settings": {
            "event_subscriptions": {"bot_events": ["app_home_opened"], **requests},
            "interactivity": {"is_enabled": True, **requests},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not http,
            "token_rotation_enabled": False,
        },
    }


def _handle(name: str) -> str:
    """Slack takes a-z, 0-9, `-`, `_` and `.` here, 80 at most."""
    return re.sub(r"[^a-z0-9_.-]+", "-", name.casefold()).strip("-")[:80] or "relatch"
