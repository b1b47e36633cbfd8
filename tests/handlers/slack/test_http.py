"""Slack's requests over HTTP: who is let in, what each is answered, and that it is done once."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from handlers.slack.http import BODY_BYTES
from tests.handlers.slack.kit import ADA, BOB, Desk, Running, Town, held_then, told
from tests.sandbox.slack import Signed
from tests.sandbox.slack.envelope import Envelope, Sort


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def bot(town: Town, desk: Desk) -> Iterator[Running]:
    town.slack._state.posts.clear()
    with town.called(desk) as running:
        yield running


def post(bot: Running, body: bytes, headers: Any = None, *, method: str = "POST") -> requests.Response:
    """To the address of the bot, with whatever headers."""
    own = {"Host": bot.url.removeprefix("http://")}
    return requests.request(
        method, f"{at(bot)}/slack/events", data=body, headers={**own, **(headers or {})}, timeout=10
    )


def at(bot: Running) -> str:
    # Debian's resolver does not know names under localhost.
    return bot.url.replace("bot.localhost", "127.0.0.1")


def signed(bot: Running, body: bytes, *, kind: str = "application/json", late: int = 0) -> requests.Response:
    """As only Slack can, `late` seconds ago."""
    http = bot.town.slack._http
    request = http.sign(Envelope(Sort.EVENT, {}))
    stamp = str(int(request.headers["X-Slack-Request-Timestamp"]) - late)
    return post(bot, body, {"Content-Type": kind, **signature(http.signing_secret, stamp, body)})


def signature(secret: str, stamp: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def a_command(town: Town, text: str = "check") -> Signed:
    """Signed as Slack does it, and not yet sent."""
    payload, _ = town.slack._payloads.command(BOB, "C0GENERAL", "/creds", text)
    return town.slack._http.sign(Envelope(Sort.COMMAND, payload))


GOOD_STAMP, GOOD_SIGNATURE = "1795249616", "v0=" + "a" * 64
SHAPES: dict[str, dict[str, str]] = {
    "no headers": {},
    "no signature": {"X-Slack-Request-Timestamp": GOOD_STAMP},
    "no timestamp": {"X-Slack-Signature": GOOD_SIGNATURE},
    "a word for a time": {"X-Slack-Request-Timestamp": "abc", "X-Slack-Signature": GOOD_SIGNATURE},
    "a time in powers": {"X-Slack-Request-Timestamp": "1e3", "X-Slack-Signature": GOOD_SIGNATURE},
    "a very long time": {"X-Slack-Request-Timestamp": "1" * 5000, "X-Slack-Signature": GOOD_SIGNATURE},
    "a negative time": {"X-Slack-Request-Timestamp": "-179524961", "X-Slack-Signature": GOOD_SIGNATURE},
    "a signature beyond ASCII": {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": "v0=" + "\xe9" * 64},
    "a signature in capitals": {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": "v0=" + "A" * 64},
    "a short signature": {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": "v0=" + "a" * 63},
    "another version": {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": "v1=" + "a" * 64},
    "a signature of nobody": {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": GOOD_SIGNATURE},
}


@pytest.mark.parametrize("headers", SHAPES.values(), ids=SHAPES)
def test_what_is_not_signed_is_refused_and_wakes_nobody(
    bot: Running, desk: Desk, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    request = a_command(bot.town)
    answer = post(bot, request.body, {"Content-Type": request.headers["Content-Type"], **headers})
    assert answer.status_code == 401
    assert not desk.asked
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_two_signatures_are_none(bot: Running, desk: Desk) -> None:
    """A proxy and we might each look at another one."""
    request = a_command(bot.town)
    raw = raw_request(bot, request, twice="X-Slack-Signature")
    assert raw.startswith(b"HTTP/1.1 401"), raw[:80]
    assert not desk.asked


def raw_request(bot: Running, request: Signed, *, twice: str) -> bytes:
    """What no client library would send: one header two times."""
    parts = urlsplit(bot.url)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"{twice}: {request.headers[twice]}", f"Content-Length: {len(request.body)}", "Connection: close"]
    head = "\r\n".join(["POST /slack/events HTTP/1.1", f"Host: {parts.netloc}", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", parts.port or 80), timeout=10) as connection:
        connection.sendall(head.encode() + request.body)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer


@pytest.mark.parametrize(("late", "status"), [(0, 200), (290, 200), (-290, 200), (310, 401), (-310, 401)])
def test_a_signature_is_good_for_five_minutes(bot: Running, late: int, status: int) -> None:
    body = json.dumps({"type": "event_callback", "event_id": "Ev1", "event": {"type": "tokens_revoked"}}).encode()
    assert signed(bot, body, late=late).status_code == status


def test_a_changed_body_is_refused(bot: Running, desk: Desk) -> None:
    request = a_command(bot.town)
    assert post(bot, request.body + b"&text=revoke", request.headers).status_code == 401
    assert not desk.asked


def test_only_posts_are_taken(bot: Running) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        answer = post(bot, b"", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(("size", "status"), [(BODY_BYTES, 401), (BODY_BYTES + 1, 413), (20 * BODY_BYTES, 413)])
def test_a_body_beyond_a_megabyte_is_refused(bot: Running, size: int, status: int) -> None:
    def pieces() -> Iterator[bytes]:
        """Without a length before it."""
        yield b"a" * size

    try:
        answer = requests.post(f"{at(bot)}/slack/events", data=pieces(), headers={"Host": bot.url[7:]}, timeout=10)
    except requests.ConnectionError:
        # The answer came while the rest was still being sent.
        assert status == 413
    else:
        assert answer.status_code == status
    assert post(bot, b"").status_code == 401, "and the next one is answered"


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b'"text"', b"{}", b"payload=", b"payload={", b"payload=[1]", b"payload=null", b"a=b",
        b"", b"&&&", b"%ff=%fe", b'{"type": ["x"]}', b'{"type": "event_callback"}', b'{"type": "block_actions"}',
        b'{"event": "x", "type": "event_callback"}', b'{"authorizations": "x"}', b'{"team": 7}', b"[" * 200_000,
        b"payload=" + b"[" * 200_000, b'{"type": "view_submission", "view": []}', b"command=%2Fcreds&text=x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", ""])
def test_what_slack_signed_and_nobody_understands_is_no_error_of_ours(bot: Running, body: bytes, kind: str) -> None:
    assert signed(bot, body, kind=kind).status_code in (200, 400)
    assert bot.town.slack.command(BOB, "help").ok, "and the next one is served"


def test_what_is_no_text_is_refused(bot: Running) -> None:
    assert signed(bot, b"\xff\xfe").status_code == 400


def test_slack_can_prove_the_address_and_its_certificate(bot: Running) -> None:
    assert bot.town.slack.takes_requests()
    answer = post(bot, urlencode({"token": "x", "ssl_check": "1"}).encode())
    assert (answer.status_code, answer.text) == (200, "")


def test_nobody_else_gets_a_challenge_answered(bot: Running) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "mine"}).encode()
    answer = post(bot, body, {"X-Slack-Request-Timestamp": GOOD_STAMP, "X-Slack-Signature": GOOD_SIGNATURE})
    assert answer.status_code == 401
    assert "mine" not in answer.text


def test_an_answer_is_no_page_to_be_kept(bot: Running) -> None:
    answer = post(bot, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestACopy:
    """The same request once more, to the byte: whoever saw it on its way can send it, for five minutes."""

    def test_of_a_command_is_taken_and_does_nothing(self, bot: Running, desk: Desk) -> None:
        bot.town.slack.command(BOB, "check")
        bot.town.slack.wait(lambda: desk.ended == 1, what="the answer")
        self._again(bot, desk)

    def test_of_a_modals_command_opens_none(self, bot: Running, desk: Desk) -> None:
        bot.town.slack.command(BOB, "change")
        bot.town.slack.wait(lambda: desk.ended == 1, what="the answer")
        bot.town.slack.wait(lambda: "@done" in bot.town.slack.views(BOB)[-1].plain, what="the modal")
        self._again(bot, desk)
        bot.town.slack.close(BOB)

    def test_of_what_failed_tells_nobody_twice(self, bot: Running, desk: Desk) -> None:
        """A payload without any key of a delivery: only its signature tells that it came before."""
        payload, _ = bot.town.slack._payloads.command(BOB, "C0GENERAL", "/creds", "change")
        del payload["trigger_id"]
        http = bot.town.slack._http
        bot.town.slack._call(http.post(http.sign(Envelope(Sort.COMMAND, payload))))
        bot.town.slack.wait(lambda: bot.town.slack.ephemerals(BOB), what="the words")
        self._again(bot, desk)

    def _again(self, bot: Running, desk: Desk) -> None:
        slack = bot.town.slack
        last, asked = slack.requests[-1], len(desk.asked)
        # What it says goes on a moment after the desk's end.
        slack.wait(lambda: not bot.side._tasks, what="the end of the answer")
        sent = len(slack.sent)
        for _ in range(3):
            answer = post(bot, last.body, last.headers)
            assert (answer.status_code, answer.text) == (200, "")
        slack.wait(lambda: not bot.side._tasks, what="the end of whatever began")
        assert (len(desk.asked), len(slack.sent)) == (asked, sent)


def test_an_event_that_was_not_taken_comes_again_and_is_done_once(bot: Running, desk: Desk, town: Town) -> None:
    town.slack.event_retries = (0.0, 0.05, 0.05)
    desk.replies()
    town.serving.call(bot.intake.stop())
    assert town.slack.open_home(BOB).error == "http_service_error"
    town.serving.call(bot.intake.start())
    town.slack.wait(lambda: desk.ended == 1, what="the second try")
    again = town.slack.requests[-1].headers
    assert again["X-Slack-Retry-Num"] in "123"
    assert again["X-Slack-Retry-Reason"] == "http_error"
    town.slack.redeliver()
    assert town.slack.command(BOB, "help").ok
    town.slack.wait(lambda: desk.ended == 2, what="one more request")
    assert len(desk.asked) == 2


def test_stopping_answers_what_is_under_way_and_refuses_the_rest(bot: Running, desk: Desk, town: Town) -> None:
    town.slack.command(ADA, "refresh @grace")
    town.slack.wait(lambda: "@done" in town.slack.views(ADA)[-1].plain, what="the modal")
    view = town.slack.views(ADA)[-1]
    desk.says = held_then(desk, told("sent"))
    payload = town.slack._payloads.submitted(town.slack._modal(ADA, view))
    payload["view"]["private_metadata"] = json.dumps(
        {"word": "refresh", "subject": "U0GRACE", "target": "", "argument": ""}
    )
    town.slack._delivery.sent.clear()
    acked: list[Any] = []
    asking = threading.Thread(
        target=lambda: acked.append(town.slack._call(town.slack._delivery.deliver(Envelope(Sort.INTERACTIVE, payload))))
    )
    asking.start()
    town.slack.wait(lambda: len(desk.asked) == 2, what="the request under way")
    stopping = threading.Thread(target=bot.stop)
    stopping.start()
    town.slack.wait(lambda: not bot.intake.connected, what="the stop")
    assert post(bot, b"").status_code == 503
    desk.let_go()
    asking.join(10)
    stopping.join(10)
    assert [each.ok for each in acked] == [True]
    assert "@sent" in json.dumps(acked[0].payload)
    town.slack.close(ADA)
