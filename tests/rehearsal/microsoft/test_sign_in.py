"""The browser's side of Microsoft's sign-in, and what an authorization code is good for."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import jwt
import pytest

from tests.rehearsal.microsoft.rig import ACME, ADA, ASKED, BOB, GRACE, MALLORY, World
from tests.sandbox.browser import Browser, Form


def test_a_sign_in_gives_tokens_and_a_signed_statement_of_who_it_was(world: World) -> None:
    told = world.answer(client_info="1")
    assert told["state"] == "s1"
    tokens = world.redeem(told["code"], client_info="1").json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    wanted = {"openid", "profile", "email", "User.Read", "Mail.ReadBasic", "Calendars.ReadBasic"}
    assert set(tokens["scope"].split()) == wanted
    tenant = world.server.state.tenants[ACME]
    keys = world.http.get(f"{world.api}/{tenant.id}/discovery/v2.0/keys").json()
    key = jwt.PyJWK(keys["keys"][0], algorithm="RS256")
    claims = jwt.decode(tokens["id_token"], key, audience=world.client_id)
    assert claims["iss"] == f"{world.api}/{tenant.id}/v2.0"
    assert claims["tid"] == tenant.id
    assert claims["preferred_username"] == claims["email"] == BOB
    assert claims["nonce"] == "n1"
    assert claims["sub"] != claims["oid"]
    for info in (tokens["client_info"], told["client_info"]):
        decoded = json.loads(base64.urlsafe_b64decode(info + "=" * (-len(info) % 4)))
        assert decoded == {"uid": claims["oid"], "utid": tenant.id}


def test_without_offline_access_there_is_no_refresh_token(world: World) -> None:
    assert "refresh_token" not in world.signed_in(scope="openid User.Read")
    assert "refresh_token" in world.signed_in()


def test_discovery_of_any_tenant_has_a_pattern_for_an_issuer(world: World) -> None:
    found = world.http.get(f"{world.api}/organizations/v2.0/.well-known/openid-configuration").json()
    assert found["issuer"] == f"{world.api}/{{tenantid}}/v2.0"
    assert found["authorization_endpoint"] == f"{world.login}/organizations/oauth2/v2.0/authorize"
    assert found["token_endpoint"] == f"{world.api}/organizations/oauth2/v2.0/token"


def test_a_domain_finds_its_tenant(world: World) -> None:
    tenant = world.server.state.tenants[ACME].id
    by_domain = world.http.get(f"{world.api}/ACME.example/v2.0/.well-known/openid-configuration").json()
    assert by_domain["issuer"] == f"{world.api}/{tenant}/v2.0"
    assert by_domain == world.http.get(f"{world.api}/{tenant}/v2.0/.well-known/openid-configuration").json()


def test_an_unknown_domain_is_no_tenant(world: World) -> None:
    refused = world.http.get(f"{world.api}/nowhere.example/v2.0/.well-known/openid-configuration")
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_tenant"
    assert refused.json()["error_codes"] == [90002]
    assert refused.json()["error_description"].startswith("AADSTS90002: Tenant 'nowhere.example' not found.")


def test_a_person_picks_an_account_types_a_password_and_may_use_an_alias(world: World) -> None:
    browser = Browser()
    assert browser.get(world.authorize_url()).title == "Pick an account"
    assert "may be incorrect" in browser.submit_form({"email": "nobody@acme.example"}, button="Next").text
    assert BOB in browser.submit_form({"email": "builder@acme.example"}, button="Next").text
    assert "password is incorrect" in browser.submit_form({"password": "guess"}).text
    assert browser.submit_form({"password": "bobs"}).title == "Permissions requested"


def test_a_person_may_take_another_account_than_the_hinted_one(world: World) -> None:
    browser = Browser()
    assert BOB in browser.get(world.authorize_url(login_hint=BOB)).text
    assert browser.click("Use another account").title == "Pick an account"
    assert GRACE in browser.click(GRACE).text
    assert GRACE in browser.click("Sign in").text


def test_select_account_asks_in_spite_of_a_hint(world: World) -> None:
    assert Browser().get(world.authorize_url(login_hint=BOB, prompt="select_account")).title == "Pick an account"


def test_the_consent_page_lists_what_is_asked_and_comes_once(world: World) -> None:
    browser = Browser()
    page = world.after_password(browser)
    assert "Read your basic mail" in page.text
    assert "Read basic details of your calendars" in page.text
    browser.click("Accept")
    assert world.told(browser)["code"]
    assert world.told_without_consent(BOB)["code"]
    assert world.after_password(Browser(), prompt="consent").title == "Permissions requested"
    assert world.after_password(Browser(), scope=f"{ASKED} Mail.Read").title == "Permissions requested"


@pytest.mark.parametrize("step", ["consent", "approve", "new-password"])
def test_nobody_skips_the_password(world: World, step: str) -> None:
    browser = Browser()
    flow = dict(browser.get(world.authorize_url(login_hint=BOB)).forms[0].fields)["flow"]
    forged = Form(url=f"{world.login}/signin/{step}", method="POST", fields=[("flow", flow), ("decision", "allow")])
    assert browser.submit(forged).status == 400


def test_nobody_goes_around_a_policy_by_the_consent_page(world: World) -> None:
    browser = Browser()
    page = world.after_password(browser)
    world.server.conditional_access(BOB, True)
    assert "You cannot access this right now" in browser.submit(page.forms[0], button=page.forms[0].buttons[0]).title


def test_cancel_comes_back_as_access_denied(world: World) -> None:
    browser = Browser()
    world.after_password(browser)
    browser.click("Cancel")
    told = world.told(browser)
    assert (told["error"], told["state"]) == ("access_denied", "s1")
    assert told["error_description"].startswith("AADSTS65004: ")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "http://evil.localhost/callback"}, 50011),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, 700016),
        ({"response_type": "token"}, 900144),
        ({"response_mode": "form_post"}, 900144),
        ({"scope": "openid Everything.Read"}, 650053),
        ({"prompt": "sometimes"}, 90023),
        ({"code_challenge_method": "S512"}, 501491),
        ({"tenant": "nowhere.example"}, 90002),
    ],
)
def test_a_wrong_authorize_address_is_refused_on_microsofts_page(
    world: World, changes: dict[str, str], code: int
) -> None:
    browser = Browser()
    page = browser.get(world.authorize_url(**changes))
    assert page.status == 400
    assert f"AADSTS{code}" in page.text
    assert not world.told(browser)


def test_a_company_of_its_own_lets_no_other_account_in(world: World) -> None:
    browser = Browser()
    page = browser.get(world.authorize_url(tenant=ACME, login_hint=MALLORY))
    assert "AADSTS50020" in page.text
    assert not page.forms


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        ("disable", "has been locked. Contact your support person"),
        ("lock", "temporarily locked"),
        ("unassign", "AADSTS50105"),
        ("conditional_access", "You cannot access this right now"),
    ],
)
def test_the_sign_in_page_refuses_in_words_and_never_calls_back(world: World, switch: str, words: str) -> None:
    getattr(world.server, switch)(BOB, True)
    browser = Browser()
    page = world.after_password(browser)
    assert words in page.title + page.text
    assert not page.forms
    assert not world.told(browser)
    getattr(world.server, switch)(BOB, False)
    assert world.answer()["code"]


def test_a_second_factor_is_one_step_more(world: World) -> None:
    world.server.mfa(BOB, True)
    browser = Browser()
    assert world.after_password(browser).title == "Approve sign-in request"
    assert browser.click("Approve").title == "Permissions requested"


def test_an_expired_password_is_renewed_on_the_way(world: World) -> None:
    world.server.expire_password(BOB, True)
    browser = Browser()
    assert world.after_password(browser).title == "Update your password"
    assert "haven't used before" in browser.submit_form({"password": "bobs"}).text
    assert browser.submit_form({"password": "new-one"}).title == "Permissions requested"
    assert "incorrect" in refused_password(world, "bobs")


def refused_password(world: World, password: str) -> str:
    browser = Browser()
    browser.get(world.authorize_url(login_hint=BOB))
    return browser.submit_form({"password": password}).text


def test_a_missing_approval_never_calls_back_until_the_administrator_approves(world: World) -> None:
    world.server.admin_approval(True)
    browser = Browser()
    page = world.after_password(browser)
    assert page.title == "Need admin approval"
    assert not page.forms
    assert not page.links
    assert not world.told(browser)
    approve(world, Browser())
    assert world.told_without_consent(GRACE)["code"]


@pytest.mark.parametrize("tenant", [ACME, "organizations"])
def test_an_administrators_approval_comes_back_with_the_tenant(world: World, tenant: str) -> None:
    browser = Browser()
    page = browser.get(adminconsent_url(world, tenant=tenant))
    assert ADA in page.text
    assert "Read your basic mail" in page.text
    browser.click("Approve")
    told = world.told(browser)
    assert told["admin_consent"] == "True"
    assert told["tenant"] == world.server.state.tenants[ACME].id
    assert (told["state"], told["scope"]) == ("a1", "https://graph.microsoft.com/Mail.ReadBasic")


def test_an_administrator_may_decline(world: World) -> None:
    world.server.admin_approval(True)
    browser = Browser()
    browser.get(adminconsent_url(world))
    browser.click("Cancel")
    told = world.told(browser)
    assert (told["admin_consent"], told["error"], told["state"]) == ("True", "consent_required", "a1")
    assert "tenant" not in told
    assert world.after_password(Browser()).title == "Need admin approval"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": "http://evil.localhost/callback"}, 50011),
        ({"client_id": "nobody"}, 700016),
        ({"scope": ""}, 900144),
        ({"tenant": "nowhere.example"}, 90002),
    ],
)
def test_a_wrong_address_of_admin_consent_is_refused(world: World, changes: dict[str, str], code: int) -> None:
    page = Browser().get(adminconsent_url(world, **changes))
    assert page.status == 400
    assert f"AADSTS{code}" in page.text


def adminconsent_url(world: World, *, tenant: str = ACME, **changes: str) -> str:
    asked = {
        "client_id": world.client_id,
        "scope": "https://graph.microsoft.com/Mail.ReadBasic",
        "redirect_uri": world.back,
        "state": "a1",
    } | changes
    return f"{world.login}/{tenant}/v2.0/adminconsent?" + urlencode(asked)


def approve(world: World, browser: Browser) -> None:
    browser.get(adminconsent_url(world, scope=f"{ASKED}"))
    browser.click("Approve")


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant", 501481),
        ({"code_verifier": ""}, "invalid_grant", 501481),
        ({"redirect_uri": "http://bot.localhost:9/other"}, "invalid_grant", 500112),
        ({"client_secret": "wrong"}, "invalid_client", 7000215),
        ({"client_secret": ""}, "invalid_client", 7000218),
        ({"client_id": "nobody"}, "unauthorized_client", 700016),
        ({"grant_type": "password"}, "unsupported_grant_type", 70003),
        ({"code": "1.AXmade-up"}, "invalid_grant", 70008),
        ({"tenant": "nowhere.example"}, "invalid_request", 90002),
        ({"scope": "Everything.Read"}, "invalid_scope", 70011),
        ({"scope": "https://outlook.office365.com/EWS.AccessAsUser.All"}, "invalid_grant", 65001),
    ],
)
def test_a_code_is_refused(world: World, changes: dict[str, str], error: str, code: int) -> None:
    form = {"grant_type": "authorization_code", "code": world.answer()["code"], "redirect_uri": world.back}
    refused = world.token(**(form | {"code_verifier": world.verifier} | changes))
    assert (refused.json()["error"], refused.json()["error_codes"]) == (error, [code])
    assert refused.status_code == (401 if error == "invalid_client" else 400)


def test_a_code_is_good_once(world: World) -> None:
    code = world.answer()["code"]
    assert world.redeem(code).status_code == 200
    assert world.redeem(code).json()["error_codes"] == [54005]


def test_a_code_lasts_ten_minutes(world: World) -> None:
    code = world.answer()["code"]
    world.clock.move(timedelta(minutes=11))
    assert world.redeem(code).json()["error_codes"] == [70008]


def test_a_refusal_has_all_that_entra_tells(world: World) -> None:
    refused = world.redeem("1.AXmade-up").json()
    assert set(refused) == {
        "error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri",
    }  # fmt: skip
    lines = refused["error_description"].split("\r\n")
    assert lines[1:] == [
        f"Trace ID: {refused['trace_id']}",
        f"Correlation ID: {refused['correlation_id']}",
        f"Timestamp: {refused['timestamp']}",
    ]
    at = datetime.strptime(refused["timestamp"], "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(at - world.clock.now()) < timedelta(minutes=1)
