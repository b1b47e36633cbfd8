"""Chromium, and for each file of stories a stage of its own. After the last story nothing has gone wrong unseen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect, sync_playwright

from tests.sandbox import opening
from tests.sandbox.world import Mode, Vendor
from tests.stage import Stage
from tests.stories.workspace import Workspace

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
# Milliseconds. That a machine stood still for ten seconds is no fault of a page.
PATIENCE = 30_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--mode", choices=[*Mode, "both"], default=Mode.SOCKET, help="how Slack's payloads come to the bot"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "mode" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--mode")
        metafunc.parametrize("mode", list(Mode) if wanted == "both" else [Mode(wanted)], scope="session")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Stage]:
    """Nobody has connected anything."""
    with Stage(tmp_path_factory.mktemp("stage"), mode=mode) as stage:
        yield stage
        assert stage.alarms() == []


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Stage]:
    """As `make demo` opens: Bob's mailbox broke an hour ago and he has a message. A file takes it as its `stage`."""
    folder = tmp_path_factory.mktemp("demo")
    with Stage(folder, offset=opening.STARTS, vendors=tuple(Vendor), mode=mode) as stage:
        opening.play(stage.world)
        yield stage
        assert stage.alarms() == []


def new_window(chromium: Browser) -> BrowserContext:
    context = chromium.new_context(viewport=DESKTOP, timezone_id="Europe/Berlin", locale="en-GB")
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def slack(chromium: Browser, stage: Stage) -> Iterator[Workspace]:
    """A fresh browser: nobody is signed in to anything."""
    context = new_window(chromium)
    workspace = Workspace(context, stage.world.page_url)
    yield workspace
    context.close()
    assert workspace.complaints == []
