"""Signing in at an Exchange, checking and ending that, as a person and the runner live through it."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import quote

import pytest
from exchangelib.protocol import CachingProtocol

from providers.base import (
    Blocked,
    Credential,
    Ended,
    Form,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Revocation,
    Unavailable,
)
from providers.wire import Wire
from tests.providers.exchange.kit import (
    BOBS_PASSWORD,
    EXCHANGE,
    GRACES_LOGIN,
    GRACES_PASSWORD,
    AnotherCompanysKit,
    ExchangeKit,
)
from tests.providers.kit import BOB, GRACE, Kits
from tests.sandbox.exchange.state import LOCK_OUT_AFTER

EWS, AUTODISCOVER = "/EWS/Exchange.asmx", "/autodiscover/autodiscover.json"


@pytest.fixture(params=["NTLM", "Basic"])
def scheme(kit: ExchangeKit, request: pytest.FixtureRequest) -> str:
    """The one kind of login that the server takes."""
    kit.server.ntlm(request.param == "NTLM")
    kit.server.basic(request.param == "Basic")
    return str(request.param)


def refusal(kit: ExchangeKit, email: str = BOB, **typed: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        kit.sign_in(email, **typed)
    return caught.value


def asked(kit: ExchangeKit, since: int = 0) -> list[tuple[str, int]]:
    return [(seen.path, seen.status) for seen in kit.server.requests[since:]]


# The form


def test_the_form_hides_the_password_and_puts_the_address_aside(kit: ExchangeKit) -> None:
    form = kit.provider.begin(EXCHANGE, "a state", BOB)
    assert isinstance(form, Form)
    assert [(field.name, field.label, field.secret, field.advanced) for field in form.fields] == [
        ("login", "User name or e-mail", False, False),
        ("password", "Password", True, False),
        ("ews_url", "EWS address", False, True),
    ]
    assert kit.server.requests == []


# A sign-in


def test_bob_signs_in_and_his_credential_has_worked_once(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(BOB)
    assert (credential.account, credential.identity, credential.expires_at) == (BOB, BOB, None)
    assert kit.server.logins(BOB) == 1
    assert kit.server.refused_logins(BOB) == 0
    assert json.loads(credential.secret) == {
        "login": BOB,
        "password": BOBS_PASSWORD,
        "url": kit.server.ews_url,
        "scheme": "NTLM" if scheme == "NTLM" else "basic",
        "version": "15.2.1544.4 Exchange2013_SP1",
    }


def test_grace_signs_in_with_her_windows_name(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(GRACE)
    assert credential.account == GRACE
    kit.provider.check(credential)


def test_ntlm_is_preferred(kit: ExchangeKit) -> None:
    assert json.loads(kit.sign_in(BOB).secret)["scheme"] == "NTLM"


def test_a_login_is_tied_to_its_connection_where_windows_asks_for_that(kit: ExchangeKit) -> None:
    kit.server.extended_protection(True)
    kit.provider.check(kit.sign_in(BOB))


@pytest.mark.parametrize("password", ["€", "密码", "ü\u0301", "a:b", " led by a space", "\N{PILE OF POO}"])
def test_a_password_may_be_made_of_anything(kit: ExchangeKit, scheme: str, password: str) -> None:
    kit.server.change_password(BOB, password)
    kit.provider.check(kit.sign_in(BOB, password=password))


def test_a_name_with_a_space_after_it_is_the_same_name(kit: ExchangeKit) -> None:
    assert kit.sign_in(BOB, login=f" {BOB} ").account == BOB


def test_a_wrong_password_is_tried_once(kit: ExchangeKit, scheme: str) -> None:
    found = refusal(kit, password="wrong")
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite) == (Reason.PASSWORD_WRONG, True)
    assert (kit.server.refused_logins(BOB), kit.server.logins(BOB)) == (1, 0)


def test_a_password_that_was_changed_is_told_apart_from_a_wrong_one(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(BOB)
    kit.server.change_password(BOB)
    with pytest.raises(Rejected) as caught:
        kit.provider.refresh(credential)
    assert (caught.value.reason, caught.value.definite) == (Reason.PASSWORD_CHANGED, True)
    assert kit.server.refused_logins(BOB) == 1


def test_one_sign_in_never_locks_an_account(kit: ExchangeKit, scheme: str) -> None:
    for tries in range(1, LOCK_OUT_AFTER):
        assert refusal(kit, password="wrong").reason is Reason.PASSWORD_WRONG
        assert kit.server.refused_logins(BOB) == tries
    assert kit.sign_in(BOB).account == BOB


def test_a_locked_account_says_so(kit: ExchangeKit, scheme: str) -> None:
    kit.server.lock(BOB, True)
    found = refusal(kit)
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite) == (Reason.ACCOUNT_LOCKED, True)


@pytest.mark.parametrize("typed", [{"password": ""}, {"login": " "}])
def test_an_empty_field_costs_no_request(kit: ExchangeKit, typed: dict[str, str]) -> None:
    found = refusal(kit, **typed)
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite) == (Reason.PASSWORD_WRONG, True)
    assert kit.server.requests == []


def test_a_missing_field_is_an_empty_one(kit: ExchangeKit) -> None:
    _, remember = kit.answer(BOB)
    with pytest.raises(Rejected):
        kit.provider.complete({}, remember)


@pytest.mark.parametrize(
    ("email", "reason"), [(GRACE, Reason.DELEGATION_MISSING), ("x@acme.example", Reason.MAILBOX_MISSING)]
)
def test_bobs_password_opens_nobody_elses_mailbox(kit: ExchangeKit, email: str, reason: Reason) -> None:
    form = kit.provider.begin(EXCHANGE, "a state", email)
    assert isinstance(form, Form)
    with pytest.raises(Blocked) as caught:
        kit.provider.complete({"login": BOB, "password": BOBS_PASSWORD}, form.remember)
    assert caught.value.reason is reason


def test_an_alias_is_the_same_mailbox(kit: ExchangeKit) -> None:
    kit.server.add_account("max@acme.example", password="m", aliases=["Builder@acme.example"])
    form = kit.provider.begin(EXCHANGE, "a state", "Builder@ACME.example")
    assert isinstance(form, Form)
    found = kit.provider.complete({"login": "max@acme.example", "password": "m"}, form.remember)
    assert (found.account, found.identity) == ("builder@acme.example", "builder@acme.example")


def test_without_a_known_address_the_login_has_to_be_one(kit: ExchangeKit) -> None:
    form = kit.provider.begin(EXCHANGE, "a state", "")
    assert isinstance(form, Form)
    typed = {"login": BOB, "password": BOBS_PASSWORD}
    assert kit.provider.complete(typed, form.remember).account == BOB
    with pytest.raises(Rejected) as caught:
        kit.provider.complete({"login": GRACES_LOGIN, "password": GRACES_PASSWORD}, form.remember)
    assert caught.value.reason is Reason.WRONG_ACCOUNT


def test_a_server_that_wants_no_known_login_gets_no_password(kit: ExchangeKit) -> None:
    kit.server.ntlm(False)
    kit.server.basic(False)
    found = refusal(kit)
    assert isinstance(found, Blocked)
    assert found.reason is Reason.ENDPOINT_WRONG
    assert asked(kit) == [(AUTODISCOVER, 200), (EWS, 401)]


def test_a_server_that_lets_anybody_in_gets_no_password(kit: ExchangeKit) -> None:
    answer = (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>'
        b'<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
        b' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
        b'<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>'
        b'<t:Folder><t:FolderId Id="x"/></t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages>'
        b"</m:GetFolderResponse></s:Body></s:Envelope>"
    )
    kit.lie(answer, if_asked=b"GetFolder")
    found = refusal(kit)
    assert isinstance(found, Unavailable)
    assert found.code == "no login wanted"


# Where EWS is


def test_exchange_itself_says_where_its_ews_is(kit: ExchangeKit) -> None:
    kit.sign_in(BOB)
    assert [path for path, _ in asked(kit)] == [AUTODISCOVER, EWS, EWS, EWS, EWS]


def test_a_preset_address_is_not_asked_for(kit: ExchangeKit) -> None:
    preset = kit.make(url=kit.server.ews_url)
    preset.complete(*kit.answer(BOB))
    assert {path for path, _ in asked(kit)} == {EWS}


@pytest.mark.parametrize(
    "typed", ["https://{host}/EWS/Exchange.asmx", "{host}", "https://{host}/", "https://{host}/ews/exchange.asmx"]
)
def test_people_type_as_much_of_an_address_as_they_like(kit: ExchangeKit, typed: str) -> None:
    credential = kit.sign_in(BOB, ews_url=typed.format(host=kit.host))
    kit.provider.check(credential)
    assert AUTODISCOVER not in dict(asked(kit))


def test_without_a_word_from_exchange_the_first_host_is_taken(kit: ExchangeKit) -> None:
    form = kit.provider.begin(EXCHANGE, "a state", "nobody@unknown.example")
    assert isinstance(form, Form)
    with pytest.raises(Blocked) as caught:
        kit.provider.complete({"login": BOB, "password": BOBS_PASSWORD}, form.remember)
    assert caught.value.reason is Reason.MAILBOX_MISSING
    assert asked(kit)[0] == (AUTODISCOVER, 404)


@pytest.mark.parametrize(
    "typed",
    [
        "http://{host}/EWS/Exchange.asmx",
        "https://evil.example/EWS/Exchange.asmx",
        "https://localhost/EWS/Exchange.asmx",
        "https://127.0.0.1:{port}/EWS/Exchange.asmx",
        "https://{host}@evil.example/EWS/Exchange.asmx",
        "https://evil.example#@{host}/",
        "https://evil.example\\@{host}/",
        "https://[::ffff:127.0.0.1]:{port}/EWS/Exchange.asmx",
        "https://2130706433:{port}/",
        "https://localhost.:{port}/",
        "file:///etc/passwd",
        "gopher://{host}/",
        "//{host}/EWS",
        "https://[",
        "https://localhost:99999/",
        "https://localhost:x/",
        "https:///EWS/Exchange.asmx",
    ],
)
def test_an_address_that_is_not_allowed_is_never_called(kit: ExchangeKit, typed: str) -> None:
    found = refusal(kit, ews_url=typed.format(host=kit.host, port=kit.host.partition(":")[2]))
    assert isinstance(found, Rejected)
    assert (found.reason, found.definite) == (Reason.ENDPOINT_WRONG, True)
    assert kit.server.requests == []


def test_what_exchange_names_must_be_allowed_too(kit: ExchangeKit) -> None:
    evil = {"Protocol": "EWS", "Url": "https://evil.example/EWS/Exchange.asmx"}
    kit.lie(evil, path="autodiscover", kind="application/json")
    assert json.loads(kit.sign_in(BOB).secret)["url"] == kit.server.ews_url


def test_a_host_that_was_taken_off_the_list_is_not_called_again(kit: ExchangeKit) -> None:
    credential = kit.sign_in(BOB)
    before = len(kit.server.requests)
    elsewhere = kit.make(hosts=frozenset({"mail.acme.example"}))
    uses: tuple[Callable[[Credential], object], ...] = (
        elsewhere.check,
        elsewhere.refresh,
        lambda it: list(elsewhere.pull(it, "")),
    )
    for use in uses:
        with pytest.raises(Blocked) as caught:
            use(credential)
        assert (caught.value.reason, caught.value.code) == (Reason.ENDPOINT_WRONG, "host not allowed")
    assert len(kit.server.requests) == before


def test_no_hosts_at_all_reach_nobody(kit: ExchangeKit) -> None:
    nowhere = kit.make(hosts=frozenset())
    with pytest.raises(Blocked) as caught:
        nowhere.complete(*kit.answer(BOB))
    assert caught.value.reason is Reason.ENDPOINT_WRONG


def test_an_allowed_name_that_leads_to_a_forbidden_place_is_the_operators(kit: ExchangeKit) -> None:
    # Whatever it stands for: nothing listens there, and a guard that looked too late would meet a refused connection.
    hosts = frozenset({f"0.0.0.0:{kit.host.partition(':')[2]}"})
    held = kit.make(hosts=hosts, url=f"https://{min(hosts)}/EWS/Exchange.asmx")
    with pytest.raises(Misconfigured) as caught:
        held.complete(*kit.answer(BOB))
    assert caught.value.code == "host refused: 0.0.0.0"
    assert kit.server.requests == []


# Recognising


@pytest.mark.parametrize(
    ("address", "known"), [("cara@acme.example", True), ("cara@customer.example", False), ("cara", False), ("", False)]
)
def test_an_address_is_recognised_by_what_exchange_says(kit: ExchangeKit, address: str, known: bool) -> None:
    assert kit.provider.recognises(address) is known
    assert {path for path, _ in asked(kit)} == {AUTODISCOVER}


@pytest.mark.parametrize(
    ("address", "known"),
    [("bob@acme.example", True), ("bob@MAIL.acme.example", True), ("bob@example", True), ("bob@me.example", False)],
)
def test_an_address_is_recognised_by_the_domain_of_a_host(kit: ExchangeKit, address: str, known: bool) -> None:
    hosts = frozenset({"mail.acme.example"})
    # Where nobody answers, nobody is recognised.
    assert kit.make(hosts=hosts, wire=Wire(allowed_hosts=frozenset())).recognises(address) is known


def test_a_server_that_is_down_recognises_nobody(kit: ExchangeKit) -> None:
    kit.server.down(True)
    assert kit.provider.recognises(BOB) is False


# Check, refresh, revoke


def test_a_check_asks_exchange_each_time_and_logs_in_anew(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(BOB)
    for logins in (2, 3):
        kit.provider.check(credential)
        assert kit.server.logins(BOB) == logins


def test_a_check_is_not_deceived_by_a_login_that_worked_a_moment_ago(kit: ExchangeKit, scheme: str) -> None:
    old = kit.sign_in(BOB)
    kit.server.change_password(BOB, "new")
    new = kit.sign_in(BOB, password="new")
    kit.provider.check(new)
    with pytest.raises(Rejected):
        kit.provider.check(old)
    kit.provider.check(new)


def test_a_refresh_is_one_probe(kit: ExchangeKit, bob: Credential) -> None:
    before = kit.server.logins(BOB)
    assert kit.provider.refresh(bob) is bob
    assert kit.server.logins(BOB) == before + 1


def test_a_refused_password_is_one_refused_login_whatever_is_done_with_it(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(BOB)
    kit.server.change_password(BOB)
    uses: tuple[Callable[[Credential], object], ...] = (
        kit.provider.check,
        kit.provider.refresh,
        lambda it: list(kit.provider.pull(it, "")),
    )
    for count, use in enumerate(uses, 1):
        with pytest.raises(Rejected):
            use(credential)
        assert kit.server.refused_logins(BOB) == count


def test_a_kind_of_login_that_is_no_longer_taken_is_no_refused_password(kit: ExchangeKit, scheme: str) -> None:
    credential = kit.sign_in(BOB)
    kit.server.ntlm(scheme != "NTLM")
    kit.server.basic(scheme != "Basic")
    with pytest.raises(Blocked) as caught:
        kit.provider.check(credential)
    assert (caught.value.reason, caught.value.code) == (Reason.ENDPOINT_WRONG, "401 login not offered")
    assert kit.server.refused_logins(BOB) == 0
    assert json.loads(kit.sign_in(BOB).secret)["scheme"] != json.loads(credential.secret)["scheme"]


def test_a_password_is_ended_by_hand(kit: ExchangeKit, bob: Credential) -> None:
    before = len(kit.server.requests)
    assert kit.provider.revoke(bob) == Revocation(Ended.BY_HAND)
    assert kit.provider.approval() == ""
    assert len(kit.server.requests) == before


# Two at once


def test_two_wires_do_not_get_into_each_others_way(kit: ExchangeKit, kits: Kits) -> None:
    with kits.lent(AnotherCompanysKit) as other:
        for _ in range(2):
            for one in (kit, other):
                one.provider.check(one.sign_in(BOB))
        with pytest.raises(Blocked) as caught:
            other.make(wire=Wire(ca_bundle=kit.ca_bundle)).check(other.sign_in(BOB))
        assert caught.value.reason is Reason.TLS_ERROR


def test_many_are_checked_at_once_and_nobody_is_taken_for_another(kit: ExchangeKit, scheme: str) -> None:
    grace, bob = kit.sign_in(GRACE), kit.sign_in(BOB)
    kit.server.change_password(BOB)

    def outcome(credential: Credential) -> str:
        try:
            kit.provider.check(credential)
        except ProviderError as error:
            return str(error.reason)
        return "works"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(outcome, [grace, bob, grace, grace] + [grace] * 12))
    assert found == ["works", "password_changed", *["works"] * 14]


# Secrets


def writings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret).strip('"')
    for encoding in ("utf-8", "utf-16-le"):
        yield secret.encode(encoding).hex()
        for pad in range(3):
            yield base64.b64encode(b"x" * pad + secret.encode(encoding)).decode()[4:-4]


def test_the_password_is_nowhere(kit: ExchangeKit, scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    password = "Canary/of+Bob?"
    kit.server.change_password(BOB, password)
    credential = kit.sign_in(BOB, password=password)
    kit.provider.check(credential)
    texts = [
        repr(credential),
        repr(kit.provider.begin(EXCHANGE, "s", BOB)),
        *map(repr, kit.provider.pull(credential, "")),
    ]
    for switch in (kit.server.down, kit.server.nonsense, kit.server.rate_limit, partial(kit.server.lock, BOB)):
        switch(True)
        for use in (partial(kit.provider.check, credential), partial(kit.sign_in, BOB, password=password)):
            with pytest.raises(ProviderError) as caught:
                use()
            error: BaseException | None = caught.value
            texts += traceback.format_exception(error)
            while error is not None:
                texts.append(f"{error!r} {error} {error.args}")
                error = error.__context__
        switch(False)
    texts.append(caplog.text)
    texts.append(repr([vars(kept.config) for kept, _ in CachingProtocol._protocol_cache.values()]))
    assert "Exchange.asmx" in caplog.text
    for secret in (password, f"{BOB}:{password}"):
        for writing in writings(secret):
            assert writing not in "\n".join(texts)
