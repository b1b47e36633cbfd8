"""The watchman outside: called while all duties live, not called while one is stuck, and no noise when he is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.runner import bell
from bot.runner.bell import Bell, Duty
from bot.runner.pulse import Pulse
from providers.wire import Wire
from tests.rig import wait_for
from tests.sandbox.serving import Serving, free_port, own_tls

SECRET = "/ping/canary-uuid"


@dataclass
class Watchman:
    url: str = ""
    status: int = 200
    heard: list[str] = field(default_factory=list)

    async def hears(self, request: web.Request) -> web.Response:
        self.heard.append(f"{request.method} {request.path}")
        return web.Response(status=self.status)


@pytest.fixture
def watchman() -> Watchman:
    return Watchman()


@pytest.fixture
def pulse(tmp_path: Path, watchman: Watchman) -> Iterator[Pulse]:
    serving, app = Serving(), web.Application()
    app.router.add_get(SECRET, watchman.hears)
    serving.start()
    port = serving.serve(app, tls=own_tls(tmp_path / "ca.pem"))
    yield Pulse(url=f"https://localhost:{port}{SECRET}", wire=Wire(ca_bundle=tmp_path / "ca.pem", seconds=5))
    serving.stop()


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    ours = [record for record in caplog.records if record.name == "bot.runner.pulse"]
    return [(record.message, vars(record).get("cause", "")) for record in ours]


def test_each_beat_is_one_call(pulse: Pulse, watchman: Watchman) -> None:
    pulse.beat(stuck=[])
    pulse.beat(stuck=[])
    assert watchman.heard == [f"GET {SECRET}"] * 2


def test_no_beat_while_a_duty_is_stuck(pulse: Pulse, watchman: Watchman, caplog: pytest.LogCaptureFixture) -> None:
    pulse.beat(stuck=["duty-sync"])
    assert watchman.heard == []
    assert told(caplog) == [("no heartbeat", "stuck: duty-sync")]


def test_trouble_is_one_line_for_each_change_and_never_the_address(
    pulse: Pulse, watchman: Watchman, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    for status in (200, 503, 503, 503, 404, 200, 200):
        watchman.status = status
        pulse.beat(stuck=[])
    assert told(caplog) == [("no heartbeat", "http 503"), ("no heartbeat", "http 404"), ("heartbeat again", "")]
    assert "canary" not in caplog.text


def test_a_watchman_who_is_away_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    pulse = Pulse(url=f"https://localhost:{free_port()}{SECRET}", wire=Wire(seconds=5))
    pulse.beat(stuck=[])
    pulse.beat(stuck=[])
    [(words, cause)] = told(caplog)
    assert (words, cause.split()[0]) == ("no heartbeat", "Unreachable")
    assert "canary" not in caplog.text


def test_a_duty_that_never_comes_back_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    rung, enough, troubles = Bell(), threading.Event(), list[str]()
    duty = Duty("test", enough.wait, bell=rung, every=timedelta(hours=1), trouble=troubles.append)
    duty.start()
    wait_for(lambda: duty.alive, "it is at work")
    monkeypatch.setattr(bell, "LONGEST_ROUND", timedelta(0))
    wait_for(lambda: not duty.alive, "it is stuck")
    enough.set()
    wait_for(lambda: duty.alive, "it came back")
    duty.stop()
    rung.ring()
    wait_for(lambda: not duty.alive, "it has ended")
