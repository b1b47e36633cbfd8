"""The same reading with another login in front of it: an access token, and another vendor's table of refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from providers.base import Blocked, ProviderError, Reason, Rejected
from providers.exchange.protocol import Ews
from providers.exchange.pull import Reader
from providers.refusals import Signal
from providers.wire import Wire
from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange import ews
from tests.sandbox.exchange.mailbox import Mailbox
from tests.sandbox.serving import Serving, own_tls

BOB = "bob@acme.example"
TOKEN = "an access token"


class Cloud:
    """Office 365 as far as its EWS goes."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.mailbox = Mailbox(BOB)
        self.blocked = False
        self.url = ""
        self.app = web.Application()
        self.app.router.add_post("/EWS/Exchange.asmx", self._ews)

    async def _ews(self, request: web.Request) -> web.Response:
        if self.blocked:
            return web.Response(status=403)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer client_id="x", Basic Realm=""'})
        status, body = ews.answer(await request.read(), self.mailbox)
        return web.Response(status=status, body=body, content_type="text/xml", charset="utf-8")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud, serving = Cloud(SandboxClock(tmp_path / "clock")), Serving()
    serving.start()
    cloud.url = f"https://localhost:{serving.serve(cloud.app, tls=own_tls(tmp_path / 'ca.pem'))}/EWS/Exchange.asmx"
    yield cloud
    serving.stop()


def told(signal: Signal) -> ProviderError:
    if signal.status == 403:
        return Blocked(Reason.EWS_DISABLED, signal.code)
    return Rejected(Reason.CREDENTIALS_REVOKED, signal.code, definite=False)


def subjects(cloud: Cloud, tmp_path: Path, *, token: str = TOKEN) -> list[str]:
    with Wire(ca_bundle=tmp_path / "ca.pem").session(each_request=True) as session:
        session.headers["Authorization"] = f"Bearer {token}"
        mailbox = Ews(session, url=cloud.url, address=BOB, told=told)
        reader = Reader(mailbox, clock=cloud.clock.now, window=timedelta(days=30), page_size=100)
        return [item.subject for page in reader.pages("") for item in page.items]


def test_a_token_reads_what_a_password_would(cloud: Cloud, tmp_path: Path) -> None:
    now = cloud.clock.now()
    cloud.mailbox.deliver(sender="cara@customer.example", subject="Offer", at=now)
    cloud.mailbox.schedule(title="Demo", start=now, end=now + timedelta(hours=1), now=now)
    assert subjects(cloud, tmp_path) == ["Offer", "Demo"]


def test_a_refused_token_is_told_by_its_own_vendors_table(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        subjects(cloud, tmp_path, token="another")
    assert (caught.value.reason, caught.value.code) == (Reason.CREDENTIALS_REVOKED, "401")
    cloud.blocked = True
    with pytest.raises(Blocked) as blocked:
        subjects(cloud, tmp_path)
    assert blocked.value.reason is Reason.EWS_DISABLED
