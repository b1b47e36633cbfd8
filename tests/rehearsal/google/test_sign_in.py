"""The browser's side of Google's sign-in, and what an authorization code is good for."""

from __future__ import annotations

from datetime import timedelta

import google.auth.exceptions
import google.auth.transport.requests
import google.oauth2.credentials
import google.oauth2.id_token
import pytest

from tests.rehearsal.google.rig import (
    BOB,
    EMAIL,
    EVENTS,
    GRACE,
    METADATA,
    World,
)
from tests.sandbox.browser import Browser, Form


def test_a_sign_in_gives_tokens_and_a_signed_statement_of_who_it_was(world: World) -> None:
    told = world.answer()
    assert told["state"] == "s1"
    assert told["hd"] == "acme.example"
    assert told["code"].startswith("4/")
    tokens = world.redeem(told["code"]).json()
    assert tokens["scope"].split() == sorted(["openid", EMAIL, METADATA, EVENTS])
    assert tokens["expires_in"] == 3599
    transport = google.auth.transport.requests.Request(session=world.http)
    claims = google.oauth2.id_token.verify_token(
        tokens["id_token"], transport, audience=world.client_id, certs_url=f"{world.api}/oauth2/v3/certs"
    )
    assert claims["iss"] == world.api
    assert claims["email"] == BOB
    assert claims["email_verified"] is True
    assert claims["hd"] == "acme.example"
    assert claims["nonce"] == "n1"
    assert len(claims["sub"]) == 21


def test_discovery_names_every_address(world: World) -> None:
    found = world.http.get(f"{world.api}/.well-known/openid-configuration").json()
    assert found["issuer"] == world.api
    assert found["authorization_endpoint"] == f"{world.login}/o/oauth2/v2/auth"
    assert {found[name] for name in ("token_endpoint", "revocation_endpoint", "jwks_uri")} == {
        f"{world.api}/token",
        f"{world.api}/revoke",
        f"{world.api}/oauth2/v3/certs",
    }


def test_a_person_picks_an_account_types_a_password_and_may_use_an_alias(world: World) -> None:
    browser = Browser()
    assert browser.get(world.authorize_url()).title == "Choose an account"
    assert "Couldn't find" in browser.submit_form({"email": "nobody@acme.example"}, button="Next").text
    assert BOB in browser.submit_form({"email": "builder@acme.example"}, button="Next").text
    assert "Wrong password" in browser.submit_form({"password": "guess"}).text
    assert "wants access" in browser.submit_form({"password": "bobs"}).title


def test_a_person_may_take_another_account_than_the_hinted_one(world: World) -> None:
    browser = Browser()
    assert BOB in browser.get(world.authorize_url(login_hint=BOB)).text
    assert browser.click("Use another account").title == "Choose an account"
    assert GRACE in browser.click(GRACE).text
    assert GRACE in browser.click("Next").text


def test_nobody_consents_before_the_password(world: World) -> None:
    browser = Browser()
    flow = dict(browser.get(world.authorize_url(login_hint=BOB)).forms[0].fields)["flow"]
    forged = Form(url=f"{world.login}/signin/consent", method="POST", fields=[("flow", flow)])
    assert browser.submit(forged).status == 400


def test_cancel_comes_back_as_access_denied(world: World) -> None:
    browser = Browser()
    world.consent_page(browser)
    browser.click("Cancel")
    assert world.told(browser) == {"error": "access_denied", "state": "s1"}


def test_an_unticked_box_is_missing_from_what_is_granted(world: World) -> None:
    told = world.answer(untick=METADATA)
    assert METADATA not in told["scope"]
    tokens = world.redeem(told["code"]).json()
    assert METADATA not in tokens["scope"]
    assert world.events(tokens).status_code == 200
    assert world.gmail("profile", tokens).json()["error"]["errors"][0]["reason"] == "insufficientPermissions"


def test_the_switch_unticks_the_boxes_beforehand(world: World) -> None:
    world.server.untick(BOB, True)
    page = world.consent_page(Browser())
    assert len(page.forms[0].boxes) == 2
    assert not [value for name, value in page.forms[0].fields if name == "scope"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "http://evil.localhost/callback"}, "redirect_uri_mismatch"),
        ({"client_id": "nobody.apps.googleusercontent.com"}, "invalid_client"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
    ],
)
def test_a_wrong_authorize_address_is_refused_on_googles_page(
    world: World, changes: dict[str, str], error: str
) -> None:
    browser = Browser()
    page = browser.get(world.authorize_url(**changes))
    assert page.status in {400, 401}
    assert error in page.text
    assert not world.told(browser)


def test_a_missing_approval_of_the_administrator_never_calls_back(world: World) -> None:
    world.server.admin_approval(True)
    browser = Browser()
    page = world.consent_page(browser)
    assert "admin must approve" in page.text
    assert not page.forms
    assert not page.links
    assert not world.told(browser)


def test_there_is_no_refresh_token_without_offline_access_and_a_shown_consent(world: World) -> None:
    assert "refresh_token" not in world.signed_in(access_type="")
    assert "refresh_token" not in world.signed_in(prompt="")
    assert "refresh_token" in world.signed_in()


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant", "Invalid code verifier."),
        ({"code_verifier": ""}, "invalid_grant", "Missing code verifier."),
        ({"redirect_uri": "http://bot.localhost:9/other"}, "redirect_uri_mismatch", "Bad Request"),
        ({"client_secret": "wrong"}, "invalid_client", "Unauthorized"),
        ({"client_id": "nobody"}, "invalid_client", "The OAuth client was not found."),
        ({"grant_type": "password"}, "unsupported_grant_type", "Invalid grant_type: password"),
        ({"code": "4/0Amade-up"}, "invalid_grant", "Bad Request"),
    ],
)
def test_a_code_is_refused(world: World, changes: dict[str, str], error: str, words: str) -> None:
    form = {"grant_type": "authorization_code", "code": world.answer()["code"], "redirect_uri": world.back}
    refused = world.token(**(form | {"code_verifier": world.verifier} | changes))
    assert refused.json() == {"error": error, "error_description": words}
    assert refused.status_code == (401 if error == "invalid_client" else 400)


def test_a_code_is_good_once(world: World) -> None:
    code = world.answer()["code"]
    assert world.redeem(code).status_code == 200
    assert world.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_lasts_ten_minutes(world: World) -> None:
    code = world.answer()["code"]
    world.clock.move(timedelta(minutes=11))
    assert world.redeem(code).json()["error"] == "invalid_grant"


def test_a_verifier_without_a_challenge_is_refused(world: World) -> None:
    code = world.answer(code_challenge="", code_challenge_method="")["code"]
    assert world.redeem(code).json()["error_description"] == "code_verifier or verifier is not needed."
