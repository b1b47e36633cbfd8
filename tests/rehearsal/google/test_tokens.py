"""How Google's tokens are renewed and what ends them, seen with google-auth and plain HTTPS."""

from __future__ import annotations

from datetime import timedelta

import google.auth.exceptions
import google.auth.transport.requests
import google.oauth2.credentials
import google.oauth2.id_token
import pytest
import requests

from tests.rehearsal.google.rig import (
    BOB,
    EVENTS,
    GRACE,
    METADATA,
    World,
)
from tests.sandbox.browser import Browser


def test_a_renewal_gives_a_new_access_token_and_keeps_the_refresh_token(world: World) -> None:
    tokens = world.signed_in()
    renewed = world.refresh(tokens).json()
    assert renewed["access_token"] != tokens["access_token"]
    assert "refresh_token" not in renewed
    assert world.gmail("profile", renewed).status_code == 200


def test_google_auth_itself_can_renew(world: World) -> None:
    credentials = google.oauth2.credentials.Credentials(
        token=None,
        refresh_token=world.signed_in()["refresh_token"],
        token_uri=f"{world.api}/token",
        client_id=world.client_id,
        client_secret=world.client_secret,
    )
    transport = google.auth.transport.requests.Request(session=world.http)
    credentials.refresh(transport)
    assert world.gmail("profile", {"access_token": credentials.token}).status_code == 200
    world.server.remove_access(BOB)
    with pytest.raises(google.auth.exceptions.RefreshError, match="Token has been expired or revoked"):
        credentials.refresh(transport)


def test_an_access_token_lives_an_hour(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(minutes=59))
    assert world.gmail("profile", tokens).status_code == 200
    world.clock.move(timedelta(minutes=1))
    refused = world.gmail("profile", tokens)
    assert refused.status_code == 401
    assert refused.json()["error"]["status"] == "UNAUTHENTICATED"
    assert world.refresh(tokens).status_code == 200


def test_a_password_change_ends_only_tokens_that_may_read_gmail(world: World) -> None:
    mail, meetings = world.signed_in(), world.signed_in(scope=f"openid {EVENTS}")
    world.server.change_password(BOB)
    assert world.gmail("profile", mail).status_code == 401
    assert world.refresh(mail).json()["error_description"] == "Token has been expired or revoked."
    assert world.events(meetings).status_code == 200
    assert world.refresh(meetings).status_code == 200


def test_removed_access_ends_everything_of_that_person_only(world: World) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    world.server.remove_access(BOB)
    assert world.gmail("profile", bobs).status_code == 401
    assert world.refresh(bobs).json()["error"] == "invalid_grant"
    assert world.gmail("profile", graces).status_code == 200


def test_a_suspended_account_is_gone_for_programs_and_people(world: World) -> None:
    tokens = world.signed_in()
    world.server.suspend(BOB, True)
    assert world.gmail("profile", tokens).status_code == 401
    assert world.refresh(tokens).json() == {
        "error": "invalid_grant",
        "error_description": "Account has been deleted",
    }
    assert "has been disabled" in world.consent_page(Browser()).text


def test_a_limited_session_needs_a_new_sign_in(world: World) -> None:
    tokens = world.signed_in()
    world.server.session_policy(BOB, True)
    refused = world.refresh(tokens).json()
    assert (refused["error"], refused["error_subtype"]) == ("invalid_grant", "invalid_rapt")
    world.clock.move(timedelta(minutes=1))
    again = world.signed_in()
    assert world.refresh(again).status_code == 200
    world.clock.move(timedelta(hours=17))
    assert world.refresh(again).json()["error_subtype"] == "invalid_rapt"


def test_six_idle_months_end_a_refresh_token(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(days=170))
    assert world.refresh(tokens).status_code == 200
    world.clock.move(timedelta(days=183))
    assert world.refresh(tokens).json()["error_description"] == "Token has been expired or revoked."


def test_the_switch_lets_six_idle_months_pass_for_one_person(world: World) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    world.server.idle_six_months(BOB)
    assert world.refresh(bobs).json()["error"] == "invalid_grant"
    assert world.refresh(graces).status_code == 200


def test_the_101st_refresh_token_ends_the_first(world: World) -> None:
    first, second = world.signed_in(), world.signed_in()
    now = world.clock.now()
    for _ in range(99):
        world.server.state.tokens.grant(
            email=BOB, client_id=world.client_id, scopes=frozenset({METADATA}), now=now
        )
    assert world.refresh(first).json()["error_description"] == "Token has been expired or revoked."
    assert world.refresh(second).status_code == 200


def test_in_testing_mode_a_refresh_token_lives_seven_days(world: World) -> None:
    world.server.testing_mode(True)
    tokens = world.signed_in()
    assert tokens["refresh_token_expires_in"] == 7 * 86400 - 1
    world.clock.move(timedelta(days=6))
    assert world.refresh(tokens).status_code == 200
    world.clock.move(timedelta(days=2))
    assert world.refresh(tokens).json()["error"] == "invalid_grant"


def test_a_made_up_refresh_token_is_a_bad_request(world: World) -> None:
    assert world.refresh({"refresh_token": "1//0made-up"}).json()["error_description"] == "Bad Request"


def test_a_refresh_cannot_ask_for_more_than_was_granted(world: World) -> None:
    tokens = world.signed_in(scope=f"openid {EVENTS}")
    assert world.refresh(tokens, scope=METADATA).json()["error"] == "invalid_scope"


def test_under_strict_rotation_an_old_refresh_token_ends_the_grant(world: World) -> None:
    tokens = world.signed_in()
    world.server.strict_rotation(True)
    second = world.refresh(tokens).json()
    assert second["refresh_token"] != tokens["refresh_token"]
    assert world.refresh(tokens).json()["error"] == "invalid_grant"
    assert world.refresh(second).json()["error"] == "invalid_grant"


def test_an_answer_can_be_lost_after_the_deed(world: World) -> None:
    tokens = world.signed_in()
    world.server.strict_rotation(True)
    world.server.lose_token_answer()
    with pytest.raises(requests.ConnectionError):
        world.refresh(tokens)
    assert world.refresh(tokens).json()["error"] == "invalid_grant"
    assert [seen.status for seen in world.server.requests][-2:] == [0, 400]


def test_revoking_one_token_ends_newer_ones_of_the_same_account(world: World) -> None:
    old, new = world.signed_in(), world.signed_in()
    assert world.revoke(old["refresh_token"]).status_code == 200
    assert world.refresh(new).json()["error"] == "invalid_grant"
    assert world.gmail("profile", new).status_code == 401


def test_a_dead_token_cannot_be_revoked_again(world: World) -> None:
    tokens = world.signed_in()
    world.revoke(tokens["access_token"])
    refused = world.revoke(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_token")


def test_a_token_in_the_address_is_not_read(world: World) -> None:
    tokens = world.signed_in()
    refused = world.http.post(f"{world.api}/revoke", params={"token": tokens["refresh_token"]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert world.refresh(tokens).status_code == 200
