"""Sign in with Slack: who comes back from its page, and every answer that proves nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.model import IdentityRefused, SlackAway, SlackUser
from handlers.slack.identity import TEAM as TEAM_CLAIM
from handlers.slack.identity import USER as USER_CLAIM
from handlers.slack.identity import OpenIdIdentity
from tests.handlers.slack.kit import BOB, MALLORY, PUBLIC_URL, TEAM, Town

TOKEN = "openid.connect.token"
CLIENT_ID = "1.2"
ISSUER = "https://slack.com"


def identity(town: Town, **others: str) -> OpenIdIdentity:
    given = {
        "client_id": town.rig.app.client_id,
        "client_secret": town.rig.app.client_secret,
        "slack_url": town.slack._openid.page,
        "redirect_uri": f"{PUBLIC_URL}/callback/slack",
        "team_id": TEAM,
    }
    return OpenIdIdentity(loop=town.loop, client=town.connection.client, **(given | others))


def code_for(town: Town, user: str, *, nonce: str = "once") -> str:
    """What Slack's page sends back to ours after `Allow`."""
    state, page = "a-state", town.rig.page
    address = urlsplit(identity(town).authorize_url(state=state, nonce=nonce))
    with requests.Session() as session:
        session.cookies.set("slack_user", user)
        shown = session.get(f"{page}{address.path}?{address.query}", timeout=5)
        flow = shown.text.partition('name="flow" value="')[2].partition('"')[0]
        assert flow, shown.text
        back = session.post(
            f"{page}/openid/connect/authorize",
            data={"flow": flow, "decision": "allow"},
            allow_redirects=False,
            timeout=5,
        )
    returned = parse_qs(urlsplit(back.headers["Location"]).query)
    assert returned["state"] == [state]
    return returned["code"][0]


def test_a_browser_turns_out_to_be_bob(town: Town) -> None:
    found = identity(town).exchange(code=code_for(town, BOB), nonce="once")
    assert found == SlackUser(team_id=TEAM, user_id=BOB, email="bob@acme.example", name="Bob Builder")


def test_the_address_asks_for_our_workspace_and_no_more_than_who(town: Town) -> None:
    asked = parse_qs(urlsplit(identity(town).authorize_url(state="s&t", nonce="n=1")).query)
    assert (asked["state"], asked["nonce"], asked["team"]) == (["s&t"], ["n=1"], [TEAM])
    assert asked["scope"] == ["openid profile email"]
    assert "client_secret" not in asked


def test_somebody_of_another_workspace_is_named_as_such(town: Town) -> None:
    """The desk compares the workspace, so that it can say what is wrong."""
    town.slack.distributed(True)
    found = identity(town).exchange(code=code_for(town, MALLORY), nonce="once")
    assert (found.team_id, found.user_id) == ("T_EVIL", MALLORY)


def test_a_code_works_once(town: Town) -> None:
    code = code_for(town, BOB)
    identity(town).exchange(code=code, nonce="once")
    refused(identity(town), code=code, why="invalid_code")


def test_a_code_of_another_sign_in_proves_nobody(town: Town) -> None:
    refused(identity(town), code=code_for(town, BOB, nonce="another"), why="bad_id_token")


def test_another_issuer_proves_nobody(town: Town) -> None:
    refused(identity(town, slack_url="https://slack.example"), code=code_for(town, BOB), why="bad_id_token")


@pytest.mark.parametrize(
    ("others", "why"),
    [({"client_secret": "wrong"}, "bad_client_secret"), ({"client_id": "9.9"}, "invalid_client_id"),
     ({"redirect_uri": "https://evil.example"}, "bad_redirect_uri")],
)  # fmt: skip
def test_wrong_settings_are_told_by_slacks_own_word(town: Town, others: Mapping[str, str], why: str) -> None:
    refused(identity(town, **others), code=code_for(town, BOB), why=why)


def test_an_invented_code_proves_nobody(town: Town) -> None:
    refused(identity(town), code="invented", why="invalid_code")


def test_slack_that_is_away_is_no_refusal(town: Town) -> None:
    code = code_for(town, BOB)
    town.slack.down(True)
    with pytest.raises(SlackAway):
        identity(town).exchange(code=code, nonce="once")
    town.slack.down(False)
    town.slack.rate_limit(TOKEN, 3)
    with pytest.raises(SlackAway) as away:
        identity(town).exchange(code=code, nonce="once")
    assert away.value.retry_after == 3
    town.slack._faults._limited_until.clear()
    town.slack.lose_answer(TOKEN)
    with pytest.raises(SlackAway):
        identity(town).exchange(code=code, nonce="once")


def claims(**others: object) -> dict[str, Any]:
    now = int(SystemClock().real().timestamp())
    said: dict[str, object] = {
        "iss": ISSUER, "aud": CLIENT_ID, "exp": now + 300, "nonce": "once", "sub": BOB,
        TEAM_CLAIM: TEAM, USER_CLAIM: BOB, "email": "bob@acme.example", "name": "Bob Builder",
    }  # fmt: skip
    return {name: value for name, value in (said | others).items() if value is not None}


BAD_CLAIMS: dict[str, dict[str, object]] = {
    "for another app": {"aud": "9.9"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://slack.example"},
    "of no issuer": {"iss": None},
    "expired": {"exp": 1},
    "never ending": {"exp": None},
    "ending at no time": {"exp": "soon"},
    "without a nonce": {"nonce": None},
    "of another nonce": {"nonce": "twice"},
    "with a nonce that is no text": {"nonce": 7},
    "without a workspace": {TEAM_CLAIM: None},
    "without a person": {USER_CLAIM: None},
    "with a person that is no text": {USER_CLAIM: [BOB]},
}


def test_the_forger_can_also_be_right(town: Town) -> None:
    """Or the refusals below would prove nothing."""
    with forged(town, jwt.encode(claims(), "k" * 32)) as forger:
        assert forger.exchange(code="any", nonce="once").user_id == BOB


@pytest.mark.parametrize("wrong", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_an_id_token_that_is_not_ours_proves_nobody(town: Town, wrong: dict[str, object]) -> None:
    with forged(town, jwt.encode(claims(**wrong), "k" * 32)) as forger:
        refused(forger, code="any", why="bad_id_token")


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "ä" * 9, None])
def test_an_id_token_that_is_none_proves_nobody_and_is_not_repeated(town: Town, token: str | None) -> None:
    with forged(town, token) as forger:
        refused(forger, code="any", why="bad_id_token")


def refused(identity: OpenIdIdentity, *, code: str, why: str) -> None:
    with pytest.raises(IdentityRefused) as refusal:
        identity.exchange(code=code, nonce="once")
    assert refusal.value.code == why
    assert refusal.value.__cause__ is None, "the cause may quote a token"


@contextmanager
def forged(town: Town, id_token: str | None) -> Iterator[OpenIdIdentity]:
    """Before a Slack whose token endpoint says this."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "access_token": "xoxp-1", "id_token": id_token})

    app = web.Application()
    app.router.add_post("/api/openid.connect.token", answer)
    url = f"http://127.0.0.1:{town.rig.serving.serve(app)}/api/"
    client = AsyncWebClient("xoxb-1", base_url=url, session=town.connection.session, retry_handlers=[])
    yield OpenIdIdentity(
        loop=town.loop,
        client=client,
        client_id=CLIENT_ID,
        client_secret="secret",
        slack_url=ISSUER,
        redirect_uri=f"{PUBLIC_URL}/callback/slack",
        team_id=TEAM,
    )
