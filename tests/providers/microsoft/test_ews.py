"""The same account over Exchange Web Services, for a company that still has them, and for one that does not."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from providers.base import Blocked, Credential, Link, Mail, Meeting, ProviderError, Reason, Rejected, Unavailable
from tests.providers.kit import ADA, BOB
from tests.providers.microsoft.kit import OFFICE365, MicrosoftKit

EWS = "https://outlook.office365.com/EWS.AccessAsUser.All"


@pytest.fixture
def old(kit: MicrosoftKit) -> MicrosoftKit:
    """A kit whose provider uses EWS."""
    kit.settings |= {"ews": True, "ews_url": kit.settings["graph_url"].replace("/v1.0", "/EWS/Exchange.asmx")}
    kit.server.ews_enabled(True)
    return kit


@pytest.fixture
def bob(old: MicrosoftKit) -> Credential:
    return old.sign_in()


def test_a_sign_in_asks_for_ews_and_nothing_of_graph(old: MicrosoftKit) -> None:
    link = old.provider.begin(OFFICE365, "s", BOB)
    assert isinstance(link, Link)
    scopes = parse_qs(urlsplit(link.url).query)["scope"][0].split()
    assert set(scopes) == {"openid", "profile", "offline_access", EWS}
    assert link.allows_more
    credential = old.sign_in()
    assert (credential.account, credential.aliases) == (BOB, ())
    assert not [seen for seen in old.server.requests if seen.path.startswith("/v1.0")]


def test_a_run_brings_mail_and_meetings_and_then_only_what_is_new(old: MicrosoftKit, bob: Credential) -> None:
    old.server.deliver(BOB, sender=ADA, subject="Offer")
    start = old.clock.now() + timedelta(hours=1)
    old.server.schedule(BOB, title="Kick-off", start=start, attendees=(ADA,))
    renewed = old.provider.refresh(bob)
    old.provider.check(renewed)
    pages = list(old.provider.pull(renewed, ""))
    mail, meeting = (item for page in pages for item in page.items)
    assert isinstance(mail, Mail)
    assert isinstance(meeting, Meeting)
    assert (mail.subject, meeting.subject) == ("Offer", "Kick-off")
    again = list(old.provider.pull(renewed, pages[-1].cursor))
    assert not [item for page in again for item in page.items]


def test_both_interfaces_know_mail_and_meetings_by_the_same_ids(kit: MicrosoftKit) -> None:
    kit.server.deliver(BOB, sender=ADA, subject="Offer")
    start = kit.clock.now() + timedelta(hours=1)
    kit.server.schedule(BOB, title="Kick-off", start=start, attendees=(ADA,))
    kit.server.schedule(BOB, title="Weekly", start=start, attendees=(ADA,), weeks=3)
    graph = kit.provider
    by_graph = list(graph.pull(kit.sign_in(), ""))
    kit.server.ews_enabled(True)
    kit.settings |= {"ews": True, "ews_url": kit.settings["graph_url"].replace("/v1.0", "/EWS/Exchange.asmx")}
    del kit.provider
    by_ews = list(kit.provider.pull(kit.sign_in(), by_graph[-1].cursor))
    ids = [{item.id for page in pages for item in page.items} for pages in (by_graph, by_ews)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 5
    # And back again: a cursor of the other interface is a fresh start.
    back = list(graph.pull(graph.refresh(kit.sign_in()), by_ews[-1].cursor))
    assert {item.id for page in back for item in page.items} == ids[0]


@pytest.mark.parametrize(
    ("press", "kind", "reason", "definite"),
    [
        (lambda s: s.ews_enabled(False), Blocked, Reason.EWS_DISABLED, None),
        (lambda s: s.expire_access_tokens(BOB), Rejected, Reason.CREDENTIALS_REVOKED, False),
        (lambda s: s.less_scope(BOB, True), Rejected, Reason.SCOPE_MISSING, True),
        (lambda s: s.no_mailbox(BOB, True), Blocked, Reason.MAILBOX_MISSING, None),
        (lambda s: s.rate_limit(True), Unavailable, Reason.RATE_LIMITED, None),
        (lambda s: s.down(True), Unavailable, Reason.PROVIDER_DOWN, None),
        (lambda s: s.nonsense(True), Unavailable, Reason.PROVIDER_DOWN, None),
    ],
)
def test_what_a_check_hears(
    old: MicrosoftKit,
    bob: Credential,
    press: Callable[[Any], None],
    kind: type[ProviderError],
    reason: Reason,
    definite: bool | None,
) -> None:
    press(old.server)
    with pytest.raises(ProviderError) as caught:
        old.provider.check(bob)
    assert (type(caught.value), caught.value.reason) == (kind, reason)
    assert getattr(caught.value, "definite", None) == definite


def test_a_company_that_has_switched_it_off_is_told_at_the_sign_in(old: MicrosoftKit) -> None:
    old.server.ews_enabled(False)
    with pytest.raises(Blocked) as caught:
        old.sign_in()
    assert (caught.value.reason, caught.value.code) == (Reason.EWS_DISABLED, "403")


def test_the_token_is_in_no_log(old: MicrosoftKit, bob: Credential, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    old.provider.check(bob)
    list(old.provider.pull(bob, ""))
    old.server.expire_access_tokens(BOB)
    with pytest.raises(Rejected):
        old.provider.check(bob)
    assert "exchangelib" in {record.name.partition(".")[0] for record in caplog.records}
    assert json.loads(bob.secret)["access_token"] not in caplog.text
