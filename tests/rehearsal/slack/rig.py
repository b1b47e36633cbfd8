"""A served Slack with the cast, a real Bolt app for it, short names for blocks. It tests nothing itself."""

from __future__ import annotations

import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.clock import SandboxClock
from tests.sandbox.serving import Serving, own_tls
from tests.sandbox.slack import BOT_USER, Installed, SlackServer
from tests.sandbox.switches import Switches

Json = dict[str, Any]
Answer = Callable[..., Awaitable[None]]

CALLBACK = "http://bot.localhost:9/slack/callback"
MANIFEST: Json = {
    "display_information": {"name": "Relatch"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "bot_user": {"display_name": "relatch"},
        "slash_commands": [{"command": "/creds", "description": "Connections", "should_escape": True}],
    },
    "oauth_config": {
        "redirect_urls": [CALLBACK],
        "scopes": {
            "user": ["openid", "profile", "email"],
            "bot": [
                "commands",
                "chat:write",
                "users:read",
                "users:read.email",
                "usergroups:read",
                "im:write",
            ],
        },
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["app_home_opened"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}


class Bot:
    """A real Bolt app. `answers` by kind of payload; without one it acknowledges and no more."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.heard: list[Json] = []
        self.answers: dict[str, Answer] = {}

    def __enter__(self) -> Bot:
        before = self._rig.slack.connections
        self._session, self._handler = self._rig.serving.call(self._connect())
        self._rig.slack.wait(lambda: self._rig.slack.connections > before, what="the bot's connection")
        return self

    def __exit__(self, *_: object) -> None:
        self._rig.serving.call(self._close())

    async def _connect(self) -> tuple[aiohttp.ClientSession, AsyncSocketModeHandler]:
        rig = self._rig
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=rig.tls))
        client = AsyncWebClient(rig.app.bot_token, base_url=rig.api, ssl=rig.tls, session=session)
        app = AsyncApp(client=client, process_before_response=True)
        app.command("/creds")(self._listen)
        app.action(re.compile(".*"))(self._listen)
        app.view({"type": "view_submission", "callback_id": "form"})(self._listen)
        app.view({"type": "view_closed", "callback_id": "form"})(self._listen)
        app.event("app_home_opened")(self._listen)
        handler = AsyncSocketModeHandler(app, rig.app.app_token, web_client=client, ping_interval=1)
        await handler.connect_async()
        return session, handler

    async def _listen(self, ack: Any, body: Json, client: AsyncWebClient) -> None:
        self.heard.append(body)
        answer = self.answers.get(str(body.get("type") or "command"))
        await (answer(ack, body, client) if answer else ack())

    async def _close(self) -> None:
        await self._handler.close_async()
        await self._session.close()


class Rig:
    """A served Slack with the cast, and clients for it."""

    def __init__(self, directory: Path) -> None:
        self.clock = SandboxClock(directory / "clock")
        self.slack = SlackServer(self.clock)
        self.serving = Serving()
        self.serving.start()
        api = self.serving.serve(self.slack.api_app, tls=own_tls(directory / "ca.pem"))
        page = self.serving.serve(self.slack.page_app)
        self.slack.addresses(page=f"http://slack.localhost:{page}", api=f"https://localhost:{api}")
        self.slack.add_user("U0ADA", "ada", "Ada Admin", "ada@acme.example")
        self.slack.add_user("U0BOB", "bob", "Bob Builder", "bob@acme.example")
        self.slack.add_user("U0GRACE", "grace", "Grace Hopper", "grace@acme.example")
        self.slack.add_user(
            "U0MALLORY", "mallory", "Mallory", "mallory@evil.example", team="T_EVIL", is_stranger=True
        )
        self.slack.add_channel("C0GENERAL", "general", ["U0ADA", "U0BOB", "U0GRACE", "U0MALLORY"])
        self.slack.add_channel("C0ITADMIN", "it-admin", ["U0ADA", BOT_USER])
        self.slack.add_group("S0ITADMINS", "it-admins", ["U0ADA"])
        self.switches = Switches()
        self.slack.show(self.switches)
        self.app: Installed = self.slack.install(MANIFEST)
        self.tls = ssl.create_default_context(cafile=str(directory / "ca.pem"))
        self.ca = str(directory / "ca.pem")
        self.api = f"https://localhost:{api}/api/"
        # Debian's resolver does not know names under localhost, so the page is asked for by its address.
        self.page = f"http://127.0.0.1:{page}"
        self.client = self.client_with(self.app.bot_token)

    def client_with(self, token: str) -> WebClient:
        return WebClient(token, base_url=self.api, ssl=self.tls)

    def reinstall(self, **changes: Json) -> None:
        """With these sections of the manifest instead."""
        self.slack.install({**MANIFEST, **changes})


def refusal(call: Callable[..., Any], **arguments: Any) -> Json:
    """Slack's answer to a call that it refuses."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    answer: Json = refused.value.response.data
    return answer


def text(words: str) -> Json:
    return {"type": "mrkdwn", "text": words}


def plain(words: str) -> Json:
    return {"type": "plain_text", "text": words}


def section(words: str) -> Json:
    return {"type": "section", "text": text(words)}


def button(label: str, **more: Any) -> Json:
    return {"type": "button", "text": plain(label), "action_id": label.lower(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def field(action_id: str, **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": action_id}
    return {
        "type": "input",
        "block_id": f"{action_id}-block",
        "label": plain(action_id),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("Form"),
        "submit": plain("Send"),
        "blocks": [*blocks],
        **more,
    }


def respond(rig: Rig, url: str, **body: Any) -> requests.Response:
    return requests.post(url, json=body, verify=rig.ca, timeout=10)
