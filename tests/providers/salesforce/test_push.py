"""Finding contacts and leads, and writing tasks and events about them, as a sync does it in Bob's name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from providers.base import Blocked, Credential, ProviderError, Reason, Rejected, Unavailable
from providers.salesforce.push import RECORDS_AT_ONCE
from tests.providers.kit import BOB, GRACE
from tests.providers.salesforce.kit import ACME, CARA, ORGS, SANDBOX, SalesforceKit

LATE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past midnight of the 21st in Bob's Berlin


@pytest.fixture
def bob(kit: SalesforceKit) -> Credential:
    return kit.sign_in(BOB)


@pytest.fixture
def cara(kit: SalesforceKit, bob: Credential) -> str:
    """The id of Cara's contact in production."""
    return kit.provider.match(bob, [CARA])[CARA]


def failing(kit: SalesforceKit, code: str, *, status: int = 400, message: str = "", only: str = "") -> None:
    """From now on the data API refuses each request, or those whose address has `only` in it."""

    def refuse(request: web.Request) -> web.Response | None:
        said = [{"errorCode": code, "message": message}]
        return web.json_response(said, status=status) if only in request.path_qs else None

    kit.intercept("/services/data", refuse)


def refusing(kit: SalesforceKit, *codes: str) -> None:
    """From now on the records of each request are refused with these codes, in turn; an empty one is a success."""

    def one(code: str) -> dict[str, Any]:
        errors = [{"statusCode": code, "message": "words of theirs", "fields": []}] if code else []
        return {"success": not code, "errors": errors}

    kit.lie([one(code) for code in codes], path="/composite/sobjects")


# Match


def test_a_contact_goes_before_a_lead_and_an_address_without_either_is_left_out(
    kit: SalesforceKit, bob: Credential, cara: str
) -> None:
    kit.server.add_lead("production", email=CARA, name="Cara Lead")
    lead = kit.server.add_lead("production", email="leo@customer.example", name="Leo Lead")
    kit.server.add_lead("production", email="con@customer.example", name="Con Verted", converted=True)
    asked = [CARA, "leo@customer.example", "con@customer.example", "stranger@elsewhere.example"]
    assert kit.provider.match(bob, asked) == {CARA: cara, "leo@customer.example": lead}
    assert cara.startswith("003")


@pytest.mark.parametrize(("access", "org"), ORGS.items())
def test_each_org_has_its_own_contacts(kit: SalesforceKit, access: Any, org: str) -> None:
    own = kit.server.add_contact(org, email="own@customer.example", name="Own Contact")
    found = kit.provider.match(kit.sign_in(BOB, access), ["own@customer.example"])
    assert found == {"own@customer.example": own}
    other = SANDBOX if access != SANDBOX else ACME
    assert kit.provider.match(kit.sign_in(BOB, other), ["own@customer.example"]) == {}


def test_the_case_of_an_address_does_not_matter(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    assert kit.provider.match(bob, ["CARA@Customer.Example", CARA]) == {CARA: cara}


def test_of_two_contacts_with_one_address_it_is_always_the_same(kit: SalesforceKit, bob: Credential) -> None:
    ids = [kit.server.add_contact("production", email="twin@customer.example", name="A Twin") for _ in range(5)]
    assert kit.provider.match(bob, ["twin@customer.example"]) == {"twin@customer.example": min(ids)}


def test_hundreds_of_addresses_are_asked_for_in_queries_that_fit(kit: SalesforceKit, bob: Credential) -> None:
    addresses = [f"somebody.with+a-long-name.{n:04}@a-customer-far-away.example" for n in range(600)]
    ids = {a: kit.server.add_contact("production", email=a, name="Some Body") for a in addresses[::50]}
    before = len(kit.server.requests)
    assert kit.provider.match(bob, addresses) == ids
    asked = [seen.query["q"] for seen in kit.server.requests[before:]]
    assert 2 < len(asked) < 20
    assert all(len(query) < 16_000 for query in asked)


def test_every_page_of_an_answer_is_read(kit: SalesforceKit, bob: Credential) -> None:
    twins = [kit.server.add_contact("production", email="twin@customer.example", name="A Twin") for _ in range(2_500)]
    before = len(kit.server.requests)
    assert kit.provider.match(bob, ["twin@customer.example"]) == {"twin@customer.example": min(twins)}
    assert len(kit.server.requests) - before == 2


@pytest.mark.parametrize("place", ["@evil.example/next", ".evil.example/next"])
def test_no_token_follows_an_answer_to_another_host(kit: SalesforceKit, bob: Credential, place: str) -> None:
    kit.lie({"records": [], "done": False, "nextRecordsUrl": place}, path="/query")
    with pytest.raises(ProviderError) as caught:
        kit.provider.match(bob, [CARA])
    assert caught.value.reason in {Reason.CLIENT_MISCONFIGURED, Reason.PROVIDER_DOWN}, "it looked for the other host"


def test_nothing_to_ask_costs_no_request(kit: SalesforceKit, bob: Credential) -> None:
    before = len(kit.server.requests)
    assert kit.provider.match(bob, []) == {}
    impossible = ["no address", "a\x00b@c.example", "\ud800@c.example", "x" * 100 + "@c.example"]
    assert kit.provider.match(bob, impossible) == {}
    assert len(kit.server.requests) == before


@pytest.mark.parametrize(
    "hostile",
    [
        "o'hara@customer.example",
        "') OR (Id != '@customer.example",
        "back\\slash@customer.example",
        "\\'@customer.example",
        '"quoted"@customer.example',
        "{braces}@customer.example",
        "50%_off&x=1#@customer.example",
        "bücher@customer.example",
    ],
)
def test_an_address_is_only_ever_an_address(kit: SalesforceKit, bob: Credential, cara: str, hostile: str) -> None:
    assert kit.provider.match(bob, [hostile, CARA]) == {CARA: cara}
    id_ = kit.server.add_contact("production", email=hostile, name="Hostile Name")
    assert kit.provider.match(bob, [hostile, CARA]) == {CARA: cara, hostile.casefold(): id_}


def test_a_licence_without_leads_still_has_contacts(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    failing(kit, "INVALID_TYPE", message="sObject type 'Lead' is not supported.", only="FROM+Lead")
    assert kit.provider.match(bob, [CARA, "leo@customer.example"]) == {CARA: cara}


def test_a_licence_without_contacts_is_the_administrators(kit: SalesforceKit, bob: Credential) -> None:
    failing(kit, "INVALID_TYPE", message="sObject type 'Contact' is not supported.", only="FROM+Contact")
    with pytest.raises(Blocked) as caught:
        kit.provider.match(bob, [CARA])
    assert caught.value.reason is Reason.SCOPE_MISSING


# Push


def test_a_message_becomes_a_task_and_a_meeting_an_event(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    start = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    message = kit.message("m-1", about=cara, subject="Your offer", at=LATE)
    meeting = kit.meeting("e-1", about=cara, subject="Demo", start=start, end=start + timedelta(minutes=45))
    pushed = kit.provider.push(bob, [message, meeting])
    assert (pushed.written, pushed.refused) == (2, {})
    (task,), (event,) = kit.server.tasks(), kit.server.events()
    assert {name: task[name] for name in ("Relatch_Id__c", "Subject", "WhoId", "Status", "ActivityDate")} == {
        "Relatch_Id__c": "m-1",
        "Subject": "Your offer",
        "WhoId": cara,
        "Status": "Completed",
        "ActivityDate": "2026-11-21",
    }
    assert (event["Relatch_Id__c"], event["Subject"], event["WhoId"]) == ("e-1", "Demo", cara)
    assert (event["StartDateTime"], event["DurationInMinutes"]) == ("2026-11-21T12:30:00.000+0000", 45)


def test_a_repeat_writes_nothing_twice_and_changes_what_has_changed(
    kit: SalesforceKit, bob: Credential, cara: str
) -> None:
    activities = [kit.message("m-1", about=cara), kit.meeting("e-1", about=cara)]
    for _ in range(3):
        assert kit.provider.push(bob, activities).written == 2
    kit.provider.push(bob, [replace(one, subject="Moved") for one in activities])
    assert [task["Subject"] for task in kit.server.tasks()] == ["Moved"]
    assert [event["Subject"] for event in kit.server.events()] == ["Moved"]


def test_an_answer_that_is_lost_is_made_good_by_a_repeat(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    activities = [kit.message(f"m-{n}", about=cara) for n in range(250)]
    seen: list[str] = []

    def lose_the_second(request: web.Request) -> web.Response | None:
        seen.append(request.path)
        if len(seen) == 2 and request.transport is not None:
            request.transport.abort()
        return None

    kit.intercept("/composite/sobjects", lose_the_second)
    with pytest.raises(Unavailable) as caught:
        kit.provider.push(bob, activities)
    assert caught.value.reason is Reason.NETWORK
    assert len(kit.server.tasks()) >= RECORDS_AT_ONCE
    assert kit.provider.push(bob, activities).written == 250
    assert len(kit.server.tasks()) == 250


def test_a_cancelled_meeting_is_taken_out_and_an_absent_one_is_no_error(
    kit: SalesforceKit, bob: Credential, cara: str
) -> None:
    meetings = [kit.meeting("e-1", about=cara), kit.meeting("e-2", about=cara)]
    kit.provider.push(bob, meetings)
    gone = replace(meetings[0], gone=True)
    for _ in range(2):
        pushed = kit.provider.push(bob, [gone])
        assert (pushed.written, pushed.refused) == (1, {})
    assert [event["Relatch_Id__c"] for event in kit.server.events()] == ["e-2"]


def test_of_the_same_key_the_last_word_counts(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    first, second = kit.message("m-1", about=cara, subject="One"), kit.message("m-1", about=cara, subject="Two")
    meeting = kit.meeting("e-1", about=cara)
    pushed = kit.provider.push(bob, [first, meeting, second, replace(meeting, gone=True)])
    assert (pushed.written, pushed.refused) == (2, {})
    assert [task["Subject"] for task in kit.server.tasks()] == ["Two"]
    assert kit.server.events() == []


def test_what_was_never_written_costs_one_query_to_take_out(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    kit.provider.push(bob, [kit.meeting("e-7", about=cara)])
    before = len(kit.server.requests)
    pushed = kit.provider.push(bob, [kit.meeting(f"e-{n}", about="", gone=True) for n in range(30)])
    assert (pushed.written, pushed.refused) == (30, {})
    assert [seen.method for seen in kit.server.requests[before:]] == ["GET", "DELETE"]
    assert kit.server.events() == []


def test_what_somebody_else_took_out_meanwhile_is_gone(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    meeting = kit.meeting("e-1", about=cara)
    kit.provider.push(bob, [meeting])
    failing(kit, "NOT_FOUND", status=404, message="The requested resource does not exist", only="/sobjects/Event/")
    assert kit.provider.push(bob, [replace(meeting, gone=True)]).refused == {}


@pytest.mark.parametrize(
    ("status", "code", "refused"),
    [(400, "DELETE_FAILED", {"e-1": "DELETE_FAILED"}), (404, "ENTITY_IS_DELETED", {})],
)
def test_what_cannot_be_taken_out_is_told_with_its_code(
    kit: SalesforceKit, bob: Credential, cara: str, status: int, code: str, refused: dict[str, str]
) -> None:
    meeting = kit.meeting("e-1", about=cara)
    kit.provider.push(bob, [meeting])
    failing(kit, code, status=status, only="/sobjects/Event/")
    assert kit.provider.push(bob, [replace(meeting, gone=True)]).refused == refused


@pytest.mark.parametrize(("status", "body"), [(200, {"success": True}), (200, "<html>"), (200, ""), (302, "")])
def test_a_deletion_that_somebody_in_between_answered_is_not_believed(
    kit: SalesforceKit, bob: Credential, cara: str, status: int, body: Any
) -> None:
    meeting = kit.meeting("e-1", about=cara)
    kit.provider.push(bob, [meeting])
    kit.lie(body, status=status, path="/sobjects/Event/")
    with pytest.raises(Unavailable) as caught:
        kit.provider.push(bob, [replace(meeting, gone=True)])
    assert caught.value.reason in {Reason.PROVIDER_DOWN, Reason.UNKNOWN}


@pytest.mark.parametrize("key", ["../Relatch_Id__c/e-1?x=/", "it's %2F #1", "') OR (Id != '"])
def test_a_key_is_only_ever_a_key(kit: SalesforceKit, bob: Credential, cara: str, key: str) -> None:
    kit.provider.push(bob, [kit.meeting("e-1", about=cara), kit.meeting(key, about=cara)])
    assert len(kit.server.events()) == 2
    assert kit.provider.push(bob, [kit.meeting(key, about=cara, gone=True)]).refused == {}
    assert [event["Relatch_Id__c"] for event in kit.server.events()] == ["e-1"]


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        ("x" * 300, "x" * 255),
        ("\N{PARTY POPPER}" * 200, "\N{PARTY POPPER}" * 127),
        ("two\r\nlines\tand a\x00 zero", "two lines and a zero"),
        ("half a \ud83c sign", "half a sign"),
        ("<!channel> 'quoted' \"too\" {x}", "<!channel> 'quoted' \"too\" {x}"),
        ("", ""),
    ],
)
def test_any_subject_fits(kit: SalesforceKit, bob: Credential, cara: str, subject: str, kept: str) -> None:
    activities = [kit.message("m-1", about=cara, subject=subject), kit.meeting("e-1", about=cara, subject=subject)]
    assert kit.provider.push(bob, activities).refused == {}
    assert [task["Subject"] for task in kit.server.tasks()] == [kept]


def test_nothing_to_write_costs_no_request(kit: SalesforceKit, bob: Credential) -> None:
    before = len(kit.server.requests)
    pushed = kit.provider.push(bob, [])
    assert (pushed.written, pushed.refused) == (0, {})
    assert len(kit.server.requests) == before


# What Salesforce refuses


def test_one_record_that_is_refused_stops_no_other(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    start = kit.clock.now()
    activities = [
        kit.message("m-1", about=cara),
        kit.message("m-2", about="003000000000001AAA"),
        kit.meeting("e-1", about=cara, start=start, end=start - timedelta(hours=1)),
        kit.meeting("e-2", about=cara),
    ]
    pushed = kit.provider.push(bob, activities)
    assert pushed.written == 2
    assert pushed.refused == {"m-2": "INVALID_CROSS_REFERENCE_KEY", "e-1": "FIELD_INTEGRITY_EXCEPTION"}


def test_a_field_that_nobody_has_made_stops_the_whole(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    kit.server.field_missing(True)
    meeting = kit.meeting("e-1", about=cara)
    for activity in (kit.message("m-1", about=cara), meeting, replace(meeting, gone=True)):
        with pytest.raises(Blocked) as caught:
            kit.provider.push(bob, [activity])
        assert caught.value.reason is Reason.CRM_FIELD_MISSING


def test_a_field_that_is_missing_for_one_record_is_missing_for_all(kit: SalesforceKit, bob: Credential) -> None:
    refused = {"statusCode": "INVALID_FIELD", "message": "No such column 'Relatch_Id__c' on sobject of type Task"}
    kit.lie([{"success": True, "errors": []}, {"success": False, "errors": [refused]}], path="/composite/sobjects")
    with pytest.raises(Blocked) as caught:
        kit.provider.push(bob, [kit.message(key, about="003000000000001AAA") for key in ("m-1", "m-2")])
    assert caught.value.reason is Reason.CRM_FIELD_MISSING


def test_somebody_who_may_not_write_is_the_administrators(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    meeting = kit.meeting("e-1", about=cara)
    kit.provider.push(bob, [meeting])
    kit.server.may_not_write(BOB, True)
    for activities in ([kit.message("m-1", about=cara), kit.meeting("e-2", about=cara)], [replace(meeting, gone=True)]):
        with pytest.raises(Blocked) as caught:
            kit.provider.push(bob, activities)
        assert caught.value.reason is Reason.SCOPE_MISSING
        assert "INSUFFICIENT_ACCESS" in caught.value.code


def test_a_record_that_somebody_else_owns_by_now_stops_no_other(kit: SalesforceKit, bob: Credential) -> None:
    refusing(kit, "INSUFFICIENT_ACCESS_OR_READONLY", "")
    pushed = kit.provider.push(bob, [kit.message(key, about="003000000000001AAA") for key in ("m-1", "m-2")])
    assert (pushed.written, pushed.refused) == (1, {"m-1": "INSUFFICIENT_ACCESS_OR_READONLY"})


def test_nor_does_it_where_it_is_the_only_one(kit: SalesforceKit, bob: Credential) -> None:
    refusing(kit, "INSUFFICIENT_ACCESS_OR_READONLY")
    pushed = kit.provider.push(bob, [kit.message("m-1", about="003000000000001AAA")])
    assert (pushed.written, pushed.refused) == (0, {"m-1": "INSUFFICIENT_ACCESS_OR_READONLY"})


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (("UNABLE_TO_LOCK_ROW", ""), Reason.PROVIDER_DOWN),
        (("", "REQUEST_LIMIT_EXCEEDED"), Reason.RATE_LIMITED),
        (("STORAGE_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"), Reason.RATE_LIMITED),
    ],
)
def test_what_passes_is_tried_again(
    kit: SalesforceKit, bob: Credential, codes: tuple[str, ...], reason: Reason
) -> None:
    refusing(kit, *codes)
    with pytest.raises(Unavailable) as caught:
        kit.provider.push(bob, [kit.message(key, about="003000000000001AAA") for key in ("m-1", "m-2")])
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{"success": True, "errors": []}] * 3,
        [{"errors": []}],
        [7],
        {"success": True},
        7,
        "<html>",
    ],
)
def test_results_that_do_not_fit_the_records_are_no_results(kit: SalesforceKit, bob: Credential, body: Any) -> None:
    kit.lie(body, path="/composite/sobjects")
    with pytest.raises(Unavailable) as caught:
        kit.provider.push(bob, [kit.message("m-1", about="003000000000001AAA")])
    assert caught.value.reason is Reason.PROVIDER_DOWN


@pytest.mark.parametrize("body", [{}, {"records": 7, "done": True}, {"records": [{"Id": "x"}], "done": True}, [], 7])
def test_rows_of_another_shape_are_salesforces_fault(kit: SalesforceKit, bob: Credential, body: Any) -> None:
    kit.lie(body, path="/query")
    with pytest.raises(Unavailable) as caught:
        kit.provider.match(bob, [CARA])
    assert caught.value.reason is Reason.PROVIDER_DOWN


def test_what_stands_in_the_way_of_writing_is_told_apart(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    found = []
    meeting = kit.meeting("e-1", about=cara)
    for switch in (
        partial(kit.server.api_disabled, BOB),
        kit.server.api_disabled_for_org,
        kit.server.rate_limit,
        kit.server.down,
    ):
        switch(True)
        for activity in (meeting, replace(meeting, gone=True)):
            with pytest.raises(ProviderError) as caught:
                kit.provider.push(bob, [activity])
            found.append((type(caught.value), caught.value.reason))
        switch(False)
    kit.server.use_up_api_calls()
    with pytest.raises(Unavailable):
        kit.provider.match(bob, [CARA])
    kit.clock.move(timedelta(hours=25))
    kit.server.expire_access_tokens(BOB)
    for activity in (meeting, replace(meeting, gone=True)):
        with pytest.raises(Rejected) as rejected:
            kit.provider.push(bob, [activity])
        assert not rejected.value.definite
    assert found == [
        *[(Blocked, Reason.API_DISABLED)] * 4,
        *[(Unavailable, Reason.RATE_LIMITED)] * 2,
        *[(Unavailable, Reason.PROVIDER_DOWN)] * 2,
    ]
    kit.provider.push(kit.provider.refresh(bob), [meeting])
    assert len(kit.server.events()) == 1


def test_what_grace_writes_is_hers(kit: SalesforceKit, bob: Credential, cara: str) -> None:
    kit.provider.push(bob, [kit.message("bob's", about=cara)])
    kit.provider.push(kit.sign_in(GRACE), [kit.message("grace's", about=cara)])
    assert len({task["OwnerId"] for task in kit.server.tasks()}) == 2
