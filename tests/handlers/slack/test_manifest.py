"""The manifest: Slack takes it for any name, and it asks for the least."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack.manifest import manifest
from handlers.slack.parse import WORDS
from tests.handlers.slack.kit import PUBLIC_URL
from tests.handlers.slack.samples import NAMES
from tests.sandbox.slack.manifest import problems

either = pytest.mark.parametrize("http", [False, True], ids=["socket mode", "http mode"])


@either
def test_slack_takes_it(*, http: bool) -> None:
    assert problems(manifest(PUBLIC_URL, NAMES, http=http)) == []


@either
@given(product=st.text(min_size=1, max_size=120).filter(str.strip))
def test_slack_takes_it_for_any_name_of_the_product(*, http: bool, product: str) -> None:
    assert problems(manifest(PUBLIC_URL, replace(NAMES, product=product), http=http)) == []


def test_in_http_mode_everything_comes_to_one_address() -> None:
    made = manifest("https://relatch.acme.example", NAMES, http=True)
    [command] = made["features"]["slash_commands"]
    settings = made["settings"]
    named = [command["url"], settings["interactivity"]["request_url"], settings["event_subscriptions"]["request_url"]]
    assert set(named) == {"https://relatch.acme.example/slack/events"}
    assert not settings["socket_mode_enabled"]


def test_in_socket_mode_no_address_is_named() -> None:
    assert "slack/events" not in json.dumps(manifest(PUBLIC_URL, NAMES))


@pytest.mark.parametrize("section", ["slash_commands", "interactivity", "event_subscriptions"])
def test_slack_refuses_a_request_address_without_tls(section: str) -> None:
    found = problems(manifest("http://relatch.acme.example", NAMES, http=True))
    assert [problem for problem in found if section in problem and "https" in problem]


@pytest.mark.parametrize(
    ("product", "handle"),
    [("Relatch", "relatch"), ("Acme Sign-In Desk", "acme-sign-in-desk"), ("Связь", "relatch"), ("--", "relatch")],
)
def test_the_bot_is_called_after_the_product(product: str, handle: str) -> None:
    made = manifest(PUBLIC_URL, replace(NAMES, product=product))
    assert made["display_information"]["name"] == product
    assert made["features"]["bot_user"]["display_name"] == handle


def test_it_asks_for_the_least() -> None:
    """Another scope is another question to every customer's security team: it needs a reason, and this line changed."""
    made = manifest(PUBLIC_URL, NAMES)
    assert set(made["oauth_config"]["scopes"]["bot"]) == {
        "commands", "chat:write", "users:read", "users:read.email", "usergroups:read"
    }  # fmt: skip
    assert set(made["oauth_config"]["scopes"]["user"]) == {"openid", "profile", "email"}
    assert made["settings"]["event_subscriptions"] == {"bot_events": ["app_home_opened"]}


def test_what_the_code_relies_on_is_said() -> None:
    made = manifest(PUBLIC_URL, NAMES)
    assert made["oauth_config"]["redirect_urls"] == [f"{PUBLIC_URL}/callback/slack"]
    assert [command["should_escape"] for command in made["features"]["slash_commands"]] == [True]
    assert made["settings"]["socket_mode_enabled"]
    assert made["settings"]["interactivity"]["is_enabled"]
    assert not made["settings"]["token_rotation_enabled"]
    assert made["features"]["app_home"]["home_tab_enabled"]


def test_the_words_that_are_hinted_at_are_known() -> None:
    [command] = manifest(PUBLIC_URL, NAMES)["features"]["slash_commands"]
    words = [hint.split()[0] for hint in command["usage_hint"].split(" | ")]
    assert "revoke" in words
    assert set(words) <= WORDS.keys()
