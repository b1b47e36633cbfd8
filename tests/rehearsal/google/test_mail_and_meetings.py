"""Gmail and Calendar as a metadata reader meets them, refusals included."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.rehearsal.google.rig import (
    BOB,
    GRACE,
    NOW,
    World,
    deliver,
    schedule,
)


def test_gmail_lists_the_newest_first_in_pages(world: World) -> None:
    ids = [deliver(world, f"No. {n}", at=NOW + timedelta(hours=n)) for n in range(5)]
    tokens, found, marker = world.signed_in(), [], ""
    for _ in range(3):
        page = world.gmail(
            "messages", tokens, maxResults=2, **({"pageToken": marker} if marker else {})
        ).json()
        found += [message["id"] for message in page["messages"]]
        marker = page.get("nextPageToken", "")
    assert found == ids[::-1]
    assert not marker


def test_an_empty_mailbox_has_no_messages_key(world: World) -> None:
    assert world.gmail("messages", world.signed_in()).json() == {"resultSizeEstimate": 0}


def test_metadata_is_the_asked_headers_and_never_the_body(world: World) -> None:
    message_id = deliver(world, "Offer")
    got = world.gmail(
        f"messages/{message_id}",
        world.signed_in(),
        format="metadata",
        metadataHeaders=["Subject", "message-id"],
    ).json()
    names = {header["name"]: header["value"] for header in got["payload"]["headers"]}
    assert names == {"Subject": "Offer", "Message-ID": f"<{message_id}@customer.example>"}
    assert "body" not in got["payload"]
    assert "snippet" not in got


@pytest.mark.parametrize("query", [{"format": "full"}, {"format": "raw"}, {}])
def test_a_metadata_reader_gets_no_body(world: World, query: dict[str, str]) -> None:
    refused = world.gmail(f"messages/{deliver(world, 'Offer')}", world.signed_in(), **query)
    assert refused.status_code == 403
    assert "Metadata scope doesn't allow format" in refused.json()["error"]["message"]


def test_a_metadata_reader_cannot_search(world: World) -> None:
    refused = world.gmail("messages", world.signed_in(), q="after:2026/01/01")
    assert refused.status_code == 403
    assert refused.json()["error"]["message"] == "Metadata scope does not support 'q' parameter"


def test_history_tells_what_arrived_since(world: World) -> None:
    deliver(world, "before")
    tokens = world.signed_in()
    start = world.gmail("profile", tokens).json()["historyId"]
    assert "history" not in world.gmail("history", tokens, startHistoryId=start).json()
    after = [deliver(world, "one"), deliver(world, "two")]
    told = world.gmail("history", tokens, startHistoryId=start, historyTypes="messageAdded").json()
    assert [record["messagesAdded"][0]["message"]["id"] for record in told["history"]] == after
    assert "history" not in world.gmail("history", tokens, startHistoryId=told["historyId"]).json()


def test_old_history_is_not_found(world: World) -> None:
    tokens = world.signed_in()
    start = world.gmail("profile", tokens).json()["historyId"]
    world.server.expire_history(BOB)
    assert world.gmail("history", tokens, startHistoryId=start).status_code == 404
    fresh = world.gmail("profile", tokens).json()["historyId"]
    assert world.gmail("history", tokens, startHistoryId=fresh).status_code == 200


def test_history_is_forgotten_after_a_week_in_which_something_happened(world: World) -> None:
    tokens = world.signed_in()
    start = world.gmail("profile", tokens).json()["historyId"]
    world.clock.move(timedelta(days=8))
    tokens = world.refresh(tokens).json() | {"refresh_token": tokens["refresh_token"]}
    assert world.gmail("history", tokens, startHistoryId=start).status_code == 200
    deliver(world, "news")
    world.clock.move(timedelta(days=8))
    assert world.gmail("history", world.refresh(tokens).json(), startHistoryId=start).status_code == 404


def test_the_sync_token_comes_with_the_last_page_and_brings_only_changes(world: World) -> None:
    plan = [schedule(world, f"No. {n}") for n in range(3)]
    tokens = world.signed_in()
    first = world.events(tokens, maxResults=2).json()
    assert "nextSyncToken" not in first
    last = world.events(tokens, maxResults=2, pageToken=first["nextPageToken"]).json()
    assert [event["id"] for event in first["items"] + last["items"]] == plan
    added = schedule(world, "new")
    world.server.cancel(BOB, plan[0])
    changed = world.events(tokens, syncToken=last["nextSyncToken"]).json()["items"]
    assert [event["id"] for event in changed] == [added, plan[0]]
    # Of a deleted event only the id is promised; nothing else may be relied on.
    assert set(changed[1]) == {"kind", "etag", "id", "status"}


def test_a_window_holds_for_the_sync_after_it(world: World) -> None:
    schedule(world, "last year", start=NOW - timedelta(days=365))
    tokens = world.signed_in()
    full = world.events(tokens, timeMin=NOW.isoformat()).json()
    assert full["items"] == []
    soon = schedule(world, "soon", start=NOW + timedelta(days=1))
    schedule(world, "long ago", start=NOW - timedelta(days=365))
    changed = world.events(tokens, syncToken=full["nextSyncToken"]).json()
    assert [event["id"] for event in changed["items"]] == [soon]


@pytest.mark.parametrize("name", ["timeMin", "timeMax", "updatedMin", "orderBy"])
def test_a_sync_token_goes_with_no_restriction(world: World, name: str) -> None:
    tokens = world.signed_in()
    token = world.events(tokens).json()["nextSyncToken"]
    value = "updated" if name == "orderBy" else NOW.isoformat()
    assert world.events(tokens, syncToken=token, **{name: value}).status_code == 400


def test_a_time_without_an_offset_is_refused(world: World) -> None:
    assert world.events(world.signed_in(), timeMin="2026-11-21T12:00:00").status_code == 400


def test_another_persons_calendar_is_not_found(world: World) -> None:
    assert world.get(f"/calendar/v3/calendars/{GRACE}/events", world.signed_in()).status_code == 404
