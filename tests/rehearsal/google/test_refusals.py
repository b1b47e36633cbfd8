"""Refusals as Google publishes them, bad days, and what the tests themselves rely on."""

from __future__ import annotations

import json

import pytest
import requests

from tests.rehearsal.google.rig import (
    BOB,
    GRACE,
    NOW,
    World,
    deliver,
    schedule,
)
from tests.sandbox.browser import Browser
from tests.sandbox.google.switches import google_switches
from tests.sandbox.switches import Switches

PUBLISHED = [
    # https://developers.google.com/workspace/calendar/api/guides/errors, "401: Invalid Credentials"
    (
        "bad token",
        """{"error": {"errors": [{"domain": "global", "reason": "authError", "message": "Invalid Credentials",
        "locationType": "header", "location": "Authorization"}], "code": 401,
        "message": "Invalid Credentials"}}""",
    ),
    # The same page, "400: Bad Request"
    (
        "empty range",
        """{"error": {"errors": [{"domain": "calendar", "reason": "timeRangeEmpty",
        "message": "The specified time range is empty.", "locationType": "parameter", "location": "timeMax"}],
        "code": 400, "message": "The specified time range is empty."}}""",
    ),
    # The same page, "403: Rate Limit Exceeded"
    (
        "too fast",
        """{"error": {"errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded",
        "message": "Rate Limit Exceeded"}], "code": 403, "message": "Rate Limit Exceeded"}}""",
    ),
    # The same page, "410: Gone"
    (
        "sync token gone",
        """{"error": {"errors": [{"domain": "calendar", "reason": "fullSyncRequired",
        "message": "Sync token is no longer valid, a full sync is required.", "locationType": "parameter",
        "location": "syncToken"}], "code": 410,
        "message": "Sync token is no longer valid, a full sync is required."}}""",
    ),
]


@pytest.mark.parametrize(("cause", "published"), PUBLISHED, ids=[cause for cause, _ in PUBLISHED])
def test_a_refusal_reads_as_google_publishes_it(world: World, cause: str, published: str) -> None:
    tokens = world.signed_in()
    query: dict[str, str] = {}
    match cause:
        case "bad token":
            tokens = {"access_token": "ya29.made-up"}
        case "empty range":
            query = {"timeMin": NOW.isoformat(), "timeMax": NOW.isoformat()}
        case "too fast":
            world.server.rate_limit(True)
        case _:
            query = {"syncToken": world.events(tokens).json()["nextSyncToken"]}
            world.server.expire_history(BOB)
    assert world.events(tokens, **query).json() == json.loads(published)


def test_a_mask_keeps_what_it_does_not_name_off_the_wire(world: World) -> None:
    message_id = deliver(world, "Offer")
    meeting_id = schedule(world, "Demo")
    tokens = world.signed_in()
    mail = world.gmail(
        f"messages/{message_id}", tokens, format="metadata", fields="id,payload/headers"
    ).json()
    assert set(mail) == {"id", "payload"}
    assert set(mail["payload"]) == {"headers"}
    found = world.events(tokens, fields="nextSyncToken,items(id,organizer/email)").json()
    assert found["items"] == [{"id": meeting_id, "organizer": {"email": BOB}}]
    assert set(found) == {"items", "nextSyncToken"}
    assert world.events(tokens, fields="items(id").status_code == 400


def test_a_rate_limit_can_be_a_429(world: World) -> None:
    tokens = world.signed_in()
    world.server.rate_limit(True, status=429)
    refused = world.gmail("profile", tokens)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")


def test_an_outage_fails_every_request(world: World) -> None:
    tokens = world.signed_in()
    world.server.down(True)
    assert world.refresh(tokens).json()["error"] == "internal_failure"
    assert world.gmail("profile", tokens).status_code == 503
    assert world.http.get(f"{world.api}/.well-known/openid-configuration").status_code == 503
    assert Browser().get(world.authorize_url()).status == 503
    world.server.down(False)
    assert world.gmail("profile", tokens).status_code == 200


@pytest.mark.parametrize("empty", [False, True])
def test_nonsense_is_a_200_that_is_not_json(world: World, empty: bool) -> None:
    tokens = world.signed_in()
    world.server.nonsense(True, empty=empty)
    answer = world.refresh(tokens)
    assert answer.status_code == 200
    assert (answer.text == "") is empty
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_wrong_client_secret_fails_everyone_alike(world: World) -> None:
    tokens = world.signed_in()
    world.server.wrong_client_secret(True)
    assert world.refresh(tokens).json() == {"error": "invalid_client", "error_description": "Unauthorized"}


def test_a_missing_approval_fails_renewals_too(world: World) -> None:
    tokens = world.signed_in()
    world.server.admin_approval(True)
    assert world.refresh(tokens).json()["error"] == "admin_policy_enforced"


def test_requests_are_remembered_without_secrets(world: World) -> None:
    tokens = world.signed_in()
    world.refresh(tokens)
    assert world.server.token_posts() == 1
    assert world.server.token_posts("authorization_code") == 1
    remembered = repr(world.server.requests)
    for secret in (
        tokens["refresh_token"],
        tokens["access_token"],
        world.client_secret,
        world.verifier,
        "bobs",
    ):
        assert secret not in remembered


def test_every_switch_of_the_side_panel_can_be_pressed(world: World) -> None:
    tokens = world.signed_in()
    switches, changes = Switches(), []
    for switch in google_switches(world.server, [BOB, GRACE]):
        switches.add(switch)
    switches.on_change(lambda: changes.append(1))
    switches.press("google.bob.remove")
    assert world.refresh(tokens).json()["error"] == "invalid_grant"
    switches.press("google.down", True)
    shown = {s["id"]: s["value"] for group in switches.listing() for s in group["switches"]}
    assert shown["google.down"] is True
    assert len(changes) == 2
    for identity in set(shown) - {"google.down", "google.slow"}:
        kind = next(s["kind"] for g in switches.listing() for s in g["switches"] if s["id"] == identity)
        switches.press(identity, True if kind == "toggle" else None)
    with pytest.raises(ValueError, match="true or false"):
        switches.press("google.down", "yes")
