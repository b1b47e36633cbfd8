"""A company's network: nothing leaves it but through a proxy with a password, and every certificate is its own."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from tests import warm
from tests.rehearsal.proxy import OUTSIDE, PASSWORD, Proxy
from tests.sandbox import opening
from tests.sandbox.child import Child, Said, manifest, relatch
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.serving import Serving, free_port, own_tls
from tests.sandbox.slack import Message
from tests.sandbox.world import ADA, BOB, GRACE, Person, Sandbox, Vendor

pytestmark = pytest.mark.timeout(240)

CUSTOMER = "cara@customer.example"
REFUSED = 2
WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Office:
    world: Sandbox
    proxy: Proxy
    settings: dict[str, str]
    beats: list[str]

    def newest(self, user: str) -> Message:
        message: Message = self.world.slack.messages(user)[-1]
        return message

    def connect(self) -> None:
        """A mailbox of each kind, and Salesforce beside one."""
        for person, side, access in (
            (BOB, "mailbox", "google"),
            (BOB, "crm", "production"),
            (GRACE, "mailbox", "office365"),
            (ADA, "mailbox", "exchange"),
        ):
            opening.connect(self.world, person, side, access)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The bot is set up and not yet started."""
    directory = tmp_path_factory.mktemp("office")
    serving, beats = Serving(), list[str]()
    serving.start()
    tls = own_tls(directory / "other-ca.pem", authority="another company")
    beat = serving.serve(listening(beats), host=OUTSIDE, tls=tls)
    with Sandbox(directory, vendors=tuple(Vendor), api_host=OUTSIDE) as world:
        world.install(manifest(world.public_url, directory, launch=warm.launch))
        told = world.settings()
        bundle = directory / "acme-ca.pem"
        bundle.write_text((directory / "ca.pem").read_text() + (directory / "other-ca.pem").read_text())
        outside = {int(port) for port in re.findall(r"localhost:(\d+)", json.dumps(api_settings(told)))}
        with Proxy(shut={*outside, beat}) as proxy:
            told |= {
                "RELATCH_HTTPS_PROXY": proxy.address(),
                "RELATCH_CA_BUNDLE": str(bundle),
                "RELATCH_HEARTBEAT_URL": f"https://localhost:{beat}/ping/relatch",
                "RELATCH_LOG_LEVEL": "DEBUG",
            }
            yield Office(world, proxy, told, beats)
    serving.stop()


@pytest.fixture(scope="module")
def bot(office: Office) -> Iterator[Child]:
    bot = Child(office.settings, office.world.directory)
    bot.start()
    try:
        bot.wait_until_ready()
        yield bot
    finally:
        bot.stop()


def listening(beats: list[str]) -> web.Application:
    """Who is told each minute that the bot lives."""

    async def beat(request: web.Request) -> web.Response:
        beats.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/ping/relatch", beat)
    return app


def api_settings(told: dict[str, str]) -> dict[str, str]:
    """Those that the bot itself calls. The others are pages, and where it listens."""
    return {name: value for name, value in told.items() if "https://" in value or name == "RELATCH_EXCHANGE_HOSTS"}


def run(settings: dict[str, str], directory: Path) -> Said:
    return relatch("run", settings=settings, directory=directory, launch=warm.launch)


def test_a_wrong_proxy_password_is_said_in_one_sentence(office: Office, tmp_path: Path) -> None:
    wrong = {"RELATCH_HTTPS_PROXY": office.proxy.address("last-years"), "RELATCH_LISTEN": f"127.0.0.1:{free_port()}"}
    own = {
        "RELATCH_DATABASE": str(tmp_path / "data" / "relatch.db"),
        "RELATCH_KEYSET": str(tmp_path / "keys" / "keyset.json"),
    }
    ended = run({**office.settings, **own, **wrong}, tmp_path)
    assert ended.code == REFUSED
    said = [line for line in ended.err.splitlines() if not line.startswith("{")]
    assert said == [
        "Relatch cannot start:",
        "  - The proxy refuses the user name or the password in RELATCH_HTTPS_PROXY.",
    ]
    assert "last-years" not in ended.err
    assert office.proxy.refused


def test_people_connect_and_are_synced_through_the_proxy(office: Office, bot: Child) -> None:
    office.connect()
    for person in (GRACE, ADA):
        office.world.slack.wait(partial(is_welcome, office, person), WAIT, f"{person.name}'s welcome")
    office.world.slack.wait(lambda: opening.is_synced(office.world, BOB.id), WAIT, "Bob's first sync")
    bot.check()


def test_what_breaks_is_told_and_repaired_through_the_proxy(office: Office, bot: Child) -> None:
    world, slack = office.world, office.world.slack
    told = len(slack.messages(BOB.id))
    world.google.remove_access(BOB.email)
    for _ in range(8):
        if len(slack.messages(BOB.id)) == told:
            afternoon_goes_by(office, told)
    slack.wait(lambda: len(slack.messages(BOB.id)) > told, WAIT, "the message to Bob")
    world.google.deliver(BOB.email, sender=CUSTOMER, subject="While you were away")
    [door] = [button for button in office.newest(BOB.id).buttons if button.url]
    sign_in(Browser(), door.url, slack_user=BOB.id, account=BOB.email)
    slack.wait(lambda: "works again" in office.newest(BOB.id).plain, WAIT, "the message turns green")
    bot.check()


def is_welcome(office: Office, person: Person) -> bool:
    return "is connected" in office.newest(person.id).plain


def afternoon_goes_by(office: Office, told: int) -> None:
    """Ten minutes and a bit, with time for what they bring."""
    office.world.clock.move(timedelta(minutes=11))
    with contextlib.suppress(AssertionError):
        office.world.slack.wait(lambda: len(office.world.slack.messages(BOB.id)) > told, 2, "a message")


def test_an_operators_watchman_hears_from_it(office: Office, bot: Child) -> None:
    office.world.slack.wait(lambda: office.beats, WAIT, "a heartbeat")
    assert "no heartbeat" not in bot.log.read_text("utf-8")
    bot.check()


def test_the_proxy_was_asked_for_every_vendor_and_never_gone_around(office: Office, bot: Child) -> None:
    wanted = set(re.findall(r"localhost:\d+", json.dumps(api_settings(office.settings))))
    assert wanted <= set(office.proxy.tunnels)
    assert office.proxy.bypassed == 0
    assert office.proxy.plain == []
    assert PASSWORD not in bot.log.read_text()


def test_it_can_fail_because_what_goes_around_the_proxy_is_caught(office: Office, tmp_path: Path) -> None:
    own = {
        "RELATCH_DATABASE": str(tmp_path / "data" / "relatch.db"),
        "RELATCH_KEYSET": str(tmp_path / "keys" / "keyset.json"),
        "RELATCH_LISTEN": f"127.0.0.1:{free_port()}",
        "RELATCH_HTTPS_PROXY": "",
    }
    before = office.proxy.bypassed
    ended = run({**office.settings, **own}, tmp_path)
    assert ended.code == REFUSED
    assert "Slack cannot be reached" in ended.err
    assert office.proxy.bypassed > before
