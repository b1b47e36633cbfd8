"""Logging in at Salesforce with a browser: production, sandbox and My Domain, and what the callback is told."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import jwt
import pytest

from tests.rehearsal.salesforce.rig import BOB, GRACE, World
from tests.sandbox.browser import Browser


@pytest.mark.parametrize("host", ["production", "sandbox", "my/acme"])
def test_each_login_host_describes_itself(world: World, host: str) -> None:
    world.server.add_user(BOB, password="bobs", org=host.removeprefix("my/"))
    found = world.http.get(f"{world.api}/{host}/.well-known/openid-configuration").json()
    assert found["issuer"] == f"{world.api}/{host}"
    assert found["authorization_endpoint"] == f"{world.login}/{host}/services/oauth2/authorize"
    for name in ("token", "revocation", "userinfo", "introspection"):
        assert found[f"{name}_endpoint"].startswith(f"{world.api}/{host}/services/oauth2/")
    assert world.http.get(found["jwks_uri"]).json()["keys"][0]["kid"]


def test_a_my_domain_that_nobody_has_is_not_found(world: World) -> None:
    assert world.http.get(f"{world.api}/my/acmee/.well-known/openid-configuration").status_code == 404
    assert Browser().get(world.authorize_url("my/acmee")).status == 404


def test_a_sign_in_gives_tokens_and_no_expiry(world: World) -> None:
    tokens = world.signed_in()
    assert "expires_in" not in tokens
    assert tokens["token_type"] == "Bearer"
    assert tokens["instance_url"] == world.api
    assert set(tokens["scope"].split()) == {"api", "refresh_token", "openid", "id"}
    org, user = urlsplit(tokens["id"]).path.split("/")[-2:]
    assert (org[:3], len(org), user[:3], len(user)) == ("00D", 18, "005", 18)
    assert tokens["access_token"].startswith(f"{org[:15]}!")
    told = world.userinfo(tokens).json()
    assert (told["organization_id"], told["user_id"], told["email"]) == (org, user, BOB)
    assert (told["preferred_username"], told["zoneinfo"]) == (BOB, "Europe/Berlin")


def test_the_id_token_can_be_verified(world: World) -> None:
    tokens = world.signed_in()
    keys = jwt.PyJWKSet.from_dict(world.http.get(f"{world.api}/production/id/keys").json())
    issuer = f"{world.api}/production"
    claims = jwt.decode(tokens["id_token"], keys.keys[0], algorithms=["RS256"], audience=world.client_id, issuer=issuer)
    assert (claims["sub"], claims["nonce"]) == (tokens["id"], "n1")


def test_the_same_address_is_another_user_in_another_org(world: World) -> None:
    for org in ("sandbox", "acme"):
        world.server.add_user(BOB, password="bobs", org=org)
    ids = {world.signed_in(host=host)["id"].partition("/id/")[2] for host in ("production", "sandbox", "my/acme")}
    assert len(ids) == 3


def test_a_sandbox_user_cannot_log_in_to_production(world: World) -> None:
    world.server.add_user("dev@acme.example", password="devs", org="sandbox")
    browser = Browser()
    browser.get(world.authorize_url())
    page = browser.submit_form({"username": "dev@acme.example", "password": "devs"}, button="Log In")
    assert "Please check your username and password" in page.text
    assert world.told(browser) == {}


def test_a_saved_user_name_is_filled_in(world: World) -> None:
    browser = Browser()
    browser.get(world.authorize_url())
    browser.click(GRACE)
    assert browser.click("Log In").title == "Allow Access?"
    assert GRACE in browser.page.text


def test_a_wrong_password_is_told_on_the_page(world: World) -> None:
    browser = Browser()
    browser.get(world.authorize_url(login_hint=BOB))
    assert "check your username and password" in browser.submit_form({"password": "guess"}, button="Log In").text


def test_denying_is_told_to_the_application(world: World) -> None:
    browser = Browser()
    world.approval_page(browser)
    browser.click("Deny")
    assert world.told(browser) == {
        "error": "access_denied",
        "error_description": "end-user denied authorization",
        "state": "s1",
    }


def test_a_browser_that_is_logged_in_goes_straight_on(world: World) -> None:
    browser = Browser()
    world.approval_page(browser)
    browser.click("Allow")
    browser.get(world.authorize_url(login_hint=GRACE))
    # Whoever is logged in is taken, whatever the hint says: only prompt=login asks again.
    answer = world.redeem(world.told(browser)["code"]).json()
    assert world.userinfo(answer).json()["email"] == BOB
    assert browser.get(world.authorize_url(prompt="consent")).title == "Allow Access?"
    assert browser.get(world.authorize_url(prompt="login")).title == "Login | Salesforce"


def test_somebody_else_can_log_in_from_the_approval_page(world: World) -> None:
    browser = Browser()
    world.approval_page(browser)
    browser.click("Not you?")
    browser.click(GRACE)
    browser.click("Log In")
    browser.click("Allow")
    assert world.userinfo(world.redeem(world.told(browser)["code"]).json()).json()["email"] == GRACE


def test_an_app_that_is_not_installed_never_comes_back(world: World) -> None:
    world.server.app_not_installed(True)
    browser = Browser()
    page = world.approval_page(browser)
    assert page.path == "/setup/secur/RemoteAccessErrorPage.apexp"
    assert "error=invalid_client&error_description=app+must+be+installed+into+org" in page.url
    assert "OAUTH_APPROVAL_ERROR_GENERIC" in page.text
    assert not page.forms


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "3MVG9made-up"}, "invalid_client_id"),
        ({"redirect_uri": "https://mallory.example/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": ""}, "redirect_uri_mismatch"),
    ],
)
def test_a_wrong_address_ends_on_salesforces_own_page(world: World, change: dict[str, str], error: str) -> None:
    browser = Browser()
    page = browser.get(world.authorize_url(**change))
    assert page.path == "/setup/secur/RemoteAccessErrorPage.apexp"
    assert error in page.text


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "api everything"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_wrong_wish_is_told_to_the_application(world: World, change: dict[str, str], error: str) -> None:
    browser = Browser()
    browser.get(world.authorize_url(**change))
    assert (world.told(browser)["error"], world.told(browser)["state"]) == (error, "s1")


def test_without_the_scope_there_is_no_refresh_token(world: World) -> None:
    tokens = world.signed_in(scope="api id")
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens


@pytest.mark.parametrize("verifier", ["x" * 43, ""])
def test_a_wrong_verifier_is_refused(world: World, verifier: str) -> None:
    refused = world.redeem(world.answer()["code"], code_verifier=verifier)
    assert refused.status_code == 400
    assert refused.json() == {"error": "invalid_grant", "error_description": "invalid code verifier"}


def test_a_code_is_good_once(world: World) -> None:
    code = world.answer()["code"]
    assert world.redeem(code).status_code == 200
    assert world.redeem(code).json() == {"error": "invalid_grant", "error_description": "expired authorization code"}


def test_a_code_is_good_for_a_quarter_of_an_hour(world: World) -> None:
    code = world.answer()["code"]
    world.clock.move(timedelta(minutes=15))
    assert world.redeem(code).json()["error_description"] == "expired authorization code"
    assert world.redeem("made-up").json()["error_description"] == "invalid authorization code"


def test_a_code_is_bound_to_its_redirect_address(world: World) -> None:
    refused = world.redeem(world.answer()["code"], redirect_uri="https://mallory.example/callback")
    assert refused.json()["error"] == "redirect_uri_mismatch"


def test_a_code_of_production_is_nothing_to_the_sandbox(world: World) -> None:
    assert world.redeem(world.answer()["code"], host="sandbox").json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [({"client_secret": "guess"}, "invalid_client"), ({"client_id": "3MVG9made-up"}, "invalid_client_id")],
)
def test_a_wrong_client_is_refused(world: World, change: dict[str, str], error: str) -> None:
    refused = world.redeem(world.answer()["code"], **change)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
