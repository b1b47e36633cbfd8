"""Block Kit and app manifests: what is beyond Slack's limits is refused, with the place where it stands."""

from __future__ import annotations

import json

import pytest

from tests.rehearsal.slack.rig import (
    MANIFEST,
    Json,
    Rig,
    actions,
    button,
    field,
    modal,
    plain,
    refusal,
    section,
    text,
)
from tests.sandbox.slack import ManifestRefused


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
        ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        (
            [{"type": "header", "text": text("x")}],
            "must be a valid enum value [json-pointer:/blocks/0/text/type]",
        ),
        (
            [{"type": "header", "text": plain("x" * 151)}],
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [actions(*[button(str(n)) for n in range(26)])],
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (
            [actions(button("x" * 76))],
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            [actions(button("Go", value="x" * 2001))],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            [actions(button("Go", url="nowhere"))],
            "must be a valid URL [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            [actions(button("Go", style="warm"))],
            "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            [actions(button("Go"), button("Go"))],
            "`action_id` must be unique, but 'go' is used twice [json-pointer:/blocks/0/elements/1]",
        ),
        (
            [{"type": "divider", "block_id": "a"}] * 2,
            "`block_id` must be unique, but 'a' is used twice [json-pointer:/blocks/1]",
        ),
        ([{"type": "carousel"}], "unsupported type: carousel [json-pointer:/blocks/0/type]"),
        (
            [{"type": "section", "text": text("x"), "colour": "red"}],
            "invalid additional property: colour [json-pointer:/blocks/0]",
        ),
        (
            [{"type": "context", "elements": [text("x")] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            [actions({"type": "static_select", "options": []})],
            "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            [actions({"type": "plain_text_input"})],
            "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            [
                actions(
                    button(
                        "Go",
                        confirm={
                            "title": plain("?"),
                            "text": text("x" * 301),
                            "confirm": plain("y"),
                            "deny": plain("n"),
                        },
                    )
                )
            ],
            "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
        ),
    ],
)
def test_blocks_beyond_the_limits_are_refused_with_the_place(
    rig: Rig, blocks: list[Json], complaint: str
) -> None:
    answer = refusal(rig.client.chat_postMessage, channel="U0BOB", text="x", blocks=blocks)
    assert answer["error"] == "invalid_blocks"
    assert f"[ERROR] {complaint}" in answer["response_metadata"]["messages"]


def test_blocks_at_the_limits_are_taken(rig: Rig) -> None:
    most = [section("x" * 3000), actions(*[button(str(n), value="v" * 2000) for n in range(25)])]
    rig.client.chat_postMessage(channel="U0BOB", text="x", blocks=most + [{"type": "divider"}] * 48)
    rig.client.chat_postMessage(channel="U0BOB", text="x", blocks=json.dumps(most))
    assert (
        refusal(rig.client.chat_postMessage, channel="U0BOB", text="x", blocks="{")["error"]
        == "invalid_blocks_format"
    )


def test_blocks_can_be_asked_about_without_posting(rig: Rig) -> None:
    assert rig.client.blocks_validate(blocks=[section("x")])["ok"]
    answer = refusal(rig.client.blocks_validate, message={"blocks": [section("")]})
    assert answer["error"] == "invalid_message"
    assert answer["errors"][0]["pointer"] == "/blocks/0/text/text"
    assert refusal(rig.client.blocks_validate, view=modal(field("a"), submit=None))["error"] == "invalid_view"
    assert refusal(rig.client.blocks_validate)["error"] == "invalid_arguments"


def test_a_manifest_beyond_the_limits_is_refused(rig: Rig) -> None:
    wrong = {
        **MANIFEST,
        "display_information": {"name": "x" * 36},
        "oauth_config": {"redirect_urls": ["http://bot.example/cb"], "scopes": {"bot": []}},
    }
    with pytest.raises(ManifestRefused) as refused:
        rig.slack.install(wrong)
    assert refused.value.problems == [
        "/display_information/name: must be at most 35 characters",
        "/oauth_config/scopes/bot: commands is required for slash commands",
        "/oauth_config/redirect_urls/0: must use https",
    ]
