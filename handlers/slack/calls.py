"""Calling Slack from the blocking core: the coroutine goes to the loop, what goes wrong becomes a MessengerError."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.model import MessageGone, MessengerError, SlackAway, Undeliverable

T = TypeVar("T")

SECONDS = 10.0
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
UNDELIVERABLE = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "not_in_channel",
        "user_disabled",
        "user_is_bot",
        "user_not_found",
        "user_not_visible",
    }
)
# What may pass by itself, or once the operator has mended the app's token or scopes: no address is to blame.
PASSING = frozenset(
    {
        "access_denied",
        "account_inactive",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "missing_scope",
        "not_authed",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
    }
)
# A proxy's page where Slack's JSON should be ends as AttributeError or ValueError inside the SDK.
UNANSWERED = (aiohttp.ClientError, OSError, TimeoutError, AttributeError, ValueError)


def call(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """For threads other than the loop's. Blocks for 10 seconds at most. Raises MessengerError."""
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result(SECONDS)
    except SlackApiError as error:
        # Without the cause: the SDK's text repeats the whole answer, which may hold a token.
        raise translated(error) from None
    except UNANSWERED as error:
        future.cancel()
        raise SlackAway(type(error).__name__) from None


def translated(error: SlackApiError) -> MessengerError:
    """MessengerError itself for what is neither the address's fault nor Slack's: a bug of ours, such as bad blocks."""
    response: Any = error.response
    # Where the answer was no JSON, the SDK hands on a text, or aiohttp's response instead of its own.
    data = getattr(response, "data", None)
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if not code or code in PASSING or status == 429 or status >= 500:
        return SlackAway(code or f"http {status}", retry_after=_seconds(response.headers.get("Retry-After", "")))
    if code in GONE:
        return MessageGone(code)
    return Undeliverable(code) if code in UNDELIVERABLE else MessengerError(code)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
