"""What of a payload is read before anything else: who acts, and what tells a re-delivery. It looks nobody up."""

from __future__ import annotations

from typing import Any

from bot.model import Actor, Address

Body = dict[str, Any]


def actor(body: Body) -> Actor:
    """The user's own team, which for guests of shared channels is not the one that installed us."""
    user = body.get("user")
    if isinstance(user, dict):
        team = user.get("team_id") or (body.get("team") or {}).get("id", "")
        return Actor(team_id=str(team), user_id=str(user.get("id", "")))
    if "event" in body:
        return Actor(team_id=str(body.get("team_id", "")), user_id=str(body["event"].get("user", "")))
    return Actor(team_id=str(body.get("team_id", "")), user_id=str(body.get("user_id", "")))


def delivery(body: Body) -> str:
    """The same in every copy of one delivery, and in no other."""
    return str(body.get("event_id") or body.get("trigger_id") or "")


def stands_at(body: Body) -> Address | None:
    """Where the pressed message stands; None for a modal, the Home tab and what only one person sees."""
    container = body.get("container", {})
    if container.get("type") != "message" or container.get("is_ephemeral"):
        return None
    return Address(channel=str(container.get("channel_id", "")), ts=str(container.get("message_ts", "")))
