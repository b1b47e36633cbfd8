"""Signing in at Salesforce, renewing, checking and revoking, as a person and the runner live through it."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from providers.base import (
    Access,
    AccessType,
    Blocked,
    Credential,
    Ended,
    Link,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Unavailable,
)
from providers.salesforce.sign_in import Hosts
from providers.wire import Wire
from tests.providers.kit import BOB, GRACE
from tests.providers.salesforce.kit import ACME, CARA, ORGS, PRODUCTION, SANDBOX, SalesforceKit
from tests.sandbox.people import Browser

REAL = Hosts(
    production_url="https://login.salesforce.com",
    sandbox_url="https://test.salesforce.com",
    my_domain_url="https://{name}.my.salesforce.com",
)


def asked(link: Link | object) -> dict[str, str]:
    assert isinstance(link, Link)
    return {name: values[0] for name, values in parse_qs(urlsplit(link.url).query).items()}


def my_domain(given: str) -> Access:
    return Access(AccessType.MY_DOMAIN, given)


# Begin


@pytest.mark.parametrize("access", ORGS)
def test_the_address_asks_for_the_least_and_for_a_refresh_token(kit: SalesforceKit, access: Access) -> None:
    link = kit.provider.begin(access, "s-1", BOB)
    query = asked(link)
    assert query["scope"].split() == ["api", "refresh_token", "openid"]
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert (query["state"], query["login_hint"]) == ("s-1", BOB)
    assert query["prompt"] == "select_account"
    assert query["redirect_uri"] == kit.settings["redirect_uri"]
    assert json.loads(link.remember)["verifier"] not in link.url
    assert query["state"] not in repr(link)


def test_each_access_type_has_its_own_login_page(kit: SalesforceKit) -> None:
    paths = [urlsplit(kit.provider.begin(access, "s", BOB).url).path for access in ORGS]
    assert paths == [f"/{host}/services/oauth2/authorize" for host in ("production", "sandbox", "my/acme")]


def test_every_sign_in_has_its_own_verifier(kit: SalesforceKit) -> None:
    one, other = (json.loads(kit.provider.begin(PRODUCTION, "s", BOB).remember) for _ in range(2))
    assert one["verifier"] != other["verifier"]


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("acme", "acme"),
        (" Acme ", "acme"),
        ("acme.my.salesforce.com", "acme"),
        ("https://acme.my.salesforce.com/", "acme"),
        ("https://acme.my.salesforce.com/lightning/page?x=1", "acme"),
        ("https://acme.lightning.force.com/lightning/page/home", "acme"),
        ("https://acme.my.salesforce-setup.com/lightning/setup/SetupOneHome/home", "acme"),
        ("acme--test.sandbox.my.salesforce.com", "acme--test.sandbox"),
        ("acme--test.sandbox.lightning.force.com", "acme--test.sandbox"),
        ("acme--test.sandbox", "acme--test.sandbox"),
        ("acme-dev-ed.develop.my.salesforce.com", "acme-dev-ed.develop"),
    ],
)
def test_a_my_domain_may_be_given_as_people_know_it(given: str, host: str) -> None:
    assert REAL.login(my_domain(given)) == f"https://{host}.my.salesforce.com"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://",
        "-acme",
        "ac me",
        "evil.example",
        "evil.example/acme.my.salesforce.com",
        "acme.my.salesforce.com.evil.example",
        "https://acme.my.salesforce.com@evil.example",
        "https://me@acme.my.salesforce.com",
        "acme.my.salesforce.com:8443",
        "acme?x=.my.salesforce.com",
        "acme#.my.salesforce.com",
        "evil.example\\.my.salesforce.com",
        "a.b.my.salesforce.com",
        "acme.evil.sandbox.my.salesforce.com",
        "acmé.my.salesforce.com",
        "a" * 64,
        "acme\n.evil.example",
    ],
)
def test_what_cannot_be_a_my_domain_is_never_called(kit: SalesforceKit, given: str) -> None:
    with pytest.raises(Rejected):
        REAL.login(my_domain(given))
    with pytest.raises(Rejected) as caught:
        kit.provider.begin(my_domain(given), "s", BOB)
    assert (caught.value.reason, caught.value.definite) == (Reason.WRONG_TENANT, True)
    assert kit.server.requests == []


def test_a_my_domain_that_is_nobodys_is_the_persons_mistake(kit: SalesforceKit) -> None:
    with pytest.raises(Rejected) as caught:
        kit.provider.begin(my_domain("nobodys"), "s", BOB)
    assert (caught.value.reason, caught.value.code) == (Reason.WRONG_TENANT, "document 404")
    moved = kit.make(my_domain_url="https://{name}.salesforce.invalid")
    with pytest.raises(Rejected) as caught:
        moved.begin(my_domain("acme"), "s", BOB)
    assert (caught.value.reason, caught.value.code) == (Reason.WRONG_TENANT, "gaierror")


def test_a_my_domain_of_a_salesforce_that_is_down_is_nobodys_mistake(kit: SalesforceKit) -> None:
    kit.server.down(True)
    with pytest.raises(Unavailable) as caught:
        kit.provider.begin(ACME, "s", BOB)
    assert caught.value.reason is Reason.PROVIDER_DOWN


def test_the_discovery_document_is_read_once_an_hour_for_each_host(kit: SalesforceKit) -> None:
    def reads() -> int:
        return sum("/.well-known" in seen.path for seen in kit.server.requests)

    for access in (PRODUCTION, SANDBOX, PRODUCTION, SANDBOX):
        kit.provider.begin(access, "s", BOB)
    assert reads() == 2
    kit.clock.move(timedelta(minutes=61))
    kit.provider.begin(PRODUCTION, "s", BOB)
    assert reads() == 3


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"issuer": "https://login.salesforce.com"}, Unavailable),
        ({"token_endpoint": "http://localhost/token"}, Unavailable),
        ({"revocation_endpoint": 7}, Unavailable),
        ({"token_endpoint": "https://evil.example/token"}, Misconfigured),
        ({"revocation_endpoint": "https://salesforce.com.evil.example/revoke"}, Misconfigured),
    ],
)
def test_a_discovery_document_that_cannot_be_true_is_not_followed(
    kit: SalesforceKit, change: dict[str, object], kind: type[ProviderError]
) -> None:
    host = kit.settings["production_url"]
    true = {
        "issuer": host,
        "authorization_endpoint": f"{host}/services/oauth2/authorize",
        "token_endpoint": f"{host}/services/oauth2/token",
        "revocation_endpoint": f"{host}/services/oauth2/revoke",
        "jwks_uri": f"{host}/id/keys",
    }
    kit.lie(true | change, path="/.well-known")
    with pytest.raises(kind):
        kit.provider.begin(PRODUCTION, "s", BOB)


# Complete


@pytest.mark.parametrize(("access", "org"), ORGS.items())
def test_bob_signs_in_to_each_org_and_his_credential_has_worked_once(
    kit: SalesforceKit, access: Access, org: str
) -> None:
    credential = kit.sign_in(BOB, access)
    user = kit.server.state.user(kit.server.state.org(org), BOB)
    assert user is not None
    assert (credential.account, credential.aliases) == (BOB, ())
    assert credential.identity == f"{user.org.id[:15]}/{user.id[:15]}"
    assert credential.expires_at is not None
    assert timedelta(minutes=58) < credential.expires_at - kit.clock.now() <= timedelta(hours=1)
    assert kit.server.requests[-1].path == "/services/oauth2/userinfo"
    kit.provider.check(credential)


def test_the_same_address_in_another_org_is_another_identity(kit: SalesforceKit) -> None:
    credentials = [kit.sign_in(BOB, access) for access in ORGS] + [kit.sign_in(GRACE)]
    assert len({credential.identity for credential in credentials}) == 4


def userinfo(kit: SalesforceKit, **changes: object) -> None:
    """From now on userinfo says this of Bob."""
    user = kit.server.state.named(BOB)[0]
    true = {
        "organization_id": user.org.id,
        "user_id": user.id,
        "preferred_username": BOB,
        "email": BOB,
        "zoneinfo": "Europe/Berlin",
    }
    kit.lie({name: value for name, value in (true | changes).items() if value is not None}, path="/userinfo")


def test_a_user_name_that_differs_is_an_alias_and_a_sandboxs_address_is_made_whole(kit: SalesforceKit) -> None:
    userinfo(kit, preferred_username="bob@acme.example.test", email="bob@acme.example.invalid")
    credential = kit.sign_in()
    assert (credential.account, credential.aliases) == (BOB, ("bob@acme.example.test",))
    userinfo(kit, email=None)
    assert kit.sign_in().account == BOB


def test_an_id_with_15_characters_is_the_same_identity(kit: SalesforceKit) -> None:
    identity = kit.sign_in().identity
    user = kit.server.state.named(BOB)[0]
    userinfo(kit, organization_id=user.org.id[:15], user_id=user.id[:15])
    assert kit.sign_in().identity == identity


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "005000000000000AAA"},
        {"organization_id": None},
        {"organization_id": "", "user_id": ""},
        {"preferred_username": None},
    ],
)
def test_a_userinfo_that_does_not_fit_the_token_makes_no_credential(
    kit: SalesforceKit, change: dict[str, object]
) -> None:
    userinfo(kit, **change)
    with pytest.raises(Unavailable) as caught:
        kit.sign_in()
    assert caught.value.reason is Reason.PROVIDER_DOWN


@pytest.mark.parametrize(
    ("error", "words", "kind", "reason"),
    [
        ("access_denied", "end-user denied authorization", Rejected, Reason.CONSENT_DECLINED),
        ("access-denied", "", Rejected, Reason.CONSENT_DECLINED),
        ("OAUTH_APP_ACCESS_DENIED", "user is not admin approved", Blocked, Reason.NEEDS_ADMIN_APPROVAL),
        ("invalid_client", "app must be installed into org", Blocked, Reason.NEEDS_ADMIN_APPROVAL),
        ("redirect_uri_mismatch", "", Misconfigured, Reason.CLIENT_MISCONFIGURED),
        ("<!channel> something new", "", Rejected, Reason.UNKNOWN),
    ],
)
def test_an_error_at_the_callback_costs_no_request(
    kit: SalesforceKit, error: str, words: str, kind: type[ProviderError], reason: Reason
) -> None:
    link = kit.provider.begin(PRODUCTION, "s", BOB)
    before = len(kit.server.requests)
    with pytest.raises(kind) as caught:
        kit.provider.complete({"error": error, "error_description": words, "state": "s"}, link.remember)
    assert caught.value.reason is reason
    assert not set("<!>") & set(caught.value.code)
    assert len(kit.server.requests) == before


@pytest.mark.parametrize("answer", [{}, {"code": ""}])
def test_an_answer_without_a_code_costs_no_request(kit: SalesforceKit, answer: dict[str, str]) -> None:
    link = kit.provider.begin(PRODUCTION, "s", BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.complete(answer, link.remember)
    assert caught.value.definite
    assert kit.server.token_posts("authorization_code") == 0


def test_a_code_of_another_sign_in_is_refused_by_its_verifier(kit: SalesforceKit) -> None:
    mallorys_answer, _ = kit.answer(BOB)
    _, bobs_memory = kit.answer(BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.complete(mallorys_answer, bobs_memory)
    assert (caught.value.code, caught.value.definite) == ("invalid_grant", True)


def test_an_app_that_is_not_installed_ends_on_salesforces_own_page(kit: SalesforceKit) -> None:
    kit.server.app_not_installed(True)
    link = kit.provider.begin(PRODUCTION, "s", BOB)
    browser = Browser()
    browser.get(link.url)
    page = browser.click("Log In")
    assert "OAUTH_APPROVAL_ERROR_GENERIC" in page.text
    assert kit.provider.approval().startswith(kit.settings["production_url"])


def test_a_secret_that_is_no_longer_ours_is_the_operators(kit: SalesforceKit) -> None:
    answer, remember = kit.answer(BOB)
    kit.server.wrong_client_secret(True)
    with pytest.raises(Misconfigured) as caught:
        kit.provider.complete(answer, remember)
    assert caught.value.code == "invalid_client"


def first_tokens(kit: SalesforceKit, **changes: object) -> None:
    """From now on the token endpoint says this."""
    true = {
        "access_token": "a",
        "refresh_token": "r",
        "scope": "api refresh_token openid",
        "instance_url": kit.api,
        "id": "https://login.salesforce.com/id/00D/005",
    }
    kit.lie({name: value for name, value in (true | changes).items() if value is not None}, path="/token")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scope": "id openid refresh_token"}, "scope api"),
        ({"refresh_token": None}, "scope refresh_token"),
        ({"instance_url": "https://evil.example"}, "host refused: evil.example"),
        ({"instance_url": "https://acme.my.salesforce.com.evil.example"}, None),
        ({"instance_url": "https://evilsalesforce.com"}, None),
        ({"instance_url": "http://acme.my.salesforce.com"}, None),
        ({"instance_url": "https://acme.my.salesforce.com:8443"}, None),
        ({"instance_url": "https://x@acme.my.salesforce.com"}, None),
        ({"instance_url": "https://[acme.my.salesforce.com"}, None),
        ({"instance_url": "https://<!channel>"}, "host refused: channel"),
        ({"instance_url": None}, None),
    ],
)
def test_tokens_that_we_could_not_use_make_no_credential_and_are_sent_nowhere(
    kit: SalesforceKit, changes: dict[str, object], code: str | None
) -> None:
    answer, remember = kit.answer(BOB)
    first_tokens(kit, **changes)
    with pytest.raises(Misconfigured) as caught:
        kit.provider.complete(answer, remember)
    assert code is None or caught.value.code == code
    assert not [seen for seen in kit.server.requests if seen.path.endswith("/userinfo")]


@pytest.mark.parametrize("host", ["acme.my.salesforce.com", "acme--t.sandbox.my.salesforce.com", "na1.salesforce.com"])
def test_salesforces_own_hosts_are_trusted(host: str) -> None:
    assert REAL.trusts(f"https://{host}")
    assert REAL.trusts(f"https://{host}:443/")


def test_a_sovereign_cloud_is_trusted_by_its_template() -> None:
    hosts = Hosts(
        production_url="https://login.salesforce.mil",
        sandbox_url="https://test.salesforce.mil",
        my_domain_url="https://{name}.my.salesforce.mil",
    )
    assert hosts.trusts("https://acme.my.salesforce.mil")
    assert hosts.login(my_domain("https://acme.my.salesforce.mil/")) == "https://acme.my.salesforce.mil"
    assert not REAL.trusts("https://acme.my.salesforce.mil")


@pytest.mark.parametrize("body", [{}, {"access_token": 7}, {"access_token": ""}])
def test_tokens_of_another_shape_are_salesforces_fault(kit: SalesforceKit, body: dict[str, object]) -> None:
    credential = kit.sign_in(BOB)
    answer, remember = kit.answer(BOB)
    kit.lie(body, path="/token")
    for use in (partial(kit.provider.complete, answer, remember), partial(kit.provider.refresh, credential)):
        with pytest.raises(Unavailable) as caught:
            use()
        assert caught.value.reason is Reason.PROVIDER_DOWN


# Refresh


def test_a_renewal_is_one_post_and_takes_the_rotated_token(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.clock.move(timedelta(hours=2))
    renewed = kit.provider.refresh(credential)
    assert kit.server.token_posts() == 1
    old, new = json.loads(credential.secret), json.loads(renewed.secret)
    assert new["refresh_token"] != old["refresh_token"]
    assert new["access_token"] != old["access_token"]
    assert {name: new[name] for name in ("instance_url", "host", "zone")} == {
        "instance_url": kit.api,
        "host": kit.settings["production_url"],
        "zone": "Europe/Berlin",
    }
    assert renewed.expires_at is not None
    assert renewed.expires_at > kit.clock.now() + timedelta(minutes=58)
    kit.provider.check(renewed)


def test_a_chain_of_renewals_holds(kit: SalesforceKit) -> None:
    credential = kit.sign_in(BOB, ACME)
    for _ in range(4):
        kit.clock.move(timedelta(hours=1))
        credential = kit.provider.refresh(credential)
    kit.provider.check(credential)


def test_without_rotation_the_refresh_token_is_kept(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.rotation(False)
    renewed = kit.provider.refresh(credential)
    assert json.loads(renewed.secret)["refresh_token"] == json.loads(credential.secret)["refresh_token"]
    kit.provider.refresh(credential)
    kit.provider.check(renewed)


def test_a_token_that_was_rotated_out_is_refused_and_takes_the_grant_along(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    renewed = kit.provider.refresh(credential)
    for used in (credential, renewed):
        with pytest.raises(Rejected) as caught:
            kit.provider.refresh(used)
        assert (caught.value.reason, caught.value.definite) == (Reason.CREDENTIALS_REVOKED, False)


def test_a_refused_renewal_is_not_repeated(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.down(True)
    with pytest.raises(Unavailable):
        kit.provider.refresh(credential)
    assert kit.server.token_posts() == 1


def test_a_renewal_whose_answer_is_lost_is_not_repeated(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.lose_token_answer()
    with pytest.raises(Unavailable) as caught:
        kit.provider.refresh(credential)
    assert caught.value.reason is Reason.NETWORK
    assert kit.server.token_posts() == 1


@pytest.mark.parametrize("place", [None, "https://evil.example", 7])
def test_a_renewal_keeps_its_tokens_and_sends_them_to_the_old_place_when_the_new_one_is_odd(
    kit: SalesforceKit, place: object
) -> None:
    credential = kit.sign_in()
    kit.lie({"access_token": "a2", "refresh_token": "r2", "instance_url": place}, path="/token")
    kept = json.loads(kit.provider.refresh(credential).secret)
    assert (kept["access_token"], kept["refresh_token"], kept["instance_url"]) == ("a2", "r2", kit.api)


def test_an_org_that_moved_is_followed(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.lie({"access_token": "a2", "instance_url": "https://acme.my.salesforce.com"}, path="/token")
    assert json.loads(kit.provider.refresh(credential).secret)["instance_url"] == "https://acme.my.salesforce.com"


def test_what_ends_a_sign_in_is_told_apart(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.rotation(False)
    found: list[tuple[type[ProviderError], Reason, object]] = []

    def renew() -> None:
        with pytest.raises(ProviderError) as caught:
            kit.provider.refresh(credential)
        found.append((type(caught.value), caught.value.reason, getattr(caught.value, "definite", None)))

    for switch in (
        partial(kit.server.deactivate, BOB),
        partial(kit.server.ip_restricted, BOB),
        kit.server.login_rate,
        kit.server.wrong_client_secret,
    ):
        switch(True)
        renew()
        switch(False)
    kit.server.change_password(BOB)
    renew()
    kit.server.revoke_grant(BOB)
    renew()
    assert found == [
        (Blocked, Reason.ACCOUNT_DISABLED, None),
        (Blocked, Reason.ADMIN_POLICY_BLOCKED, None),
        (Unavailable, Reason.RATE_LIMITED, None),
        (Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
        (Rejected, Reason.PASSWORD_CHANGED, True),
        (Rejected, Reason.CREDENTIALS_REVOKED, False),
    ]


def test_thirty_idle_days_end_a_sign_in(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.clock.move(timedelta(days=31))
    with pytest.raises(Rejected) as caught:
        kit.provider.refresh(credential)
    assert (caught.value.reason, caught.value.definite) == (Reason.CREDENTIALS_REVOKED, False)


# Check


def test_a_check_asks_salesforce_each_time(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    before = len(kit.server.requests)
    kit.provider.check(credential)
    kit.provider.check(credential)
    assert [seen.path for seen in kit.server.requests[before:]] == ["/services/data/v66.0/query/"] * 2


def test_a_session_that_ended_is_not_believed_at_once(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.expire_access_tokens(BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.check(credential)
    assert (caught.value.code, caught.value.definite) == ("401 INVALID_SESSION_ID", False)
    assert caught.value.reason is Reason.CREDENTIALS_REVOKED
    kit.provider.check(kit.provider.refresh(credential))


def test_what_stands_in_the_way_of_a_check_is_told_apart(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    found = []
    for switch in (
        partial(kit.server.api_disabled, BOB),
        kit.server.api_disabled_for_org,
        kit.server.rate_limit,
        kit.server.field_missing,
    ):
        switch(True)
        with pytest.raises(ProviderError) as caught:
            kit.provider.check(credential)
        switch(False)
        found.append((type(caught.value), str(caught.value)))
    kit.provider.check(credential)
    assert found == [
        (Blocked, "api_disabled (403 API_CURRENTLY_DISABLED)"),
        (Blocked, "api_disabled (403 API_DISABLED_FOR_ORG)"),
        (Unavailable, "rate_limited (403 REQUEST_LIMIT_EXCEEDED)"),
        (Blocked, "crm_field_missing (400 INVALID_FIELD)"),
    ]


def test_a_sign_in_whose_first_use_fails_is_none(kit: SalesforceKit) -> None:
    answer, remember = kit.answer()
    kit.lie("Bad_OAuth_Token", status=403, path="/userinfo")
    with pytest.raises(Rejected, match="403 Bad_OAuth_Token"):
        kit.provider.complete(answer, remember)


# Revoke


def test_a_revoked_sign_in_is_dead_at_salesforce_and_again_is_no_error(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    assert kit.provider.revoke(credential).ended is Ended.DONE
    for use in (kit.provider.check, kit.provider.refresh):
        with pytest.raises(Rejected):
            use(credential)
    assert kit.provider.revoke(credential).ended is Ended.DONE
    assert all(not seen.query for seen in kit.server.requests if seen.path.endswith("/revoke"))


@pytest.mark.parametrize("access", ORGS)
def test_a_replaced_sign_in_ends_without_the_new_one(kit: SalesforceKit, access: Access) -> None:
    old, new = kit.sign_in(BOB, access), kit.sign_in(BOB, access)
    assert kit.provider.revoke(old).ended is Ended.DONE
    kit.provider.check(new)
    kit.provider.check(kit.provider.refresh(new))
    assert kit.provider.revoke(old).ended is Ended.DONE
    kit.provider.check(new)


def test_a_sixth_sign_in_outlives_the_first(kit: SalesforceKit) -> None:
    credentials = [kit.sign_in() for _ in range(6)]
    with pytest.raises(Rejected):
        kit.provider.check(credentials[0])
    kit.provider.check(credentials[-1])


def test_a_revocation_that_salesforce_could_not_take_is_not_done(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.server.down(True)
    with pytest.raises(Unavailable):
        kit.provider.revoke(credential)
    kit.server.down(False)
    kit.provider.check(credential)


# Secrets


def test_no_secret_is_told_by_anything_we_show_or_raise(kit: SalesforceKit, caplog: pytest.LogCaptureFixture) -> None:
    answers = [kit.answer() for _ in range(5)]
    # The browser's own log, before this, is not ours.
    caplog.set_level(logging.DEBUG)
    answer, remember = answers.pop()
    credential = kit.provider.complete(answer, remember)
    kit.server.rotation(False)
    renewed = kit.provider.refresh(credential)
    about = kit.provider.match(renewed, [CARA])[CARA]
    kit.provider.push(renewed, [kit.message("m-1", about=about), kit.meeting("e-1", about=about, gone=True)])
    secrets = {kit.settings["client_secret"], answer["code"], json.loads(remember)["verifier"]}
    for one in (credential, renewed):
        kept = json.loads(one.secret)
        secrets |= {kept["access_token"], kept["refresh_token"]}
    shown = [repr(credential), repr(renewed), repr(kit.provider)]
    shown += _failures(kit, renewed, answers, echo=" ".join(secrets))
    kit.provider.revoke(renewed)
    for text in [*shown, caplog.text]:
        assert not [secret for secret in secrets if secret in text]


def _failures(
    kit: SalesforceKit, credential: Credential, answers: list[tuple[dict[str, str], str]], *, echo: str
) -> list[str]:
    """The tracebacks of all that fails when Salesforce says our secrets back to us."""
    shown = []
    refusal = {"error": "invalid_grant", "error_description": echo}
    listed = [{"errorCode": "INVALID_SESSION_ID", "message": echo}]
    refused = [{"success": False, "errors": [{"statusCode": "INVALID_FIELD", "message": f"relatch_id__c {echo}"}]}]
    for body, status, records, status_of_records in (
        (refusal, 400, listed, 401),
        (refusal, 200, refused, 200),
        (echo, 502, echo, 502),
        (echo, 200, echo, 200),
    ):
        kit.lie(body, status=status, path="/oauth2/")
        kit.lie(records, status=status_of_records, path="/services/data")
        answer, remember = answers.pop()
        for attempt in (
            partial(kit.provider.refresh, credential),
            partial(kit.provider.check, credential),
            partial(kit.provider.match, credential, [CARA]),
            partial(kit.provider.push, credential, [kit.message("m-1", about="003000000000001AAA")]),
            partial(kit.provider.push, credential, [kit.message("m-1", about="003000000000001AAA", gone=True)]),
            partial(kit.provider.complete, answer, remember),
        ):
            with pytest.raises(ProviderError) as caught:
                attempt()
            shown.append("".join(traceback.format_exception(caught.value)))
    kit.tell_the_truth()
    return shown


def test_a_slow_salesforce_is_left_at_the_deadline(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    hasty = kit.make(wire=Wire(ca_bundle=kit.ca_bundle, seconds=0.5))
    kit.server.slow(5)
    with pytest.raises(Unavailable) as caught:
        hasty.check(credential)
    assert (caught.value.reason, caught.value.code) == (Reason.NETWORK, "timeout")


def test_an_answer_nested_too_deep_is_nonsense(kit: SalesforceKit) -> None:
    credential = kit.sign_in()
    kit.intercept("/services/data", lambda _: web.Response(body=b"[" * 200_000, content_type="application/json"))
    with pytest.raises(Unavailable) as caught:
        kit.provider.check(credential)
    assert caught.value.reason is Reason.PROVIDER_DOWN
