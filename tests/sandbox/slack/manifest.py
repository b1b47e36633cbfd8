"""App manifests: what Slack takes, and what an installation gives. No server here.

Limits: @slack/web-api's manifest types and docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]

BOT_NAME = re.compile(r"[a-z0-9._-]+")
COMMAND = re.compile(r"/[a-z0-9_-]+")
COLOUR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
SECTIONS = {"_metadata", "display_information", "features", "oauth_config", "settings"}
# What each of these features needs among the bot's scopes.
EVENT_SCOPES = {
    "user_change": "users:read",
    "team_join": "users:read",
    "subteam_members_changed": "usergroups:read",
    "message.im": "im:history",
    "message.channels": "channels:history",
}


@dataclass(frozen=True, slots=True)
class Installed:
    """What the app's owner copies into its settings."""

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    app_id: str
    bot_user_id: str


def problems(manifest: Json) -> list[str]:
    """Everything for which Slack refuses this manifest, each as `path: what is wrong`."""
    found = [f"/{section}: is not a section of a manifest" for section in manifest.keys() - SECTIONS]
    found += _display(manifest.get("display_information", {}))
    features = manifest.get("features", {})
    socket_mode = bool(manifest.get("settings", {}).get("socket_mode_enabled"))
    bot_scopes = manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
    found += _bot_user(features, bot_scopes)
    found += _commands(features.get("slash_commands", []), bot_scopes, socket_mode=socket_mode)
    found += _oauth(manifest.get("oauth_config", {}))
    found += _settings(manifest.get("settings", {}), features, bot_scopes, socket_mode=socket_mode)
    return found


def _length(holder: Json, key: str, at: str, most: int, *, least: int = 0) -> Iterator[str]:
    value = holder.get(key, "")
    if not isinstance(value, str):
        yield f"{at}/{key}: must be a string"
    elif len(value) > most:
        yield f"{at}/{key}: must be at most {most} characters"
    elif value and len(value) < least:
        yield f"{at}/{key}: must be at least {least} characters"


def _display(information: Json) -> Iterator[str]:
    at = "/display_information"
    if not information.get("name"):
        yield f"{at}/name: is required"
    yield from _length(information, "name", at, 35)
    yield from _length(information, "description", at, 140)
    yield from _length(information, "long_description", at, 4000, least=174)
    if "background_color" in information and not COLOUR.fullmatch(information["background_color"]):
        yield f"{at}/background_color: must be a hex colour"


def _bot_user(features: Json, scopes: list[str]) -> Iterator[str]:
    bot = features.get("bot_user")
    if scopes and not bot:
        yield "/features/bot_user: is required where there are bot scopes"
    if bot:
        name = bot.get("display_name", "")
        if not BOT_NAME.fullmatch(name) or len(name) > 80:
            yield "/features/bot_user/display_name: must be 1 to 80 characters of a-z, 0-9, - _ and ."


def _commands(commands: list[Json], scopes: list[str], *, socket_mode: bool) -> Iterator[str]:
    at = "/features/slash_commands"
    if len(commands) > 50:
        yield f"{at}: no more than 50"
    if commands and "commands" not in scopes:
        yield "/oauth_config/scopes/bot: commands is required for slash commands"
    for number, command in enumerate(commands):
        where = f"{at}/{number}"
        name = command.get("command", "")
        if not COMMAND.fullmatch(name) or len(name) > 32:
            yield f"{where}/command: must be a slash and up to 31 of a-z, 0-9, - and _"
        if not command.get("description"):
            yield f"{where}/description: is required"
        yield from _length(command, "description", where, 2000)
        yield from _length(command, "usage_hint", where, 1000)
        yield from _request_url(command, "url", where, needed=not socket_mode)


def _oauth(oauth: Json) -> Iterator[str]:
    redirects = oauth.get("redirect_urls", [])
    if len(redirects) > 1000:
        yield "/oauth_config/redirect_urls: no more than 1000"
    for number, url in enumerate(redirects):
        if not _is_safe(url):
            yield f"/oauth_config/redirect_urls/{number}: must use https"
        if urlsplit(url).fragment:
            yield f"/oauth_config/redirect_urls/{number}: must not have a fragment"


def _settings(settings: Json, features: Json, scopes: list[str], *, socket_mode: bool) -> Iterator[str]:
    subscriptions = settings.get("event_subscriptions", {})
    events = subscriptions.get("bot_events", [])
    if len(events) > 100:
        yield "/settings/event_subscriptions/bot_events: no more than 100"
    for event in events:
        needed = EVENT_SCOPES.get(event)
        if needed and needed not in scopes:
            yield f"/settings/event_subscriptions/bot_events: {event} needs the bot scope {needed}"
    if "app_home_opened" in events and not features.get("app_home"):
        yield "/features/app_home: is required for app_home_opened"
    if len(settings.get("allowed_ip_address_ranges", [])) > 50:
        yield "/settings/allowed_ip_address_ranges: no more than 50"
    interactivity = settings.get("interactivity", {})
    for holder, at, used in (
        (subscriptions, "/settings/event_subscriptions", bool(events)),
        (interactivity, "/settings/interactivity", bool(interactivity.get("is_enabled"))),
    ):
        yield from _request_url(holder, "request_url", at, needed=used and not socket_mode)


def _request_url(holder: Json, key: str, at: str, *, needed: bool) -> Iterator[str]:
    url = holder.get(key, "")
    if url and not _is_safe(url):
        yield f"{at}/{key}: must use https"
    if needed and not url:
        yield f"{at}/{key}: is required without Socket Mode"


def _is_safe(url: str) -> bool:
    """By https; on this machine, as nowhere at Slack, by http too."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = host == "localhost" or host.endswith(".localhost") or host.startswith("127.")
    return parts.scheme == "https" or (parts.scheme == "http" and loopback)
