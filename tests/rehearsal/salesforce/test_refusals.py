"""Bad days of the data API, and what the tests themselves rely on."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceRefusedRequest

from tests.rehearsal.salesforce.rig import BOB, CARA, GRACE, World, task
from tests.sandbox.browser import Browser
from tests.sandbox.salesforce.ids import long_id, whole
from tests.sandbox.salesforce.switches import salesforce_switches
from tests.sandbox.switches import Switches


@pytest.mark.parametrize("token", ["made-up", ""])
def test_a_made_up_session_is_refused(world: World, token: str) -> None:
    refused = world.call("GET", "limits", {"access_token": token})
    assert refused.status_code == 401
    assert refused.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_session_without_the_api_scope_is_refused(world: World) -> None:
    refused = world.call("GET", "limits", world.signed_in(scope="openid"))
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_a_user_without_api_is_refused_alone(world: World) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    world.server.api_disabled(BOB, True)
    refused = world.call("GET", "limits", bobs)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "API_CURRENTLY_DISABLED")
    assert world.call("GET", "limits", graces).status_code == 200
    assert world.userinfo(bobs).status_code == 200


def test_an_org_without_api_is_refused(world: World) -> None:
    tokens = world.signed_in()
    world.server.api_disabled_for_org(True)
    refused = world.call("GET", "limits", tokens)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "API_DISABLED_FOR_ORG")


def test_a_rate_limit_is_a_403(world: World) -> None:
    tokens = world.signed_in()
    world.server.rate_limit(True)
    with world.salesforce(tokens) as salesforce:
        with pytest.raises(SalesforceRefusedRequest) as refused:
            salesforce.limits()
        assert "REQUEST_LIMIT_EXCEEDED" in str(refused.value.content)
        world.server.rate_limit(False)
        assert salesforce.limits()["DailyApiRequests"]["Max"] == 15000


def test_used_up_calls_come_back_a_day_later(world: World) -> None:
    tokens = world.signed_in()
    assert world.call("GET", "limits", tokens).headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    world.server.use_up_api_calls()
    assert world.call("GET", "limits", tokens).json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    world.clock.move(timedelta(hours=24))
    renewed = world.refresh(tokens).json()
    assert world.call("GET", "limits", renewed).headers["Sforce-Limit-Info"] == "api-usage=1/15000"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "sobjects/Shoe/describe"), ("GET", "shoes"), ("POST", "sobjects/Task")]
)
def test_what_is_not_there_is_not_found(world: World, method: str, path: str) -> None:
    refused = world.call(method, path, world.signed_in())
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_an_outage_fails_every_request(world: World) -> None:
    tokens = world.signed_in()
    world.server.down(True)
    refused = world.call("GET", "limits", tokens)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (503, "SERVER_UNAVAILABLE")
    assert world.refresh(tokens).status_code == 503
    assert Browser().get(world.authorize_url()).status == 503
    with world.salesforce(tokens) as salesforce, pytest.raises(SalesforceGeneralError):
        salesforce.limits()
    world.server.down(False)
    assert world.refresh(tokens).status_code == 200


@pytest.mark.parametrize("empty", [False, True])
def test_nonsense_is_a_200_that_is_not_json(world: World, empty: bool) -> None:
    tokens = world.signed_in()
    world.server.nonsense(True, empty=empty)
    for answer in (world.refresh(tokens), world.call("GET", "limits", tokens)):
        assert answer.status_code == 200
        assert (answer.text == "") is empty
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


def test_ids_have_the_checksum_that_salesforce_publishes() -> None:
    # An account id from Salesforce's own REST guide.
    assert long_id("001D000000INjVe") == "001D000000INjVeIAL"
    assert whole("001D000000INjVe") == whole("001D000000INjVeIAL")
    assert whole("Cara") == ""


def test_requests_are_remembered_without_secrets(world: World) -> None:
    tokens = world.signed_in()
    world.refresh(tokens)
    world.post("revoke", token=tokens["access_token"])
    assert world.server.token_posts() == 1
    assert world.server.token_posts("authorization_code") == 1
    remembered = repr(world.server.requests) + repr(world.server.state.users) + repr(world.server.state.clients)
    for secret in (
        tokens["refresh_token"],
        tokens["access_token"],
        world.client_secret,
        world.verifier,
        f"{BOB}-at-salesforce",
    ):
        assert secret not in remembered


def test_every_switch_of_the_side_panel_can_be_pressed(world: World) -> None:
    tokens = world.signed_in()
    switches, changes = Switches(), []
    for switch in salesforce_switches(world.server, [BOB, GRACE]):
        switches.add(switch)
    switches.on_change(lambda: changes.append(1))
    for _ in range(2):
        switches.press("salesforce.cara")
    contacts = world.query(tokens, "SELECT Email FROM Contact").json()["records"]
    assert [contact["Email"] for contact in contacts] == [CARA]
    switches.press("salesforce.bob.readonly", True)
    assert not world.upsert(tokens, task("m1")).json()[0]["success"]
    switches.press("salesforce.bob.revoke")
    assert world.refresh(tokens).json()["error"] == "invalid_grant"
    switches.press("salesforce.down", True)
    shown = {s["id"]: s["value"] for group in switches.listing() for s in group["switches"]}
    assert (shown["salesforce.down"], shown["salesforce.bob.readonly"]) == (True, True)
    assert shown["salesforce.rotation"] is True
    assert shown["salesforce.grace.readonly"] is False
    assert len(changes) == 5
    for identity in set(shown) - {"salesforce.slow"}:
        kind = next(s["kind"] for g in switches.listing() for s in g["switches"] if s["id"] == identity)
        switches.press(identity, True if kind == "toggle" else None)
