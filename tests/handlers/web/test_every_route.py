"""What holds for all pages: headers, the host, lengths, errors, health, and the server that carries them."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket

import pytest
from starlette.applications import Starlette

from bot.model import Names
from handlers.web.app import serve
from tests.handlers.web.rig import BOB, INVITATION, Web, running

SNAPSHOT = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}
ORDINARY = {"content-type", "content-length", "date", "connection", "allow", "set-cookie"}
ROUTES = [
    ("GET", "/", 200),
    ("GET", "/style.css", 200),
    ("GET", "/icon.svg", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", f"/connect/{INVITATION}", 200),
    ("GET", "/connect/" + "x" * 200, 404),
    ("GET", "/callback/slack", 400),
    ("GET", "/callback/google", 400),
    ("GET", "/callback/GOOGLE", 404),
    ("POST", "/confirm", 400),
    ("POST", "/fill/exchange", 400),
    ("GET", "/fill/exchange", 405),
    ("POST", "/fill/EXCHANGE", 404),
    ("GET", "/confirm", 405),
    ("HEAD", "/callback/slack", 405),
    ("GET", "/nowhere", 404),
    # It is there in HTTP mode only.
    ("POST", "/slack/events", 404),
    ("GET", "/slack/events", 404),
    ("GET", "/" + "?" + "q" * 9000, 414),
]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_route_carries_the_same_headers(scheme: str) -> None:
    with running(scheme=scheme) as web:
        expected = SNAPSHOT | ({"strict-transport-security": "max-age=31536000"} if scheme == "https" else {})
        for method, path, status in ROUTES:
            answer = web.at(method, path)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            assert answer.status_code == status, path
            assert {name: headers[name] for name in headers.keys() - ORDINARY} == expected, path


def test_a_refused_page_looks_like_every_other(web: Web) -> None:
    for path in ("/nowhere", "/confirm"):
        page = web.browser().get(web.url + path)
        assert page.title.endswith("· Relatch")
        assert "Back to Slack" in [link.text for link in page.links]


@pytest.mark.parametrize("host", ["evil.example", "bot.localhost", "bot.localhost:1", "[", "", "127.0.0.1"])
def test_another_host_is_refused_except_for_health(web: Web, host: str) -> None:
    answer = web.at("GET", f"/connect/{INVITATION}", headers={"Host": host})
    # A server may refuse what is no host at all before we see it.
    assert answer.status_code in ({421, 400} if host in {"[", ""} else {421})
    assert web.desk.calls == []
    if host == "127.0.0.1":
        assert web.at("GET", "/healthz", headers={"Host": host}).text == "ok"
        assert web.at("GET", "/readyz", headers={"Host": host}).status_code == 200


def test_case_and_the_schemes_own_port_do_not_make_another_host(web: Web) -> None:
    assert web.at("GET", "/", headers={"Host": f"BOT.localhost:{web.port}"}).status_code == 200


def test_readiness_names_the_part_that_does_not_work(web: Web) -> None:
    assert web.at("GET", "/readyz").json() == {"slack": True, "database": True}
    web.parts["slack"] = False
    answer = web.at("GET", "/readyz")
    assert (answer.status_code, answer.json()["slack"]) == (503, False)
    assert web.at("GET", "/healthz").status_code == 200


def test_a_bug_shows_a_reference_that_the_log_has_and_no_code(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    browser = web.browser(BOB)
    web.desk.replies["callback"] = RuntimeError("the inside of it")
    with caplog.at_level(logging.DEBUG):
        page = browser.get(f"{web.url}/callback/google?code=CANARY&state=CANARY")
    assert page.status == 500
    assert {name: page.headers[name] for name in SNAPSHOT} == SNAPSHOT
    assert "the inside of it" not in page.html
    reference = re.search(r"\b[0-9a-f]{8}\b", page.text)
    assert reference is not None
    said = [record for record in caplog.records if reference[0] in record.getMessage()]
    assert [record.exc_info is not None for record in said] == [True]
    assert [line for line in told(caplog) if "CANARY" in line] == []


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the server's side logged: urllib3 is the test's own browser."""
    return [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]


def test_nothing_is_logged_of_an_ordinary_sign_in(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        browser = web.browser(BOB)
        browser.get(f"{web.url}/callback/google?code=CANARY&state=s")
    secrets = ["CANARY", *browser.cookies("bot.localhost").values()]
    assert [line for line in told(caplog) if any(secret in line for secret in secrets)] == []


def test_cookies_are_bound_to_the_host_and_hidden(web: Web) -> None:
    answer = web.at("GET", f"/connect/{INVITATION}")
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert value.startswith("__Host-relatch-in=")
    assert set(attributes) == {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax", "Secure"}
    state = value.partition("=")[2].split(".")[0]
    kept = web.at("GET", f"/callback/slack?code={BOB}&state={state}", headers={"Cookie": value})
    assert (kept.status_code, kept.headers["Location"]) == (303, f"/connect/{INVITATION}")
    assert re.search(
        r"__Host-relatch=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax; Secure",
        kept.headers["Set-Cookie"],
    )


def test_the_operators_names_are_on_the_page() -> None:
    with running(names=Names(product="Syncy <b>", company="Globex & Sons", engine="e")) as web:
        page = web.browser().get(web.url)
        assert "Syncy <b> keeps the sign-ins of Globex & Sons working" in page.text
        assert "Relatch" not in page.html


def test_the_server_leaves_signals_to_their_owner() -> None:
    """Only the main thread can take signals, so this one runs the server itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def process() -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        server = serve(Starlette(), "127.0.0.1", port)
        loop.add_signal_handler(signal.SIGTERM, heard.set)
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - The server has no event to wait for.
                await asyncio.sleep(0.01)
            signal.raise_signal(signal.SIGTERM)
            await heard.wait()
            assert not server.should_exit
            server.should_exit = True
            await serving
        loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(process())


def test_a_port_that_is_taken_is_an_error_that_can_be_caught(web: Web) -> None:
    async def process() -> None:
        with pytest.raises(OSError, match=f"127.0.0.1:{web.port}"):
            await asyncio.create_task(serve(Starlette(), "127.0.0.1", web.port).serve())

    asyncio.run(process())
