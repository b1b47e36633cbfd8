"""Tokens, scopes, people and messages: Slack's Web API refuses what the real one refuses."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.rehearsal.slack.rig import (
    MANIFEST,
    Rig,
    actions,
    button,
    refusal,
    section,
)
from tests.sandbox.slack import BOT_USER


def test_a_call_without_a_good_token_is_refused(rig: Rig) -> None:
    assert refusal(rig.client_with("").auth_test)["error"] == "not_authed"
    assert refusal(rig.client_with("xoxb-wrong").auth_test)["error"] == "invalid_auth"
    assert (
        refusal(rig.client.apps_connections_open, app_token=rig.app.bot_token)["error"]
        == "not_allowed_token_type"
    )
    assert (
        refusal(rig.client_with(rig.app.app_token).users_info, user="U0BOB")["error"]
        == "not_allowed_token_type"
    )


def test_a_removed_app_is_told_that_its_account_is_inactive(rig: Rig) -> None:
    rig.slack.revoke_tokens()
    assert refusal(rig.client.auth_test)["error"] == "account_inactive"


def test_a_scope_that_was_not_installed_is_missing_by_name(rig: Rig) -> None:
    rig.slack.install({**MANIFEST, "oauth_config": {"scopes": {"bot": ["commands"]}}})
    answer = refusal(rig.client.chat_postMessage, channel="U0BOB", text="hello")
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        "chat:write",
        "commands",
    )


def test_an_unknown_method_is_said_to_be_unknown(rig: Rig) -> None:
    assert refusal(rig.client.api_call, api_method="chat.shout")["error"] == "unknown_method"


def test_the_app_learns_who_it_is_and_who_others_are(rig: Rig) -> None:
    assert rig.client.auth_test()["user_id"] == BOT_USER
    bob = rig.client.users_info(user="U0BOB")["user"]
    assert (bob["profile"]["email"], bob["team_id"], bob["tz"]) == (
        "bob@acme.example",
        "T_ACME",
        "Europe/Berlin",
    )
    mallory = rig.client.users_info(user="U0MALLORY")["user"]
    assert mallory["is_stranger"]
    assert mallory["team_id"] == "T_EVIL"
    assert "email" not in mallory["profile"]
    assert rig.client.users_lookupByEmail(email="BOB@acme.example")["user"]["id"] == "U0BOB"
    assert rig.client.usergroups_users_list(usergroup="S0ITADMINS")["users"] == ["U0ADA"]
    assert refusal(rig.client.usergroups_users_list, usergroup="S0NONE")["error"] == "no_such_subteam"
    assert refusal(rig.client.users_info, user="U0NOBODY")["error"] == "user_not_found"


def test_a_deactivated_person_is_gone_from_look_ups_but_her_messages_still_take_more(rig: Rig) -> None:
    rig.slack.add_user("U0BOB", "bob", "Bob Builder", "bob@acme.example", deleted=True)
    assert rig.client.users_info(user="U0BOB")["user"]["deleted"]
    assert refusal(rig.client.users_lookupByEmail, email="bob@acme.example")["error"] == "users_not_found"
    assert refusal(rig.client.conversations_open, users="U0BOB")["error"] == "user_disabled"
    assert rig.client.chat_postMessage(channel="U0BOB", text="hello")["ok"]


def test_a_message_to_a_person_lands_in_one_conversation_and_is_edited_there(rig: Rig) -> None:
    first = rig.client.chat_postMessage(channel="U0BOB", text="Sync *stopped*")
    second = rig.client.chat_postMessage(channel="U0BOB", text="again")
    assert (
        first["channel"] == second["channel"] == rig.client.conversations_open(users="U0BOB")["channel"]["id"]
    )
    assert (
        refusal(rig.client.chat_update, channel="U0BOB", ts=first["ts"], text="x")["error"]
        == "channel_not_found"
    )
    rig.client.chat_update(channel=first["channel"], ts=first["ts"], text="Sync works")
    seen = rig.slack.messages("U0BOB")[0]
    assert (seen.plain, seen.edits) == ("Sync works", 1)
    assert rig.slack.messages("U0ADA") == []


def test_edits_and_deletions_of_what_is_not_there_are_refused(rig: Rig) -> None:
    posted = rig.client.chat_postMessage(channel="C0ITADMIN", text="hello")
    rig.client.chat_delete(channel="C0ITADMIN", ts=posted["ts"])
    gone = {"channel": "C0ITADMIN", "ts": posted["ts"]}
    assert refusal(rig.client.chat_update, **gone, text="x")["error"] == "message_not_found"
    assert refusal(rig.client.chat_delete, **gone)["error"] == "message_not_found"


def test_the_app_posts_only_where_it_may(rig: Rig) -> None:
    def refused(channel: str) -> str:
        return str(refusal(rig.client.chat_postMessage, channel=channel, text="hello")["error"])

    assert refused("C0GENERAL") == "not_in_channel"
    assert refused("C0NONE") == "channel_not_found"
    assert refused("U0MALLORY") == "channel_not_found"
    empty = refusal(rig.client.api_call, api_method="chat.postMessage", json={"channel": "U0BOB"})
    assert empty["error"] == "no_text"
    rig.reinstall(features={**MANIFEST["features"], "app_home": {"messages_tab_enabled": False}})
    assert refused("U0BOB") == "messages_tab_disabled"


def test_an_ephemeral_message_is_seen_by_one_person_and_cannot_be_updated(rig: Rig) -> None:
    rig.slack.add_channel("C0GENERAL", "general", ["U0ADA", "U0BOB", BOT_USER])
    posted = rig.client.chat_postEphemeral(channel="C0GENERAL", user="U0BOB", text="psst")
    assert [seen.text for seen in rig.slack.ephemerals("U0BOB")] == ["psst"]
    assert rig.slack.ephemerals("U0ADA") == []
    answer = refusal(rig.client.chat_update, channel="C0GENERAL", ts=posted["message_ts"], text="x")
    assert answer["error"] == "message_not_found"
    assert (
        refusal(rig.client.chat_postEphemeral, channel="C0GENERAL", user="U0GRACE", text="x")["error"]
        == "user_not_in_channel"
    )


def test_more_than_a_burst_to_one_channel_is_told_to_wait(rig: Rig) -> None:
    def flood() -> None:
        for _ in range(10):
            rig.client.chat_postMessage(channel="U0BOB", text="hello")

    with pytest.raises(SlackApiError) as refused:
        flood()
    assert refused.value.response.status_code == 429
    assert int(refused.value.response.headers["Retry-After"]) == 1
    assert rig.client.chat_postMessage(channel="U0ADA", text="another conversation")["ok"]
    rig.slack.limit_posting(False)
    assert rig.client.chat_postMessage(channel="U0BOB", text="no limit")["ok"]


def test_words_on_the_screen_are_those_a_person_reads(rig: Rig) -> None:
    noon = int(datetime(2026, 1, 15, 11, tzinfo=UTC).timestamp())
    said = (
        f"*Bob* &amp; <@U0ADA> see <https://x.example|it>, <!date^{noon}^{{date_num}} {{time}}|then>, a_b_c"
    )
    rig.client.chat_postMessage(
        channel="U0BOB", text="fallback", blocks=[section(said), actions(button("Fix"))]
    )
    assert rig.slack.messages("U0BOB")[-1].plain == "Bob & @ada see it, 2026-01-15 12:00, a_b_c\nFix"
    assert rig.slack.notifications("U0BOB") == ["fallback"]


def test_a_message_without_text_tells_the_phone_nothing(rig: Rig) -> None:
    rig.client.api_call("chat.postMessage", json={"channel": "U0BOB", "blocks": [section("only blocks")]})
    assert rig.slack.notifications("U0BOB") == ["This content can't be displayed."]


def test_links_in_texts_are_opened_by_a_crawler_and_links_of_buttons_are_not(rig: Rig) -> None:
    link = f"{rig.page}/page/clock"
    rig.client.chat_postMessage(channel="U0BOB", text=f"see <{link}?quiet>", unfurl_links=False)
    rig.client.chat_postMessage(
        channel="U0BOB",
        text="x",
        blocks=[section(f"<{link}?block|here>"), actions(button("Go", url=f"{link}?button"))],
    )
    rig.slack.wait(lambda: rig.slack.crawled, what="the crawler")
    assert [(each.url, each.status) for each in rig.slack.crawled] == [(f"{link}?block", 200)]


def test_faults_are_what_they_say(rig: Rig) -> None:
    rig.slack.fail_next("auth.test", "internal_error")
    assert refusal(rig.client.auth_test)["error"] == "internal_error"
    rig.slack.rate_limit("auth.test", 30)
    with pytest.raises(SlackApiError) as limited:
        rig.client.auth_test()
    assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "30")
    assert rig.client.users_info(user="U0BOB")["ok"]
    began = time.monotonic()
    rig.slack.slow("users.info", 0.3)
    assert rig.client.users_info(user="U0BOB")["ok"]
    assert time.monotonic() - began >= 0.3
    rig.slack.slow("users.info", 0)
    rig.slack.down(True)
    with pytest.raises(SlackApiError) as away:
        rig.client.users_info(user="U0BOB")
    assert away.value.response.status_code == 503


def test_a_lost_answer_leaves_the_message_posted(rig: Rig) -> None:
    rig.slack.lose_answer("chat.postMessage")
    client = WebClient(rig.app.bot_token, base_url=rig.api, ssl=rig.tls, retry_handlers=[])
    with pytest.raises(OSError):  # noqa: PT011 - whichever way the connection breaks
        client.chat_postMessage(channel="U0BOB", text="once")
    assert [seen.text for seen in rig.slack.messages("U0BOB")] == ["once"]


def test_what_was_sent_is_kept_without_its_token(rig: Rig) -> None:
    rig.client.chat_postMessage(channel="U0BOB", text="hello")
    assert (rig.slack.sent[-1].method, rig.slack.sent[-1].arguments["text"]) == ("chat.postMessage", "hello")
    assert rig.app.bot_token not in repr(rig.slack.sent)
    assert rig.app.bot_token not in repr(rig.app)
