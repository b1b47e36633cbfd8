"""What may be written into a Task or an Event, and the writing. A request with many records is in rest.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.sandbox.salesforce import errors
from tests.sandbox.salesforce.errors import RecordRefused
from tests.sandbox.salesforce.ids import new_id, whole
from tests.sandbox.salesforce.objects import RELATCH_ID, TEXTS, Field, SObject, Type
from tests.sandbox.salesforce.people import Row, User
from tests.sandbox.salesforce.state import State, as_text

Values = Mapping[str, Any]
LONGEST_EVENT = timedelta(days=14)
A_DAY = 24 * 60
TASK_DEFAULTS = {"Status": "Not Started", "Priority": "Normal", "TaskSubtype": "Task", "IsClosed": False}
EVENT_DEFAULTS = {"IsAllDayEvent": False, "ShowAs": "Busy"}


@dataclass(frozen=True, slots=True)
class Written:
    id: str
    created: bool


class Records:
    """Writes on behalf of one user. Callers hold the state's lock."""

    def __init__(self, state: State, user: User) -> None:
        self._state = state
        self._user = user
        self._org = user.org

    def read(self, sobject: SObject, values: Values) -> dict[Field, Any]:
        """Fields instead of their names, and values as they are kept. Raises RecordRefused for unknown fields.

        Raises Refused for a value of another type: the real parser gives up on the whole request there.
        """
        found: dict[Field, Any] = {}
        for name, value in values.items():
            if name == "attributes":
                continue
            field = sobject.field(name, without=self._state.missing_field)
            if field is None:
                raise errors.no_such_column(name, sobject.name)
            found[field] = _read(field, value)
        return found

    def upsert(self, sobject: SObject, key: str, values: dict[Field, Any]) -> Written:
        """Writes the record whose external id is `key`. Raises RecordRefused."""
        if not self._user.may_write:
            raise RecordRefused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        table = self._org.tables[sobject.name]
        before = self.find(sobject, key)
        for field, value in values.items():
            self._check(field, value, is_new=before is None)
        now = as_text(self._state.clock.now())
        given = {field.name: value for field, value in values.items()}
        row = dict(before.values) if before else self._blank(sobject, key, now)
        row |= given | {"LastModifiedDate": now}
        if sobject.name == "Event":
            row |= _times(given, row)
        else:
            row["IsClosed"] = row["Status"] == "Completed"
        table[row["Id"]] = Row(row, before.updates + 1 if before else 0)
        return Written(row["Id"], created=before is None)

    def find(self, sobject: SObject, key: str) -> Row | None:
        rows = self._org.tables[sobject.name].values()
        return next((row for row in rows if row.values[RELATCH_ID] == key), None)

    def delete(self, sobject: SObject, key: str) -> bool:
        """False: there is none."""
        row = self.find(sobject, key)
        if row is None:
            return False
        if not self._user.may_write:
            raise RecordRefused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
        del self._org.tables[sobject.name][row.values["Id"]]
        return True

    def _blank(self, sobject: SObject, key: str, now: str) -> dict[str, Any]:
        defaults = EVENT_DEFAULTS if sobject.name == "Event" else TASK_DEFAULTS
        blank: dict[str, Any] = dict.fromkeys(field.name for field in sobject.fields)
        own = {"Id": new_id(sobject.prefix), "OwnerId": self._user.id, RELATCH_ID: key}
        return blank | defaults | own | {"IsDeleted": False, "CreatedDate": now}

    def _check(self, field: Field, value: Any, *, is_new: bool) -> None:
        if not (field.create if is_new else field.update):
            words = (
                f"Unable to create/update fields: {field.name}. Please check the security settings of this field "
                "and verify that it is read/write for your profile or permission set."
            )
            raise RecordRefused("INVALID_FIELD_FOR_INSERT_UPDATE", words, field.name)
        if value is None:
            return
        if field.type in TEXTS and len(value) > field.length:
            words = f"{field.name}: data value too large: {value[:40]}... (max length={field.length})"
            raise RecordRefused("STRING_TOO_LONG", words, field.name)
        if field.restricted and value not in field.values:
            words = f"{field.name}: bad value for restricted picklist field: {value}"
            raise RecordRefused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", words, field.name)
        if field.type is Type.REFERENCE:
            self._check_reference(field, value)

    def _check_reference(self, field: Field, value: str) -> None:
        if not whole(value):
            words = f"{field.name}: id value of incorrect type: {value[:18]}"
            raise RecordRefused("MALFORMED_ID", words, field.name)
        known = {user.id for user in self._state.users_of(self._org)} if "User" in field.refers_to else set()
        known |= {id_ for name in field.refers_to for id_ in self._org.tables.get(name, {})}
        if whole(value) not in known:
            raise RecordRefused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", field.name)


def _read(field: Field, value: Any) -> Any:
    """`value` as it is kept. Raises Refused for another type of JSON, or a date that is none."""
    if value is None:
        return None
    match field.type:
        case Type.BOOLEAN:
            if isinstance(value, bool):
                return value
        case Type.INT:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        case Type.DATETIME:
            moment = _moment(value)
            if moment:
                return moment
        case Type.DATE:
            if isinstance(value, str) and _is_date(value):
                return value
        case Type.REFERENCE | Type.ID:
            if isinstance(value, str):
                return whole(value) or value
        case _:
            if isinstance(value, str):
                return value
    kind = "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER_INT"
    told = f"Cannot deserialize instance of {field.type} from {kind} value {str(value)[:40]}"
    raise errors.not_json(f"{told} or request may be missing a required field")


def _moment(value: Any) -> str:
    """A dateTime needs an offset; without one it is not known which moment is meant."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return ""
    return as_text(at) if at.utcoffset() is not None else ""


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _times(given: Values, row: Values) -> dict[str, Any]:
    """The start, end and length of an event, made to agree. Raises RecordRefused."""
    start = given.get("StartDateTime") or given.get("ActivityDateTime") or row["StartDateTime"]
    if row["IsAllDayEvent"] and not start and row["ActivityDate"]:
        start = f"{row['ActivityDate']}T00:00:00.000+0000"
    if not start:
        raise RecordRefused("REQUIRED_FIELD_MISSING", "Required fields are missing: [StartDateTime]", "StartDateTime")
    begins, end, minutes = datetime.fromisoformat(start), given.get("EndDateTime"), given.get("DurationInMinutes")
    if end is None and minutes is None:
        # A meeting that is only moved keeps its length.
        minutes = row["DurationInMinutes"] or (A_DAY if row["IsAllDayEvent"] else None)
    if end is None and minutes is None:
        words = "Required fields are missing: [EndDateTime, DurationInMinutes]"
        raise RecordRefused("REQUIRED_FIELD_MISSING", words, "EndDateTime", "DurationInMinutes")
    length = datetime.fromisoformat(end) - begins if end else timedelta(minutes=minutes or 0)
    if end and minutes is not None and length != timedelta(minutes=minutes):
        words = "End Date Time and Duration do not agree"
        raise RecordRefused("FIELD_INTEGRITY_EXCEPTION", words, "DurationInMinutes")
    if not timedelta() <= length <= LONGEST_EVENT:
        words = "Event duration can't be negative" if length < timedelta() else "Event duration can't exceed 14 days"
        raise RecordRefused("FIELD_INTEGRITY_EXCEPTION", words, "DurationInMinutes")
    return {
        "StartDateTime": start,
        "ActivityDateTime": start,
        "EndDateTime": as_text(begins + length),
        "DurationInMinutes": int(length.total_seconds()) // 60,
        "ActivityDate": begins.date().isoformat(),
    }
