"""Posting, editing and deleting messages, and the answers to a response_url. No HTTP, no tokens."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from tests.sandbox.slack.blocks import check_message_blocks, completed, texts_of
from tests.sandbox.slack.errors import ApiError
from tests.sandbox.slack.mrkdwn import links
from tests.sandbox.slack.state import (
    APP,
    BOT,
    BOT_USER,
    RESPONSE_URL_LIFE,
    RESPONSE_URL_USES,
    Json,
    Post,
    ResponseUrl,
    State,
)

# docs.slack.dev/reference/methods/chat.postMessage cuts at 40,000; chat.update refuses above 4,000.
TEXT_CUT = 40_000
TEXT_IN_UPDATE = 4_000


class Messages:
    """`unfurl` is told the links of each new message that the app wants unfurled."""

    def __init__(self, state: State, *, unfurl: Callable[[list[str]], None]) -> None:
        self._state = state
        self._unfurl = unfurl

    def post(
        self,
        channel: str,
        *,
        text: str,
        blocks: list[Json],
        author: str = BOT_USER,
        viewer: str = "",
        unfurl: bool = True,
    ) -> Post:
        """A new message, lasting or for one `viewer`. Blocks must have been taken by `taken_blocks`."""
        state = self._state
        post = Post(state.new_ts(), channel, author, text[:TEXT_CUT], completed(blocks), viewer)
        with state.lock:
            state.put(post)
            state.changed("ephemeral" if viewer else "message", state.viewers(post), post=post)
        if unfurl and author == BOT_USER:
            self._unfurl([link for some in (text, *texts_of(blocks)) for link in links(some)])
        return post

    def edit(self, post: Post, *, text: str | None, blocks: list[Json] | None) -> None:
        """None leaves it as it was."""
        state = self._state
        with state.lock:
            if text is not None:
                post.text = text
            if blocks is not None:
                post.blocks = completed(blocks)
            post.edits += 1
            post.edited_ts = state.new_ts()
            state.changed("ephemeral_edit" if post.viewer else "edit", state.viewers(post), post=post)

    def delete(self, post: Post) -> None:
        state = self._state
        with state.lock:
            del state.posts[post.channel][post.ts]
            state.changed("delete", state.viewers(post), channel=post.channel, ts=post.ts)

    def as_json(self, post: Post) -> Json:
        """The message object that apps get."""
        said: Json = {
            "type": "message",
            "user": post.author,
            "ts": post.ts,
            "text": post.text,
            "team": self._state.home_team.id,
        }
        if post.author == BOT_USER:
            said |= {"bot_id": BOT, "app_id": APP, "bot_profile": self._bot_profile()}
        if post.blocks:
            said["blocks"] = post.blocks
        if post.edited_ts:
            said["edited"] = {"user": post.author, "ts": post.edited_ts}
        return said

    def _bot_profile(self) -> Json:
        team = self._state.home_team.id
        return {"id": BOT, "app_id": APP, "name": self._state.app_name, "team_id": team, "deleted": False}

    # response_url

    def new_response_url(self, user: str, channel: str, origin: Post | None = None) -> str:
        """The last part of the address."""
        token = secrets.token_urlsafe(18)
        place = (origin.channel, origin.ts) if origin else None
        with self._state.lock:
            self._state.response_urls[token] = ResponseUrl(user, channel, time.monotonic(), place)
        return token

    def respond(self, token: str, body: Json) -> None:
        """Raises ApiError used_url after five uses, expired_url after 30 minutes, invalid_blocks, no_text."""
        with self._state.lock:
            url = self._state.response_urls.get(token)
            if url is None or time.monotonic() - url.born > RESPONSE_URL_LIFE:
                raise ApiError("expired_url")
            if url.uses >= RESPONSE_URL_USES:
                raise ApiError("used_url")
            self.answer(url, body)
            url.uses += 1

    def answer(self, url: ResponseUrl, body: Json) -> None:
        """What an acknowledgement with words does, too: it costs no use."""
        origin = self._state.post(*url.origin) if url.origin else None
        if body.get("delete_original"):
            if origin:
                self.delete(origin)
            return
        text = str(body.get("text") or "")
        blocks = taken_blocks(body)
        if not text and not blocks:
            raise ApiError("no_text")
        if body.get("replace_original") and origin:
            self.edit(origin, text=text, blocks=blocks)
            return
        viewer = "" if body.get("response_type") == "in_channel" else url.user
        unfurl = body.get("unfurl_links") is not False
        post = self.post(url.channel, text=text, blocks=blocks, viewer=viewer, unfurl=unfurl)
        if url.origin is None:
            url.origin = (post.channel, post.ts)


def taken_blocks(arguments: Json) -> list[Json]:
    """The blocks of a call; none is an empty list. Raises ApiError as chat.postMessage does."""
    blocks = structure(arguments.get("blocks"), otherwise="invalid_blocks_format")
    if not blocks:
        return []
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    if problems := check_message_blocks(blocks):
        lines = [problem.line for problem in problems]
        raise ApiError(
            "invalid_blocks",
            errors=lines,
            response_metadata={"messages": [f"[ERROR] {line}" for line in lines]},
        )
    return blocks


def structure(value: object, *, otherwise: str) -> Any:
    """JSON from a form field, or the value as it came in a JSON body. Raises ApiError(otherwise)."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError as error:
        raise ApiError(otherwise) from error
