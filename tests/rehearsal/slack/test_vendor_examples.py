"""Answers and payloads that Slack publishes: ours reads each as what it is, and the sandbox's have the same shape.

The examples and their sources are in tests/examples/slack.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import pytest
import requests
from slack_sdk.errors import SlackApiError

from bot.model import Actor, Address, MessengerError, SlackAway, Word
from handlers.slack import guard
from handlers.slack.app import submitted
from handlers.slack.calls import translated
from handlers.slack.parse import pressed, typed
from tests.examples.reading import codes, differences, every, example, unsourced
from tests.rehearsal.slack.rig import Bot, Json, Rig, actions, button, field, modal, refusal
from tests.rehearsal.slack.test_modals import opened

WITHIN = 10.0


# What the sandbox says


def command(rig: Rig) -> Json:
    with Bot(rig) as bot:
        rig.slack.command("U0BOB", "check")
        return bot.heard[-1]


def block_actions(rig: Rig) -> Json:
    with Bot(rig) as bot:
        pressable = actions(button("Refresh", value="17", style="primary"))
        pressable["elements"][0]["text"]["emoji"] = True
        rig.client.chat_postMessage(channel="U0BOB", text="Words", blocks=[pressable])
        rig.slack.press("U0BOB", "Refresh")
        body = bot.heard[-1]
    # What a message is made of is published elsewhere, and nothing of ours reads it: a mark is in the block's id.
    del body["message"]["blocks"]
    return body


def view_submission(rig: Rig) -> Json:
    with Bot(rig) as bot:
        texts = {name: {"type": "plain_text", "text": name, "emoji": True} for name in ("title", "submit", "close")}
        opened(rig, bot, modal(field("reason", block_id="reason"), **texts))
        rig.slack.submit("U0BOB", values={"reason": "quarter end"})
        body = bot.heard[-1]
    body["view"]["blocks"] = []
    return body


def home_opened(rig: Rig) -> Json:
    event: Json = event_callback(rig)["event"]
    return event


def event_callback(rig: Rig) -> Json:
    with Bot(rig) as bot:
        rig.slack.open_home("U0BOB")
        return bot.heard[-1]


def auth_test(rig: Rig) -> Json:
    answer: Json = rig.client.auth_test().data  # type: ignore[assignment]  # JSON, for what the SDK asks by itself
    return answer


def auth_test_refused(rig: Rig) -> Json:
    return refusal(rig.client_with("xoxb-none").auth_test)


def views_open_refused(rig: Rig) -> Json:
    return refusal(rig.client.views_open, trigger_id="1.2.abc", view=modal())


def blocks_refused(rig: Rig) -> Json:
    return refusal(rig.client.blocks_validate, blocks=[{"type": "section", "text": {"type": "invalid", "text": "x"}}])


def rate_limited(rig: Rig) -> Json:
    answer = limited(rig)
    body: Json = answer.json()
    return body


def limited(rig: Rig) -> requests.Response:
    rig.slack.rate_limit("auth.test", 5)
    headers = {"Authorization": f"Bearer {rig.app.bot_token}"}
    return requests.post(f"{rig.api}auth.test", headers=headers, verify=rig.ca, timeout=WITHIN)


def frames(rig: Rig) -> list[Json]:
    """What a connection brings when it opens, when somebody types, and when Slack wants a new one."""
    address = rig.client.apps_connections_open(app_token=rig.app.app_token)["url"]

    async def listen() -> list[Json]:
        async with aiohttp.ClientSession() as session, session.ws_connect(address, ssl=rig.tls) as socket:
            found = [await socket.receive_json(timeout=WITHIN)]
            person = threading.Thread(target=rig.slack.command, args=("U0BOB", "check"))
            person.start()
            found.append(await socket.receive_json(timeout=WITHIN))
            await socket.send_json({"envelope_id": found[1]["envelope_id"], "payload": {}})
            await asyncio.to_thread(person.join, WITHIN)
            await asyncio.to_thread(rig.slack.drop_connections, "refresh")
            return [*found, await socket.receive_json(timeout=WITHIN)]

    return asyncio.run(listen())


def frame(number: int) -> Callable[[Rig], Json]:
    return lambda rig: frames(rig)[number]


ASK: Mapping[str, Callable[[Rig], Json]] = {
    "slack/auth_test": auth_test,
    "slack/auth_test_refused": auth_test_refused,
    "slack/views_open_refused": views_open_refused,
    "slack/message_refused": blocks_refused,
    "slack/rate_limited": rate_limited,
    "slack/command": command,
    "slack/pressed": block_actions,
    "slack/view_submission": view_submission,
    "slack/home_opened": home_opened,
    "slack/event_callback": event_callback,
    "slack/socket_hello": frame(0),
    "slack/socket_command": frame(1),
    "slack/socket_disconnect": frame(2),
}


@pytest.mark.parametrize("id", ASK)
def test_the_sandboxs_slack_speaks_in_the_published_shape(rig: Rig, id: str) -> None:
    published, said = example(id), ASK[id](rig)
    assert differences(published, said) == []
    assert codes(said) == codes(published.body)


def test_a_limit_has_its_status_and_says_how_long(rig: Rig) -> None:
    published, answer = example("slack/rate_limited"), limited(rig)
    assert answer.status_code == published.status
    assert answer.headers["Retry-After"].isdecimal()
    assert published.headers["Retry-After"].isdecimal()


def test_every_example_has_a_source_and_is_held_against_the_sandbox() -> None:
    examples = every("slack")
    assert list(unsourced(examples)) == []
    assert {each.id for each in examples} == set(ASK)


# What ours makes of it


def test_a_published_command_is_a_request() -> None:
    body = example("slack/command").body
    request = typed(body["text"], actor=guard.actor(body), delivery=guard.delivery(body))
    assert request.actor == Actor(team_id="T0001", user_id="U2147483697")
    assert (request.word, request.target, request.subject) == (Word.CHECK, "google", "U2147483698")
    assert request.delivery == body["trigger_id"]


def test_a_published_press_is_a_request_and_says_where_its_message_stands() -> None:
    body = example("slack/pressed").body
    action = body["actions"][0]
    request = pressed(action["action_id"], action["value"], actor=guard.actor(body), delivery=guard.delivery(body))
    assert request is not None
    assert (request.actor.user_id, request.word, request.target) == ("U2147483697", Word.REFRESH, "17")
    assert guard.stands_at(body) == Address(channel="D0001", ts="1548261231.000200")


def test_a_published_submission_carries_what_was_filled_in() -> None:
    body = example("slack/view_submission").body
    sent = json.dumps({"word": "refresh", "argument": "", "target": "google", "subject": "U2147483698"})
    request = submitted(body | {"view": body["view"] | {"private_metadata": sent}})
    assert (request.word, request.target, request.subject) == (Word.REFRESH, "google", "U2147483698")
    assert request.reason == "quarter end"


def test_a_published_event_says_who_opened_the_home_tab_and_is_known_again() -> None:
    frame, event = example("slack/event_callback").body, example("slack/home_opened").body
    body = frame | {"event": event}
    assert guard.actor(body) == Actor(team_id="T0001", user_id="U123ABC456")
    assert guard.delivery(body) == "Ev0PV52K21"
    assert event["tab"] == "home"


class Answer:
    """What the SDK hands on of an answer."""

    def __init__(self, name: str) -> None:
        published = example(f"slack/{name}")
        self.data, self.status_code, self.headers = published.body, published.status, published.headers


@pytest.mark.parametrize(
    ("name", "kind", "pause"),
    [
        ("auth_test_refused", SlackAway, None),
        ("rate_limited", SlackAway, 30.0),
        ("views_open_refused", MessengerError, None),
        ("message_refused", MessengerError, None),
    ],
)
def test_a_published_refusal_of_slack_means(name: str, kind: type[MessengerError], pause: float | None) -> None:
    said: Any = Answer(name)
    failure = translated(SlackApiError("", said))
    assert (type(failure), failure.code) == (kind, said.data["error"])
    assert getattr(failure, "retry_after", None) == pause
