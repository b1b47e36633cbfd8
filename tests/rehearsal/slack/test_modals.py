"""Modals and the Home tab: triggers, the stack, hashes and submissions, with a real Bolt app."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.rehearsal.slack.rig import (
    Answer,
    Bot,
    Json,
    Rig,
    actions,
    button,
    field,
    modal,
    plain,
    refusal,
    section,
)


def opener(view: Json, *, method: str = "views.open", wait: float = 0.0) -> Answer:
    """Acknowledges, and `wait` seconds later opens (or pushes) `view`."""

    async def answer(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await asyncio.sleep(wait)
        await client.api_call(method, json={"trigger_id": body["trigger_id"], "view": view})

    return answer


def refused_opener(
    view: Json, refused: list[str], *, method: str = "views.open", wait: float = 0.0
) -> Answer:
    """As `opener`, where Slack will say no: its error goes into `refused`."""
    open_it = opener(view, method=method, wait=wait)

    async def answer(ack: Any, body: Json, client: AsyncWebClient) -> None:
        try:
            await open_it(ack, body, client)
        except SlackApiError as error:
            refused.append(str(error.response["error"]))

    return answer


def opened(rig: Rig, bot: Bot, view: Json) -> None:
    bot.answers["command"] = opener(view)
    rig.slack.command("U0BOB", "")
    rig.slack.wait(lambda: rig.slack.views("U0BOB"), what="the modal")


def test_a_trigger_opens_one_modal(rig: Rig, bot: Bot) -> None:
    opened(rig, bot, modal())
    again = {"trigger_id": bot.heard[-1]["trigger_id"], "view": modal()}
    assert refusal(rig.client.views_open, **again)["error"] == "exchanged_trigger_id"
    assert (
        refusal(rig.client.views_open, trigger_id="nonsense", view=modal())["error"] == "invalid_trigger_id"
    )
    assert refusal(rig.client.views_open, trigger_id="1.2.abc", view=modal())["error"] == "expired_trigger_id"
    assert len(rig.slack.views("U0BOB")) == 1


def test_a_trigger_is_too_old_after_three_seconds(rig: Rig, bot: Bot) -> None:
    refused: list[str] = []
    bot.answers["command"] = refused_opener(modal(), refused, wait=3.1)
    rig.slack.command("U0BOB", "")
    rig.slack.wait(lambda: refused == ["expired_trigger_id"])


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (modal(field("a"), submit=None), "missing required field: submit [json-pointer:/view]"),
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (
            modal(private_metadata="x" * 3001),
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        ),
        (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        ({"type": "home", "blocks": []}, "must be a valid enum value [json-pointer:/view/type]"),
    ],
)
def test_a_modal_beyond_the_limits_is_refused(rig: Rig, view: Json, complaint: str) -> None:
    answer = refusal(rig.client.views_open, trigger_id="1.2.abc", view=view)
    assert answer["error"] == "invalid_arguments"
    assert f"[ERROR] {complaint}" in answer["response_metadata"]["messages"]


def test_modals_stack_three_high_and_close_from_the_top(rig: Rig, bot: Bot) -> None:
    higher = modal(actions(button("More")), notify_on_close=True)
    refused: list[str] = []
    opened(rig, bot, higher)
    bot.answers["block_actions"] = opener(higher, method="views.push")
    rig.slack.press("U0BOB", "More")
    rig.slack.wait(lambda: len(rig.slack.views("U0BOB")) == 2)
    rig.slack.press("U0BOB", "More")
    rig.slack.wait(lambda: len(rig.slack.views("U0BOB")) == 3)
    bot.answers["block_actions"] = refused_opener(higher, refused, method="views.push")
    rig.slack.press("U0BOB", "More")
    rig.slack.wait(lambda: refused == ["push_limit_reached"])
    rig.slack.close("U0BOB")
    assert len(rig.slack.views("U0BOB")) == 2
    assert bot.heard[-1]["type"] == "view_closed"


def test_a_submission_brings_what_was_filled_in_and_shows_the_errors(rig: Rig, bot: Bot) -> None:
    opened(rig, bot, modal(field("reason"), field("note", optional=True), private_metadata="17"))

    async def refuse(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack(response_action="errors", errors={"reason-block": "Say more"})

    bot.answers["view_submission"] = refuse
    empty = rig.slack.submit("U0BOB")
    assert empty.payload == {
        "response_action": "errors", "errors": {"reason-block": "Please complete this required field."},
    }  # fmt: skip
    refused = rig.slack.submit("U0BOB", values={"reason": "moved"})
    assert (refused.ok, refused.error) == (False, "Say more")
    heard = bot.heard[-1]["view"]
    assert heard["state"]["values"]["reason-block"]["reason"] == {
        "type": "plain_text_input",
        "value": "moved",
    }
    assert heard["private_metadata"] == "17"
    del bot.answers["view_submission"]
    assert rig.slack.submit("U0BOB").ok
    assert rig.slack.views("U0BOB") == []


def test_an_answer_to_a_submission_that_makes_no_sense_leaves_the_modal_open(rig: Rig, bot: Bot) -> None:
    opened(rig, bot, modal(field("reason")))

    async def nonsense(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack(response_action="errors", errors={"no-such-block": "x"})

    bot.answers["view_submission"] = nonsense
    assert "We had some trouble connecting" in rig.slack.submit("U0BOB", values={"reason": "x"}).error
    assert len(rig.slack.views("U0BOB")) == 1


def test_an_update_with_an_old_hash_conflicts_and_keeps_what_was_typed(rig: Rig, bot: Bot) -> None:
    opened(rig, bot, modal(field("reason"), actions(button("More"))))
    old = rig.slack.views("U0BOB")[0]
    rig.client.views_update(view_id=old.id, hash=old.hash, view=modal(field("reason"), title=plain("Second")))
    assert rig.slack.views("U0BOB")[0].title == "Second"
    answer = refusal(rig.client.views_update, view_id=old.id, hash=old.hash, view=modal())
    assert answer["error"] == "hash_conflict"
    rig.slack.close("U0BOB")
    assert refusal(rig.client.views_update, view_id=old.id, view=modal())["error"] == "not_found"


def test_the_home_tab_is_published_and_its_opening_is_told(rig: Rig, bot: Bot) -> None:
    home = {"type": "home", "blocks": [section("Hello"), actions(button("Fix"))]}
    rig.client.views_publish(user_id="U0BOB", view=home)
    assert rig.slack.open_home("U0BOB").ok
    assert bot.heard[-1]["event"]["tab"] == "home"
    assert bot.heard[-1]["event"]["view"]["type"] == "home"
    shown = rig.slack.home("U0BOB")
    assert shown is not None
    assert shown.plain == "Hello\nFix"
    assert rig.slack.press("U0BOB", "Fix").ok
    assert bot.heard[-1]["container"] == {"type": "view", "view_id": shown.id}
    assert (
        refusal(rig.client.views_publish, user_id="U0BOB", view=home, hash="0.old")["error"]
        == "hash_conflict"
    )
    assert refusal(rig.client.views_publish, user_id="U0BOB", view=modal())["error"] == "invalid_arguments"
