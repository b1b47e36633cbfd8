"""What doctor finds at Slack, through the very client that the bot uses. It posts nothing that a person could see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Finding, Level
from handlers.slack.calls import UNANSWERED, translated
from handlers.slack.connect import NotConnected, connected
from handlers.slack.manifest import BOT_SCOPES

SLACK, SCOPES, ADMINS, CHANNEL, SIGN_IN, CLOCK = "Slack", "scopes", "admins", "admin channel", "Slack sign-in", "clock"
# Slack refuses a signature beyond five minutes, and tokens are dated too: this is early enough to hear of it.
SKEW = timedelta(seconds=30)
FOR_GROUPS = "usergroups:read"
INSTALL = "Paste what `relatch manifest` prints into the app at api.slack.com/apps, and install it again."
BASICS = "Compare RELATCH_SLACK_CLIENT_ID and RELATCH_SLACK_CLIENT_SECRET with the app's Basic Information."


@dataclass(frozen=True, slots=True)
class App:
    """What the settings say of our app at Slack. `app_token` is empty in HTTP mode."""

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    base_url: str
    ca_bundle: Path | None
    proxy: str = field(repr=False)
    admin_group: str
    admin_ids: frozenset[str]
    admin_channel: str


async def examine(app: App, *, real: datetime) -> list[Finding]:
    """`real` is our own clock, just now."""
    try:
        async with connected(
            token=app.bot_token, base_url=app.base_url, ca_bundle=app.ca_bundle, proxy=app.proxy
        ) as slack:
            # Slack counts messages to a channel by the second; it says how long to wait, and a look has the time.
            slack.client.retry_handlers.append(AsyncRateLimitErrorRetryHandler())
            me = await slack.client.auth_test()
            found = [Finding(Level.OK, SLACK, f"Signed in to {me['team']} ({me['team_id']}) as {me['user']}.")]
            found += [
                clock(me.headers.get("Date", ""), real),
                *scopes(me.headers.get("X-OAuth-Scopes", ""), by_group=bool(app.admin_group)),
            ]
            parts = (_intake, _sign_in, _group, _ids)
            for part in await asyncio.gather(*(each(slack.client, app) for each in parts)):
                found += part
            return found + await _channel(slack.client, app, bot=me["user_id"])
    except NotConnected as error:
        mend = "Correct the token, or let this machine reach Slack: RELATCH_HTTPS_PROXY, RELATCH_CA_BUNDLE."
        return [Finding(Level.FAIL, SLACK, str(error), mend)]
    except (SlackApiError, *UNANSWERED) as error:
        return [Finding(Level.FAIL, SLACK, f"Slack stopped answering: {type(error).__name__}.", "Ask again later.")]


def clock(date: str, real: datetime) -> Finding:
    """`date` is the header of Slack's answer."""
    try:
        off = real - parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return Finding(Level.WARN, CLOCK, "Slack's answer had no readable date.", "Compare the clock by hand.")
    seconds = round(abs(off).total_seconds())
    if abs(off) <= SKEW:
        return Finding(Level.OK, CLOCK, f"Within {seconds} s of Slack's.")
    words = f"{seconds} s {'ahead of' if off > timedelta() else 'behind'} Slack's."
    return Finding(Level.WARN, CLOCK, words, "Set the clock by NTP: beyond 300 s Slack's requests are refused.")


def scopes(granted: str, *, by_group: bool) -> Iterator[Finding]:
    """Against those of our own manifest, each by its name. Who lists admins by id may take out that of groups."""
    have = {scope.strip() for scope in granted.split(",") if scope.strip()}
    needed = set(BOT_SCOPES) if by_group else set(BOT_SCOPES) - {FOR_GROUPS}
    for missing in sorted(needed - have):
        yield Finding(Level.FAIL, SCOPES, f"{missing} is missing.", INSTALL)
    for more in sorted(have - set(BOT_SCOPES)):
        words = f"{more} was granted and is not needed."
        yield Finding(Level.WARN, SCOPES, words, f"Take {more} away from the app, and install it again.")
    if needed <= have <= set(BOT_SCOPES):
        yield Finding(Level.OK, SCOPES, f"Exactly what is needed: {', '.join(sorted(have))}.")


async def _intake(client: AsyncWebClient, app: App) -> list[Finding]:
    if not app.app_token:
        return [Finding(Level.OK, SLACK, "HTTP mode: Slack calls us, which only Slack can try.")]
    code = await _refusal(client.apps_connections_open(app_token=app.app_token))
    if not code:
        return [Finding(Level.OK, SLACK, "Socket Mode: the app-level token is good.")]
    mend = "Make an app-level token with connections:write and set RELATCH_SLACK_APP_TOKEN; switch Socket Mode on."
    return [Finding(Level.FAIL, SLACK, f"Slack refuses RELATCH_SLACK_APP_TOKEN: {code}.", mend)]


async def _sign_in(client: AsyncWebClient, app: App) -> list[Finding]:
    """Tries a code that nobody has: Slack looks at the client first, and refuses the code only where that is good."""
    code = await _refusal(
        client.openid_connect_token(
            client_id=app.client_id,
            client_secret=app.client_secret,
            code="relatch-doctor",
            redirect_uri=app.redirect_uri,
        )
    )
    if code != "invalid_code":
        return [Finding(Level.FAIL, SIGN_IN, f"Slack refuses our client: {code}.", BASICS)]
    words = f"Our client is known. It must know the redirect address {app.redirect_uri}, as the manifest has it."
    return [Finding(Level.OK, SIGN_IN, words)]


async def _group(client: AsyncWebClient, app: App) -> list[Finding]:
    if not app.admin_group:
        if app.admin_ids:
            return []
        mend = "Set RELATCH_ADMIN_GROUP or RELATCH_ADMIN_IDS: until then nobody can help others."
        return [Finding(Level.WARN, ADMINS, "Nobody is an admin.", mend)]
    answer, code = await _asked(client.usergroups_users_list(usergroup=app.admin_group))
    if code:
        mend = "Correct RELATCH_ADMIN_GROUP: the id of a user group begins with S."
        return [Finding(Level.FAIL, ADMINS, f"The user group {app.admin_group} cannot be read: {code}.", mend)]
    number = len(answer.get("users") or ())
    if not number:
        mend = "Put people into it: until then nobody can help others."
        return [Finding(Level.WARN, ADMINS, f"The user group {app.admin_group} is empty.", mend)]
    return [Finding(Level.OK, ADMINS, f"{number} in the user group {app.admin_group}.")]


async def _ids(client: AsyncWebClient, app: App) -> list[Finding]:
    found = []
    for user_id in sorted(app.admin_ids):
        answer, code = await _asked(client.users_info(user=user_id))
        if code or (answer.get("user") or {}).get("deleted"):
            words = f"{user_id} is not there: {code or 'deactivated'}."
            found.append(Finding(Level.FAIL, ADMINS, words, f"Take {user_id} out of RELATCH_ADMIN_IDS."))
        else:
            found.append(Finding(Level.OK, ADMINS, f"{answer['user'].get('name', user_id)} ({user_id}) by id."))
    return found


async def _channel(client: AsyncWebClient, app: App, *, bot: str) -> list[Finding]:
    """A message that only the bot itself could see shows that it may write there."""
    if not app.admin_channel:
        mend = "Set RELATCH_ADMIN_CHANNEL, and invite the bot there."
        return [Finding(Level.WARN, CHANNEL, "None: nobody hears of outages, approvals and held messages.", mend)]
    code = await _refusal(client.chat_postEphemeral(channel=app.admin_channel, user=bot, text="A look by doctor."))
    if not code:
        return [Finding(Level.OK, CHANNEL, f"{app.admin_channel}: the bot may write there.")]
    mend = "Invite the bot to it, or correct RELATCH_ADMIN_CHANNEL: the id of a channel begins with C."
    return [Finding(Level.FAIL, CHANNEL, f"The bot may not write to {app.admin_channel}: {code}.", mend)]


async def _refusal(work: Awaitable[Any]) -> str:
    _, code = await _asked(work)
    return code


async def _asked(work: Awaitable[Any]) -> tuple[Mapping[str, Any], str]:
    """The answer, and Slack's code or the name of what went wrong on the way; the code is empty where it said yes."""
    try:
        answer = await work
    except SlackApiError as error:
        return {}, translated(error).code
    except UNANSWERED as error:
        return {}, type(error).__name__
    return answer.data, ""
