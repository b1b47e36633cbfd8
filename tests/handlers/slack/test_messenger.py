"""Messages and Home tabs through the real Slack of the sandbox, and what each of its refusals becomes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.model import Address, MessageGone, MessengerError, SlackAway, Undeliverable
from handlers.slack.connect import NotConnected
from handlers.slack.messenger import SlackMessenger
from tests.handlers.slack.kit import BOB, MALLORY, ROBOT, Town, told

POST, EDIT, HOME = "chat.postMessage", "chat.update", "views.publish"


@pytest.fixture
def messenger(town: Town) -> SlackMessenger:
    return SlackMessenger(loop=town.loop, client=town.connection.client, render=town.render)


def test_a_message_is_posted_and_edited_in_place(town: Town, messenger: SlackMessenger) -> None:
    at = messenger.post(BOB, told("first"))
    messenger.update(at, told("second"))
    shown = town.slack.messages(BOB)[-1]
    assert (shown.channel, shown.ts, shown.edits) == (at.channel, at.ts, 1)
    assert "@second" in shown.plain
    assert "@second" in town.slack.notifications(BOB)[-1], "a phone shows the text alone"
    messenger.post("C0ITADMIN", told("admins"))
    assert "@admins" in town.slack.messages("U0ADA", channel="C0ITADMIN")[-1].plain


def test_the_home_tab_is_published(town: Town, messenger: SlackMessenger) -> None:
    messenger.home(BOB, told("home"))
    home = town.slack.home(BOB)
    assert home is not None
    assert "@home" in home.plain


def test_no_link_in_a_message_is_ever_opened_by_slack(town: Town, messenger: SlackMessenger) -> None:
    link = "https://bot.localhost:9/connect/once"
    at = messenger.post(BOB, told(link))
    messenger.update(at, told(link + "/again"))
    # The crawler begins with the post, so one that is let loose on purpose shows that it would be here by now.
    town.rig.client.chat_postMessage(channel=BOB, text="https://bot.localhost:9/control")
    town.slack.wait(lambda: town.slack.crawled, what="the crawler's visit")
    assert {visit.url for visit in town.slack.crawled} == {"https://bot.localhost:9/control"}


def test_a_message_that_is_gone_is_told_apart(town: Town, messenger: SlackMessenger) -> None:
    at = messenger.post(BOB, told("soon gone"))
    town.rig.client.chat_delete(channel=at.channel, ts=at.ts)
    with pytest.raises(MessageGone) as gone:
        messenger.update(at, told("again"))
    assert gone.value.code == "message_not_found"
    theirs = town.slack.messages(BOB, channel="C0GENERAL")
    assert not theirs, "nothing was posted elsewhere instead"


@pytest.mark.parametrize("code", ["cant_update_message", "edit_window_closed"])
def test_a_message_that_cannot_be_edited_counts_as_gone(town: Town, messenger: SlackMessenger, code: str) -> None:
    at = messenger.post(BOB, told("fixed"))
    town.slack.fail_next(EDIT, code)
    with pytest.raises(MessageGone, match=code):
        messenger.update(at, told("again"))


@pytest.mark.parametrize(
    ("to", "code"),
    [("U0NOBODY", "channel_not_found"), (MALLORY, "channel_not_found"), (ROBOT, "channel_not_found"),
     ("C0GENERAL", "not_in_channel")],
)  # fmt: skip
def test_an_address_that_never_works_is_undeliverable(messenger: SlackMessenger, to: str, code: str) -> None:
    with pytest.raises(Undeliverable) as lost:
        messenger.post(to, told("hello"))
    assert lost.value.code == code


@pytest.mark.parametrize("code", ["user_not_found", "user_disabled", "is_archived", "channel_not_found"])
def test_more_codes_of_such_addresses(town: Town, messenger: SlackMessenger, code: str) -> None:
    town.slack.fail_next(POST, code)
    with pytest.raises(Undeliverable, match=code):
        messenger.post(BOB, told("hello"))


def test_a_home_tab_of_nobody_is_undeliverable(messenger: SlackMessenger) -> None:
    with pytest.raises(Undeliverable, match="user_not_found"):
        messenger.home("U0NOBODY", told("home"))


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "some_code_of_tomorrow"])
def test_what_is_our_own_fault_is_neither_gone_nor_lost(town: Town, messenger: SlackMessenger, code: str) -> None:
    town.slack.fail_next(POST, code)
    with pytest.raises(MessengerError) as error:
        messenger.post(BOB, told("hello"))
    assert type(error.value) is MessengerError


Does = Callable[[SlackMessenger], object]
CALLS: list[tuple[str, Does]] = [
    (POST, lambda messenger: messenger.post(BOB, told("hello"))),
    (EDIT, lambda messenger: messenger.update(Address(channel="D0BOB", ts="1.2"), told("hello"))),
    (HOME, lambda messenger: messenger.home(BOB, told("hello"))),
]


@pytest.mark.parametrize(("method", "does"), CALLS, ids=[method for method, _ in CALLS])
class TestSlackIsAway:
    def test_a_pause_is_as_long_as_slack_asks(
        self, town: Town, messenger: SlackMessenger, method: str, does: Does
    ) -> None:
        town.slack.rate_limit(method, 7)
        assert away(does, messenger).retry_after == 7

    def test_slack_is_down(self, town: Town, messenger: SlackMessenger, method: str, does: Does) -> None:
        town.slack.down(True)
        assert away(does, messenger).code == "http 503"

    def test_slack_breaks_inside(self, town: Town, messenger: SlackMessenger, method: str, does: Does) -> None:
        town.slack.fail_next(method, "internal_error")
        assert away(does, messenger).code == "internal_error"

    def test_the_app_is_uninstalled_for_a_while(
        self, town: Town, messenger: SlackMessenger, method: str, does: Does
    ) -> None:
        town.slack.revoke_tokens()
        assert away(does, messenger).code == "account_inactive"

    def test_it_takes_too_long(self, town: Town, messenger: SlackMessenger, method: str, does: Does) -> None:
        town.slack.slow(method, 5)
        with elsewhere(town, town.rig.api, seconds=0.2) as hasty:
            assert away(does, hasty).retry_after is None


def test_an_answer_that_is_lost_is_not_asked_for_again(town: Town, messenger: SlackMessenger) -> None:
    """The caller repeats, who knows what became of it: the SDK by itself would make a second message."""
    before = len(town.slack.messages(BOB))
    town.slack.lose_answer(POST)
    away(CALLS[0][1], messenger)
    assert len(town.slack.messages(BOB)) == before + 1


PAGES = [
    (200, "text/html", "<h1>Sign in to the Wi-Fi</h1>"),
    (200, "text/plain", "Sign in to the Wi-Fi"),
    (200, "application/json", "{"),
    (200, "application/json", "[]"),
    (404, "text/html", "<h1>Not here</h1>"),
    (502, "text/plain", "upstream connect error"),
    (502, "application/json", "{"),
]


@pytest.mark.parametrize(("status", "kind", "body"), PAGES)
def test_somebody_else_answers_in_slacks_place(town: Town, status: int, kind: str, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, content_type=kind, text=body)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    proxy = f"http://127.0.0.1:{town.rig.serving.serve(app)}/api/"
    with elsewhere(town, proxy) as messenger:
        assert away(CALLS[0][1], messenger).code
    with pytest.raises(NotConnected, match="cannot be reached"):
        town.serving.call(town.connect(base_url=proxy))


@contextmanager
def elsewhere(town: Town, base_url: str, *, seconds: float = 5) -> Iterator[SlackMessenger]:
    """At another address, or with less patience, and for the rest as `connected` makes it."""
    session = town.serving.call(_session(town, seconds))
    own = town.connection.client
    client = AsyncWebClient(own.token, base_url=base_url, session=session, ssl=own.ssl, retry_handlers=[])
    yield SlackMessenger(loop=town.loop, client=client, render=town.render)
    town.serving.call(session.close())


async def _session(town: Town, seconds: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=town.rig.tls), timeout=aiohttp.ClientTimeout(total=seconds)
    )


def test_no_token_is_in_what_is_raised(town: Town, messenger: SlackMessenger, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    town.slack.fail_next(POST, "invalid_blocks")
    with pytest.raises(MessengerError) as error:
        messenger.post(BOB, told("hello"))
    assert error.value.__cause__ is None
    assert town.rig.app.bot_token not in caplog.text


def test_a_bad_token_is_told_to_the_operator_and_not_shown(town: Town) -> None:
    with pytest.raises(NotConnected, match="refuses RELATCH_SLACK_BOT_TOKEN: invalid_auth") as refused:
        town.serving.call(town.connect(token="xoxb-wrong"))
    assert "xoxb-wrong" not in str(refused.value)


def test_slack_that_is_down_at_the_start_is_told_as_that(town: Town) -> None:
    town.slack.down(True)
    with pytest.raises(NotConnected, match="cannot be reached"):
        town.serving.call(town.connect())


def test_the_proxy_of_the_environment_is_not_ours(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert town.serving.call(town.connect()).team_id == "T_ACME"


def away(does: Does, messenger: SlackMessenger) -> SlackAway:
    with pytest.raises(SlackAway) as raised:
        does(messenger)
    return raised.value
