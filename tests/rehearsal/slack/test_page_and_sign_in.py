"""Sign in with Slack as a browser does it, and what the sandbox's page asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
import requests

from tests.rehearsal.slack.rig import (
    CALLBACK,
    Bot,
    Json,
    Rig,
    actions,
    button,
    refusal,
)


def authorize_query(rig: Rig, **changes: str) -> str:
    asked = {
        "response_type": "code", "scope": "openid profile email", "client_id": rig.app.client_id,
        "redirect_uri": CALLBACK, "state": "s", "nonce": "n",
    }  # fmt: skip
    return f"{rig.page}/openid/connect/authorize?{urlencode(asked | changes)}"


def code_for(rig: Rig, user: str, *, decision: str = "allow") -> dict[str, list[str]]:
    """What the browser brings back to the app."""
    browser = requests.Session()
    browser.post(f"{rig.page}/page/whoami", json={"user": user}, timeout=10)
    page = browser.get(authorize_query(rig), timeout=10).text
    flow = page.partition('name="flow" value="')[2].partition('"')[0]
    form = {"flow": flow, "decision": decision}
    sent = browser.post(f"{rig.page}/openid/connect/authorize", data=form, allow_redirects=False, timeout=10)
    assert sent.headers["Location"].startswith(CALLBACK)
    return parse_qs(urlsplit(sent.headers["Location"]).query)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "1.2"}, "invalid_client_id"),
        ({"redirect_uri": "http://evil.localhost/cb"}, "bad_redirect_uri"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"response_type": "token"}, "invalid_response_type"),
    ],
)
def test_a_wrong_authorize_address_ends_on_slacks_own_page(
    rig: Rig, change: dict[str, str], error: str
) -> None:
    answer = requests.get(authorize_query(rig, **change), allow_redirects=False, timeout=10)
    assert answer.status_code == 400
    assert error in answer.text
    assert "Location" not in answer.headers


def test_signing_in_proves_who_it_is_and_a_code_is_good_once(rig: Rig) -> None:
    back = code_for(rig, "U0BOB")
    assert back["state"] == ["s"]
    asked = {"client_id": rig.app.client_id, "client_secret": rig.app.client_secret, "redirect_uri": CALLBACK}
    anyone = rig.client_with("")
    wrong = refusal(
        anyone.openid_connect_token, **{**asked, "client_secret": "wrong", "code": back["code"][0]}
    )
    assert wrong["error"] == "bad_client_secret"
    token = anyone.openid_connect_token(**asked, code=back["code"][0])
    key = jwt.PyJWK(
        requests.get(f"{rig.api[:-5]}/openid/connect/keys", verify=rig.ca, timeout=10).json()["keys"][0]
    )
    claims = jwt.decode(token["id_token"], key, audience=rig.app.client_id, algorithms=["RS256"])
    assert (claims["nonce"], claims["https://slack.com/user_id"]) == ("n", "U0BOB")
    told = rig.client_with(token["access_token"]).openid_connect_userInfo()
    assert (told["email"], told["https://slack.com/team_id"]) == ("bob@acme.example", "T_ACME")
    assert refusal(anyone.openid_connect_token, **asked, code=back["code"][0])["error"] == "invalid_code"
    assert refusal(rig.client.openid_connect_userInfo)["error"] == "not_allowed_token_type"


def test_a_code_is_bound_to_its_return_address(rig: Rig) -> None:
    back = code_for(rig, "U0BOB")
    asked = {"client_id": rig.app.client_id, "client_secret": rig.app.client_secret, "code": back["code"][0]}
    answer = refusal(
        rig.client_with("").openid_connect_token, **asked, redirect_uri="http://evil.localhost/cb"
    )
    assert answer["error"] == "bad_redirect_uri"


def test_who_says_no_comes_back_with_access_denied(rig: Rig) -> None:
    assert code_for(rig, "U0BOB", decision="cancel") == {"error": ["access_denied"], "state": ["s"]}


def test_a_stranger_signs_in_only_where_the_app_is_distributed(rig: Rig) -> None:
    browser = requests.Session()
    browser.post(f"{rig.page}/page/whoami", json={"user": "U0MALLORY"}, timeout=10)
    refused = browser.get(authorize_query(rig), timeout=10)
    assert refused.status_code == 400
    assert "invalid_team_for_non_distributed_app" in refused.text
    rig.slack.distributed(True)
    assert code_for(rig, "U0MALLORY")["code"]


def test_the_page_shows_the_world_of_one_person(rig: Rig) -> None:
    rig.client.chat_postMessage(channel="U0BOB", text="hello")
    world = requests.get(f"{rig.page}/page/world", params={"user": "U0BOB"}, timeout=10).json()
    kinds = {each["kind"]: each for each in world["conversations"]}
    assert (world["me"], kinds["app_dm"]["unread"], kinds["channel"]["name"]) == ("U0BOB", 1, "general")
    assert {user["id"]: user["role"] for user in world["users"]}["U0ADA"] == "admin"
    dm = {"user": "U0BOB", "channel": kinds["app_dm"]["id"]}
    shown = requests.get(f"{rig.page}/page/messages", params=dm, timeout=10).json()["messages"]
    assert [each["text"] for each in shown] == ["hello"]
    phone = requests.get(f"{rig.page}/page/phone", params={"user": "U0BOB"}, timeout=10).json()[
        "notifications"
    ]
    assert [(each["title"], each["text"]) for each in phone] == [("Relatch", "hello")]
    world = requests.get(f"{rig.page}/page/world", params={"user": "U0BOB"}, timeout=10).json()
    assert [each["unread"] for each in world["conversations"]] == [0, 0]


def test_the_page_can_only_press_what_is_there(rig: Rig, bot: Bot) -> None:
    posted = rig.client.chat_postMessage(
        channel="U0BOB", text="x", blocks=[actions(button("Fix", value="1"))]
    )
    block_id = rig.slack.messages("U0BOB")[0].blocks[0]["block_id"]
    press = {
        "user": "U0BOB",
        "message": {"channel": posted["channel"], "ts": posted["ts"]},
        "block_id": block_id,
    }

    def answer(**changes: Any) -> Json:
        body = {**press, "action_id": "fix", "element": {"type": "button", "value": "1"}, **changes}
        told: Json = requests.post(f"{rig.page}/page/press", json=body, timeout=10).json()
        return told

    assert answer() == {"ok": True}
    assert not answer(element={"type": "button", "value": "2"})["ok"]
    assert not answer(action_id="other")["ok"]
    assert not answer(user="U0ADA")["ok"]
    assert len(bot.heard) == 1


def test_what_happens_is_streamed_to_those_who_see_it(rig: Rig) -> None:
    with requests.get(f"{rig.page}/page/stream", params={"user": "U0BOB"}, stream=True, timeout=10) as stream:
        lines = stream.iter_lines()
        assert next(lines) == b": hello"
        rig.client.chat_postMessage(channel="U0ADA", text="not for Bob")
        posted = rig.client.chat_postMessage(channel="U0BOB", text="for Bob")
        rig.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="edited")
        events = [json.loads(line.removeprefix(b"data: ")) for line in _data(lines, 3)]
    assert [(each["type"], each.get("text", each.get("unread"))) for each in events] == [
        ("message", "for Bob"), ("badge", 1), ("edit", "edited"),
    ]  # fmt: skip


def _data(lines: Iterator[bytes], count: int) -> Iterator[bytes]:
    for line in lines:
        if line.startswith(b"data: "):
            yield line
            count -= 1
        if not count:
            return


def test_the_side_panel_breaks_slack_and_shows_the_clock(rig: Rig) -> None:
    groups = requests.get(f"{rig.page}/page/switches", timeout=10).json()["groups"]
    assert [group["name"] for group in groups] == ["Slack"]
    told = requests.post(f"{rig.page}/page/switches/slack.revoked", json={"value": True}, timeout=10).json()
    assert {each["id"]: each["value"] for each in told["groups"][0]["switches"]}["slack.revoked"] is True
    assert refusal(rig.client.auth_test)["error"] == "account_inactive"
    rig.clock.move(timedelta(hours=1))
    assert requests.get(f"{rig.page}/page/clock", timeout=10).json()["offset"] == 3600
