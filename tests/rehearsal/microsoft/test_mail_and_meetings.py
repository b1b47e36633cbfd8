"""Graph's mail and calendar as a reader of the least permission meets them, refusals included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.rehearsal.microsoft.rig import ASKED, BOB, GRACE, NOW, World, deliver, schedule

INBOX = "/me/mailFolders/inbox/messages/delta"
VIEW = {"startDateTime": NOW.isoformat(), "endDateTime": (NOW + timedelta(days=30)).isoformat()}
CALENDAR = "/me/calendarView/delta"


def round_of(world: World, tokens: dict[str, Any], address: str, **query: Any) -> tuple[list[dict[str, Any]], str]:
    """Everything up to the delta link, two at a time, and that link."""
    found: list[dict[str, Any]] = []
    page = world.get(address, tokens, 2, **query)
    for _ in range(20):
        assert page.status_code == 200, page.text
        body = page.json()
        assert len(body["value"]) <= 2
        assert ("@odata.nextLink" in body) is not ("@odata.deltaLink" in body)
        found += body["value"]
        if "@odata.deltaLink" in body:
            return found, body["@odata.deltaLink"]
        page = world.get(body["@odata.nextLink"], tokens, 2)
    raise AssertionError("the round does not end")


def test_the_profile_has_no_more_than_the_usual_unless_it_is_selected(world: World) -> None:
    tokens = world.signed_in()
    usual = world.get("/me", tokens).json()
    assert (usual["mail"], usual["userPrincipalName"]) == (BOB, BOB)
    assert not {"proxyAddresses", "otherMails"} & usual.keys()
    picked = world.get("/me", tokens, **{"$select": "mail,proxyAddresses,otherMails"}).json()
    assert picked == {
        "mail": BOB,
        "proxyAddresses": [f"SMTP:{BOB}", "smtp:builder@acme.example"],
        "otherMails": [],
    }


def test_a_folder_counts_its_mail(world: World) -> None:
    deliver(world, "one")
    deliver(world, "two", sender=BOB)
    tokens = world.signed_in()
    inbox = world.get("/me/mailFolders/inbox", tokens, **{"$select": "id,totalItemCount"}).json()
    assert (set(inbox), inbox["totalItemCount"]) == ({"id", "totalItemCount"}, 1)
    assert world.get(f"/me/mailFolders/{inbox['id']}", tokens).json()["displayName"] == "Inbox"
    assert world.get("/me/mailFolders/sentitems", tokens).json()["totalItemCount"] == 1
    assert world.get("/me/mailFolders/elsewhere", tokens).status_code == 404


def test_a_first_round_gives_everything_in_pages_and_the_next_one_only_changes(world: World) -> None:
    ids = [deliver(world, f"No. {n}") for n in range(5)]
    tokens = world.signed_in()
    found, link = round_of(world, tokens, INBOX)
    assert sorted(mail["id"] for mail in found) == sorted(ids)
    assert round_of(world, tokens, link)[0] == []
    fresh = deliver(world, "new")
    world.server.read(BOB, ids[1])
    world.server.delete(BOB, ids[0])
    changes, later = round_of(world, tokens, link)
    assert {change["id"] for change in changes} == {fresh, ids[0], ids[1]}
    gone = next(change for change in changes if change["id"] == ids[0])
    assert gone == {"@odata.type": "#microsoft.graph.message", "id": ids[0], "@removed": {"reason": "deleted"}}
    assert round_of(world, tokens, later)[0] == []
    # A link that was followed before still stands for the same moment.
    assert len(round_of(world, tokens, link)[0]) == 3


def test_a_page_has_ten_unless_more_are_preferred(world: World) -> None:
    for number in range(12):
        deliver(world, f"No. {number}")
    tokens = world.signed_in()
    assert len(world.get(INBOX, tokens).json()["value"]) == 10
    assert len(world.get(INBOX, tokens, 50).json()["value"]) == 12


def test_mail_comes_newest_first_when_asked_so(world: World) -> None:
    ids = [deliver(world, f"No. {n}", at=NOW + timedelta(hours=n)) for n in (1, 3, 2)]
    found, _ = round_of(world, world.signed_in(), INBOX, **{"$orderby": "receivedDateTime desc"})
    assert [mail["id"] for mail in found] == [ids[1], ids[2], ids[0]]


def test_a_date_and_a_selection_hold_for_the_rounds_after_it(world: World) -> None:
    old = deliver(world, "old", at=NOW - timedelta(days=30))
    tokens = world.signed_in()
    asked = {"$select": "subject", "$filter": "receivedDateTime ge 2026-11-20T00:00:00Z"}
    found, link = round_of(world, tokens, INBOX, **asked)
    assert found == []
    deliver(world, "older still", at=NOW - timedelta(days=60))
    world.server.read(BOB, old)
    fresh = deliver(world, "fresh", at=NOW)
    changes, _ = round_of(world, tokens, link)
    assert [(change["id"], change["subject"]) for change in changes] == [(fresh, "fresh")]
    assert set(changes[0]) == {"@odata.type", "@odata.etag", "id", "subject"}


def test_only_one_kind_of_change_may_be_asked_for(world: World) -> None:
    first = deliver(world, "first")
    tokens = world.signed_in()
    _, link = round_of(world, tokens, INBOX, changeType="created")
    world.server.read(BOB, first)
    fresh = deliver(world, "fresh")
    changes, _ = round_of(world, tokens, link)
    assert [change["id"] for change in changes] == [fresh]


def test_a_mail_tells_who_and_when_but_never_what(world: World) -> None:
    mail_id = deliver(world, "Offer", sender="Cara <cara@customer.example>", at=NOW)
    page = world.get(INBOX, world.signed_in())
    mail = page.json()["value"][0]
    assert mail["id"] == mail_id
    assert mail["from"] == {"emailAddress": {"name": "Cara", "address": "cara@customer.example"}}
    assert mail["toRecipients"] == [{"emailAddress": {"name": BOB, "address": BOB}}]
    assert (mail["subject"], mail["receivedDateTime"]) == ("Offer", "2026-11-21T12:00:00Z")
    assert mail["internetMessageId"].endswith("@customer.example>")
    assert not {"body", "bodyPreview", "uniqueBody"} & mail.keys()
    assert "Words that Relatch must never see" not in page.text


@pytest.mark.parametrize("name", ["body", "bodyPreview", "uniqueBody"])
def test_a_basic_reader_gets_no_body(world: World, name: str) -> None:
    deliver(world, "Offer")
    basic = world.signed_in()
    refused = world.get(INBOX, basic, **{"$select": f"subject,{name}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    full = world.signed_in(email=BOB, scope=f"{ASKED} Mail.Read")
    assert name in world.get(INBOX, full, **{"$select": name}).json()["value"][0]


@pytest.mark.parametrize(
    "query",
    [
        {"$search": "offer"},
        {"$filter": "subject eq 'Offer'"},
        {"$filter": "receivedDateTime lt 2026-11-20T00:00:00Z"},
        {"$orderby": "subject"},
        {"$skip": "5"},
        {"$select": "everything"},
        {"changeType": "read"},
        {"$deltatoken": "made-up"},
        {"$skiptoken": "made-up"},
    ],
)
def test_change_tracking_refuses_what_it_does_not_know(world: World, query: dict[str, str]) -> None:
    assert world.get(INBOX, world.signed_in(), **query).status_code == 400


def test_a_link_is_followed_as_it_is(world: World) -> None:
    tokens, graces = world.signed_in(), world.signed_in(email=GRACE)
    _, link = round_of(world, tokens, INBOX)
    assert world.get(f"{link}&$select=subject", tokens).status_code == 400
    assert world.get(link.replace("inbox", "sentitems"), tokens).status_code == 400
    assert world.get(link, graces).status_code == 400


@pytest.mark.parametrize(("address", "query"), [(INBOX, {"$select": "subject"}), (CALENDAR, VIEW)])
def test_an_expired_link_is_gone_and_says_where_to_begin(world: World, address: str, query: dict[str, str]) -> None:
    deliver(world, "Offer")
    schedule(world, "Demo", start=NOW + timedelta(days=1))
    tokens = world.signed_in()
    _, link = round_of(world, tokens, address, **query)
    world.server.expire_delta(BOB)
    gone = world.get(link, tokens)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "SyncStateNotFound")
    again, _ = round_of(world, tokens, gone.headers["Location"])
    assert len(again) == 1
    world.server.expire_delta(BOB, status=400)
    lost = world.get(link, tokens)
    assert (lost.status_code, lost.json()["error"]["code"]) == (400, "syncStateNotFound")


def test_a_calendar_view_tells_of_meetings_in_its_window(world: World) -> None:
    schedule(world, "last year", start=NOW - timedelta(days=365))
    plan = [schedule(world, f"No. {n}", start=NOW + timedelta(days=n)) for n in range(1, 4)]
    found, link = round_of(world, world.signed_in(), CALENDAR, **VIEW)
    assert [event["id"] for event in found] == plan
    event = found[0]
    assert event["start"] == {"dateTime": "2026-11-22T12:00:00.0000000", "timeZone": "UTC"}
    assert event["organizer"]["emailAddress"]["address"] == BOB
    assert event["attendees"][0]["emailAddress"]["address"] == "cara@customer.example"
    assert (event["type"], event["seriesMasterId"], event["isCancelled"]) == ("singleInstance", None, False)
    assert event["iCalUId"]
    assert not {"body", "bodyPreview"} & event.keys()
    assert "$deltatoken=" in link


def test_what_leaves_the_window_or_the_calendar_is_removed(world: World) -> None:
    moved, cancelled, kept = (schedule(world, name, start=NOW + timedelta(days=1)) for name in "abc")
    tokens = world.signed_in()
    _, link = round_of(world, tokens, CALENDAR, **VIEW)
    world.server.move(BOB, moved, start=NOW + timedelta(days=90))
    world.server.cancel(BOB, cancelled)
    world.server.move(BOB, kept, start=NOW + timedelta(days=2))
    changes, _ = round_of(world, tokens, link)
    removed = {change["id"] for change in changes if "@removed" in change}
    assert removed == {moved, cancelled}
    assert [change["start"]["dateTime"][:10] for change in changes if "@removed" not in change] == ["2026-11-23"]


def test_a_new_meeting_outside_of_the_window_is_told_as_removed_too(world: World) -> None:
    tokens = world.signed_in()
    _, link = round_of(world, tokens, CALENDAR, **VIEW)
    outside = schedule(world, "next year", start=NOW + timedelta(days=365))
    changes, _ = round_of(world, tokens, link)
    assert changes == [{"@odata.type": "#microsoft.graph.event", "id": outside, "@removed": {"reason": "deleted"}}]


def test_a_meeting_that_its_organizer_cancelled_stays_and_says_so(world: World) -> None:
    meeting = schedule(world, "Demo", start=NOW + timedelta(days=1), organizer="cara@customer.example")
    tokens = world.signed_in()
    _, link = round_of(world, tokens, CALENDAR, **VIEW)
    world.server.cancel(BOB, meeting)
    changes, _ = round_of(world, tokens, link)
    assert [(change["id"], change["isCancelled"]) for change in changes] == [(meeting, True)]


def test_of_an_occurrence_no_more_than_its_time_and_its_series_is_told(world: World) -> None:
    series = schedule(world, "Weekly", start=NOW + timedelta(days=1), weeks=3)
    tokens = world.signed_in()
    found, _ = round_of(world, tokens, CALENDAR, **VIEW)
    master = next(event for event in found if event["type"] == "seriesMaster")
    assert (master["id"], master["subject"]) == (series, "Weekly")
    occurrences = [event for event in found if event["type"] == "occurrence"]
    assert len(occurrences) == 3
    for event in occurrences:
        assert set(event) == {"@odata.type", "@odata.etag", "id", "seriesMasterId", "type", "start", "end"}
        assert event["seriesMasterId"] == series
    whole = world.get(f"/me/events/{occurrences[1]['id']}", tokens).json()
    assert whole["subject"] == "Weekly"
    assert whole["start"] == occurrences[1]["start"]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"startDateTime": VIEW["startDateTime"]},
        {**VIEW, "$select": "subject"},
        {**VIEW, "$filter": "isCancelled eq false"},
        {**VIEW, "endDateTime": "2026-11-20T00:00:00Z"},
        {**VIEW, "endDateTime": "2036-11-20T00:00:00Z"},
        {**VIEW, "endDateTime": "tomorrow"},
    ],
)
def test_a_calendar_view_refuses_what_it_does_not_know(world: World, query: dict[str, str]) -> None:
    assert world.get(CALENDAR, world.signed_in(), **query).status_code == 400


def test_another_address_of_graph_is_not_there(world: World) -> None:
    refused = world.get("/me/messages", world.signed_in())
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "BadRequest")
