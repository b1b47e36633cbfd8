"""Slack's HTTP mode: signed requests to the manifest's address, three seconds, and second tries of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from tests.rehearsal.slack.rig import MANIFEST, Rig
from tests.sandbox.slack import ManifestRefused
from tests.sandbox.slack.delivery import ACK_SECONDS


@dataclass(slots=True)
class App:
    """Somebody's app: `status` and `body` are what it answers, after `seconds`."""

    status: int = 200
    body: str = ""
    seconds: float = 0.0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.seconds)
        return web.Response(status=self.status, text=self.body, content_type="application/json")


def called_at(url: str) -> dict[str, Any]:
    """The manifest of an app that is called."""
    [command] = MANIFEST["features"]["slash_commands"]
    return {
        **MANIFEST,
        "features": {**MANIFEST["features"], "slash_commands": [{**command, "url": url}]},
        "settings": {
            "event_subscriptions": {"bot_events": ["app_home_opened"], "request_url": url},
            "interactivity": {"is_enabled": True, "request_url": url},
            "socket_mode_enabled": False,
        },
    }


@pytest.fixture
def app(rig: Rig) -> Iterator[App]:
    made, server = App(), web.Application()
    server.router.add_post("/slack/events", made.answer)
    port = rig.serving.serve(server)
    rig.slack.install(called_at(f"http://bot.localhost:{port}/slack/events"))
    yield made
    rig.slack.install(MANIFEST)


def test_a_request_is_signed_as_slacks_own_library_wants_it(rig: Rig, app: App) -> None:
    verifier = SignatureVerifier(rig.app.signing_secret)
    assert rig.slack.command("U0BOB", "check @ada").ok
    assert rig.slack.open_home("U0BOB").ok
    (headers, command), (others, event) = app.heard
    assert verifier.is_valid_request(command, headers)
    assert verifier.is_valid_request(event, others)
    assert not verifier.is_valid_request(command, others)
    assert parse_qs(command.decode())["text"] == ["check <@U0ADA|ada>"]
    assert json.loads(event)["event"]["type"] == "app_home_opened"
    assert "X-Slack-Retry-Num" not in others


@pytest.mark.parametrize(
    ("status", "error"), [(404, "http_client_error"), (302, "http_client_error"), (500, "http_service_error")]
)
def test_another_answer_than_200_is_a_failure(rig: Rig, app: App, status: int, error: str) -> None:
    app.status = status
    assert rig.slack.command("U0BOB", "check").error == error


def test_who_answers_too_late_is_not_waited_for(rig: Rig, app: App) -> None:
    app.seconds = ACK_SECONDS + 0.5
    acked = rig.slack.command("U0BOB", "check")
    assert (acked.ok, acked.error) == (False, "operation_timeout")
    assert acked.seconds < ACK_SECONDS + 0.4


def test_an_event_that_failed_comes_three_times_more_and_says_why(rig: Rig, app: App) -> None:
    rig.slack.event_retries = (0.0, 0.01, 0.01)
    app.status = 503
    assert not rig.slack.open_home("U0BOB").ok
    rig.slack.wait(lambda: len(app.heard) == 4, what="the tries")
    tries = [(headers.get("X-Slack-Retry-Num"), headers.get("X-Slack-Retry-Reason")) for headers, _ in app.heard]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in app.heard}) == 1


def test_a_command_does_not_come_again(rig: Rig, app: App) -> None:
    app.status = 503
    assert not rig.slack.command("U0BOB", "check").ok
    app.status = 200
    assert rig.slack.command("U0BOB", "help").ok
    assert len(app.heard) == 2


@pytest.mark.parametrize("url", ["http://bot.example/slack/events", "ftp://bot.localhost/slack/events", ""])
def test_an_address_without_tls_is_taken_on_this_machine_only(rig: Rig, url: str) -> None:
    with pytest.raises(ManifestRefused):
        rig.slack.install(called_at(url))


def test_nobody_beyond_this_machine_is_called(rig: Rig, app: App) -> None:
    rig.slack.install(called_at("https://bot.example/slack/events"))
    assert rig.slack.command("U0BOB", "check").error == "dispatch_failed"
