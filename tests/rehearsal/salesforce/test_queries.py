"""SOQL as we ask it, with plain HTTPS and with the unmodified simple_salesforce."""

from __future__ import annotations

import pytest
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest
from simple_salesforce.format import format_soql

from tests.rehearsal.salesforce.rig import BOB, CARA, World

CONTACTS = "SELECT Id, Email, Name FROM Contact WHERE Email IN ({}) AND IsDeleted = false"
LEADS = "select id from lead where email in ({}) and isconverted = FALSE"


def test_contacts_are_found_by_their_addresses(world: World) -> None:
    cara = world.server.add_contact("production", email=CARA, name="Cara Customer")
    world.server.add_contact(BOB, email="dan@customer.example", name="Dan")
    found = world.query(world.signed_in(), CONTACTS.format(f"'{CARA.upper()}', 'nobody@customer.example'")).json()
    url = f"/services/data/v66.0/sobjects/Contact/{cara}"
    record = {"attributes": {"type": "Contact", "url": url}, "Id": cara, "Email": CARA, "Name": "Cara Customer"}
    assert found == {"totalSize": 1, "done": True, "records": [record]}


def test_converted_leads_can_be_left_out(world: World) -> None:
    lead = world.server.add_lead("production", email=CARA, name="Cara Customer")
    world.server.add_lead("production", email=CARA, name="Cara Before", converted=True)
    soql = LEADS.format(f"'{CARA}'")
    assert [record["Id"] for record in world.query(world.signed_in(), soql).json()["records"]] == [lead]


def test_each_org_has_contacts_of_its_own(world: World) -> None:
    world.server.add_user(BOB, password="bobs", org="sandbox")
    world.server.add_contact("sandbox", email=CARA, name="Cara Customer")
    soql = CONTACTS.format(f"'{CARA}'")
    assert world.query(world.signed_in(), soql).json()["totalSize"] == 0
    assert world.query(world.signed_in(host="sandbox"), soql).json()["totalSize"] == 1


@pytest.mark.parametrize("address", ["o'hara@customer.example", "back\\slash@customer.example", 'a"b@customer.example'])
def test_escapes_are_understood(world: World, address: str) -> None:
    world.server.add_contact("production", email=address, name="Odd")
    with world.salesforce(world.signed_in()) as salesforce:
        found = salesforce.query(format_soql("SELECT Id FROM Contact WHERE Email IN {}", [address]))
    assert found["totalSize"] == 1


def test_a_long_answer_comes_in_pages(world: World) -> None:
    for number in range(450):
        world.server.add_contact("production", email=f"c{number}@customer.example", name=f"No. {number}")
    tokens = world.signed_in()
    options = {"Sforce-Query-Options": "batchSize=200"}
    page = world.query(tokens, "SELECT Email FROM Contact", **options).json()
    sizes = [len(page["records"])]
    while not page["done"]:
        path = page["nextRecordsUrl"].removeprefix("/services/data/v66.0/")
        page = world.call("GET", path, tokens, headers=options).json()
        sizes.append(len(page["records"]))
    assert sizes == [200, 200, 50]
    assert page["totalSize"] == 450
    assert "nextRecordsUrl" not in page
    with world.salesforce(tokens) as salesforce:
        found = salesforce.query_all("SELECT Email FROM Contact", headers=options)
    assert len({record["Email"] for record in found["records"]}) == 450


def test_a_made_up_page_is_refused(world: World) -> None:
    refused = world.call("GET", "query/01gmadeup-2000", world.signed_in())
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Contact WHERE Email LIKE '%@customer.example'",
        "SELECT Id FROM Contact WHERE Email = 'a' OR Email = 'b'",
        "SELECT Id FROM Contact ORDER BY Email",
        "SELECT Id FROM Contact WHERE Email IN ()",
        "SELECT Id FROM Contact WHERE Email IN ('a'",
        "SELECT Id FROM Contact WHERE Email = 'o'hara'",
        "SELECT Id FROM Contact WHERE Email = 'a\\x'",
        'SELECT Id FROM Contact WHERE Email = "a"',
        "SELECT Id FROM Contact; DELETE",
        "SELECT * FROM Contact",
        "SELECT FROM Contact",
        "DELETE FROM Contact",
        "",
    ],
)
def test_soql_that_is_not_understood_is_refused(world: World, soql: str) -> None:
    refused = world.query(world.signed_in(), soql)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id, Shoe FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Shoe = 'a'", "INVALID_FIELD"),
        ("SELECT Id, id FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'false'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Email = false", "INVALID_FIELD"),
        ("SELECT Id FROM Task WHERE Description = 'a'", "INVALID_FIELD"),
        ("SELECT Id FROM Shoe", "INVALID_TYPE"),
    ],
)
def test_soql_about_what_is_not_there_is_refused(world: World, soql: str, code: str) -> None:
    assert world.query(world.signed_in(), soql).json()[0]["errorCode"] == code


def test_simple_salesforce_raises_for_refusals(world: World) -> None:
    with world.salesforce(world.signed_in()) as salesforce:
        with pytest.raises(SalesforceMalformedRequest):
            salesforce.query("SELECT")
        world.server.expire_access_tokens(BOB)
        with pytest.raises(SalesforceExpiredSession):
            salesforce.query("SELECT Id FROM Contact")
