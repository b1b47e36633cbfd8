"""Signing in at Microsoft, renewing, checking and revoking, as a person and the runner live through it."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import traceback
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from providers.base import Blocked, Credential, Ended, Link, Misconfigured, ProviderError, Reason, Rejected, Unavailable
from providers.microsoft import Microsoft
from tests.providers.kit import ADA, BOB, GRACE
from tests.providers.microsoft.kit import OFFICE365, MicrosoftKit, visit
from tests.sandbox.browser import Browser
from tests.sandbox.oauth import certificate

TOKEN = "/organizations/oauth2/v2.0/token"
DISCOVERY = "/organizations/v2.0/.well-known/openid-configuration"
SCOPES = {"openid", "profile", "offline_access", "Mail.ReadBasic", "Calendars.ReadBasic", "User.Read"}


def asked(link: object) -> dict[str, str]:
    assert isinstance(link, Link)
    return {name: values[0] for name, values in parse_qs(urlsplit(link.url).query).items()}


def failure(use: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        use()
    return caught.value


# Begin


def test_the_address_asks_for_the_least_and_lets_the_person_choose(kit: MicrosoftKit) -> None:
    query = asked(kit.provider.begin(OFFICE365, "s-1", BOB))
    assert set(query["scope"].split()) == SCOPES
    assert (query["response_type"], query["response_mode"], query["prompt"]) == ("code", "query", "select_account")
    assert (query["state"], query["login_hint"], query["code_challenge_method"]) == ("s-1", BOB, "S256")


def test_neither_verifier_nor_nonce_nor_client_secret_stands_in_the_address(kit: MicrosoftKit) -> None:
    link = kit.provider.begin(OFFICE365, "s-1", "")
    kept = json.loads(link.remember)
    assert kept["code_verifier"] not in link.url
    assert kept["nonce"] not in link.url
    assert kit.settings["client_secret"] not in link.url
    assert "login_hint" not in asked(link)
    assert kept["code_verifier"] not in repr(link)


def test_every_sign_in_has_its_own_verifier_and_nonce(kit: MicrosoftKit) -> None:
    one, other = (json.loads(kit.provider.begin(OFFICE365, "s", BOB).remember) for _ in range(2))
    assert one["code_verifier"] != other["code_verifier"]
    assert one["nonce"] != other["nonce"]


def test_the_discovery_document_is_read_once_an_hour(kit: MicrosoftKit) -> None:
    def reads() -> int:
        return sum(seen.path == DISCOVERY for seen in kit.server.requests)

    kit.provider.refresh(kit.sign_in())
    assert reads() == 1
    kit.clock.move(timedelta(minutes=61))
    kit.provider.begin(OFFICE365, "s", BOB)
    assert reads() == 2
    kit.clock.move(timedelta(days=-1))
    kit.provider.begin(OFFICE365, "s", BOB)
    assert reads() == 3


@pytest.mark.parametrize(
    "change",
    [{"issuer": 7}, {"token_endpoint": "http://localhost/token"}, {"authorization_endpoint": "javascript:alert()"}],
)
def test_a_discovery_document_that_cannot_be_true_is_not_followed(kit: MicrosoftKit, change: dict[str, object]) -> None:
    api = kit.settings["authority"]
    document = {"issuer": api, "authorization_endpoint": f"{api}/a", "token_endpoint": f"{api}/token"}
    kit.lie(document | change, path=DISCOVERY)
    found = failure(partial(kit.provider.begin, OFFICE365, "s", BOB))
    assert (type(found), found.reason) == (Unavailable, Reason.PROVIDER_DOWN)


def test_an_authority_that_does_not_exist_is_the_operators(kit: MicrosoftKit) -> None:
    api = kit.settings["authority"].rpartition("/")[0]
    found = failure(partial(kit.make(authority=f"{api}/nowhere.example").begin, OFFICE365, "s", BOB))
    assert (type(found), found.reason) == (Misconfigured, Reason.CLIENT_MISCONFIGURED)


def test_a_proxy_that_refuses_the_discovery_is_nobodys_fault(kit: MicrosoftKit) -> None:
    kit.lie(b"<html>Blocked by proxy</html>", status=400, path=DISCOVERY)
    found = failure(partial(kit.provider.begin, OFFICE365, "s", BOB))
    assert (type(found), found.reason, found.code) == (Unavailable, Reason.PROVIDER_DOWN, "document 400")


# Complete


def test_a_sign_in_names_the_account_by_its_directory(kit: MicrosoftKit) -> None:
    bob, grace = kit.sign_in(BOB), kit.sign_in(GRACE)
    assert (bob.account, bob.aliases) == (BOB, ())
    state = kit.server.state.accounts[BOB]
    assert bob.identity == f"{state.tenant.id}/{state.oid}"
    assert bob.identity != grace.identity
    assert bob.identity.partition("/")[0] == grace.identity.partition("/")[0]
    assert bob.expires_at is not None
    assert timedelta(minutes=58) < bob.expires_at - kit.clock.now() < timedelta(minutes=61)


def test_an_authority_of_one_company_does_too(kit: MicrosoftKit) -> None:
    api = kit.settings["authority"].rpartition("/")[0]
    kit.settings["authority"] = f"{api}/acme.example"
    kit.provider.check(kit.provider.refresh(kit.sign_in()))


def test_addresses_that_differ_from_the_sign_in_name_are_aliases(kit: MicrosoftKit) -> None:
    kit.lie({"mail": "builder@acme.example", "userPrincipalName": BOB.upper()}, path="/v1.0/me")
    assert kit.sign_in(BOB).aliases == ("builder@acme.example",)
    kit.tell_the_truth()
    kit.lie({"mail": None, "userPrincipalName": BOB}, path="/v1.0/me")
    assert kit.sign_in(BOB).aliases == ()


def test_a_sign_in_goes_by_the_clock_that_we_were_given(kit: MicrosoftKit) -> None:
    kit.clock.move(timedelta(minutes=-70))
    assert kit.sign_in().account == BOB
    kit.clock.move(timedelta(days=183))
    assert kit.sign_in().account == BOB


def test_a_certificate_takes_the_place_of_the_secret(kit: MicrosoftKit, tmp_path: Path) -> None:
    private_key, public = certificate("relatch.example")
    (tmp_path / "relatch.pem").write_text(private_key + public)
    client_id, _ = kit.server.register_client([kit.settings["redirect_uri"]], public_key=public)
    kit.settings |= {"client_id": client_id, "client_secret": "", "certificate": tmp_path / "relatch.pem"}
    credential = kit.provider.refresh(kit.sign_in())
    kit.provider.check(credential)
    assert all("client_secret" not in seen.form for seen in kit.server.requests)
    kit.server.wrong_client_secret(True)
    found = failure(partial(kit.provider.refresh, credential))
    assert (type(found), found.code) == (Misconfigured, "AADSTS700027")


def test_a_certificate_that_cannot_be_used_is_found_at_start(kit: MicrosoftKit, tmp_path: Path) -> None:
    _, public = certificate("relatch.example")
    foreign_key, _ = certificate("somebody-else.example")
    elliptic = "".join(certificate("relatch.example", trustme.KeyType.ECDSA))
    for text in ("", public, foreign_key, foreign_key + public, elliptic):
        (tmp_path / "bad.pem").write_text(text)
        with pytest.raises(ValueError, match=r"bad\.pem is no PEM file"):
            kit.make(certificate=tmp_path / "bad.pem")
    with pytest.raises(ValueError, match="is no PEM file"):
        kit.make(certificate=tmp_path / "missing.pem")


def test_the_environment_has_no_say(kit: MicrosoftKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSAL_FORCE_REGION", "nowhere.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    kit.provider.check(kit.provider.refresh(kit.provider.complete(*kit.answer())))


def test_a_permission_that_is_not_given_is_named(kit: MicrosoftKit) -> None:
    kit.server.less_scope(BOB, True)
    found = failure(kit.sign_in)
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite, found.code) == (Reason.SCOPE_MISSING, True, "Mail.ReadBasic")


def test_an_account_without_a_mailbox_is_not_connected(kit: MicrosoftKit) -> None:
    kit.server.no_mailbox(BOB, True)
    found = failure(kit.sign_in)
    assert (type(found), found.reason) == (Blocked, Reason.MAILBOX_MISSING)
    assert found.code == "404 MailboxNotEnabledForRESTAPI"


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ("access_denied", Rejected, Reason.CONSENT_DECLINED),
        ("unauthorized_client", Blocked, Reason.APP_MISSING),
        ("invalid_request", Misconfigured, Reason.CLIENT_MISCONFIGURED),
        ("temporarily_unavailable", Unavailable, Reason.PROVIDER_DOWN),
        ("<!channel> something new", Rejected, Reason.UNKNOWN),
    ],
)
def test_an_error_at_the_callback_costs_no_request(
    kit: MicrosoftKit, error: str, kind: type[ProviderError], reason: Reason
) -> None:
    link = kit.provider.begin(OFFICE365, "s", BOB)
    assert isinstance(link, Link)
    before = len(kit.server.requests)
    found = failure(partial(kit.provider.complete, {"error": error, "state": "s"}, link.remember))
    assert (type(found), found.reason) == (kind, reason)
    assert not set("<!>") & set(found.code)
    assert len(kit.server.requests) == before


def test_a_cancelled_sign_in_keeps_microsofts_trace(kit: MicrosoftKit) -> None:
    found = failure(partial(kit.provider.complete, *kit.answer(cancel=True)))
    assert found.code == "AADSTS65004"
    assert len(found.trace) == 36


@pytest.mark.parametrize(
    "answer",
    [{}, {"state": "s"}, {"state": "s", "code": ""}, {"code": "x"}, {"code": "x", "state": "other"}, {"state": "ß"}],
)
def test_an_answer_without_a_code_and_our_state_costs_no_request(kit: MicrosoftKit, answer: dict[str, str]) -> None:
    link = kit.provider.begin(OFFICE365, "s", BOB)
    assert isinstance(link, Link)
    found = failure(partial(kit.provider.complete, answer, link.remember))
    assert isinstance(found, Rejected)
    assert found.definite
    assert kit.server.token_posts("authorization_code") == 0


def test_what_else_the_browser_brings_is_not_even_decoded(kit: MicrosoftKit) -> None:
    answer, remember = kit.answer()
    assert kit.provider.complete(answer | {"client_info": "§", "id_token": "x"}, remember).account == BOB


def test_a_code_of_another_sign_in_is_refused_by_its_verifier(kit: MicrosoftKit) -> None:
    mallorys, _ = kit.answer()
    _, bobs_memory = kit.answer()
    found = failure(partial(kit.provider.complete, mallorys, bobs_memory))
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite, found.code) == (Reason.UNKNOWN, True, "AADSTS501481")


def claims(kit: MicrosoftKit, **changes: object) -> dict[str, object]:
    now, account = int(kit.clock.now().timestamp()), kit.server.state.accounts[BOB]
    api = kit.settings["authority"].rpartition("/")[0]
    said = {
        "iss": f"{api}/{account.tenant.id}/v2.0",
        "aud": kit.settings["client_id"],
        "tid": account.tenant.id,
        "oid": account.oid,
        "sub": "pairwise",
        "preferred_username": BOB,
        "iat": now,
        "exp": now + 3600,
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def stated(said: dict[str, object], remember: str) -> str:
    """An ID token as MSAL takes it, with the nonce that it waits for."""
    nonce = hashlib.sha256(json.loads(remember)["nonce"].encode()).hexdigest()
    body = base64.urlsafe_b64encode(json.dumps({"nonce": nonce} | said).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def tokens(**changes: object) -> dict[str, object]:
    said = {"access_token": "a", "refresh_token": "r", "expires_in": 3599, "token_type": "Bearer"} | changes
    return {name: value for name, value in said.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example/v2.0"}, "id_token: iss"),
        ({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, "id_token: iss"),
        ({"tid": "acme.example"}, "id_token: tid"),
        ({"oid": "bob"}, "id_token: tid"),
        ({"aud": "another-client"}, "id_token: aud"),
        ({"nonce": "another"}, "id_token: nonce"),
        ({"nonce": ""}, "id_token: nonce"),
        ({"exp": 0}, "id_token: exp"),
        ({"iat": 99_999_999_999}, "id_token: iat"),
        ({"preferred_username": "+49 30 123"}, "no address"),
    ],
)
def test_a_statement_that_is_not_about_this_sign_in_is_refused(
    kit: MicrosoftKit, changes: dict[str, object], code: str
) -> None:
    answer, remember = kit.answer()
    kit.lie(tokens(id_token=stated(claims(kit, **changes), remember)), path=TOKEN)
    found = failure(partial(kit.provider.complete, answer, remember))
    assert isinstance(found, Rejected)
    assert (found.code, found.definite) == (code, True)


@pytest.mark.parametrize(
    "change",
    [
        {"id_token": None},
        {"id_token": "no token"},
        {"id_token": "e30.e30.c2ln"},
        {"id_token": "e30.§.c2ln"},
        {"id_token": "e30.W10.c2ln"},
        {"client_info": "§"},
        {"access_token": 7},
        {"access_token": None},
        {"expires_in": "soon"},
        {"expires_in": None},
        {"expires_in": 10**30},
        {"scope": 7},
    ],
)
def test_tokens_of_another_shape_are_microsofts_fault(kit: MicrosoftKit, change: dict[str, object]) -> None:
    answer, remember = kit.answer()
    kit.lie(tokens(**{"id_token": stated(claims(kit), remember)} | change), path=TOKEN)
    found = failure(partial(kit.provider.complete, answer, remember))
    # A statement without a nonce looks to MSAL like one for somebody else.
    assert found.reason is Reason.PROVIDER_DOWN or found.code == "id_token: nonce"


def test_without_a_refresh_token_nothing_is_kept(kit: MicrosoftKit) -> None:
    answer, remember = kit.answer()
    kit.lie(tokens(id_token=stated(claims(kit), remember), refresh_token=None), path=TOKEN)
    assert failure(partial(kit.provider.complete, answer, remember)).reason is Reason.CONSENT_REVOKED


def test_a_refusal_with_status_200_is_a_refusal(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.lie({"error": "invalid_grant", "error_codes": [50173]}, path=TOKEN)
    assert failure(partial(kit.provider.refresh, credential)).reason is Reason.CREDENTIALS_REVOKED


@pytest.mark.parametrize(
    ("press", "code"),
    [
        (MicrosoftKit.go_down, "AADSTS90033"),
        (lambda kit: kit.server.wrong_client_secret(True), "AADSTS7000215"),
        (lambda kit: kit.server.client_secret_expired(True), "AADSTS7000222"),
        (lambda kit: kit.server.app_missing(True), "AADSTS700016"),
    ],
)
def test_a_code_that_is_refused_says_why(kit: MicrosoftKit, press: Callable[[MicrosoftKit], None], code: str) -> None:
    answer, remember = kit.answer()
    press(kit)
    found = failure(partial(kit.provider.complete, answer, remember))
    assert found.code == code
    assert not isinstance(found, Rejected)


# Refresh


def test_a_renewal_is_one_post_and_keeps_the_newest_refresh_token(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.clock.move(timedelta(hours=2))
    renewed = kit.provider.refresh(credential)
    assert kit.server.token_posts() == 1
    old, new = json.loads(credential.secret), json.loads(renewed.secret)
    assert new["refresh_token"] != old["refresh_token"]
    assert new["access_token"] != old["access_token"]
    assert set(new) == {"access_token", "refresh_token", "scopes"}
    assert renewed.expires_at is not None
    assert renewed.expires_at > kit.clock.now() + timedelta(minutes=58)
    kit.provider.check(renewed)


def test_a_renewal_without_a_new_refresh_token_keeps_the_old(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.lie(tokens(refresh_token=None), path=TOKEN)
    kept = json.loads(kit.provider.refresh(credential).secret)
    assert kept["refresh_token"] == json.loads(credential.secret)["refresh_token"]
    assert kept["access_token"] == "a"


def test_renewals_in_a_row_hold_under_strict_rotation(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.server.strict_rotation(True)
    for _ in range(3):
        credential = kit.provider.refresh(credential)
    kit.provider.check(credential)


@pytest.mark.parametrize("press", [MicrosoftKit.go_down, lambda kit: kit.server.lose_token_answer()])
def test_a_renewal_that_fails_is_not_repeated(kit: MicrosoftKit, press: Callable[[MicrosoftKit], None]) -> None:
    credential = kit.sign_in()
    press(kit)
    assert isinstance(failure(partial(kit.provider.refresh, credential)), Unavailable)
    assert kit.server.token_posts() == 1


def test_a_refusal_is_forgotten_as_soon_as_it_is_mended(kit: MicrosoftKit) -> None:
    # MSAL would go on saying so for a minute, without asking.
    credential = kit.sign_in()
    kit.server.conditional_access(BOB, True)
    assert failure(partial(kit.provider.refresh, credential)).reason is Reason.CONDITIONAL_ACCESS
    assert failure(partial(kit.provider.refresh, credential)).reason is Reason.CONDITIONAL_ACCESS
    kit.server.conditional_access(BOB, False)
    kit.provider.check(kit.provider.refresh(credential))
    assert kit.server.token_posts() == 3


def test_an_outage_is_forgotten_as_soon_as_it_is_over(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.server.down(True)
    assert isinstance(failure(partial(kit.provider.refresh, credential)), Unavailable)
    kit.server.down(False)
    kit.provider.check(kit.provider.refresh(credential))
    assert kit.server.token_posts() == 2


Press = Callable[[Any], None]
ENDS: list[tuple[str, Press, type[ProviderError], Reason, bool | None, str]] = [
    ("revoked", lambda s: s.revoke_sessions(BOB), Rejected, Reason.CREDENTIALS_REVOKED, True, "AADSTS50173"),
    ("idle", lambda s: s.idle_ninety_days(BOB), Rejected, Reason.TOKEN_EXPIRED_INACTIVE, True, "AADSTS700082"),
    ("often", lambda s: s.sign_in_frequency(BOB, True), Rejected, Reason.SESSION_POLICY_EXPIRED, True, "AADSTS70043"),
    ("mfa", lambda s: s.mfa(BOB, True), Rejected, Reason.MFA_REQUIRED, True, "AADSTS50076"),
    ("policy", lambda s: s.conditional_access(BOB, True), Blocked, Reason.CONDITIONAL_ACCESS, None, "AADSTS53003"),
    ("consent", lambda s: s.remove_consent(BOB), Rejected, Reason.CONSENT_REVOKED, True, "AADSTS65001"),
    ("disabled", lambda s: s.disable(BOB, True), Blocked, Reason.ACCOUNT_DISABLED, None, "AADSTS50057"),
    ("unassigned", lambda s: s.unassign(BOB, True), Blocked, Reason.USER_NOT_ASSIGNED, None, "AADSTS50105"),
    ("locked", lambda s: s.lock(BOB, True), Blocked, Reason.ACCOUNT_LOCKED, None, "AADSTS50053"),
    ("password", lambda s: s.expire_password(BOB, True), Rejected, Reason.PASSWORD_EXPIRED, True, "AADSTS50055"),
    (
        "secret",
        lambda s: s.wrong_client_secret(True),
        Misconfigured,
        Reason.CLIENT_MISCONFIGURED,
        None,
        "AADSTS7000215",
    ),
    (
        "stale",
        lambda s: s.client_secret_expired(True),
        Misconfigured,
        Reason.CLIENT_SECRET_EXPIRED,
        None,
        "AADSTS7000222",
    ),
    ("admin", lambda s: s.admin_approval(True), Blocked, Reason.NEEDS_ADMIN_APPROVAL, None, "AADSTS90094"),
    ("app", lambda s: s.app_missing(True), Blocked, Reason.APP_MISSING, None, "AADSTS700016"),
    ("tenant", lambda s: s.tenant_restricted(True), Blocked, Reason.ADMIN_POLICY_BLOCKED, None, "AADSTS500021"),
    ("plain", lambda s: s.plain_refusal(BOB), Rejected, Reason.CREDENTIALS_REVOKED, False, "invalid_grant"),
]


@pytest.mark.parametrize(
    ("press", "kind", "reason", "definite", "code"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS]
)
def test_what_ends_a_sign_in_is_told_apart(
    kit: MicrosoftKit, press: Press, kind: type[ProviderError], reason: Reason, definite: bool | None, code: str
) -> None:
    credential = kit.sign_in()
    press(kit.server)
    found = failure(partial(kit.provider.refresh, credential))
    assert (type(found), found.reason, found.code) == (kind, reason, code)
    assert getattr(found, "definite", None) == definite
    assert len(found.trace) == 36


def test_a_changed_password_changes_nothing(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.server.change_password(BOB)
    kit.provider.check(kit.provider.refresh(credential))


def test_whoever_signs_in_anew_after_a_policy_is_renewed_again(kit: MicrosoftKit) -> None:
    kit.server.mfa(BOB, True)
    kit.provider.check(kit.provider.refresh(kit.sign_in()))


# Check


def test_a_check_asks_microsoft_each_time(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    before = len(kit.server.requests)
    kit.provider.check(credential)
    kit.provider.check(credential)
    seen = kit.server.requests[before:]
    assert [(one.path, one.query) for one in seen] == [
        ("/v1.0/me/mailFolders/inbox", {"$select": "id,totalItemCount"})
    ] * 2


@pytest.mark.parametrize(
    ("press", "kind", "reason", "definite", "code"),
    [
        (
            lambda s: s.expire_access_tokens(BOB),
            Rejected,
            Reason.CREDENTIALS_REVOKED,
            False,
            "401 InvalidAuthenticationToken",
        ),
        (lambda s: s.less_scope(BOB, True), Rejected, Reason.SCOPE_MISSING, True, "403 ErrorAccessDenied"),
        (
            lambda s: s.no_mailbox(BOB, True),
            Blocked,
            Reason.MAILBOX_MISSING,
            None,
            "404 MailboxNotEnabledForRESTAPI",
        ),
        (lambda s: s.rate_limit(True), Unavailable, Reason.RATE_LIMITED, None, "429 TooManyRequests"),
        (lambda s: s.down(True), Unavailable, Reason.PROVIDER_DOWN, None, "503 serviceNotAvailable"),
    ],
)
def test_what_a_check_hears(
    kit: MicrosoftKit, press: Press, kind: type[ProviderError], reason: Reason, definite: bool | None, code: str
) -> None:
    credential = kit.sign_in()
    press(kit.server)
    found = failure(partial(kit.provider.check, credential))
    assert (type(found), found.reason, found.code) == (kind, reason, code)
    assert getattr(found, "definite", None) == definite
    assert len(found.trace) == 36


def test_a_limit_says_how_long_to_wait(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.limit()
    found = failure(partial(kit.provider.check, credential))
    assert isinstance(found, Unavailable)
    assert found.retry_after == 10.0


def test_a_claims_challenge_asks_for_the_person(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    challenge = {"WWW-Authenticate": 'Bearer realm="", error="insufficient_claims", claims="e30="'}
    kit.lie({"error": {"code": "InvalidAuthenticationToken"}}, status=401, path="/v1.0", headers=challenge)
    found = failure(partial(kit.provider.check, credential))
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite) == (Reason.MFA_REQUIRED, True)


# Revoke, approval, recognises


def test_a_revocation_says_where_the_rest_is_done_by_hand(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    before = len(kit.server.requests)
    revoked = kit.provider.revoke(credential)
    assert (revoked.ended, revoked.link) == (Ended.BY_HAND, "https://myapps.microsoft.com")
    assert len(kit.server.requests) == before


def test_an_administrator_allows_it_for_the_whole_company(kit: MicrosoftKit) -> None:
    credential = kit.sign_in()
    kit.server.admin_approval(True)
    assert failure(partial(kit.provider.refresh, credential)).reason is Reason.NEEDS_ADMIN_APPROVAL
    link = kit.provider.begin(OFFICE365, "s", BOB)
    assert isinstance(link, Link)
    assert visit(link.url, BOB).title == "Need admin approval"
    before = len(kit.server.requests)
    page = approve(kit.provider)
    answer = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
    assert (answer["admin_consent"], answer["state"]) == ("True", "approval")
    assert len(kit.server.requests) == before + 2
    kit.provider.check(kit.provider.refresh(credential))


def approve(provider: Microsoft) -> str:
    browser = Browser()
    browser.get(provider.approval())
    return browser.click("Approve").url


def test_an_approval_needs_no_request_to_be_told(kit: MicrosoftKit) -> None:
    fresh = kit.make()
    link = urlsplit(fresh.approval())
    assert link.path == "/organizations/v2.0/adminconsent"
    assert f"{link.scheme}://{link.netloc}" == kit.settings["authority"].rpartition("/")[0]
    query = parse_qs(link.query)
    assert set(query["scope"][0].split()) == SCOPES
    assert query["redirect_uri"] == [kit.settings["redirect_uri"]]
    assert kit.server.requests == []


def test_a_domain_with_a_directory_is_recognised(kit: MicrosoftKit) -> None:
    assert kit.provider.recognises(ADA)
    assert kit.provider.recognises("somebody.else@ACME.example")
    assert not kit.provider.recognises("cara@customer.example")
    for odd in ("", "nobody", "a@b", "a@../organizations", "a@acme.example/x?", "a@grüße.example"):
        assert not kit.provider.recognises(odd), odd


@pytest.mark.parametrize(("body", "status"), [(b"<html>", 200), (b"<html>", 400), (b"", 403), (b"", 503), (b"", 429)])
def test_a_domain_that_cannot_be_looked_up_is_not_denied(kit: MicrosoftKit, body: bytes, status: int) -> None:
    kit.lie(body, status=status)
    assert isinstance(failure(partial(kit.provider.recognises, BOB)), Unavailable)


# Secrets


def test_no_secret_is_told_by_anything_we_show_or_raise(kit: MicrosoftKit, caplog: pytest.LogCaptureFixture) -> None:
    answers = [kit.answer() for _ in range(6)]
    # As the bot's logging has it. The browser's own log is not ours.
    for name in QUIET:
        caplog.set_level(logging.WARNING, logger=name)
    caplog.set_level(logging.DEBUG)
    answer, remember = answers.pop()
    credential = kit.provider.complete(answer, remember)
    renewed = kit.provider.refresh(credential)
    list(kit.provider.pull(renewed, ""))
    flow = json.loads(remember)
    secrets = {kit.settings["client_secret"], answer["code"], flow["code_verifier"], flow["nonce"]}
    for one in (credential, renewed):
        kept = json.loads(one.secret)
        secrets |= {kept["access_token"], kept["refresh_token"]}
    shown = [repr(credential), repr(renewed), repr(kit.provider)]
    shown += _failures(kit, renewed, answers, echo=" ".join(secrets))
    for text in [*shown, caplog.text]:
        assert not [secret for secret in secrets if secret in text]


QUIET = ("msal",)


def _failures(
    kit: MicrosoftKit, credential: Credential, answers: list[tuple[dict[str, str], str]], *, echo: str
) -> list[str]:
    """The tracebacks of all that fails when Microsoft says our secrets back to us."""
    shown = []
    refusal = {
        "error": "invalid_grant",
        "error_description": echo,
        "suberror": "message",
        "correlation_id": echo,
        "claims": echo,
    }
    for body, status in (
        (refusal, 400),
        (refusal, 200),
        (echo.encode(), 502),
        (echo.encode(), 200),
        (tokens(id_token=f"e30.{echo}.x", scope=echo, client_info=echo), 200),
    ):
        kit.lie(body, status=status, path=TOKEN)
        kit.lie(body, status=status, path="/v1.0")
        answer, remember = answers.pop()
        for attempt in (
            partial(kit.provider.refresh, credential),
            partial(kit.provider.complete, answer, remember),
            lambda: list(kit.provider.pull(credential, "")),
        ):
            with pytest.raises(ProviderError) as caught:
                attempt()
            shown.append("".join(traceback.format_exception(caught.value)))
    kit.tell_the_truth()
    return shown
