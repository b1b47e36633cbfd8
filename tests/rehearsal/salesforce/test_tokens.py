"""How Salesforce's tokens are renewed and what ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.rehearsal.salesforce.rig import BOB, GRACE, World

EXPIRED = {"error": "invalid_grant", "error_description": "expired access/refresh token"}


def works(world: World, tokens: dict[str, Any]) -> bool:
    return world.call("GET", "limits", tokens).status_code == 200


def test_a_renewal_gives_new_tokens_of_both_kinds(world: World) -> None:
    tokens = world.signed_in()
    renewed = world.refresh(tokens).json()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert works(world, renewed)
    assert works(world, tokens)
    assert world.refresh(renewed).status_code == 200


def test_a_rotated_token_ends_the_grant_when_it_is_used_again(world: World) -> None:
    tokens = world.signed_in()
    renewed = world.refresh(tokens).json()
    refused = world.refresh(tokens)
    assert (refused.status_code, refused.json()) == (400, EXPIRED)
    assert world.refresh(renewed).json() == EXPIRED
    assert not works(world, renewed)
    assert not works(world, tokens)


def test_a_rotated_token_leaves_other_grants_alone(world: World) -> None:
    first, second = world.signed_in(), world.signed_in()
    world.refresh(first)
    world.refresh(first)
    assert world.refresh(second).status_code == 200


def test_without_rotation_the_refresh_token_stays(world: World) -> None:
    world.server.rotation(False)
    tokens = world.signed_in()
    assert "refresh_token" not in world.refresh(tokens).json()
    assert world.refresh(tokens).status_code == 200


def test_an_answer_that_is_lost_costs_the_grant(world: World) -> None:
    tokens = world.signed_in()
    world.server.lose_token_answer()
    with pytest.raises(requests.ConnectionError):
        world.refresh(tokens)
    assert world.refresh(tokens).json() == EXPIRED


def test_a_session_lasts_two_hours(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(minutes=119))
    assert works(world, tokens)
    world.clock.move(timedelta(minutes=1))
    refused = world.call("GET", "limits", tokens)
    assert refused.status_code == 401
    assert refused.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert works(world, world.refresh(tokens).json())


def test_the_sixth_grant_ends_the_first_without_a_word(world: World) -> None:
    grants = [world.signed_in() for _ in range(5)]
    assert works(world, grants[0])
    world.signed_in(email=GRACE)
    assert works(world, grants[0])
    grants.append(world.signed_in())
    assert not works(world, grants[0])
    assert world.refresh(grants[0]).json() == EXPIRED
    assert all(works(world, tokens) for tokens in grants[1:])


def test_thirty_idle_days_end_a_grant_and_use_puts_it_off(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(days=29))
    tokens = world.refresh(tokens).json()
    world.clock.move(timedelta(days=29))
    tokens = world.refresh(tokens).json()
    world.clock.move(timedelta(days=31))
    assert world.refresh(tokens).json() == EXPIRED


def test_the_switch_lets_thirty_days_pass_for_one_person(world: World) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    world.server.idle_thirty_days(BOB)
    assert world.refresh(bobs).json() == EXPIRED
    assert world.refresh(graces).status_code == 200


def test_a_revoked_refresh_token_takes_its_sessions_along(world: World) -> None:
    tokens, other = world.signed_in(), world.signed_in()
    assert world.post("revoke", token=tokens["refresh_token"]).status_code == 200
    assert world.refresh(tokens).json() == EXPIRED
    assert not works(world, tokens)
    assert works(world, other)


def test_a_revoked_session_goes_alone(world: World) -> None:
    tokens = world.signed_in()
    assert world.post("revoke", token=tokens["access_token"]).status_code == 200
    assert not works(world, tokens)
    assert works(world, world.refresh(tokens).json())


def test_what_is_dead_cannot_be_revoked(world: World) -> None:
    tokens = world.signed_in()
    world.refresh(tokens)
    for token in (tokens["refresh_token"], "made-up"):
        refused = world.post("revoke", token=token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_token")


def test_a_grant_can_be_revoked_on_the_other_side(world: World) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    world.server.revoke_grant(BOB)
    assert world.refresh(bobs).json() == EXPIRED
    assert not works(world, bobs)
    assert works(world, graces)


@pytest.mark.parametrize(
    ("switch", "error", "description"),
    [
        ("deactivate", "invalid_grant", "inactive user"),
        ("ip_restricted", "invalid_grant", "ip restricted"),
    ],
)
def test_what_an_administrator_stops_starts_again(world: World, switch: str, error: str, description: str) -> None:
    tokens = world.signed_in()
    getattr(world.server, switch)(BOB, True)
    assert not works(world, tokens)
    refused = world.refresh(tokens)
    assert refused.json() == {"error": error, "error_description": description}
    getattr(world.server, switch)(BOB, False)
    assert world.refresh(tokens).status_code == 200


def test_a_password_change_asks_for_a_new_sign_in(world: World) -> None:
    tokens = world.signed_in()
    world.server.change_password(BOB)
    assert not works(world, tokens)
    assert world.refresh(tokens).json() == {"error": "invalid_grant", "error_description": "authentication failure"}
    assert world.refresh(world.signed_in()).status_code == 200


def test_too_many_logins_are_a_matter_of_time(world: World) -> None:
    tokens = world.signed_in()
    world.server.login_rate(True)
    assert world.refresh(tokens).json()["error"] == "rate_limit_exceeded"
    world.server.login_rate(False)
    assert world.refresh(tokens).status_code == 200


def test_a_wrong_client_secret_fails_everyone_alike(world: World) -> None:
    tokens = world.signed_in()
    world.server.wrong_client_secret(True)
    refused = world.refresh(tokens)
    assert refused.json() == {"error": "invalid_client", "error_description": "invalid client credentials"}
    world.server.wrong_client_secret(False)
    assert world.refresh(tokens).status_code == 200


def test_another_grant_type_is_refused(world: World) -> None:
    assert world.token(grant_type="password", username=BOB).json()["error"] == "unsupported_grant_type"


def test_userinfo_of_a_dead_session_is_no_json(world: World) -> None:
    tokens = world.signed_in()
    world.server.expire_access_tokens(BOB)
    refused = world.userinfo(tokens)
    assert (refused.status_code, refused.text) == (403, "Bad_OAuth_Token")


def test_introspection_tells_how_long_a_session_lasts(world: World) -> None:
    tokens, now = world.signed_in(), world.clock.now().timestamp()
    ours = {"client_id": world.client_id, "client_secret": world.client_secret}
    told = world.post("introspect", token=tokens["access_token"], **ours).json()
    assert told["active"] is True
    assert told["exp"] == pytest.approx(now + 7200, abs=5)
    assert world.post("introspect", token=tokens["refresh_token"], **ours).json()["active"] is True
    world.server.revoke_grant(BOB)
    assert world.post("introspect", token=tokens["access_token"], **ours).json() == {"active": False}
    assert world.post("introspect", token=tokens["access_token"], client_id=world.client_id).status_code == 400
