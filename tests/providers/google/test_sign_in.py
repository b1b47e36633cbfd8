"""Signing in at Google, renewing, checking and revoking, as a person and the runner live through it."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from providers.base import (
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
from providers.wire import Wire
from tests.providers.google.kit import GOOGLE, GoogleKit
from tests.providers.kit import BOB, GRACE
from tests.sandbox.oauth import signing_key

WIDE = "https://www.googleapis.com/auth/"


def asked(link: Link | object) -> dict[str, str]:
    assert isinstance(link, Link)
    return {name: values[0] for name, values in parse_qs(urlsplit(link.url).query).items()}


# Begin


def test_the_address_asks_for_the_least_and_for_a_refresh_token(kit: GoogleKit) -> None:
    link = kit.provider.begin(GOOGLE, "s-1", BOB)
    query = asked(link)
    assert query["scope"].split() == [
        "openid",
        "email",
        f"{WIDE}gmail.metadata",
        f"{WIDE}calendar.events.owned.readonly",
    ]
    assert (query["access_type"], query["prompt"], query["response_type"]) == ("offline", "consent", "code")
    assert (query["state"], query["login_hint"], query["code_challenge_method"]) == ("s-1", BOB, "S256")
    assert "include_granted_scopes" not in query


def test_neither_verifier_nor_client_secret_stands_in_the_address(kit: GoogleKit) -> None:
    link = kit.provider.begin(GOOGLE, "s-1", "")
    assert json.loads(link.remember)["verifier"] not in link.url
    assert kit.settings["client_secret"] not in link.url
    assert "login_hint" not in asked(link)
    assert asked(link)["state"] not in repr(link)


def test_every_sign_in_has_its_own_verifier_and_nonce(kit: GoogleKit) -> None:
    one, other = (json.loads(kit.provider.begin(GOOGLE, "s", BOB).remember) for _ in range(2))
    assert one["verifier"] != other["verifier"]
    assert one["nonce"] != other["nonce"]


def test_the_discovery_document_is_read_once_an_hour(kit: GoogleKit) -> None:
    def reads() -> int:
        return sum(seen.path.startswith("/.well-known") for seen in kit.server.requests)

    kit.provider.begin(GOOGLE, "s", BOB)
    kit.provider.begin(GOOGLE, "s", BOB)
    assert reads() == 1
    kit.clock.move(timedelta(minutes=61))
    kit.provider.begin(GOOGLE, "s", BOB)
    assert reads() == 2
    kit.clock.move(timedelta(days=-1))
    kit.provider.begin(GOOGLE, "s", BOB)
    assert reads() == 3


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://accounts.google.com"},
        {"token_endpoint": "http://localhost/token"},
        {"jwks_uri": 7},
    ],
)
def test_a_discovery_document_that_cannot_be_true_is_not_followed(
    kit: GoogleKit, change: dict[str, object]
) -> None:
    api = kit.settings["issuer"]
    document = {
        "issuer": api,
        "authorization_endpoint": f"{api}/a",
        "token_endpoint": f"{api}/token",
        "revocation_endpoint": f"{api}/revoke",
        "jwks_uri": f"{api}/certs",
    }
    kit.lie(document | change, path="/.well-known")
    with pytest.raises(Unavailable) as caught:
        kit.provider.begin(GOOGLE, "s", BOB)
    assert caught.value.reason is Reason.PROVIDER_DOWN


# Complete


def test_bob_signs_in_and_his_credential_has_worked_once(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    account = kit.server.state.accounts[BOB]
    assert (credential.account, credential.identity, credential.aliases) == (BOB, account.sub, ())
    assert credential.expires_at is not None
    assert timedelta(minutes=58) < credential.expires_at - kit.clock.now() <= timedelta(hours=1)
    assert kit.server.requests[-1].path == "/gmail/v1/users/me/profile"


def test_two_people_have_two_identities(kit: GoogleKit) -> None:
    assert kit.sign_in(BOB).identity != kit.sign_in(GRACE).identity


def test_the_address_of_the_mailbox_is_an_alias_where_it_differs(kit: GoogleKit) -> None:
    kit.lie({"emailAddress": "builder@acme.example", "historyId": "7"}, path="/gmail/v1/users/me/profile")
    assert kit.sign_in(BOB).aliases == ("builder@acme.example",)


def test_a_sign_in_goes_by_the_clock_that_we_were_given(kit: GoogleKit) -> None:
    kit.clock.move(timedelta(minutes=-70))
    assert kit.sign_in(BOB).account == BOB
    kit.clock.move(timedelta(days=183))
    assert kit.sign_in(BOB).account == BOB


def test_a_box_left_unticked_is_named(kit: GoogleKit) -> None:
    kit.server.untick(BOB, True)
    with pytest.raises(Rejected) as caught:
        kit.sign_in(BOB)
    assert caught.value.reason is Reason.SCOPE_MISSING
    assert caught.value.definite
    assert caught.value.code == "gmail.metadata calendar.events.owned.readonly"


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ("access_denied", Rejected, Reason.CONSENT_DECLINED),
        ("admin_policy_enforced", Blocked, Reason.NEEDS_ADMIN_APPROVAL),
        ("redirect_uri_mismatch", Misconfigured, Reason.CLIENT_MISCONFIGURED),
        ("temporarily_unavailable", Unavailable, Reason.PROVIDER_DOWN),
        ("<!channel> something new", Rejected, Reason.UNKNOWN),
    ],
)
def test_an_error_at_the_callback_costs_no_request(
    kit: GoogleKit, error: str, kind: type[ProviderError], reason: Reason
) -> None:
    link = kit.provider.begin(GOOGLE, "s", BOB)
    before = len(kit.server.requests)
    with pytest.raises(kind) as caught:
        kit.provider.complete({"error": error, "state": "s"}, link.remember)
    assert caught.value.reason is reason
    assert not set("<!>") & set(caught.value.code)
    assert len(kit.server.requests) == before


@pytest.mark.parametrize("answer", [{}, {"code": ""}, {"code": "x", "iss": "https://evil.example"}])
def test_an_answer_without_a_code_of_this_issuer_costs_no_request(
    kit: GoogleKit, answer: dict[str, str]
) -> None:
    link = kit.provider.begin(GOOGLE, "s", BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.complete(answer, link.remember)
    assert caught.value.definite
    assert kit.server.token_posts("authorization_code") == 0


def test_a_code_of_another_sign_in_is_refused_by_its_verifier(kit: GoogleKit) -> None:
    mallorys_answer, _ = kit.answer(BOB)
    _, bobs_memory = kit.answer(BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.complete(mallorys_answer, bobs_memory)
    assert (caught.value.code, caught.value.definite) == ("invalid_grant", True)


def test_a_statement_for_another_sign_in_is_refused_by_its_nonce(kit: GoogleKit) -> None:
    answer, remember = kit.answer(BOB)
    with pytest.raises(Rejected, match="nonce"):
        kit.provider.complete(answer, json.dumps(json.loads(remember) | {"nonce": "another"}))


def claims(kit: GoogleKit, **changes: object) -> dict[str, object]:
    now = int(kit.clock.now().timestamp())
    return {
        "iss": kit.settings["issuer"],
        "aud": kit.settings["client_id"],
        "sub": "1",
        "email": BOB,
        "email_verified": True,
        "nonce": "n",
        "iat": now,
        "exp": now + 3600,
    } | changes


def tokens(id_token: str) -> dict[str, object]:
    return {"access_token": "a", "expires_in": 3599, "token_type": "Bearer", "id_token": id_token}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "id_token: invalid"),
        ({"aud": "another-client"}, "id_token: invalid"),
        ({"nonce": "another"}, "id_token: nonce"),
        ({"exp": 0}, "id_token: exp"),
        ({"iat": 99_999_999_999}, "id_token: iat"),
        ({"email_verified": False}, "email not verified"),
        ({"sub": None}, "id_token: invalid"),
    ],
)
def test_a_statement_that_is_not_about_this_sign_in_is_refused(
    kit: GoogleKit, changes: dict[str, object], code: str
) -> None:
    key = signing_key("another of Google's")
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    said = {name: value for name, value in claims(kit, **changes).items() if value is not None}
    token = jwt.encode(said, key, algorithm="RS256", headers={"kid": "k"})
    kit.lie({"keys": [public | {"kid": "k", "use": "sig", "alg": "RS256"}]}, path="/oauth2/v3/certs")
    kit.lie(
        {"access_token": "a", "expires_in": 3599, "token_type": "Bearer", "id_token": token}, path="/token"
    )
    with pytest.raises(Rejected) as caught:
        kit.provider.complete({"code": "c"}, json.dumps({"verifier": "v" * 43, "nonce": "n"}))
    assert (caught.value.code, caught.value.definite) == (code, True)


def test_a_statement_signed_by_somebody_else_is_refused(kit: GoogleKit) -> None:
    key = signing_key("somebody else")
    for forged in (
        jwt.encode(claims(kit), key, algorithm="RS256", headers={"kid": "sandbox-1"}),
        jwt.encode(claims(kit), key, algorithm="RS256", headers={"kid": "unknown"}),
        jwt.encode(claims(kit), "", algorithm="none", headers={"kid": "sandbox-1"}),
        "no token",
    ):
        kit.lie(
            {"access_token": "a", "expires_in": 3599, "token_type": "Bearer", "id_token": forged},
            path="/token",
        )
        with pytest.raises(Rejected, match="id_token: invalid"):
            kit.provider.complete({"code": "c"}, json.dumps({"verifier": "v" * 43, "nonce": "n"}))


def test_without_a_refresh_token_nothing_is_kept(kit: GoogleKit) -> None:
    answer, remember = kit.answer(BOB)
    nonce = json.loads(remember)["nonce"]
    key = signing_key("another of Google's")
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    kit.lie({"keys": [public | {"kid": "k", "use": "sig", "alg": "RS256"}]}, path="/oauth2/v3/certs")
    statement = jwt.encode(claims(kit, nonce=nonce), key, algorithm="RS256", headers={"kid": "k"})
    scope = f"openid {WIDE}gmail.metadata {WIDE}calendar.events.owned.readonly"
    kit.lie(tokens(statement) | {"scope": scope}, path="/token")
    with pytest.raises(Rejected) as caught:
        kit.provider.complete(answer, remember)
    assert caught.value.reason is Reason.CONSENT_REVOKED


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/token", {}),
        ("/token", {"access_token": 7, "expires_in": 3599, "token_type": "Bearer"}),
        ("/token", {"access_token": "a", "token_type": "Bearer"}),
        ("/token", {"access_token": "a", "expires_in": "soon", "token_type": "Bearer"}),
        ("/token", {"access_token": "a", "expires_in": 10**30, "token_type": "Bearer"}),
        ("/token", {"access_token": "a", "expires_in": 3599, "token_type": "Bearer", "scope": 7}),
        ("/oauth2/v3/certs", {"keys": [7]}),
    ],
)
def test_tokens_and_keys_of_another_shape_are_googles_fault(
    kit: GoogleKit, path: str, body: dict[str, object]
) -> None:
    credential = kit.sign_in(BOB)
    answer, remember = kit.answer(BOB)
    kit.lie(body, path=path)
    uses = [partial(kit.provider.complete, answer, remember)]
    if path == "/token":
        uses.append(partial(kit.provider.refresh, credential))
    for use in uses:
        with pytest.raises(ProviderError) as caught:
            use()
        assert caught.value.reason in {Reason.PROVIDER_DOWN, Reason.UNKNOWN}


def test_a_secret_that_is_no_longer_ours_is_the_operators(kit: GoogleKit) -> None:
    answer, remember = kit.answer(BOB)
    kit.server.wrong_client_secret(True)
    with pytest.raises(Misconfigured) as caught:
        kit.provider.complete(answer, remember)
    assert caught.value.code == "invalid_client"


# Refresh


def test_a_renewal_is_one_post_and_keeps_the_refresh_token(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.clock.move(timedelta(hours=2))
    renewed = kit.provider.refresh(credential)
    assert kit.server.token_posts() == 1
    old, new = json.loads(credential.secret), json.loads(renewed.secret)
    assert new["refresh_token"] == old["refresh_token"]
    assert new["access_token"] != old["access_token"]
    assert renewed.expires_at is not None
    assert renewed.expires_at > kit.clock.now() + timedelta(minutes=58)
    kit.provider.check(renewed)


def test_a_new_refresh_token_takes_the_place_of_the_old(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.server.strict_rotation(True)
    for _ in range(3):
        credential = kit.provider.refresh(credential)
    kit.provider.check(credential)


def test_a_refused_renewal_is_not_repeated(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.server.down(True)
    with pytest.raises(Unavailable):
        kit.provider.refresh(credential)
    assert kit.server.token_posts() == 1


def test_a_renewal_whose_answer_is_lost_is_not_repeated(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.server.lose_token_answer()
    with pytest.raises(Unavailable) as caught:
        kit.provider.refresh(credential)
    assert caught.value.reason is Reason.NETWORK
    assert kit.server.token_posts() == 1


def test_what_ends_a_sign_in_is_told_apart(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    found: list[tuple[type[ProviderError], Reason, object]] = []

    def renew() -> None:
        with pytest.raises(ProviderError) as caught:
            kit.provider.refresh(credential)
        found.append((type(caught.value), caught.value.reason, getattr(caught.value, "definite", None)))

    kit.server.session_policy(BOB, True)
    renew()
    kit.server.session_policy(BOB, False)
    kit.server.admin_approval(True)
    renew()
    kit.server.admin_approval(False)
    kit.server.wrong_client_secret(True)
    renew()
    kit.server.wrong_client_secret(False)
    kit.server.change_password(BOB)
    renew()
    kit.server.suspend(BOB, True)
    renew()
    assert found == [
        (Rejected, Reason.SESSION_POLICY_EXPIRED, True),
        (Blocked, Reason.NEEDS_ADMIN_APPROVAL, None),
        (Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
        (Rejected, Reason.CREDENTIALS_REVOKED, False),
        (Blocked, Reason.ACCOUNT_DISABLED, None),
    ]


def test_six_idle_months_end_a_sign_in(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.clock.move(timedelta(days=183))
    with pytest.raises(Rejected) as caught:
        kit.provider.refresh(credential)
    assert (caught.value.reason, caught.value.definite) == (Reason.CREDENTIALS_REVOKED, False)


# Check


def test_a_check_asks_google_each_time(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    before = len(kit.server.requests)
    kit.provider.check(credential)
    kit.provider.check(credential)
    assert [seen.path for seen in kit.server.requests[before:]] == ["/gmail/v1/users/me/profile"] * 2


def test_a_bare_401_after_a_good_renewal_is_not_believed_at_once(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.server.expire_access_tokens(BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.check(credential)
    assert (caught.value.code, caught.value.definite) == ("401 authError", False)
    kit.lie(b"", status=401, path="/gmail")
    with pytest.raises(Rejected, match=r"\(401\)"):
        kit.provider.check(credential)


def test_a_limit_says_how_long_to_wait(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    for status, pause in ((403, None), (429, 5.0)):
        kit.server.rate_limit(True, status=status)
        with pytest.raises(Unavailable) as caught:
            kit.provider.check(credential)
        assert (caught.value.reason, caught.value.retry_after) == (Reason.RATE_LIMITED, pause)


# Revoke


def test_a_revoked_sign_in_is_dead_at_google_and_again_is_no_error(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    assert kit.provider.revoke(credential).ended is Ended.DONE
    with pytest.raises(Rejected):
        kit.provider.check(credential)
    with pytest.raises(Rejected):
        kit.provider.refresh(credential)
    assert kit.provider.revoke(credential).ended is Ended.DONE
    assert all(not seen.query for seen in kit.server.requests if seen.path == "/revoke")


def test_a_revocation_that_google_could_not_take_is_not_done(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    kit.server.down(True)
    with pytest.raises(Unavailable):
        kit.provider.revoke(credential)
    kit.server.down(False)
    kit.provider.check(credential)


# Secrets


def test_no_secret_is_told_by_anything_we_show_or_raise(
    kit: GoogleKit, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [kit.answer(BOB) for _ in range(5)]
    # As the bot's logging has it: these two write tokens at DEBUG. The browser's own log is not ours.
    for name in ("requests_oauthlib", "oauthlib"):
        caplog.set_level(logging.WARNING, logger=name)
    caplog.set_level(logging.DEBUG)
    answer, remember = answers.pop()
    credential = kit.provider.complete(answer, remember)
    renewed = kit.provider.refresh(credential)
    list(kit.provider.pull(renewed, ""))
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
    kit: GoogleKit, credential: Credential, answers: list[tuple[dict[str, str], str]], *, echo: str
) -> list[str]:
    """The tracebacks of all that fails when Google says our secrets back to us."""
    shown = []
    refusal = {"error": "invalid_grant", "error_description": echo}
    for body, status in ((refusal, 400), (refusal, 200), (echo.encode(), 502), (echo.encode(), 200)):
        kit.lie(body, status=status, path="/token")
        kit.lie(body, status=status, path="/gmail")
        answer, remember = answers.pop()
        for attempt in (
            partial(kit.provider.refresh, credential),
            partial(kit.provider.check, credential),
            partial(kit.provider.complete, answer, remember),
        ):
            with pytest.raises(ProviderError) as caught:
                attempt()
            shown.append("".join(traceback.format_exception(caught.value)))
    kit.tell_the_truth()
    return shown


def test_a_slow_google_is_left_at_the_deadline(kit: GoogleKit) -> None:
    credential = kit.sign_in(BOB)
    hasty = kit.make(wire=Wire(ca_bundle=kit.ca_bundle, seconds=0.5))
    kit.server.slow(5)
    with pytest.raises(Unavailable) as caught:
        hasty.check(credential)
    assert (caught.value.reason, caught.value.code) == (Reason.NETWORK, "timeout")


@pytest.mark.parametrize(("address", "known"), [(BOB, True), ("mallory@elsewhere.example", False), ("nobody", False)])
def test_google_recognises_an_address_by_its_mail_servers(kit: GoogleKit, address: str, known: bool) -> None:
    assert kit.provider.recognises(address) is known
    assert not any("@" in value for seen in kit.server.requests for value in seen.query.values())
