"""How Slack's payloads come in, and what only one of the two ways has: a connection, or an address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
import requests

from tests import warm
from tests.sandbox.slack import Signed
from tests.sandbox.world import BOB, Mode
from tests.stage import Stage


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Nobody is connected; Slack calls the bot."""
    with Stage(tmp_path_factory.mktemp("called"), mode=Mode.HTTP, launch=warm.launch) as stage:
        yield stage
        assert stage.alarms() == []


def post(stage: Stage, request: Signed) -> requests.Response:
    """As whoever saw it on its way."""
    listen = stage.settings["RELATCH_LISTEN"]
    headers = {**request.headers, "Host": stage.world.public_url.removeprefix("http://")}
    return requests.post(f"http://{listen}/slack/events", data=request.body, headers=headers, timeout=10)


def test_a_cut_connection_is_made_anew_and_answers_go_on(stage: Stage) -> None:
    for how in ("abort", "refresh"):
        stage.slack.drop_connections(how)
        stage.wait(lambda: stage.slack.connections > 0, "a connection")
        before = len(stage.slack.ephemerals(BOB.id))
        stage.wait(lambda: stage.slack.command(BOB.id, "help").ok, "an acknowledgement")
        stage.wait(partial(is_answered, stage, before), "the answer")


def is_answered(stage: Stage, before: int) -> bool:
    return len(stage.slack.ephemerals(BOB.id)) > before


def test_in_socket_mode_there_is_no_address_for_slack(stage: Stage) -> None:
    assert post(stage, Signed(url="", headers={}, body=b"ssl_check=1")).status_code == 404


def test_in_http_mode_there_is_no_connection(called: Stage) -> None:
    assert called.slack.command(BOB.id, "help").ok
    called.wait(lambda: called.slack.ephemerals(BOB.id), "the answer")
    assert called.slack.connections == 0
    assert "apps.connections.open" not in [call.method for call in called.slack.sent]


def test_a_copy_of_a_request_does_nothing_even_after_a_restart(called: Stage) -> None:
    before = len(called.slack.ephemerals(BOB.id))
    assert called.slack.command(BOB.id, "help").ok
    request = called.slack.requests[-1]
    called.wait(lambda: len(called.slack.ephemerals(BOB.id)) == before + 1, "the answer")
    assert post(called, request).status_code == 200
    assert called.bot.stop() == 0
    assert called.slack.command(BOB.id, "help").error == "dispatch_failed"
    called.bot.start()
    called.bot.wait_until_ready()
    assert post(called, request).status_code == 200
    assert called.slack.command(BOB.id, "help").ok
    called.wait(lambda: len(called.slack.ephemerals(BOB.id)) == before + 2, "the answer to the second")
    assert not called.holds(lambda: len(called.slack.ephemerals(BOB.id)) > before + 2, 1.0)
