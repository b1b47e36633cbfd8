"""How each published answer is brought about in the sandbox, by the name of its example. It asserts nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests

from tests.rehearsal.exchange import rig as exchange
from tests.rehearsal.google import rig as google
from tests.rehearsal.microsoft import rig as microsoft
from tests.rehearsal.salesforce import rig as salesforce
from tests.sandbox.browser import Browser

MAIL = "internetMessageId,subject,from,toRecipients,ccRecipients,receivedDateTime"
INBOX = "/me/mailFolders/inbox/messages/delta"
CALENDAR = "/me/calendarView/delta"
WEEK = {"startDateTime": "2026-11-20T00:00:00Z", "endDateTime": "2026-11-27T00:00:00Z"}
CONTACT = "SELECT Id, Email FROM Contact"


@dataclass(frozen=True, slots=True)
class Said:
    """What the sandbox answered. `body` is JSON, or the text of an envelope."""

    status: int
    headers: Mapping[str, str]
    body: Any


Ask = Callable[[Any], Said]


def heard(answer: requests.Response) -> Said:
    is_json = "json" in answer.headers.get("Content-Type", "")
    return Said(answer.status_code, answer.headers, answer.json() if is_json else answer.text)


# Microsoft


def ms_discovery(world: microsoft.World) -> Said:
    return heard(world.http.get(f"{world.api}/organizations/v2.0/.well-known/openid-configuration"))


def ms_token(world: microsoft.World) -> Said:
    return heard(world.redeem(world.answer()["code"]))


def ms_token_refused(world: microsoft.World) -> Said:
    return heard(world.refresh(world.signed_in(), scope="Mail.ReadEverything"))


def ms_token_claims(world: microsoft.World) -> Said:
    tokens = world.signed_in()
    world.server.mfa(microsoft.BOB, True)
    return heard(world.refresh(tokens))


def ms_callback_declined(world: microsoft.World) -> Said:
    browser = Browser()
    world.after_password(browser)
    browser.click("Cancel")
    return Said(200, {}, world.told(browser))


def ms_error(world: microsoft.World) -> Said:
    return heard(world.get(INBOX, world.signed_in(), **{"$search": "offer"}))


def ms_throttled(world: microsoft.World) -> Said:
    tokens = world.signed_in()
    world.server.rate_limit(True)
    return heard(world.get("/me/mailFolders/inbox", tokens))


def ms_no_mailbox(world: microsoft.World) -> Said:
    tokens = world.signed_in()
    world.server.no_mailbox(microsoft.BOB, True)
    return heard(world.get("/me/mailFolders/inbox", tokens))


def ms_delta_lost(*, status: int) -> Ask:
    def ask(world: microsoft.World) -> Said:
        tokens = world.signed_in()
        link = world.get(INBOX, tokens).json()["@odata.deltaLink"]
        world.server.expire_delta(microsoft.BOB, status=status)
        return heard(world.get(link, tokens))

    return ask


def ms_messages(world: microsoft.World) -> Said:
    microsoft.deliver(world, "Offer")
    return heard(world.get(INBOX, world.signed_in(), **{"$select": MAIL}))


def ms_messages_next_round(world: microsoft.World) -> Said:
    gone, read = microsoft.deliver(world, "Gone"), microsoft.deliver(world, "Read")
    tokens = world.signed_in()
    link = world.get(INBOX, tokens, **{"$select": "subject,sender,isRead"}).json()["@odata.deltaLink"]
    world.server.delete(microsoft.BOB, gone)
    world.server.read(microsoft.BOB, read)
    return heard(world.get(link, tokens))


def ms_events(world: microsoft.World) -> Said:
    world.server.schedule(microsoft.BOB, title="Plan", start=microsoft.NOW, attendees=[])
    return heard(world.get(CALENDAR, world.signed_in(), **WEEK))


def ms_events_next_round(world: microsoft.World) -> Said:
    gone, tokens = microsoft.schedule(world, "Gone"), world.signed_in()
    link = world.get(CALENDAR, tokens, **WEEK).json()["@odata.deltaLink"]
    world.server.delete(microsoft.BOB, gone)
    world.server.schedule(microsoft.BOB, title="New", start=microsoft.NOW + timedelta(days=1), attendees=[])
    return heard(world.get(link, tokens))


# Google


def g_discovery(world: google.World) -> Said:
    return heard(world.http.get(f"{world.api}/.well-known/openid-configuration"))


def g_token(world: google.World) -> Said:
    return heard(world.redeem(world.answer()["code"]))


def g_token_revoked(world: google.World) -> Said:
    tokens = world.signed_in()
    world.server.remove_access(google.BOB)
    return heard(world.refresh(tokens))


def g_bad_token(world: google.World) -> Said:
    return heard(world.events({"access_token": "none"}))


def g_bad_time_range(world: google.World) -> Said:
    times = {"timeMin": "2026-11-21T12:00:00Z", "timeMax": "2026-11-21T11:00:00Z"}
    return heard(world.events(world.signed_in(), **times))


def g_bad_request(world: google.World) -> Said:
    return heard(world.gmail("messages", world.signed_in(), orderBy="size"))


def g_limit(world: google.World) -> Said:
    tokens = world.signed_in()
    world.server.rate_limit(True)
    return heard(world.events(tokens))


def g_sync_token_gone(world: google.World) -> Said:
    tokens = world.signed_in()
    token = world.events(tokens).json()["nextSyncToken"]
    world.server.expire_history(google.BOB)
    return heard(world.events(tokens, syncToken=token))


def g_history_gone(world: google.World) -> Said:
    tokens = world.signed_in()
    start = world.gmail("profile", tokens).json()["historyId"]
    world.server.expire_history(google.BOB)
    return heard(world.gmail("history", tokens, startHistoryId=start))


def g_history(world: google.World) -> Said:
    tokens = world.signed_in()
    start = world.gmail("profile", tokens).json()["historyId"]
    google.deliver(world, "Offer")
    return heard(world.gmail("history", tokens, startHistoryId=start))


def g_message(world: google.World) -> Said:
    return heard(world.gmail(f"messages/{google.deliver(world, 'Offer')}", world.signed_in(), format="metadata"))


def g_events(world: google.World) -> Said:
    google.schedule(world, "Demo")
    world.server.cancel(google.BOB, google.schedule(world, "Cancelled"))
    return heard(world.events(world.signed_in(), showDeleted="true"))


# Salesforce


def sf_token(world: salesforce.World) -> Said:
    return heard(world.redeem(world.answer()["code"]))


def sf_token_expired(world: salesforce.World) -> Said:
    tokens = world.signed_in()
    world.server.revoke_grant(salesforce.BOB)
    return heard(world.refresh(tokens))


def sf_token_authentication(world: salesforce.World) -> Said:
    tokens = world.signed_in()
    world.server.change_password(salesforce.BOB)
    return heard(world.refresh(tokens))


def sf_query(world: salesforce.World) -> Said:
    world.server.add_contact("production", email=salesforce.CARA, name="Cara Customer")
    return heard(world.query(world.signed_in(), CONTACT))


def sf_query_first_page(world: salesforce.World) -> Said:
    for number in range(201):
        world.server.add_contact("production", email=f"c{number}@customer.example", name=f"No. {number}")
    return heard(world.query(world.signed_in(), CONTACT, **{"Sforce-Query-Options": "batchSize=200"}))


def sf_upserted(world: salesforce.World) -> Said:
    good, bad = salesforce.task("k-1"), salesforce.task("k-2", WhoId="nobody")
    return heard(world.upsert(world.signed_in(), good, bad))


def sf_bad_session(world: salesforce.World) -> Said:
    return heard(world.query({"access_token": "none"}, CONTACT))


def sf_calls_used_up(world: salesforce.World) -> Said:
    tokens = world.signed_in()
    world.server.use_up_api_calls()
    return heard(world.query(tokens, CONTACT))


def sf_no_such_field(world: salesforce.World) -> Said:
    tokens = world.signed_in()
    world.server.field_missing(True)
    return heard(world.query(tokens, "SELECT Id FROM Task WHERE Relatch_Id__c = 'check'"))


# Exchange

REQUEST = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body>{}</s:Body></s:Envelope>'
)
SHAPE = "<m:{0}Shape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{1}</t:AdditionalProperties></m:{0}Shape>"
MORE = '<t:FieldURI FieldURI="{}"/>'
# What the shape `Default` gives of a folder.
FOLDER_FIELDS = ("DisplayName", "TotalCount", "ChildFolderCount", "UnreadCount")


def ews(world: exchange.World, operation: str) -> Said:
    world.server.basic(True)
    login = (exchange.BOB, exchange.BOBS_PASSWORD.encode())
    kind = {"Content-Type": "text/xml; charset=utf-8"}
    return heard(world.post(REQUEST.format(operation).encode(), headers=kind, auth=login))


def get_folder(*, id: str = '<t:DistinguishedFolderId Id="inbox"/>', more: str = "") -> str:
    shape = SHAPE.format("Folder", more)
    return f"<m:GetFolder>{shape}<m:FolderIds>{id}</m:FolderIds></m:GetFolder>"


def sync(folder: str, *, state: str = "") -> str:
    shape = SHAPE.format("Item", MORE.format("item:Subject"))
    place = f'<m:SyncFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SyncFolderId>'
    known = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    most = "<m:MaxChangesReturned>10</m:MaxChangesReturned>"
    return f"<m:SyncFolderItems>{shape}{place}{known}{most}</m:SyncFolderItems>"


def ex_get_folder(world: exchange.World) -> Said:
    wanted = "".join(MORE.format(f"folder:{name}") for name in FOLDER_FIELDS)
    return ews(world, get_folder(more=wanted))


def ex_get_folder_refused(world: exchange.World) -> Said:
    return ews(world, get_folder(id='<t:FolderId Id="nonsense"/>'))


def ex_changes(world: exchange.World) -> Said:
    kind = "IPM.Schedule.Meeting.Request"
    world.server.deliver(exchange.BOB, sender=exchange.CARA, subject="Budget", item_class=kind)
    return ews(world, sync("inbox"))


def ex_changes_state_lost(world: exchange.World) -> Said:
    return ews(world, sync("inbox", state="bm9uc2Vuc2U="))


def ex_server_busy(world: exchange.World) -> Said:
    world.server.rate_limit(True)
    return ews(world, get_folder())


def ex_switched(switch: str) -> Ask:
    def ask(world: exchange.World) -> Said:
        getattr(world.server, switch)(exchange.BOB, True)
        return ews(world, get_folder())

    return ask


ASK: Mapping[str, Ask] = {
    "microsoft/discovery": ms_discovery,
    "microsoft/token": ms_token,
    "microsoft/token_refused": ms_token_refused,
    "microsoft/token_claims": ms_token_claims,
    "microsoft/callback_declined": ms_callback_declined,
    "microsoft/graph_error": ms_error,
    "microsoft/graph_throttled": ms_throttled,
    "microsoft/graph_no_mailbox": ms_no_mailbox,
    "microsoft/graph_delta_gone": ms_delta_lost(status=410),
    "microsoft/graph_delta_expired": ms_delta_lost(status=404),
    "microsoft/messages": ms_messages,
    "microsoft/messages_next_round": ms_messages_next_round,
    "microsoft/events": ms_events,
    "microsoft/events_next_round": ms_events_next_round,
    "google/discovery": g_discovery,
    "google/token": g_token,
    "google/token_revoked": g_token_revoked,
    "google/bad_token": g_bad_token,
    "google/bad_time_range": g_bad_time_range,
    "google/bad_request": g_bad_request,
    "google/user_limit": g_limit,
    "google/sync_token_gone": g_sync_token_gone,
    "google/history_gone": g_history_gone,
    "google/history": g_history,
    "google/message": g_message,
    "google/events": g_events,
    "salesforce/token": sf_token,
    "salesforce/token_expired": sf_token_expired,
    "salesforce/token_authentication": sf_token_authentication,
    "salesforce/query": sf_query,
    "salesforce/query_first_page": sf_query_first_page,
    "salesforce/upserted": sf_upserted,
    "salesforce/bad_session": sf_bad_session,
    "salesforce/calls_used_up": sf_calls_used_up,
    "salesforce/no_such_field": sf_no_such_field,
    "exchange/get_folder": ex_get_folder,
    "exchange/get_folder_refused": ex_get_folder_refused,
    "exchange/changes": ex_changes,
    "exchange/changes_state_lost": ex_changes_state_lost,
    "exchange/server_busy": ex_server_busy,
    "exchange/ErrorNonExistentMailbox": ex_switched("no_mailbox"),
    "exchange/ErrorAccessDenied": ex_switched("deny"),
    "exchange/ErrorPasswordExpired": ex_switched("expire_password"),
    "exchange/ErrorAccountDisabled": ex_switched("disable"),
    "exchange/ErrorMailboxMoveInProgress": ex_switched("move_mailbox"),
}
# The sandbox has no such answer, and why.
NOT_PLAYED: Mapping[str, str] = {
    "microsoft/graph_claims": "it keeps no policy that Graph enforces by itself: only clients that say cp1 hear of one",
}
