"""Gmail's REST API as a metadata reader needs it: profile, messages, history. No tokens are judged here.

Source: developers.google.com/workspace/gmail/api/reference/rest
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from multidict import MultiMapping

from tests.sandbox.google import errors
from tests.sandbox.google.state import Account, Inbox, Mail, State, newest_first, pack, unpack
from tests.sandbox.google.tokens import GMAIL_METADATA

SYSTEM = {"alt", "fields", "key", "prettyPrint", "quotaUser"}
MOST = 500
USUAL = 100
HISTORY_TYPES = {"messageAdded", "messageDeleted", "labelAdded", "labelRemoved"}

Query = MultiMapping[str]


def profile(account: Account) -> dict[str, Any]:
    return {
        "emailAddress": account.email,
        "messagesTotal": len(account.inbox.mails),
        "threadsTotal": len(account.inbox.mails),
        "historyId": str(account.inbox.history_id),
    }


def list_messages(account: Account, scopes: frozenset[str], query: Query) -> dict[str, Any]:
    """Newest first. Under gmail.metadata there is no search: `q` is refused."""
    _refuse_unknown(query, {"q", "maxResults", "pageToken", "labelIds", "includeSpamTrash"})
    if "q" in query:
        if GMAIL_METADATA in scopes:
            raise _forbidden("Metadata scope does not support 'q' parameter")
        raise _bad("The sandbox does not search: it knows no 'q'.")
    size = _page_size(query)
    wanted = set(query.getall("labelIds", []))
    mails = [mail for mail in newest_first(account.inbox.mails) if wanted <= set(mail.labels)]
    after = _after(query)
    if after is not None:
        mails = [mail for mail in mails if _place(mail) < after]
    answer: dict[str, Any] = {"resultSizeEstimate": len(mails)}
    if mails:
        # Google leaves `messages` out when there are none.
        answer["messages"] = [_named(mail) for mail in mails[:size]]
    if len(mails) > size:
        answer["nextPageToken"] = pack(before=_place(mails[size - 1]))
    return answer


def get_message(account: Account, scopes: frozenset[str], message_id: str, query: Query) -> dict[str, Any]:
    """Headers only under gmail.metadata: `full`, which is the default, and `raw` are refused."""
    _refuse_unknown(query, {"format", "metadataHeaders"})
    wanted = query.get("format", "full").lower()
    if wanted not in {"minimal", "metadata", "full", "raw"}:
        raise _bad(f"Invalid value at 'format': \"{wanted}\"")
    if wanted in {"full", "raw"} and GMAIL_METADATA in scopes:
        raise _forbidden(f"Metadata scope doesn't allow format {wanted.upper()}")
    mail = next((mail for mail in account.inbox.mails if mail.id == message_id), None)
    if mail is None:
        raise _not_found()
    names = query.getall("metadataHeaders", []) if wanted == "metadata" else []
    return _message(mail, wanted, names, with_snippet=GMAIL_METADATA not in scopes)


def list_history(account: Account, state: State, query: Query) -> dict[str, Any]:
    """What arrived since `startHistoryId`; 404 when that is too old, and a full sync is due."""
    _refuse_unknown(query, {"startHistoryId", "maxResults", "pageToken", "labelId", "historyTypes"})
    unknown = set(query.getall("historyTypes", [])) - HISTORY_TYPES
    if unknown or not query.get("startHistoryId", "").isdigit():
        raise _bad("Invalid value at 'historyTypes'" if unknown else "Missing or invalid 'startHistoryId'")
    inbox, start = account.inbox, int(query["startHistoryId"])
    if not inbox.remembers(start, state.clock.now()):
        raise _not_found()
    marks = unpack(query["pageToken"]) if "pageToken" in query else {"after": start}
    if marks is None or "after" not in marks:
        raise _bad("Invalid pageToken")
    return _history(inbox, query, after=int(marks["after"]))


def _history(inbox: Inbox, query: Query, *, after: int) -> dict[str, Any]:
    types = query.getall("historyTypes", [])
    label = query.get("labelId")
    added = [
        mail
        for mail in inbox.mails
        if mail.history_id > after
        and (not types or "messageAdded" in types)
        and (label is None or label in mail.labels)
    ]
    size = _page_size(query)
    answer: dict[str, Any] = {"historyId": str(inbox.history_id)}
    if added:
        # Google leaves `history` out when nothing happened.
        answer["history"] = [_record(mail) for mail in added[:size]]
    if len(added) > size:
        answer["nextPageToken"] = pack(after=added[size - 1].history_id)
    return answer


def _record(mail: Mail) -> dict[str, Any]:
    return {
        "id": str(mail.history_id),
        "messages": [_named(mail)],
        "messagesAdded": [{"message": _named(mail) | {"labelIds": list(mail.labels)}}],
    }


def _named(mail: Mail) -> dict[str, str]:
    return {"id": mail.id, "threadId": mail.id}


def _message(mail: Mail, wanted: str, names: Sequence[str], *, with_snippet: bool) -> dict[str, Any]:
    body = b"Words that Relatch must never see."
    answer: dict[str, Any] = _named(mail) | {
        "labelIds": list(mail.labels),
        "historyId": str(mail.history_id),
        "internalDate": str(int(mail.at.timestamp()) * 1000),
        "sizeEstimate": 2048,
    }
    if with_snippet:
        answer["snippet"] = body.decode()
    if wanted == "raw":
        lines = "".join(f"{name}: {value}\r\n" for name, value in mail.headers).encode() + b"\r\n" + body
        answer["raw"] = base64.urlsafe_b64encode(lines).decode()
    if wanted in {"metadata", "full"}:
        lowered = {name.lower() for name in names}
        answer["payload"] = {
            "mimeType": "text/plain",
            "headers": [
                {"name": name, "value": value}
                for name, value in mail.headers
                if not lowered or name.lower() in lowered
            ],
        }
    if wanted == "full":
        answer["payload"]["body"] = {"size": len(body), "data": base64.urlsafe_b64encode(body).decode()}
    return answer


def _place(mail: Mail) -> list[float]:
    """Where a mail stands in the list. A mail that arrives between two pages moves no other one."""
    return [mail.at.timestamp(), mail.history_id]


def _after(query: Query) -> list[float] | None:
    if "pageToken" not in query:
        return None
    marks = unpack(query["pageToken"])
    if marks is None or "before" not in marks:
        raise _bad("Invalid pageToken")
    return [float(mark) for mark in marks["before"]]


def _page_size(query: Query) -> int:
    asked = query.get("maxResults", str(USUAL))
    if not asked.isdigit():
        raise _bad("Invalid value at 'max_results' (TYPE_UINT32)")
    # Above the most it may be, Google cuts without a word.
    return max(1, min(int(asked), MOST))


def _refuse_unknown(query: Query, known: set[str]) -> None:
    for name in query:
        if name not in known | SYSTEM:
            raise errors.unknown_parameter(name)


def _bad(words: str) -> errors.Refused:
    return errors.gmail(400, "invalidArgument", words, "INVALID_ARGUMENT")


def _forbidden(words: str) -> errors.Refused:
    return errors.gmail(403, "forbidden", words, "PERMISSION_DENIED")


def _not_found() -> errors.Refused:
    return errors.gmail(404, "notFound", "Requested entity was not found.", "NOT_FOUND")
