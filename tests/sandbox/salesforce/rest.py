"""Salesforce's data API below /services/data/v66.0: limits, describe, queries, upserts, composite requests.

Who calls is settled in api.py. Source: developer.salesforce.com/docs/platform/api-rest
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.sandbox.salesforce import errors, soql
from tests.sandbox.salesforce.errors import RecordRefused, Refused
from tests.sandbox.salesforce.objects import OBJECTS, RELATCH_ID, Field, SObject, describe
from tests.sandbox.salesforce.people import CALLS_A_DAY, Row, User
from tests.sandbox.salesforce.records import Records, Written
from tests.sandbox.salesforce.state import State

MOST_RECORDS = 200
MOST_SUBREQUESTS = 25
# Of the subrequests of one composite request, only so many may be queries or collections.
MOST_HEAVY_SUBREQUESTS = 5
USUAL_BATCH, SMALLEST_BATCH, LARGEST_BATCH = 2000, 200, 2000
LOCATOR = "01g"


@dataclass(frozen=True, slots=True)
class Call:
    """One request or subrequest. `url` is the raw path with its query; `body` is JSON, or nothing."""

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return urlsplit(self.url).path.split("/")[3]

    @property
    def place(self) -> list[str]:
        """What follows the version, without a slash at the end."""
        return [unquote(part) for part in urlsplit(self.url).path.rstrip("/").split("/")[4:]]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """What a query found, for whoever asks for its next page."""

    select: soql.Select
    rows: list[Row]


class Data:
    """Answers one user's calls. Callers hold the state's lock."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._cursors: dict[str, Cursor] = {}

    def answer(self, user: User, call: Call) -> Reply:
        """Raises Refused."""
        match call.method, call.place:
            case "GET", ["limits"]:
                return Reply(200, self._limits(user))
            case "GET", ["sobjects", name, "describe"]:
                return Reply(200, describe(_sobject(name), without=self._state.missing_field, may_write=user.may_write))
            case "GET", ["query"]:
                return Reply(200, self._query(user, call))
            case "GET", ["query", locator]:
                return Reply(200, self._next_page(call, locator))
            case "PATCH", ["composite", "sobjects", name, key_field]:
                return Reply(200, self._upsert_many(user, _sobject(name), key_field, call.body))
            case "POST", ["composite"]:
                return Reply(200, self._composite(user, call.body))
            case "PATCH", ["sobjects", name, key_field, key]:
                return self._upsert_one(user, _sobject(name), (key_field, key), call.body)
            case "DELETE", ["sobjects", name, key_field, key]:
                return self._delete(user, _sobject(name), (key_field, key))
            case _:
                raise errors.not_found()

    def _limits(self, user: User) -> dict[str, Any]:
        left = max(0, CALLS_A_DAY - user.org.calls(self._state.clock.now()))
        return {
            "DailyApiRequests": {"Max": CALLS_A_DAY, "Remaining": left},
            "DataStorageMB": {"Max": 1024, "Remaining": 1000},
        }

    # Queries

    def _query(self, user: User, call: Call) -> dict[str, Any]:
        if "q" not in call.query:
            raise errors.rest(400, "MALFORMED_QUERY", "A query string has to be specified")
        select = soql.parse(call.query["q"], missing_field=self._state.missing_field)
        rows = [
            row
            for row in user.org.tables[select.sobject.name].values()
            if all(condition.holds(row.values) for condition in select.conditions)
        ]
        return self._page(call, Cursor(select, rows), secrets.token_hex(7), start=0)

    def _next_page(self, call: Call, place: str) -> dict[str, Any]:
        name, _, start = place.removeprefix(LOCATOR).partition("-")
        if name not in self._cursors or not start.isdigit():
            raise errors.rest(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, self._cursors[name], name, start=int(start))

    def _page(self, call: Call, cursor: Cursor, name: str, *, start: int) -> dict[str, Any]:
        end = start + _batch(call.headers)
        page: dict[str, Any] = {"totalSize": len(cursor.rows), "done": end >= len(cursor.rows)}
        if not page["done"]:
            self._cursors[name] = cursor
            page["nextRecordsUrl"] = f"/services/data/{call.version}/query/{LOCATOR}{name}-{end}"
        page["records"] = [_shown(call, cursor.select, row) for row in cursor.rows[start:end]]
        return page

    # Upserts

    def _upsert_many(self, user: User, sobject: SObject, key_field: str, body: Any) -> list[dict[str, Any]]:
        """One result for each record, in their order. The good ones are written, unless it is all or none."""
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise errors.not_json("The request body needs a list of records")
        if len(records) > MOST_RECORDS:
            words = f"record limit reached. cannot submit more than {MOST_RECORDS} records into this call"
            raise errors.rest(400, "EXCEEDED_ID_LIMIT", words)
        if self._key_field(sobject, key_field) is None:
            refusal = errors.no_such_column(key_field, sobject.name)
            raise errors.rest(400, refusal.code, refusal.message)
        table = user.org.tables[sobject.name]
        before = dict(table)
        results = self._upsert_each(user, sobject, records)
        if body.get("allOrNone") is True and not all(result["success"] for result in results):
            table.clear()
            table.update(before)
            results = [result if not result["success"] else _failed(_rolled_back()) for result in results]
        return results

    def _upsert_each(self, user: User, sobject: SObject, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        writer = Records(self._state, user)
        times = Counter(str(record.get(RELATCH_ID)) for record in records)
        readings: list[dict[Field, Any] | RecordRefused] = []
        for record in records:
            try:
                _check_frame(sobject, record, times)
                readings.append(writer.read(sobject, record))
            except RecordRefused as refusal:
                readings.append(refusal)
        results = []
        for record, reading in zip(records, readings, strict=True):
            if isinstance(reading, RecordRefused):
                results.append(_failed(reading))
                continue
            try:
                results.append(_done(writer.upsert(sobject, record[RELATCH_ID], reading)))
            except RecordRefused as refusal:
                results.append(_failed(refusal))
        return results

    def _upsert_one(self, user: User, sobject: SObject, place: tuple[str, str], body: Any) -> Reply:
        key = self._key(sobject, place)
        if not isinstance(body, dict):
            raise errors.not_json("The request body is no record")
        if RELATCH_ID in body:
            words = f"The {RELATCH_ID} field should not be specified in the sobject data."
            raise errors.rest(400, "INVALID_FIELD", words, [RELATCH_ID])
        writer = Records(self._state, user)
        try:
            written = writer.upsert(sobject, key, writer.read(sobject, body))
        except RecordRefused as refusal:
            raise errors.for_one(refusal) from refusal
        return Reply(201 if written.created else 200, _done(written))

    def _delete(self, user: User, sobject: SObject, place: tuple[str, str]) -> Reply:
        key = self._key(sobject, place)
        try:
            if not Records(self._state, user).delete(sobject, key):
                raise errors.not_found()
        except RecordRefused as refusal:
            raise errors.for_one(refusal) from refusal
        return Reply(204)

    def _key(self, sobject: SObject, place: tuple[str, str]) -> str:
        key_field, key = place
        if self._key_field(sobject, key_field) is None:
            raise errors.not_found(f"Provided external ID field does not exist or is not accessible: {key_field}")
        return key

    def _key_field(self, sobject: SObject, name: str) -> Field | None:
        field = sobject.field(name, without=self._state.missing_field)
        return field if field and field.is_external_id else None

    # Composite

    def _composite(self, user: User, body: Any) -> dict[str, Any]:
        asked = body.get("compositeRequest") if isinstance(body, dict) else None
        if not isinstance(asked, list) or not asked:
            raise errors.not_json("The request body needs a list compositeRequest")
        if len(asked) > MOST_SUBREQUESTS:
            words = f"Limit of {MOST_SUBREQUESTS} subrequests reached, {len(asked)} were specified"
            raise errors.rest(400, "LIMIT_EXCEEDED", words)
        calls = [Call(str(one.get("method")), str(one.get("url")), one.get("body")) for one in asked]
        if sum(bool(call.place) and call.place[0] in {"query", "composite"} for call in calls) > MOST_HEAVY_SUBREQUESTS:
            words = f"Limit of {MOST_HEAVY_SUBREQUESTS} queries and collections reached"
            raise errors.rest(400, "LIMIT_EXCEEDED", words)
        tables = user.org.tables
        before = {name: dict(table) for name, table in tables.items()}
        replies = [self._subreply(user, call) for call in calls]
        if body.get("allOrNone") is True and any(reply.status >= 400 for reply in replies):
            tables.update(before)
            replies = [reply if reply.status >= 400 else Reply(400, _halted()) for reply in replies]
        return {
            "compositeResponse": [
                {
                    "body": reply.body,
                    "httpHeaders": {},
                    "httpStatusCode": reply.status,
                    "referenceId": one.get("referenceId"),
                }
                for one, reply in zip(asked, replies, strict=True)
            ]
        }

    def _subreply(self, user: User, call: Call) -> Reply:
        if call.place == ["composite"] or not call.url.startswith("/services/data/"):
            return Reply(400, errors.rest(400, "INVALID_INPUT", "This request is not supported in a composite").body)
        try:
            return self.answer(user, call)
        except Refused as refusal:
            return Reply(refusal.status, refusal.body)


def read_body(text: str) -> Any:
    """Nothing for an empty body. Raises Refused for what is no JSON."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise errors.not_json("Unexpected character in the request body") from error


def _sobject(name: str) -> SObject:
    if name not in OBJECTS:
        raise errors.not_found()
    return OBJECTS[name]


def _batch(headers: Mapping[str, str]) -> int:
    """The rows of one page; a client may ask for fewer with Sforce-Query-Options, but not for very few."""
    name, _, size = headers.get("Sforce-Query-Options", "").partition("=")
    if name.strip() != "batchSize" or not size.strip().isdigit():
        return USUAL_BATCH
    return min(max(int(size), SMALLEST_BATCH), LARGEST_BATCH)


def _shown(call: Call, select: soql.Select, row: Row) -> dict[str, Any]:
    name = select.sobject.name
    url = f"/services/data/{call.version}/sobjects/{name}/{row.values['Id']}"
    shown: dict[str, Any] = {"attributes": {"type": name, "url": url}}
    return shown | {field.name: row.values.get(field.name) for field in select.fields}


def _check_frame(sobject: SObject, record: dict[str, Any], times: Counter[str]) -> None:
    """What must be right about a record before its fields are looked at."""
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or attributes.get("type") != sobject.name:
        raise RecordRefused("INVALID_TYPE", f"Records must be of the type {sobject.name}")
    key = record.get(RELATCH_ID)
    if not isinstance(key, str) or not key:
        raise RecordRefused("MISSING_ARGUMENT", f"{RELATCH_ID} not specified", RELATCH_ID)
    if times[key] > 1:
        raise RecordRefused("DUPLICATE_VALUE", f"Duplicate external id specified: {key}", RELATCH_ID)


def _done(written: Written) -> dict[str, Any]:
    return {"id": written.id, "success": True, "errors": [], "created": written.created}


def _failed(refusal: RecordRefused) -> dict[str, Any]:
    error = {"statusCode": refusal.code, "message": refusal.message, "fields": refusal.fields}
    return {"success": False, "errors": [error], "created": False}


def _rolled_back() -> RecordRefused:
    words = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return RecordRefused("ALL_OR_NONE_OPERATION_ROLLED_BACK", words)


def _halted() -> Any:
    words = "The transaction was rolled back since another operation in the same transaction failed."
    return errors.rest(400, "PROCESSING_HALTED", words).body
