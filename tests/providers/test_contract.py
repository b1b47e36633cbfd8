"""What every provider promises, asked of each in ALL against its own server in the sandbox.

A wrong account and a foreign state are not here: those are the desk's to catch.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from providers.all import ALL
from providers.base import (
    Activity,
    Blocked,
    Credential,
    Ended,
    Misconfigured,
    Provider,
    ProviderError,
    Reason,
    Rejected,
    Side,
    Unavailable,
)
from providers.wire import MOST_BYTES, Wire
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import Kit, Kits
from tests.providers.microsoft.kit import MicrosoftKit
from tests.providers.salesforce.kit import SalesforceKit

KITS: dict[str, type[Kit[Any]]] = {
    "microsoft": MicrosoftKit,
    "exchange": ExchangeKit,
    "google": GoogleKit,
    "salesforce": SalesforceKit,
}
# These can end nothing at their vendor, so that their `revoke` asks nobody.
BY_HAND = frozenset({"microsoft", "exchange"})
# These are handed a password on our own page: no vendor asks for consent, gives a code or renews anything.
FORMS = frozenset({"exchange"})
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SENT = Activity(key="m-1", subject="Offer", about="003000000000001AAA", start=NOON)
MET = Activity(key="e-1", subject="Demo", about="003000000000001AAA", start=NOON, end=NOON + timedelta(hours=1))
NONSENSE = [
    pytest.param(b"<html>Bad Gateway</html>", 502, id="HTML 502"),
    pytest.param(b"", 200, id="empty 200"),
    pytest.param(b"<!channel> *go* <https://evil.example|here>\n" * 24_000, 200, id="1 MB of mrkdwn"),
    pytest.param(b"x" * (MOST_BYTES + 1), 200, id="too much"),
]


@pytest.fixture(params=[provider.slug for provider in ALL])
def kit(request: pytest.FixtureRequest, kits: Kits) -> Iterator[Kit[Provider]]:
    with kits.lent(KITS[request.param]) as kit:
        yield kit


def uses(provider: Provider, credential: Credential) -> dict[str, Callable[[], object]]:
    """All that is done with a credential without the person, by name."""
    found: dict[str, Callable[[], object]] = {
        "refresh": partial(provider.refresh, credential),
        "check": partial(provider.check, credential),
        "revoke": partial(provider.revoke, credential),
    }
    if provider.slug in BY_HAND:
        del found["revoke"]
    pull = getattr(provider, "pull", None)
    if pull is not None:
        found["pull"] = lambda: list(pull(credential, ""))
    else:
        crm: Any = provider
        found["match"] = partial(crm.match, credential, ["cara@customer.example"])
        found["push"] = partial(crm.push, credential, [SENT, MET])
        found["push of what is gone"] = partial(crm.push, credential, [replace(MET, gone=True)])
    return found


def failure(use: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        use()
    return caught.value


@pytest.mark.parametrize("provider", ALL)
def test_a_provider_says_what_it_is(provider: type[Provider]) -> None:
    assert provider.slug.isidentifier()
    assert provider.label
    assert provider.access_types
    assert hasattr(provider, "pull") == (provider.side is Side.MAILBOX)
    assert hasattr(provider, "match") == hasattr(provider, "push") == (provider.side is Side.CRM)


def test_every_slug_and_every_access_type_belongs_to_one_provider() -> None:
    slugs = [provider.slug for provider in ALL]
    types = [access for provider in ALL for access in provider.access_types]
    assert len(set(slugs)) == len(slugs)
    assert len(set(types)) == len(types)


def test_a_sign_in_gives_a_credential_that_works(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    kit.provider.check(credential)
    assert "@" in credential.account
    assert credential.identity
    assert credential.secret not in repr(credential)
    assert kit.sign_in().identity == credential.identity


def test_a_renewed_credential_works_and_is_the_same_account(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    renewed = kit.provider.refresh(credential)
    kit.provider.check(renewed)
    assert (renewed.account, renewed.identity) == (credential.account, credential.identity)
    if kit.provider.slug not in FORMS:
        assert kit.token_posts() == 1


def test_a_cancelled_sign_in_is_the_persons_wish(kit: Kit[Provider]) -> None:
    if kit.provider.slug in FORMS:
        pytest.skip("a form of ours has no page of the vendor to cancel")
    answer, remember = kit.answer(cancel=True)
    refusal = failure(partial(kit.provider.complete, answer, remember))
    assert isinstance(refusal, Rejected)
    assert (refusal.reason, refusal.definite) == (Reason.CONSENT_DECLINED, True)


def test_a_code_is_good_once(kit: Kit[Provider]) -> None:
    if kit.provider.slug in FORMS:
        pytest.skip("a password is no code: it stays good")
    answer, remember = kit.answer()
    kit.provider.complete(answer, remember)
    refusal = failure(partial(kit.provider.complete, answer, remember))
    assert isinstance(refusal, Rejected)
    assert refusal.definite


def test_a_definite_refusal_is_marked_so(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    kit.refuse_definitely()
    refusal = failure(partial(kit.provider.refresh, credential))
    assert isinstance(refusal, Rejected)
    assert refusal.definite
    assert refusal.code


def test_a_refusal_that_may_be_a_mistake_is_not_definite(kit: Kit[Provider]) -> None:
    if kit.provider.slug in FORMS:
        pytest.skip("every refusal of a password is definite: another try would help to lock the account")
    credential = kit.sign_in()
    kit.refuse()
    refusal = failure(partial(kit.provider.refresh, credential))
    assert isinstance(refusal, Rejected)
    assert not refusal.definite
    assert refusal.code


def test_a_dead_credential_fails_its_check_and_is_done_at_revocation(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    kit.refuse()
    assert isinstance(failure(partial(kit.provider.check, credential)), Rejected)
    assert kit.provider.revoke(credential).ended in Ended


def test_an_outage_is_nobodys_fault(kit: Kit[Provider]) -> None:
    uses_of_bob = uses(kit.provider, kit.sign_in())
    kit.go_down()
    for name, use in uses_of_bob.items():
        found = failure(use)
        assert isinstance(found, Unavailable), name
        assert found.reason is Reason.PROVIDER_DOWN, name
    if kit.provider.slug not in FORMS:
        assert kit.token_posts() == 1


def test_silence_is_left_in_time(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    hasty = kit.make(wire=Wire(ca_bundle=kit.ca_bundle, seconds=0.5))
    kit.go_slow(3)
    for name, use in uses(hasty, credential).items():
        found = failure(use)
        assert isinstance(found, Unavailable), name
        assert found.reason is Reason.NETWORK, name


def test_a_limit_is_waited_for(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    kit.limit()
    found = failure(partial(kit.provider.check, credential))
    assert isinstance(found, Unavailable)
    assert found.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize(("body", "status"), NONSENSE)
def test_nonsense_is_an_outage_and_its_words_go_nowhere(kit: Kit[Provider], body: bytes, status: int) -> None:
    credential = kit.sign_in()
    answer, remember = kit.answer()
    uses_of_bob = uses(kit.provider, credential) | {"complete": partial(kit.provider.complete, answer, remember)}
    if not body:
        # That is how RFC 7009 lets a vendor say that it is done.
        uses_of_bob.pop("revoke", None)
    kit.lie(body, status=status)
    for name, use in uses_of_bob.items():
        found = failure(use)
        assert isinstance(found, Unavailable), name
        assert found.reason is Reason.PROVIDER_DOWN, name
        told = "".join(traceback.format_exception(found))
        assert "evil.example" not in told, name
        assert "Bad Gateway" not in told, name


def test_what_can_be_asked_without_a_person_is_answered(kit: Kit[Provider]) -> None:
    found = kit.provider.reach()
    assert found
    assert [(each.what, each.host, each.error) for each in found if each.error is not None or not each.host] == []


def test_a_vendor_that_is_down_is_said_to_be_and_raises_nothing(kit: Kit[Provider]) -> None:
    kit.go_down()
    found = {each.what: each.error for each in kit.make().reach()}
    assert any(isinstance(error, Unavailable) for error in found.values()), found


def test_who_cannot_be_trusted_is_named_with_its_host(kit: Kit[Provider]) -> None:
    found = kit.make(wire=Wire()).reach()
    assert {each.error.reason if each.error else None for each in found} == {Reason.TLS_ERROR}


def test_a_client_that_the_vendor_does_not_know_is_not_said_to_be_good(kit: Kit[Provider]) -> None:
    if kit.provider.slug in FORMS:
        pytest.skip("there is no client: people sign in with a password")
    stranger = kit.make(client_id="nobody", client_secret="wrong")
    found = {each.what: each.error for each in stranger.reach()}
    # Entra cannot tell a client that it does not know from one that is missing in a company.
    assert isinstance(found["our client"], Misconfigured | Blocked), found


def test_a_certificate_that_proves_nothing_is_the_administrators(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    strict = kit.make(wire=Wire())
    for name, use in uses(strict, credential).items():
        assert failure(use).reason is Reason.TLS_ERROR, name


def test_a_host_that_the_operator_has_not_allowed_is_never_called(kit: Kit[Provider]) -> None:
    credential = kit.sign_in()
    held = kit.make(wire=Wire(ca_bundle=kit.ca_bundle, allowed_hosts=frozenset({"elsewhere.example"})))
    posts = kit.token_posts()
    for name, use in uses(held, credential).items():
        assert failure(use).reason is Reason.CLIENT_MISCONFIGURED, name
    assert kit.token_posts() == posts
