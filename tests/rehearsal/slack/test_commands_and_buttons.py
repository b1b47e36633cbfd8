"""Commands, response_url, presses and connections, with a real Bolt app at the other end."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
import requests
from slack_sdk.web.async_client import AsyncWebClient

from tests.rehearsal.slack.rig import (
    Bot,
    Json,
    Rig,
    actions,
    button,
    plain,
    respond,
    section,
)
from tests.sandbox.slack import NothingThere


def test_a_command_arrives_with_chosen_people_escaped(rig: Rig, bot: Bot) -> None:
    assert rig.slack.command("U0ADA", "check @bob, & @nobody of #general.").ok
    heard = bot.heard[-1]
    assert heard["text"] == "check <@U0BOB|bob>, &amp; @nobody of <#C0GENERAL|general>."
    assert (heard["user_id"], heard["team_id"], heard["channel_name"]) == ("U0ADA", "T_ACME", "general")
    rig.slack.command("U0MALLORY", "")
    assert bot.heard[-1]["team_id"] == "T_EVIL"
    assert rig.slack.command("U0ADA", "", command="/other").error == "not_a_command"


def test_words_in_the_acknowledgement_are_for_the_person_alone(rig: Rig, bot: Bot) -> None:
    async def answer(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack("Only for you")

    bot.answers["command"] = answer
    rig.slack.command("U0BOB", "")
    assert [seen.plain for seen in rig.slack.ephemerals("U0BOB")] == ["Only for you"]
    assert rig.slack.ephemerals("U0ADA") == []


def test_a_bot_that_is_slow_or_away_fails_in_the_persons_eyes(rig: Rig) -> None:
    with Bot(rig) as bot:

        async def dawdle(ack: Any, body: Json, client: AsyncWebClient) -> None:
            await asyncio.sleep(3.2)
            await ack()

        bot.answers["command"] = dawdle
        late = rig.slack.command("U0BOB", "")
        assert (late.ok, late.error, late.payload) == (False, "operation_timeout", None)
        assert late.seconds > 2.9
    rig.slack.wait(lambda: rig.slack.connections == 0)
    assert rig.slack.command("U0BOB", "").error == "dispatch_failed"
    said = requests.post(
        f"{rig.page}/page/send", json={"user": "U0BOB", "channel": "C0GENERAL", "text": "/creds"}, timeout=10
    ).json()
    assert said["words"] == '/creds failed with the error "dispatch_failed"'


def test_a_response_url_replaces_its_message_and_is_used_up_after_five_posts(rig: Rig, bot: Bot) -> None:
    rig.slack.command("U0BOB", "")
    url = bot.heard[-1]["response_url"]
    assert respond(rig, url, text="Checking…").text == "ok"
    assert respond(rig, url, replace_original=True, blocks=[section("x" * 3001)], text="x").status_code == 400
    assert respond(rig, url, replace_original=True, text="Done").text == "ok"
    seen = rig.slack.ephemerals("U0BOB")
    assert [(each.plain, each.edits) for each in seen] == [("Done", 1)]
    assert respond(rig, url, text="For all", response_type="in_channel").ok
    assert rig.slack.messages("U0ADA", channel="C0GENERAL")[-1].plain == "For all"
    assert respond(rig, url, delete_original=True).ok
    assert rig.slack.ephemerals("U0BOB") == []
    assert respond(rig, url, text="fifth").ok
    sixth = respond(rig, url, text="sixth")
    assert (sixth.status_code, sixth.json()["error"]) == (404, "used_url")


def test_a_response_url_ends_after_thirty_minutes(rig: Rig, bot: Bot) -> None:
    rig.slack.command("U0BOB", "")
    rig.slack.expire_response_urls()
    assert respond(rig, bot.heard[-1]["response_url"], text="late").json()["error"] == "expired_url"


def test_a_press_carries_message_channel_and_a_response_url(rig: Rig, bot: Bot) -> None:
    posted = rig.client.chat_postMessage(
        channel="U0BOB", text="x", blocks=[actions(button("Fix", value="42"))]
    )
    assert rig.slack.press("U0BOB", "Fix").ok
    heard = bot.heard[-1]
    assert heard["container"] == {
        "type": "message", "message_ts": posted["ts"], "channel_id": posted["channel"], "is_ephemeral": False,
    }  # fmt: skip
    assert (heard["actions"][0]["action_id"], heard["actions"][0]["value"]) == ("fix", "42")
    assert (heard["user"]["team_id"], heard["team"]["id"], heard["message"]["ts"]) == (
        "T_ACME",
        "T_ACME",
        posted["ts"],
    )
    assert respond(rig, heard["response_url"], replace_original=True, text="Fixed").ok
    assert rig.slack.messages("U0BOB")[-1].plain == "Fixed"
    with pytest.raises(NothingThere):
        rig.slack.press("U0BOB", "Fix")


def test_a_link_button_gives_its_address_and_tells_the_app_too(rig: Rig, bot: Bot) -> None:
    rig.client.chat_postMessage(
        channel="U0BOB", text="x", blocks=[actions(button("Open", url="https://x.example/a"))]
    )
    assert rig.slack.press("U0BOB", "Open").url == "https://x.example/a"
    assert bot.heard[-1]["actions"][0]["action_id"] == "open"


def test_a_press_on_an_ephemeral_message_does_not_carry_the_message(rig: Rig, bot: Bot) -> None:
    async def answer(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack(text="x", blocks=[actions(button("Again"))])

    bot.answers["command"] = answer
    rig.slack.command("U0BOB", "")
    assert rig.slack.press("U0BOB", "Again").ok
    assert bot.heard[-1]["container"]["is_ephemeral"]
    assert "message" not in bot.heard[-1]
    assert respond(rig, bot.heard[-1]["response_url"], delete_original=True).ok
    assert rig.slack.ephemerals("U0BOB") == []


def test_a_choice_must_be_among_those_offered(rig: Rig, bot: Bot) -> None:
    options = [{"text": plain("One day"), "value": "1"}, {"text": plain("One week"), "value": "7"}]
    menu = {"type": "static_select", "action_id": "snooze", "options": options}
    rig.client.chat_postMessage(channel="U0BOB", text="x", blocks=[actions(menu)])
    assert rig.slack.press("U0BOB", "snooze", value="One week").ok
    assert bot.heard[-1]["actions"][0]["selected_option"]["value"] == "7"
    with pytest.raises(NothingThere):
        rig.slack.press("U0BOB", "snooze", value="30")


def test_the_bot_is_back_after_a_cut_and_after_a_refresh(rig: Rig, bot: Bot) -> None:
    for how in ("refresh", "abort"):
        rig.slack.drop_connections(how)
        rig.slack.wait(lambda: rig.slack.connections == 1, 15, f"a connection after {how}")
        rig.slack.wait(lambda: rig.slack.command("U0BOB", "").ok, 15, "an answered command")


def test_a_ticket_connects_once(rig: Rig) -> None:
    url = rig.client.apps_connections_open(app_token=rig.app.app_token)["url"]
    assert url.startswith("wss://localhost:")

    async def connect() -> list[str]:
        seen = []
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(url, ssl=rig.tls) as socket:
                seen.append((await socket.receive_json())["type"])
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, ssl=rig.tls)
            seen.append(str(refused.value.status))
        return seen

    assert rig.serving.call(connect()) == ["hello", "403"]


def test_payloads_go_to_any_of_several_connections(rig: Rig) -> None:
    with Bot(rig) as one, Bot(rig) as other:
        rig.slack.wait(lambda: rig.slack.connections == 2)
        for _ in range(20):
            assert rig.slack.command("U0BOB", "").ok
        assert one.heard
        assert other.heard
        assert len(one.heard) + len(other.heard) == 20


def test_an_event_that_nobody_acknowledged_comes_again(rig: Rig) -> None:
    rig.slack.event_retries = (0.5, 0.5)
    assert rig.slack.open_home("U0BOB").error == "dispatch_failed"
    with Bot(rig) as bot:
        rig.slack.wait(lambda: bot.heard, what="the second try")
        first = bot.heard[0]["event_id"]
        rig.slack.redeliver()
        assert [heard["event_id"] for heard in bot.heard] == [first, first]
