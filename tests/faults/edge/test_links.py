"""Links that others open first, and callbacks that come twice at once: nothing is made, and one of them wins."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from bot.desk.sign_in import SignIn
from bot.model import Flow, Reply, SlackUser, WebSession
from bot.store.database import Store, Tx
from bot.store.flows import Flows
from bot.store.tables import flow
from tests.faults.conftest import scaled
from tests.faults.edge.house import House, QuietMailbox, cookie
from tests.memory_slack import BOB, TEAM
from tests.sandbox.browser import Browser

LOOKS, RACES = 100, 500
SLACKBOT = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}


class Keys(SignIn):
    """Without `inert_links`: who has the link is taken for whom it was made for."""

    def visit(self, invitation_id: str, session: WebSession | None) -> Reply:
        if session is None:
            token = f"made for a stranger {random.random()}"
            with self._tools.store.write() as tx:
                user = SlackUser(TEAM, BOB, "", "")
                tx.sessions.open(token=token, csrf="csrf", user=user, real=self._tools.clock.real())
            session = self.session(token)
        return super().visit(invitation_id, session)


class Reusable(Flows):
    """Without `single_use`: a state is good until it expires."""

    def take(self, state: str, *, session_id: int, real: datetime) -> Flow | None:
        before = self._database.execute(sa.select(flow).where(flow.c.session_id == session_id)).all()
        taken = super().take(state, session_id=session_id, real=real)
        for row in before:
            self._set(row.id, used_at=None, remember=row.remember)
        return taken


class Forgetful(Store):
    @contextmanager
    def write(self) -> Iterator[Tx]:
        with super().write() as tx:
            tx.flows = Reusable(tx.flows._database, tx.flows._vault)
            yield tx


@pytest.fixture
def house(tmp_path: Path, without_control: str) -> Iterator[House]:
    kind = Forgetful if without_control == "single_use" else Store
    sign_in = Keys if without_control == "inert_links" else SignIn
    with House.open(tmp_path, {"google": QuietMailbox()}, kind=kind) as house, house.serving(sign_in):
        yield house


def test_a_link_that_crawlers_opened_makes_nothing_and_is_still_good(house: House, tell: Callable[[str], None]) -> None:
    invitation = house.door(BOB)
    before = house.dump()
    for _ in range(LOOKS):
        assert house.at("GET", f"/connect/{invitation}", SLACKBOT).status_code == 200
        assert house.at("HEAD", f"/connect/{invitation}", SLACKBOT).status_code == 405
    assert house.dump() == before, "a look has made something"
    page = house.arrive(Browser(), invitation, BOB)
    assert "Continue to Google" in page.text
    tell(f"{LOOKS} GET and {LOOKS} HEAD by Slackbot: not a row, and the link is good")


def test_of_two_callbacks_at_once_exactly_one_wins(house: House, tell: Callable[[str], None]) -> None:
    invitation, browser, pages = house.door(BOB), Browser(), []
    house.arrive(browser, invitation, BOB)
    headers, mailbox = {"Cookie": cookie(browser)}, house.providers["google"]
    assert isinstance(mailbox, QuietMailbox)
    with ThreadPoolExecutor(2) as pool:
        for number in range(scaled(RACES)):
            page = browser.get(f"{house.public_url}/connect/{invitation}")
            [vendor] = [link.url for link in page.links if "login.google" in link.url]
            [state] = parse_qs(urlsplit(vendor).query)["state"]
            path = f"/callback/google?code={number}&state={state}"
            both = [pool.submit(house.at, "GET", path, headers) for _ in range(2)]
            pages.append(sorted(each.result().status_code for each in both))
            assert mailbox.codes.count(str(number)) == 1, "the code was sent to the vendor twice"
    assert set(map(tuple, pages)) == {(200, 400)}
    tell(f"{len(pages)} pairs of callbacks at once: one of each won")
