"""Answers that vendors publish: our readers make of each what it means, and the sandbox answers in the same shape.

The examples and their sources are in tests/examples. A sandbox that drifts away from them fails here, and so does a
reader of ours that would not understand the vendor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.rules.activities import Own, activities
from providers.base import (
    Activity,
    Blocked,
    Credential,
    Item,
    Link,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Unavailable,
)
from tests.examples.reading import Example, codes, differences, every, example, unsourced
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.google.kit import GOOGLE, GoogleKit
from tests.providers.kit import Kit, Kits
from tests.providers.microsoft.kit import OFFICE365, MicrosoftKit
from tests.providers.salesforce.kit import SalesforceKit
from tests.providers.vendor_answers import ASK, NOT_PLAYED
from tests.providers.world import World
from tests.rehearsal.exchange import rig as exchange
from tests.rehearsal.google import rig as google
from tests.rehearsal.microsoft import rig as microsoft
from tests.rehearsal.salesforce import rig as salesforce

VENDORS = ("microsoft", "exchange", "google", "salesforce")
KITS: Mapping[str, type[Kit[Any]]] = {
    "microsoft": MicrosoftKit,
    "exchange": ExchangeKit,
    "google": GoogleKit,
    "salesforce": SalesforceKit,
}
WORLDS: Mapping[str, type[World]] = {
    "microsoft": microsoft.World,
    "exchange": exchange.World,
    "google": google.World,
    "salesforce": salesforce.World,
}
# Where a refusal of each kind is heard, as the beginning or a part of an address.
TOKEN = {"microsoft": "/organizations/oauth2/v2.0/token", "google": "/token", "salesforce": "/services/oauth2/token"}
USE = {"microsoft": "/v1.0", "google": "/gmail", "salesforce": "/services/data", "exchange": ""}
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CARAS = "cara@customer.example"
CONTACT = "003000000000001AAA"
BOB = Own(name="T_ACME/U0BOB", addresses=frozenset({"bob@acme.example"}))


class Played:
    """One vendor of the sandbox and Bob, who is signed in there."""

    def __init__(self, slug: str, kit: Any) -> None:
        self.slug = slug
        self.kit = kit
        self.bob: Credential = kit.sign_in()

    def lie(self, published: Example, *, path: str) -> None:
        """From now on the vendor says what it published."""
        if isinstance(published.body, str):
            self.kit.lie(published.body.encode(), status=published.status)
            return
        body = b"" if published.body is None else published.body
        self.kit.lie(body, status=published.status, path=path, headers=published.headers)

    def pulled(self, cursor: str = "") -> list[Any]:
        return list(self.kit.provider.pull(self.bob, cursor))


@pytest.fixture
def signed_in(kits: Kits) -> Iterator[Callable[[str], Played]]:
    with ExitStack() as stack:
        yield lambda slug: Played(slug, stack.enter_context(kits.lent(KITS[slug])))


# What a refusal means


def renewal(published: Example, played: Played) -> Callable[[], object]:
    played.lie(published, path=TOKEN[played.slug])
    return partial(played.kit.provider.refresh, played.bob)


def use(published: Example, played: Played) -> Callable[[], object]:
    played.lie(published, path=USE[played.slug])
    return partial(played.kit.provider.check, played.bob)


def callback(published: Example, played: Played) -> Callable[[], object]:
    """The browser comes back with this."""
    provider = played.kit.make()
    link = provider.begin(OFFICE365, "a state of ours", "bob@acme.example")
    return partial(provider.complete, {"state": "a state of ours", **published.body}, link.remember)


Heard = Callable[[Example, Played], Callable[[], object]]
# example, where it is heard, class, reason, definite
REFUSALS: list[tuple[str, Heard, type[ProviderError], Reason, bool | None]] = [
    ("microsoft/token_refused", renewal, Misconfigured, Reason.CLIENT_MISCONFIGURED, None),
    ("microsoft/token_claims", renewal, Rejected, Reason.MFA_REQUIRED, True),
    ("microsoft/callback_declined", callback, Rejected, Reason.CONSENT_DECLINED, True),
    ("microsoft/graph_error", use, Unavailable, Reason.UNKNOWN, None),
    ("microsoft/graph_claims", use, Rejected, Reason.MFA_REQUIRED, True),
    ("microsoft/graph_throttled", use, Unavailable, Reason.RATE_LIMITED, None),
    ("microsoft/graph_no_mailbox", use, Blocked, Reason.MAILBOX_MISSING, None),
    ("google/token_revoked", renewal, Rejected, Reason.CREDENTIALS_REVOKED, False),
    ("google/bad_token", use, Rejected, Reason.CREDENTIALS_REVOKED, False),
    ("google/bad_time_range", use, Unavailable, Reason.UNKNOWN, None),
    ("google/bad_request", use, Unavailable, Reason.UNKNOWN, None),
    ("google/user_limit", use, Unavailable, Reason.RATE_LIMITED, None),
    ("salesforce/token_expired", renewal, Rejected, Reason.CREDENTIALS_REVOKED, False),
    ("salesforce/token_authentication", renewal, Rejected, Reason.PASSWORD_CHANGED, True),
    ("salesforce/bad_session", use, Rejected, Reason.CREDENTIALS_REVOKED, False),
    ("salesforce/calls_used_up", use, Unavailable, Reason.RATE_LIMITED, None),
    ("salesforce/no_such_field", use, Blocked, Reason.CRM_FIELD_MISSING, None),
    ("exchange/get_folder_refused", use, Unavailable, Reason.UNKNOWN, None),
    ("exchange/server_busy", use, Unavailable, Reason.RATE_LIMITED, None),
    ("exchange/ErrorNonExistentMailbox", use, Blocked, Reason.MAILBOX_MISSING, None),
    ("exchange/ErrorAccessDenied", use, Blocked, Reason.DELEGATION_MISSING, None),
    ("exchange/ErrorPasswordExpired", use, Rejected, Reason.PASSWORD_EXPIRED, True),
    ("exchange/ErrorAccountDisabled", use, Blocked, Reason.ACCOUNT_DISABLED, None),
    ("exchange/ErrorMailboxMoveInProgress", use, Unavailable, Reason.PROVIDER_DOWN, None),
]


@pytest.mark.parametrize(("id", "at", "kind", "reason", "definite"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_published_refusal_means(
    signed_in: Callable[[str], Played],
    id: str,
    at: Heard,
    kind: type[ProviderError],
    reason: Reason,
    definite: bool | None,
) -> None:
    published = example(id)
    act = at(published, signed_in(published.vendor))
    with pytest.raises(ProviderError) as caught:
        act()
    error = caught.value
    assert (type(error), error.reason, getattr(error, "definite", None)) == (kind, reason, definite)
    assert "Words" not in f"{error!r} {error} {error.code}"


def test_a_published_pause_is_kept(signed_in: Callable[[str], Played]) -> None:
    for id, seconds in (("microsoft/graph_throttled", 10.0), ("exchange/server_busy", 2.0)):
        published = example(id)
        with pytest.raises(Unavailable) as caught:
            use(published, signed_in(published.vendor))()
        assert caught.value.retry_after == seconds, id


# What a good answer becomes


def told(items: list[Item]) -> list[Activity]:
    """What the CRM is told of them: Cara is its contact."""
    return activities(items, {CARAS: CONTACT}, BOB, NOON)


def said(found: list[Activity]) -> list[tuple[str, str, datetime, datetime | None]]:
    return [(each.subject, each.about, each.start, each.end) for each in found if not each.gone]


def items(pages: list[Any]) -> list[Item]:
    return [item for page in pages for item in page.items]


@pytest.mark.parametrize("slug", ["microsoft", "google", "salesforce"])
def test_published_tokens_are_a_credential_that_lasts_as_long(signed_in: Callable[[str], Played], slug: str) -> None:
    played, published = signed_in(slug), example(f"{slug}/token")
    # The document cuts it short, and nobody could read it; a renewal does not need it.
    played.kit.lie({name: value for name, value in published.body.items() if name != "id_token"}, path=TOKEN[slug])
    before = played.kit.clock.now()
    renewed = played.kit.provider.refresh(played.bob)
    kept = json.loads(renewed.secret)
    assert (kept["access_token"], kept["refresh_token"]) == (
        published.body["access_token"],
        published.body["refresh_token"],
    )
    lasts = timedelta(seconds=published.body.get("expires_in", 3600))
    assert abs(renewed.expires_at - before - lasts) < timedelta(minutes=1)


@pytest.mark.parametrize(("slug", "access"), [("microsoft", OFFICE365), ("google", GOOGLE)])
def test_published_addresses_are_where_the_person_is_sent(
    signed_in: Callable[[str], Played], slug: str, access: Any
) -> None:
    played, published = signed_in(slug), example(f"{slug}/discovery")
    ours = played.kit.settings["issuer"] if slug == "google" else "https://login.microsoftonline.com"
    body = published.said_by({"https://accounts.google.com": ours, "{tenant}": "organizations"})
    # Microsoft's document leaves this one out.
    played.kit.lie({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"} | body, path="")
    link = played.kit.make().begin(access, "a state of ours", "bob@acme.example")
    assert isinstance(link, Link)
    assert link.url.startswith(body["authorization_endpoint"] + "?")


def test_a_published_page_of_mail_becomes_a_task(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("microsoft")
    found = items(graph(played, "messages", at="/me/mailFolders/inbox/messages/delta"))
    assert said(told(found)) == [("Received: Holiday hours", CONTACT, datetime(2026, 11, 20, 9, 30, tzinfo=UTC), None)]
    assert [item.id for item in found] == ["<m1@customer.example>"]


def test_what_was_deleted_or_only_read_is_no_news(signed_in: Callable[[str], Played]) -> None:
    found = graph(signed_in("microsoft"), "messages_next_round", at="/me/mailFolders/inbox/messages/delta")
    assert told(items(found)) == []


def test_a_published_page_of_events_becomes_a_meeting_and_its_end(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("microsoft")
    first = graph(played, "events", at="/me/calendarView/delta")
    start, end = datetime(2026, 11, 23, 20, 30, tzinfo=UTC), datetime(2026, 11, 23, 22, tzinfo=UTC)
    assert said(told(items(first))) == [("Plan the list", CONTACT, start, end)]
    second = graph(played, "events_next_round", at="/me/calendarView/delta", cursor=first[-1].cursor)
    gone, added = told(items(second))
    assert (gone.gone, gone.key) == (True, told(items(first))[0].key)
    assert (added.gone, added.subject, added.start) == (False, "Attend service", datetime(2026, 11, 25, 6, tzinfo=UTC))


def graph(played: Played, name: str, *, at: str, cursor: str = "") -> list[Any]:
    """What a run reads where Graph answers with this page at this place."""
    base = played.kit.settings["graph_url"]
    body = example(f"microsoft/{name}").said_by({"https://graph.microsoft.com/v1.0": base})
    played.kit.lie(body, path=f"/v1.0{at}")
    return played.pulled(cursor)


def test_published_history_leads_to_the_published_message(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("google")
    *_, last = played.pulled()
    history, mailbox = example("google/history"), "/gmail/v1/users/me"
    # The example names every field; on the only page there is no way to a next one.
    played.kit.lie(history.body, path=f"{mailbox}/history")
    played.kit.lie(example("google/message").body, path=f"{mailbox}/messages/18c1")
    pages = played.pulled(last.cursor)
    assert said(told(items(pages))) == [("Received: Offer", CONTACT, datetime(2026, 11, 22, 9, 30, tzinfo=UTC), None)]
    assert json.loads(pages[-1].cursor)["history"] == history.body["historyId"]


def test_published_events_become_a_meeting_and_the_end_of_another(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("google")
    played.kit.lie(example("google/events").body, path="/calendar")
    found = told(items(played.pulled()))
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert said(found) == [("Demo", CONTACT, at, at + timedelta(hours=1))]
    assert [each.gone for each in found] == [False, True]


def test_a_published_meeting_request_is_no_mail(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("exchange")
    body = example("exchange/changes").body.encode()
    played.kit.lie(body, if_asked=b'"inbox"')
    assert told(items(played.pulled())) == []


def test_a_published_folder_is_a_mailbox_that_opens(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("exchange")
    played.lie(example("exchange/get_folder"), path="")
    played.kit.provider.check(played.bob)


def test_published_pages_of_a_query_are_all_read(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("salesforce")
    played.kit.lie(example("salesforce/query").body, path="/query/01g")
    played.kit.lie(example("salesforce/query_first_page").body, path="/query")
    # Both pages have Cara: the older of the two records is hers.
    assert played.kit.provider.match(played.bob, [CARAS]) == {CARAS: CONTACT}


def test_published_results_tell_which_record_was_refused(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("salesforce")
    played.kit.lie(example("salesforce/upserted").body, path="/composite/sobjects/Task")
    pushed = played.kit.provider.push(played.bob, [played.kit.message(key, about=CONTACT) for key in ("k-1", "k-2")])
    assert (pushed.written, dict(pushed.refused)) == (1, {"k-2": "MALFORMED_ID"})


# A place that is lost


LOST: list[tuple[str, str, frozenset[str], Any]] = [
    # example, where it is heard, what a request has that begins anew, and how that is answered
    ("microsoft/graph_delta_gone", "/v1.0/me/mailFolders/inbox", frozenset({"$filter"}), "delta"),
    ("microsoft/graph_delta_expired", "/v1.0/me/mailFolders/inbox", frozenset({"$filter"}), "delta"),
    ("google/history_gone", "/gmail/v1/users/me/history", frozenset(), None),
    ("google/sync_token_gone", "/calendar", frozenset({"timeMin"}), {"items": [], "nextSyncToken": "new"}),
]


@pytest.mark.parametrize(("id", "path", "anew", "empty"), LOST, ids=[row[0] for row in LOST])
def test_a_published_loss_is_read_again_and_nobody_is_told(
    signed_in: Callable[[str], Played], id: str, path: str, anew: frozenset[str], empty: Any
) -> None:
    published = example(id)
    played = signed_in(published.vendor)
    *_, last = played.pulled()
    if empty == "delta":
        empty = {"value": [], "@odata.deltaLink": f"{played.kit.settings['graph_url']}/me/mailFolders/inbox?new"}
    # A status for the old place, and another for the new one, is more than `lie` can say.
    lost = partial(web.json_response, published.body, status=published.status, headers=published.headers)
    played.kit.intercept(path, lambda asked: web.json_response(empty) if anew & asked.query.keys() else lost())
    assert any(page.resync for page in played.pulled(last.cursor))


def test_a_published_loss_of_the_state_is_read_again(signed_in: Callable[[str], Played]) -> None:
    played = signed_in("exchange")
    *_, last = played.pulled()
    played.kit.lie(example("exchange/changes_state_lost").body.encode(), if_asked=b"SyncState>")
    assert any(page.resync for page in played.pulled(last.cursor))


# The same shape


# What the sandbox refuses in the example's place, and why its code is another.
OTHER_CODE = {
    "microsoft/graph_error": "the published one is of a file",
    "google/bad_request": "the published one is of a search in files",
    "google/user_limit": "the sandbox has the limit of the project only; ours reads both",
}


@pytest.mark.parametrize("id", ASK)
def test_the_sandbox_answers_in_the_published_shape(kits: Kits, id: str) -> None:
    published = example(id)
    with kits.lent(WORLDS[published.vendor]) as world:
        answer = ASK[id](world)
    assert answer.status == published.status
    assert [name for name in published.headers if name not in answer.headers] == []
    if published.body is not None:
        assert differences(published, answer.body) == []
        if id not in OTHER_CODE:
            assert codes(answer.body) == codes(published.body)


def test_every_example_has_a_source_and_is_held_against_the_sandbox() -> None:
    examples = every(*VENDORS)
    assert list(unsourced(examples)) == []
    assert {each.id for each in examples} == ASK.keys() | NOT_PLAYED.keys()


def test_every_example_is_read_by_us() -> None:
    read = {row[0] for row in REFUSALS} | {row[0] for row in LOST}
    source = Path(__file__).read_text("utf-8")
    others = {each.id for each in every(*VENDORS) if each.id not in read}
    tokens = {f"{slug}/{name}" for slug in VENDORS for name in ("token", "discovery")}
    named = {id for id in others if f'"{id}"' in source or f'"{id.partition("/")[2]}", at=' in source}
    assert others - named - tokens == set()


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"error": "invalid_grant"}, ["the sandbox lacks error_description"]),
        ({"error": 7, "error_description": "Words."}, ["error is ['number'], published as ['text']"]),
        (
            {"error": "invalid_grant", "error_description": "Words.", "hint": "none"},
            ["only the sandbox has hint"],
        ),
    ],
)
def test_a_sandbox_that_drifts_is_seen(said: Any, wrong: list[str]) -> None:
    assert differences(example("google/token_revoked"), said) == wrong
