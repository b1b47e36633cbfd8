"""Graph's mail as a reader of headers needs it: folders and message delta. No tokens are judged here.

Source: learn.microsoft.com/graph/api/message-delta and …/resources/message
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from multidict import MultiMapping

from tests.sandbox.exchange.mailbox import Item, Mail, Mailbox, Place
from tests.sandbox.microsoft import errors
from tests.sandbox.microsoft.rounds import Collection
from tests.sandbox.microsoft.scopes import MAIL_WITH_BODY
from tests.sandbox.microsoft.state import stable_id

Query = MultiMapping[str]

NAMES = {Place.INBOX: "Inbox", Place.SENT: "Sent Items"}
BODY = "Words that Relatch must never see."
# "Except for body, previewBody, attachments and any extended properties": permission Mail.ReadBasic.
NOT_BASIC = {"body", "bodyPreview", "uniqueBody", "attachments", "extensions"}
ONLY_WHEN_SELECTED = {"uniqueBody"}
FILTER = re.compile(r"receivedDateTime (ge|gt) (\S+)", re.IGNORECASE)
NEWEST_FIRST = re.compile(r"receivedDateTime desc", re.IGNORECASE)
# To try out a `$select` before there is a mail.
BLANK = Mail(id="AAMk", subject="", sender="", to=(), cc=(), at=datetime(2026, 1, 1, tzinfo=UTC), message_id="")
CHANGE_TYPES = {"created", "updated", "deleted"}


def place(name: str, mailbox: Mailbox) -> Place:
    """The folder by its well-known name or its id. Raises Refused."""
    for found in NAMES:
        if name.casefold() == found.value or name == folder_id(mailbox, found):
            return found
    raise errors.not_found()


def folder_id(mailbox: Mailbox, found: Place) -> str:
    return "AQMk" + stable_id(f"{mailbox.email}/{found}").replace("-", "")


def folder(mailbox: Mailbox, found: Place, query: Query) -> dict[str, Any]:
    """Raises Refused. An unread mail counts as one."""
    mails = [item for item in mailbox.folders[found].values() if isinstance(item, Mail)]
    known = {
        "id": folder_id(mailbox, found),
        "displayName": NAMES[found],
        "parentFolderId": "AQMk" + stable_id(f"{mailbox.email}/root").replace("-", ""),
        "childFolderCount": 0,
        "unreadItemCount": sum(not mail.is_read for mail in mails),
        "totalItemCount": len(mails),
        "sizeInBytes": 2048 * len(mails),
        "isHidden": False,
    }
    unknown = next((name for name in query if name != "$select"), "")
    if unknown:
        raise errors.bad_request(f"The query parameter '{unknown}' is not supported.")
    return selected(known, names_in(query), "mailFolder")


def asked(query: Query, scopes: frozenset[str]) -> dict[str, Any]:
    """What a first request to messages/delta asks for. Raises Refused for what is not supported with it."""
    for name in query:
        if name not in {"$select", "$filter", "$orderby", "$top", "changeType", "$deltatoken"}:
            raise errors.not_with_delta(name)
    names = names_in(query)
    if NOT_BASIC & names and not MAIL_WITH_BODY & scopes:
        raise errors.access_denied()
    _written(BLANK, names, scopes)
    order, top, change_type = query.get("$orderby", ""), query.get("$top", "0"), query.get("changeType", "")
    if order and not NEWEST_FIRST.fullmatch(order):
        raise errors.not_with_delta("$orderby")
    if not top.isdigit() or (change_type and change_type not in CHANGE_TYPES):
        raise errors.bad_request("The query specified in the URI is not valid.", "ErrorInvalidUrlQuery")
    return {
        "names": names,
        "since": _since(query.get("$filter", "")),
        "ordered": bool(order),
        "top": int(top),
        "change_type": change_type,
    }


def collection(mailbox: Mailbox, found: Place, about: Mapping[str, Any], scopes: frozenset[str]) -> Collection:
    """The folder as `about` wants it. Without `$orderby` the order is not promised: here it is that of arrival."""
    mails = [item for item in mailbox.folders[found].values() if isinstance(item, Mail)]
    if about["ordered"]:
        mails.sort(key=lambda mail: mail.at, reverse=True)
    comparison, limit = about["since"]

    def written(item: Item) -> dict[str, Any] | None:
        assert isinstance(item, Mail)
        if limit is not None and (item.at <= limit if comparison == "gt" else item.at < limit):
            return None
        return {"@odata.type": "#microsoft.graph.message", **_written(item, about["names"], scopes)}

    return Collection(items={mail.id: mail for mail in mails}, written=written, kind="message")


def names_in(query: Query) -> frozenset[str]:
    return frozenset(name.strip() for name in query.get("$select", "").split(",") if name.strip())


def selected(known: Mapping[str, Any], names: frozenset[str], kind: str) -> dict[str, Any]:
    """The named fields and the id, which is always there; all where none is named. Raises Refused."""
    for name in names:
        if name not in known:
            raise errors.no_property(name, kind)
    return {name: value for name, value in known.items() if not names or name in {"id", "@odata.etag", *names}}


def address(text: str) -> dict[str, Any]:
    name, email = parseaddr(text)
    return {"emailAddress": {"name": name or email, "address": email}}


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def etag(item: Item) -> str:
    return f'W/"CQAAABYAAAC{hash(item) & 0xFFFFFFFFFFFF:012x}"'


def _written(mail: Mail, names: frozenset[str], scopes: frozenset[str]) -> dict[str, Any]:
    known: dict[str, Any] = {
        "@odata.etag": etag(mail),
        "id": mail.id,
        "createdDateTime": stamp(mail.at),
        "lastModifiedDateTime": stamp(mail.at),
        "changeKey": etag(mail)[3:-1],
        "categories": [],
        "receivedDateTime": stamp(mail.at),
        "sentDateTime": stamp(mail.at),
        "hasAttachments": False,
        "internetMessageId": mail.message_id,
        "subject": mail.subject,
        "bodyPreview": BODY,
        "importance": "normal",
        "parentFolderId": "AQMkAA==",
        "conversationId": "AAQk" + mail.id[4:],
        "isDeliveryReceiptRequested": None,
        "isReadReceiptRequested": False,
        "isRead": mail.is_read,
        "isDraft": False,
        "webLink": f"https://outlook.office365.com/owa/?ItemID={mail.id}&exvsurl=1&viewmodel=ReadMessageItem",
        "inferenceClassification": "focused",
        "body": {"contentType": "text", "content": BODY},
        "uniqueBody": {"contentType": "text", "content": BODY},
        "sender": address(mail.sender),
        "from": address(mail.sender),
        "toRecipients": [address(to) for to in mail.to],
        "ccRecipients": [address(cc) for cc in mail.cc],
        "bccRecipients": [],
        "replyTo": [],
        "flag": {"flagStatus": "notFlagged"},
    }
    if not MAIL_WITH_BODY & scopes:
        known = {name: value for name, value in known.items() if name not in NOT_BASIC}
    if not names:
        known = {name: value for name, value in known.items() if name not in ONLY_WHEN_SELECTED}
    return selected(known, names, "message")


def _since(text: str) -> tuple[str, datetime | None]:
    if not text:
        return "", None
    found = FILTER.fullmatch(text.strip())
    if found is None:
        raise errors.not_with_delta("$filter")
    try:
        moment = datetime.fromisoformat(found[2])
    except ValueError as error:
        raise errors.bad_request("Invalid filter clause.") from error
    if moment.tzinfo is None:
        raise errors.bad_request("Invalid filter clause.")
    return found[1].lower(), moment
