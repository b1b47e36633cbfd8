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
# What may pass by itself; everything else that Slack answers to a message will be answered the same way again.
PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


def call(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """For threads other than the loop's. Blocks for 10 seconds at most. Raises MessengerError."""
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result(SECONDS)
    except SlackApiError as error:
        raise translated(error) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        future.cancel()
        raise SlackAway(type(error).__name__) from error


def translated(error: SlackApiError) -> MessengerError:
    response = error.response
    code = str(response.get("error", "")) or f"http {response.status_code}"
    if response.status_code == 429 or code in PASSING or response.status_code >= 500:
        return SlackAway(code, retry_after=_seconds(response.headers.get("Retry-After", "")))
    return MessageGone(code) if code in GONE else Undeliverable(code)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
