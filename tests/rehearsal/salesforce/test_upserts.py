"""Tasks and events written by their external id, one by one, two hundred at a time, and in a composite."""

from __future__ import annotations

from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceResourceNotFound

from tests.rehearsal.salesforce.rig import BOB, CARA, DATA, Record, World, event, task


def codes(answer: list[Record]) -> list[str]:
    """The status code of each record; empty for one that was written."""
    return [record["errors"][0]["statusCode"] if record["errors"] else "" for record in answer]


def test_simple_salesforce_upserts_twice_without_a_duplicate(world: World) -> None:
    cara = world.server.add_contact("production", email=CARA, name="Cara Customer")
    path, records = "composite/sobjects/Task/Relatch_Id__c", [task("m1", WhoId=cara), task("m2")]
    with world.salesforce(world.signed_in()) as salesforce:
        first, second = (
            salesforce.restful(path, method="PATCH", json={"allOrNone": False, "records": records}) for _ in range(2)
        )
        assert salesforce.api_usage["api-usage"] == (2, 15000)
    assert [(record["success"], record["created"]) for record in first] == [(True, True)] * 2
    assert [(record["success"], record["created"]) for record in second] == [(True, False)] * 2
    assert [record["id"] for record in first] == [record["id"] for record in second]
    written = world.server.tasks()
    assert [(one["Relatch_Id__c"], one["updates"]) for one in written] == [("m1", 1), ("m2", 1)]
    assert (written[0]["WhoId"], written[0]["Subject"], written[0]["Status"]) == (cara, "Question", "Not Started")


def test_one_record_is_written_by_its_address(world: World) -> None:
    tokens = world.signed_in()
    with world.salesforce(tokens) as salesforce:
        assert salesforce.Task.upsert("Relatch_Id__c/a%2Fb%20c", {"Subject": "One"}) == 201
        assert salesforce.Task.upsert("Relatch_Id__c/a%2Fb%20c", {"Subject": "Two"}) == 200
        assert [(one["Relatch_Id__c"], one["Subject"]) for one in world.server.tasks()] == [("a/b c", "Two")]
        assert salesforce.Task.delete("Relatch_Id__c/a%2Fb%20c") == 204
        with pytest.raises(SalesforceResourceNotFound):
            salesforce.Task.delete("Relatch_Id__c/a%2Fb%20c")
    assert world.server.tasks() == []


def test_the_key_stands_in_the_address_only(world: World) -> None:
    tokens = world.signed_in()
    path = "sobjects/Task/Relatch_Id__c/m1"
    refused = world.call("PATCH", path, tokens, json={"Relatch_Id__c": "m1", "Subject": "One"})
    assert refused.json()[0]["message"] == "The Relatch_Id__c field should not be specified in the sobject data."


def test_bad_records_do_not_hold_up_good_ones(world: World) -> None:
    answer = world.upsert(
        world.signed_in(),
        task("m1"),
        task("m2", Subject="x" * 256),
        task("m3", Shoe=42),
        task("m4", WhoId="003000000000001AAA"),
        task("m5", WhoId="Cara"),
        task("m6", CreatedDate="2026-11-21T12:00:00Z"),
        task("m7", TaskSubtype="Smoke signal"),
        task(""),
        task("m8") | {"attributes": {"type": "Event"}},
        task("m9"),
    )
    assert answer.status_code == 200
    assert codes(answer.json()) == [
        "",
        "STRING_TOO_LONG",
        "INVALID_FIELD",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "MISSING_ARGUMENT",
        "INVALID_TYPE",
        "",
    ]
    assert answer.json()[1]["errors"][0]["fields"] == ["Subject"]
    assert [one["Relatch_Id__c"] for one in world.server.tasks()] == ["m1", "m9"]


def test_all_or_none_takes_the_good_ones_back(world: World) -> None:
    tokens = world.signed_in()
    world.upsert(tokens, task("m1", Subject="Before"))
    answer = world.upsert(tokens, task("m1"), task("m2"), task("m3", Shoe=42), allOrNone=True).json()
    assert codes(answer) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2 + ["INVALID_FIELD"]
    assert [(one["Subject"], one["updates"]) for one in world.server.tasks()] == [("Before", 0)]


def test_an_external_id_comes_once_in_a_request(world: World) -> None:
    answer = world.upsert(world.signed_in(), task("m1"), task("m2"), task("m1")).json()
    assert codes(answer) == ["DUPLICATE_VALUE", "", "DUPLICATE_VALUE"]


def test_external_ids_heed_case(world: World) -> None:
    assert codes(world.upsert(world.signed_in(), task("m1"), task("M1")).json()) == ["", ""]


def test_two_hundred_records_are_the_most(world: World) -> None:
    tokens = world.signed_in()
    assert world.upsert(tokens, *(task(f"m{n}") for n in range(200))).status_code == 200
    refused = world.upsert(tokens, *(task(f"n{n}") for n in range(201)))
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert len(world.server.tasks()) == 200


@pytest.mark.parametrize(
    "fields",
    [{"ActivityDate": "21.11.2026"}, {"Subject": 42}, {"ActivityDate": "2026-11-21T12:00:00Z"}, {"WhoId": 3}],
)
def test_a_value_of_another_type_fails_the_whole_request(world: World, fields: dict[str, Any]) -> None:
    refused = world.upsert(world.signed_in(), task("m1"), task("m2", **fields))
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert world.server.tasks() == []


@pytest.mark.parametrize("text", ["{", "[]", '{"records": 1}', ""])
def test_a_body_that_is_no_request_is_refused(world: World, text: str) -> None:
    headers = {"Authorization": f"Bearer {world.signed_in()['access_token']}"}
    url = f"{world.api}{DATA}/composite/sobjects/Task/Relatch_Id__c"
    refused = world.http.patch(url, data=text, headers=headers)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_a_subtype_is_chosen_once(world: World) -> None:
    tokens = world.signed_in()
    assert codes(world.upsert(tokens, task("m1", TaskSubtype="Email")).json()) == [""]
    assert codes(world.upsert(tokens, task("m1", TaskSubtype="Email")).json()) == ["INVALID_FIELD_FOR_INSERT_UPDATE"]
    assert codes(world.upsert(tokens, task("m1", Status="Completed")).json()) == [""]
    assert [(one["TaskSubtype"], one["IsClosed"]) for one in world.server.tasks()] == [("Email", True)]


def test_an_event_has_a_start_an_end_and_a_length(world: World) -> None:
    tokens = world.signed_in()
    assert codes(world.upsert(tokens, event("e1"), kind="Event").json()) == [""]
    written = world.server.events()[0]
    assert written["StartDateTime"] == "2026-11-21T12:00:00.000+0000"
    assert (written["EndDateTime"], written["DurationInMinutes"]) == ("2026-11-21T13:00:00.000+0000", 60)
    moved = {"attributes": {"type": "Event"}, "Relatch_Id__c": "e1", "StartDateTime": "2026-11-22T12:00:00+02:00"}
    assert codes(world.upsert(tokens, moved, kind="Event").json()) == [""]
    written = world.server.events()[0]
    assert written["StartDateTime"] == "2026-11-22T10:00:00.000+0000"
    assert (written["EndDateTime"], written["updates"]) == ("2026-11-22T11:00:00.000+0000", 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"StartDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": None}, "REQUIRED_FIELD_MISSING"),
        ({"EndDateTime": None, "DurationInMinutes": 30}, ""),
        ({"DurationInMinutes": 60}, ""),
        ({"DurationInMinutes": 30}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": "2026-11-21T11:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"EndDateTime": "2026-12-21T11:00:00Z"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"StartDateTime": None, "EndDateTime": None, "IsAllDayEvent": True, "ActivityDate": "2026-11-21"}, ""),
    ],
)
def test_the_times_of_an_event_must_agree(world: World, change: dict[str, Any], code: str) -> None:
    assert codes(world.upsert(world.signed_in(), event("e1", **change), kind="Event").json()) == [code]


def test_a_time_without_an_offset_is_refused(world: World) -> None:
    refused = world.upsert(world.signed_in(), event("e1", StartDateTime="2026-11-21T12:00:00"), kind="Event")
    assert refused.json()[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_whoever_may_not_write_is_told_so_for_each_record(world: World) -> None:
    tokens = world.signed_in()
    world.server.may_not_write(BOB, True)
    answer = world.upsert(tokens, task("m1"), task("m2"))
    assert (answer.status_code, codes(answer.json())) == (200, ["INSUFFICIENT_ACCESS_OR_READONLY"] * 2)
    refused = world.call("PATCH", "sobjects/Task/Relatch_Id__c/m1", tokens, json={"Subject": "One"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert world.server.tasks() == []


def test_without_the_field_nothing_is_written(world: World) -> None:
    tokens = world.signed_in()
    world.server.field_missing(True)
    refused = world.upsert(tokens, task("m1"))
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    single = world.call("PATCH", "sobjects/Task/Relatch_Id__c/m1", tokens, json={"Subject": "One"})
    assert (single.status_code, single.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert world.query(tokens, "SELECT Relatch_Id__c FROM Task").json()[0]["errorCode"] == "INVALID_FIELD"
    assert "Relatch_Id__c" not in field_names(world, tokens)
    world.server.field_missing(False)
    assert "Relatch_Id__c" in field_names(world, tokens)


def field_names(world: World, tokens: dict[str, Any]) -> set[str]:
    with world.salesforce(tokens) as salesforce:
        described = salesforce.Task.describe()
    return {field["name"] for field in described["fields"]}


@pytest.mark.parametrize("kind", ["Task", "Event"])
def test_describe_tells_what_the_external_id_is(world: World, kind: str) -> None:
    described = world.call("GET", f"sobjects/{kind}/describe", world.signed_in()).json()
    field = next(field for field in described["fields"] if field["name"] == "Relatch_Id__c")
    assert (field["externalId"], field["type"], field["length"]) == (True, "string", 255)


def test_a_composite_carries_several_requests(world: World) -> None:
    tokens = world.signed_in()
    calls = [
        sub("PATCH", "sobjects/Task/Relatch_Id__c/m1", {"Subject": "One"}),
        sub("PATCH", "sobjects/Task/Relatch_Id__c/m2", {"Shoe": 42}),
        sub("GET", "query?q=SELECT+Relatch_Id__c+FROM+Task"),
    ]
    answer = world.call("POST", "composite", tokens, json={"allOrNone": False, "compositeRequest": calls}).json()
    replies = answer["compositeResponse"]
    assert [reply["httpStatusCode"] for reply in replies] == [201, 400, 200]
    assert replies[1]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert replies[2]["body"]["records"][0]["Relatch_Id__c"] == "m1"
    assert replies[0]["referenceId"] == "PATCH"


def test_a_composite_of_all_or_none_takes_everything_back(world: World) -> None:
    calls = [
        sub("PATCH", "sobjects/Task/Relatch_Id__c/m1", {"Subject": "One"}),
        sub("PATCH", "sobjects/Task/Relatch_Id__c/m2", {"Shoe": 42}),
    ]
    body = {"allOrNone": True, "compositeRequest": calls}
    answer = world.call("POST", "composite", world.signed_in(), json=body).json()
    assert answer["compositeResponse"][0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert world.server.tasks() == []


@pytest.mark.parametrize(("count", "path"), [(26, "limits"), (6, "query?q=SELECT+Id+FROM+Task")])
def test_a_composite_has_its_limits(world: World, count: int, path: str) -> None:
    body = {"compositeRequest": [sub("GET", path)] * count}
    refused = world.call("POST", "composite", world.signed_in(), json=body)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def sub(method: str, path: str, body: Record | None = None) -> Record:
    return {"method": method, "url": f"{DATA}/{path}", "referenceId": method, "body": body}
