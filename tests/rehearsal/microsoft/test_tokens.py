"""How Microsoft's tokens are renewed and what ends them, over plain HTTPS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization

from tests.rehearsal.microsoft.rig import ASKED, BOB, EWS, GRACE, World
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.oauth import signing_key

Act = Callable[[MicrosoftServer], object]


def test_a_renewal_gives_a_new_refresh_token_and_leaves_the_old_one_good(world: World) -> None:
    tokens = world.signed_in()
    renewed = world.renewed(tokens)
    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert renewed["access_token"] != tokens["access_token"]
    assert world.get("/me", renewed).status_code == 200
    assert world.refresh(tokens).status_code == 200
    assert world.refresh(renewed).status_code == 200


def test_an_access_token_lives_an_hour(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(minutes=59))
    assert world.get("/me", tokens).status_code == 200
    world.clock.move(timedelta(minutes=1))
    assert world.get("/me", tokens).status_code == 401
    assert world.refresh(tokens).status_code == 200


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda server: server.revoke_sessions(BOB), ("invalid_grant", 50173, "bad_token")),
        (lambda server: server.idle_ninety_days(BOB), ("invalid_grant", 700082, "bad_token")),
        (lambda server: server.sign_in_frequency(BOB, True), ("invalid_grant", 70043, "token_expired")),
        (lambda server: server.mfa(BOB, True), ("interaction_required", 50076, "basic_action")),
        (lambda server: server.conditional_access(BOB, True), ("invalid_grant", 53003, "message_only")),
        (lambda server: server.remove_consent(BOB), ("invalid_grant", 65001, "consent_required")),
        (lambda server: server.disable(BOB, True), ("invalid_grant", 50057, "")),
        (lambda server: server.unassign(BOB, True), ("invalid_grant", 50105, "")),
        (lambda server: server.lock(BOB, True), ("invalid_grant", 50053, "")),
        (lambda server: server.expire_password(BOB, True), ("invalid_grant", 50055, "user_password_expired")),
        (lambda server: server.plain_refusal(BOB), ("invalid_grant", 0, "")),
    ],
)
def test_a_switch_ends_the_renewals_of_one_person(world: World, break_it: Act, expected: tuple[str, int, str]) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    break_it(world.server)
    assert world.get("/me", bobs).status_code == 401
    assert world.refusal(bobs) == expected
    assert world.get("/me", graces).status_code == 200
    assert world.refresh(graces).status_code == 200


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (lambda server: server.wrong_client_secret(True), ("invalid_client", 7000215, "")),
        (lambda server: server.client_secret_expired(True), ("invalid_client", 7000222, "")),
        (lambda server: server.admin_approval(True), ("invalid_grant", 90094, "consent_required")),
        (lambda server: server.app_missing(True), ("unauthorized_client", 700016, "")),
        (lambda server: server.tenant_restricted(True), ("invalid_grant", 500021, "")),
    ],
)
def test_a_switch_ends_the_renewals_of_everyone(world: World, break_it: Act, expected: tuple[str, int, str]) -> None:
    bobs, graces = world.signed_in(), world.signed_in(email=GRACE)
    break_it(world.server)
    assert world.refusal(bobs) == expected
    assert world.refusal(graces) == expected


@pytest.mark.parametrize(
    "switch",
    ["disable", "unassign", "lock", "conditional_access", "sign_in_frequency", "mfa", "expire_password"],
)
def test_an_undone_rule_lets_the_old_sign_in_live_on(world: World, switch: str) -> None:
    tokens = world.signed_in()
    getattr(world.server, switch)(BOB, True)
    assert world.refresh(tokens).status_code == 400
    getattr(world.server, switch)(BOB, False)
    assert world.refresh(tokens).status_code == 200


@pytest.mark.parametrize("end", ["revoke_sessions", "idle_ninety_days", "plain_refusal", "remove_consent"])
def test_a_new_sign_in_repairs_what_has_ended(world: World, end: str) -> None:
    dead = world.signed_in()
    getattr(world.server, end)(BOB)
    assert world.refresh(dead).status_code == 400
    assert world.refresh(world.signed_in()).status_code == 200


def test_a_password_change_leaves_a_web_app_signed_in(world: World) -> None:
    tokens = world.signed_in()
    world.server.change_password(BOB)
    assert world.refresh(tokens).status_code == 200
    assert world.get("/me", tokens).status_code == 200


def test_only_a_sign_in_with_a_second_factor_counts(world: World) -> None:
    without = world.signed_in()
    world.server.mfa(BOB, True)
    refused = world.refresh(without).json()
    assert "capolids" in refused["claims"]
    with_it = world.signed_in()
    assert world.refresh(world.renewed(with_it)).status_code == 200


def test_a_limited_session_needs_a_new_sign_in_every_twelve_hours(world: World) -> None:
    world.server.sign_in_frequency(BOB, True)
    world.clock.move(timedelta(minutes=1))
    tokens = world.renewed(world.signed_in())
    assert world.refresh(tokens).status_code == 200
    world.clock.move(timedelta(hours=13))
    assert world.refusal(tokens)[1] == 70043


def test_ninety_idle_days_end_a_refresh_token(world: World) -> None:
    tokens = world.signed_in()
    world.clock.move(timedelta(days=89))
    tokens = world.renewed(tokens)
    world.clock.move(timedelta(days=89))
    assert world.refresh(tokens).status_code == 200
    world.clock.move(timedelta(days=91))
    assert world.refusal(tokens)[1] == 700082


def test_a_made_up_refresh_token_is_malformed(world: World) -> None:
    assert world.refusal({"refresh_token": "1.Amade-up"}) == ("invalid_grant", 9002313, "")


def test_a_refresh_token_is_bound_to_its_client(world: World) -> None:
    tokens = world.signed_in()
    other_id, other_secret = world.server.register_client([world.back])
    assert world.refusal(tokens, client_id=other_id, client_secret=other_secret)[1] == 70000


def test_a_refresh_token_is_not_bound_to_scopes_but_to_consent(world: World) -> None:
    tokens = world.redeem(world.answer(scope=f"{ASKED} {EWS}")["code"], scope=ASKED).json()
    outlook = world.renewed(tokens, scope=EWS)
    assert outlook["scope"] == EWS
    assert world.get("/me", outlook).json()["error"]["message"] == "Access token validation failure. Invalid audience."
    assert world.refusal(tokens, scope="Mail.Read") == ("invalid_grant", 65001, "consent_required")
    assert world.refusal(tokens, scope=f"Mail.ReadBasic {EWS}") == ("invalid_scope", 28000, "")


def test_an_access_token_carries_all_that_was_consented_to(world: World) -> None:
    world.signed_in()
    narrow = world.signed_in(scope="openid offline_access https://graph.microsoft.com/user.read")
    assert world.get("/me/mailFolders/inbox", narrow).status_code == 200


def test_under_strict_rotation_a_replaced_refresh_token_ends_the_account(world: World) -> None:
    tokens = world.signed_in()
    world.server.strict_rotation(True)
    second = world.renewed(tokens)
    assert world.refusal(tokens)[1] == 50173
    assert world.refusal(second)[1] == 50173


def test_an_answer_can_be_lost_after_the_deed(world: World) -> None:
    tokens = world.signed_in()
    world.server.strict_rotation(True)
    world.server.lose_token_answer()
    with pytest.raises(requests.ConnectionError):
        world.refresh(tokens)
    assert world.refusal(tokens)[1] == 50173
    assert [seen.status for seen in world.server.requests][-2:] == [0, 400]


class Certificate:
    """A client that proves itself by its key."""

    def __init__(self, world: World) -> None:
        public = signing_key("relatch").public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.id, _ = world.server.register_client([world.back], public_key=public.decode())
        self.clock = world.clock
        self.audience = f"{world.api}/organizations/oauth2/v2.0/token"

    def form(self, *, algorithm: str = "PS256", signed_by: str = "relatch", **changes: Any) -> dict[str, str]:
        now = self.clock.now() - self.clock.offset
        claims = {
            "aud": self.audience,
            "iss": self.id,
            "sub": self.id,
            "jti": "j1",
            "exp": now + timedelta(minutes=10),
        } | changes
        return {
            "client_id": self.id,
            "client_secret": "",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(claims, signing_key(signed_by), algorithm=algorithm),
        }


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_a_signed_assertion_stands_for_the_secret(world: World, algorithm: str) -> None:
    client = Certificate(world)
    code = world.answer(client_id=client.id)["code"]
    tokens = world.redeem(code, **client.form(algorithm=algorithm)).json()
    world.server.client_secret_expired(True)
    assert world.refresh(tokens, **client.form(algorithm=algorithm)).status_code == 200


def test_an_assertion_is_judged_by_real_time(world: World) -> None:
    client = Certificate(world)
    tokens = world.redeem(world.answer(client_id=client.id)["code"], **client.form()).json()
    world.clock.move(timedelta(days=30))
    assert world.refresh(tokens, **client.form()).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": datetime(2020, 1, 1, tzinfo=UTC)}, 700024),
        ({"aud": "https://elsewhere.example/token"}, 700023),
        ({"iss": "somebody-else"}, 700021),
        ({"signed_by": "somebody else"}, 700027),
    ],
)
def test_a_wrong_assertion_is_refused(world: World, changes: dict[str, Any], code: int) -> None:
    client = Certificate(world)
    tokens = {"refresh_token": "1.Aany"}
    assert world.refusal(tokens, **client.form(**changes)) == ("invalid_client", code, "")


def test_a_client_with_a_secret_only_cannot_sign(world: World) -> None:
    client = Certificate(world)
    form = client.form(iss=world.client_id, sub=world.client_id) | {"client_id": world.client_id}
    assert world.refusal({"refresh_token": "1.Aany"}, **form)[1] == 700027
