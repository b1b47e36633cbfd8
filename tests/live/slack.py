"""What Slack itself says: who we are, and whether it takes everything that we ever show. Nobody is sent anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Names
from handlers.slack.blocks import Renderer
from handlers.slack.calls import UNANSWERED
from handlers.slack.connect import NotConnected, connected
from tests.handlers.slack.golden import Golden, Surface, golden
from tests.live.asked import SLACK, LiveSettings
from tests.live.document import Seen

TRIES = 5
# docs.slack.dev says of blocks.validate that "special rate limits apply", without a figure.
USUAL_PAUSE = 10.0
SHOWN = 3
WHO = "auth.test names team, user and bot of the token"
TAKEN = "blocks.validate takes every golden message, modal and Home tab"

Progress = Callable[[str], None]


def look(settings: LiveSettings, say: Progress) -> list[Seen]:
    return asyncio.run(_look(settings, say))


async def _look(settings: LiveSettings, say: Progress) -> list[Seen]:
    names = Names(product=settings.product, company=settings.company, engine=settings.engine)
    try:
        async with connected(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            ca_bundle=settings.ca_bundle,
            proxy=settings.https_proxy,
        ) as slack:
            me = await slack.client.auth_test()
            missing = [name for name in ("team_id", "user_id", "bot_id") if not me.get(name)]
            who = Seen(SLACK, WHO, f"no: without {', '.join(missing)}" if missing else "yes")
            return [who, await _taken(slack.client, golden(Renderer(names)), say)]
    except NotConnected as error:
        return [Seen(SLACK, WHO, f"no: {error}")]


async def _taken(client: AsyncWebClient, every: list[Golden], say: Progress) -> Seen:
    refused: list[str] = []
    for number, each in enumerate(every, start=1):
        say(f"{number} of {len(every)}")
        try:
            await _validate(client, each)
        except SlackApiError as error:
            refused.append(f"{each.name}: {_code(error)}")
        except UNANSWERED as error:
            refused.append(f"{each.name}: {type(error).__name__}")
    if not refused:
        return Seen(SLACK, TAKEN, f"yes, {len(every)} of {len(every)}")
    return Seen(SLACK, TAKEN, f"no, {len(every) - len(refused)} of {len(every)}: {'; '.join(refused[:SHOWN])}")


async def _validate(client: AsyncWebClient, each: Golden) -> None:
    given = "message" if each.surface is Surface.MESSAGE else "view"
    for left in reversed(range(TRIES)):
        try:
            await client.api_call("blocks.validate", json={given: json.dumps(each.payload)})
        except SlackApiError as error:
            response: Any = error.response
            if response.status_code != 429 or not left:
                raise
            await asyncio.sleep(float(response.headers.get("Retry-After", USUAL_PAUSE)))
        else:
            return


def _code(error: SlackApiError) -> str:
    """Slack's code with what is wrong where, and never its whole answer."""
    response: Any = error.response
    wrong = [f"{each.get('pointer')} {each.get('message')}" for each in response.data.get("errors", ())]
    return " ".join([str(response.data.get("error")), *wrong[:SHOWN]])
