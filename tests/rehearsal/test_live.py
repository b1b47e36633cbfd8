"""`make live`, run as a developer would, against the sandbox: what it asks, what it writes, and what it never shows."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from handlers.slack.manifest import manifest
from tests import warm
from tests.handlers.slack.samples import NAMES
from tests.live.__main__ import DOCUMENT
from tests.live.asked import NEEDS
from tests.live.document import BEGIN, ROW, Seen, write
from tests.sandbox.browser import Page
from tests.sandbox.child import Launch, Program, launch
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.world import BOB, Sandbox

ROOT = DOCUMENT.parents[1]
LINK = re.compile(r"Open this address .*: (http\S+)\n")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as world:
        world.install(manifest(world.public_url, NAMES))
        yield world


@pytest.fixture
def document(tmp_path: Path) -> Path:
    copy = tmp_path / "verified.md"
    copy.write_text(DOCUMENT.read_text("utf-8"), "utf-8")
    return copy


def live(settings: Mapping[str, str], document: Path, launch: Launch = warm.launch) -> tuple[int, str]:
    """The recipe in a process of its own; Bob opens each address that it prints. How it ended, and what it said."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    said = document.with_name("said")
    said.touch()
    words = ("--document", str(document))
    running = launch(Program(words, document.parent, environment, out=said, err=said, module="tests.live"))
    opened: list[Future[Page]] = []
    try:
        with ThreadPoolExecutor() as people:
            while running.poll() is None:
                fresh = LINK.findall(said.read_text("utf-8"))[len(opened) :]
                opened += [people.submit(sign_in, Browser(), link) for link in fresh]
                time.sleep(0.02)  # The program prints when it likes, and no file tells that it has grown.
    finally:
        running.kill()
    for page in opened:
        page.result()
    return running.wait(), said.read_text("utf-8")


def of_bobs(world: Sandbox) -> dict[str, str]:
    own = {"LIVE_ADDRESS": BOB.email, "LIVE_EXCHANGE_LOGIN": BOB.email, "LIVE_EXCHANGE_PASSWORD": "bob-at-work"}
    return world.settings() | own


def rows(document: Path) -> dict[str, list[tuple[str, str]]]:
    """Claims and outcomes, by vendor."""
    found: dict[str, list[tuple[str, str]]] = {}
    for _, vendor, claim, outcome in ROW.findall(document.read_text("utf-8")):
        found.setdefault(vendor, []).append((claim, outcome))
    return found


def test_without_tokens_it_says_what_to_set_and_asks_nobody(document: Path) -> None:
    before = document.read_text("utf-8")
    ended, said = live({}, document, launch)
    assert ended == 0
    assert "Nothing was asked" in said
    for vendor, names in NEEDS.items():
        assert f"{vendor}: would " in said
        assert all(name in said for name in names)
    assert document.read_text("utf-8") == before


@pytest.mark.timeout(120)
def test_every_vendor_is_asked_and_what_was_seen_is_written(world: Sandbox, document: Path) -> None:
    settings = of_bobs(world)
    ended, said = live(settings, document)
    found = rows(document)
    assert set(found) == set(NEEDS), said
    outcomes = [outcome for claims in found.values() for _, outcome in claims]
    assert [outcome for outcome in outcomes if not re.match("yes|by hand", outcome)] == []
    assert (ended, len(outcomes)) == (0, 28), said
    (_, taken) = found["slack"][1]
    assert re.fullmatch(r"yes, (\d{3}) of \1", taken)
    assert ("A renewal works, and brings a refresh token", "yes, a new one") in found["microsoft"]
    assert ("A renewal works, and brings a refresh token", "yes, the same") in found["google"]
    assert any("myapps.microsoft.com" in outcome for _, outcome in found["microsoft"])
    assert any(outcome.startswith("yes: Rejected credentials_revoked") for _, outcome in found["google"])
    # Nobody was sent anything, and nobody's secret is shown.
    assert {call.method for call in world.slack.sent} == {"auth.test", "blocks.validate"}
    shown = LINK.sub("", said) + document.read_text("utf-8")
    secret = [value for name, value in settings.items() if re.search("TOKEN|SECRET|PASSWORD", name)]
    assert [value for value in secret if value in shown] == []
    assert not re.search(r"code=|xox[bp]-|ya29\.|eyJ", shown)


def test_what_does_not_hold_is_written_too_and_ends_with_one(world: Sandbox, document: Path) -> None:
    world.google.wrong_client_secret(True)
    google = {name: value for name, value in of_bobs(world).items() if "SLACK_BOT" not in name}
    only = {name: value for name, value in google.items() if not re.search("MICROSOFT|EXCHANGE|SALESFORCE", name)}
    ended, said = live(only, document)
    assert ended == 1, said
    assert rows(document) == {
        "google": [
            (
                "A sign-in comes back with a code that becomes a credential",
                "no: Misconfigured client_misconfigured invalid_client",
            )
        ]
    }


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        (
            "RELATCH_GOOGLE_CLIENT_ID",
            "ours",
            "RELATCH_GOOGLE_CLIENT_SECRET goes together with RELATCH_GOOGLE_CLIENT_ID",
        ),
        ("LIVE_SALESFORCE_ACCESS", "google", "LIVE_SALESFORCE_ACCESS: "),
    ],
)
def test_a_wrong_setting_is_named(document: Path, name: str, value: str, fault: str) -> None:
    ended, said = live({name: value}, document)
    assert (ended, fault in said) == (2, True), said


def test_somebodys_production_settings_are_left_alone(document: Path) -> None:
    (document.parent / ".env").write_text("RELATCH_SLACK_BOT_TOKEN=xoxb-of-production\n", "utf-8")
    ended, said = live({}, document)
    assert (ended, "Nothing was asked" in said) == (0, True)


def test_a_vendor_that_is_asked_again_replaces_its_own_rows_only(document: Path) -> None:
    first, second = date(2026, 11, 21), date(2026, 12, 1)
    write(document, [Seen("google", "it works", "no: | \\1 odd"), Seen("slack", "it works", "yes")], first)
    write(document, [Seen("google", "it works", "yes")], second)
    assert ROW.findall(document.read_text("utf-8")) == [
        ("2026-11-21", "slack", "it works", "yes"),
        ("2026-12-01", "google", "it works", "yes"),
    ]
    assert document.read_text("utf-8").count(BEGIN) == 1
