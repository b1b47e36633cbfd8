"""Finding contacts and leads in Salesforce, and writing tasks and events about them. It renews and stores nothing.

Sources: developer.salesforce.com/docs/platform/api-rest (query, sobject collections upsert, rows by external id),
developer.salesforce.com/docs/platform/object-reference (Contact, Lead, Task, Event).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from simple_salesforce.api import Salesforce as Api
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.format import format_external_id, format_soql

from providers.base import Activity, Blocked, Pushed, Reason, Unavailable
from providers.refusals import Signal, legible
from providers.salesforce.errors import KEY_FIELD, read_api, read_record, told, told_of_all
from providers.salesforce.sign_in import Secret
from providers.wire import Nonsense, Session

API_VERSION = "66.0"
TASK, EVENT = "Task", "Event"
PEOPLE = (
    "SELECT Id, Email FROM Contact WHERE Email IN {addresses}",
    "SELECT Id, Email FROM Lead WHERE IsConverted = false AND Email IN {addresses}",
)
WRITTEN = "SELECT {field:literal} FROM {kind:literal} WHERE {field:literal} IN {keys}"
# It finds nothing. That it may be asked is what a check wants to know.
PROBE = format_soql("SELECT Id FROM Task WHERE {field:literal} = {key}", field=KEY_FIELD, key="check")
# Of one query as it stands in the address. Salesforce takes 16 KB of address and headers, many a proxy only 8.
MOST_CHARACTERS = 6_000
LONGEST_ADDRESS = 80
LONGEST_SUBJECT = 255
RECORDS_AT_ONCE = 200
ABSENT = {"NOT_FOUND", "ENTITY_IS_DELETED"}
# Statuses that are about the one record of a request. 300: several have this key.
NOT_THIS_ONE = {300, 400, 404, 409}

Outcome = Signal | None


class Records:
    """The records that one person may see and write. Raises ProviderError and WireError."""

    def __init__(self, *, session: Session, secret: Secret) -> None:
        self._api = Api(
            instance_url=secret.instance_url, session_id=secret.access_token, version=API_VERSION, session=session
        )
        self._zone = _zone(secret.zone)

    def check(self) -> None:
        """Proves the token, the right to use the API, that calls are left today, and that our field is there.

        Not `limits`: that needs a right in Setup that a sync does not.
        """
        self._query(PROBE)

    def match(self, addresses: Collection[str]) -> dict[str, str]:
        wanted = {address.casefold(): address for address in addresses if _is_possible(address)}
        found: dict[str, str] = {}
        for soql in PEOPLE:
            left = {key: address for key, address in wanted.items() if key not in found}
            for batch in _batches(left.values()):
                people = self._people(format_soql(soql, addresses=batch))
                found |= {key: id_ for key, id_ in people.items() if key in left}
        return found

    def push(self, activities: Sequence[Activity]) -> Pushed:
        # Salesforce refuses both of two records with the same key in one request.
        latest = {(activity.end is None, activity.key): activity for activity in activities}.values()
        outcomes: dict[str, Outcome] = {}
        for kind in (TASK, EVENT):
            mine = [activity for activity in latest if _kind(activity) == kind]
            kept = [activity for activity in mine if not activity.gone]
            for start in range(0, len(kept), RECORDS_AT_ONCE):
                outcomes |= self._upsert(kind, kept[start : start + RECORDS_AT_ONCE])
            outcomes |= self._take_out(kind, [activity.key for activity in mine if activity.gone])
        return self._judged(outcomes, kinds={_kind(activity) for activity in latest})

    def _judged(self, outcomes: Mapping[str, Outcome], *, kinds: Collection[str]) -> Pushed:
        """Raises what concerns every record: at once where it is sure to, a missing right only where there is one.

        Somebody else may own one record of many by now, and that is no reason to stop a sync.
        """
        refused = {key: signal for key, signal in outcomes.items() if signal is not None}
        failures = [failure for failure in map(told_of_all, refused.values()) if failure is not None]
        for failure in failures:
            if isinstance(failure, Unavailable) or failure.reason is Reason.CRM_FIELD_MISSING:
                raise failure
        if failures and len(failures) == len(outcomes) and not all(map(self._may_write, kinds)):
            raise failures[0]
        codes = {key: signal.code.removeprefix(f"{signal.status} ") for key, signal in refused.items()}
        return Pushed(written=len(outcomes) - len(refused), refused=codes)

    def _may_write(self, kind: str) -> bool:
        """What the person may do with such records at all, by developer.salesforce.com, sObject Describe."""
        with _translated():
            said = self._api.restful(f"sobjects/{kind}/describe") or {}
            return said["createable"] is True and said["updateable"] is True

    def _query(self, soql: str) -> list[Any]:
        with _translated():
            return list(self._api.query_all_iter(soql))

    def _people(self, soql: str) -> dict[str, str]:
        """Of several records with one address, the oldest: ids are given out in order."""
        try:
            rows = self._query(soql)
        except Blocked as refusal:
            # A licence without leads does not even know the word.
            if "INVALID_TYPE" in refusal.code and "FROM Lead" in soql:
                return {}
            raise
        found: dict[str, str] = {}
        with legible():
            for row in rows:
                key, id_ = str(row["Email"]).casefold(), str(row["Id"])
                found[key] = min(found.get(key, id_), id_)
        return found

    def _upsert(self, kind: str, activities: Sequence[Activity]) -> dict[str, Outcome]:
        records = [{"attributes": {"type": kind}} | self._fields(activity) for activity in activities]
        with _translated():
            results = self._api.restful(
                f"composite/sobjects/{kind}/{KEY_FIELD}",
                method="PATCH",
                json={"allOrNone": False, "records": records},
            )
            return {
                activity.key: None if result["success"] is True else read_record(next(iter(result["errors"]), None))
                for activity, result in zip(activities, results or (), strict=True)
            }

    def _take_out(self, kind: str, keys: Sequence[str]) -> dict[str, Outcome]:
        """Most of what was cancelled was never written: one query finds what there is, and that is deleted."""
        there: list[str] = []
        for batch in _batches(keys):
            rows = self._query(format_soql(WRITTEN, field=KEY_FIELD, kind=kind, keys=batch))
            with legible():
                found = {row[KEY_FIELD] for row in rows}
            there += [key for key in batch if key in found]
        return dict.fromkeys(keys) | {key: self._delete(kind, key) for key in there}

    def _delete(self, kind: str, key: str) -> Outcome:
        try:
            with legible():
                said = self._api.restful(f"sobjects/{kind}/{format_external_id(KEY_FIELD, key)}", method="DELETE")
        except SalesforceError as error:
            refusal = read_api(error.status, error.content)
        else:
            if said is not None:
                # Salesforce has no words for a success here. A proxy's answer takes nothing out.
                raise Nonsense("", "unexpected answer")
            return None
        if told_of_all(refusal):
            return refusal
        if not ABSENT.isdisjoint(refusal.errors):
            return None  # Somebody else was quicker.
        if refusal.status in NOT_THIS_ONE:
            return refusal
        raise told(refusal)

    def _fields(self, activity: Activity) -> dict[str, Any]:
        fields = {KEY_FIELD: activity.key, "Subject": _line(activity.subject), "WhoId": activity.about}
        if activity.end is None:
            day = activity.start.astimezone(self._zone).date()
            return fields | {"Status": "Completed", "ActivityDate": day.isoformat()}
        return fields | {"StartDateTime": _moment(activity.start), "EndDateTime": _moment(activity.end)}


@contextmanager
def _translated() -> Iterator[None]:
    """Around a call of simple_salesforce: the text of its exceptions holds addresses and bodies, so none leaves."""
    try:
        with legible():
            yield
    except SalesforceError as error:
        raise told(read_api(error.status, error.content)) from None


def _batches(values: Iterable[str]) -> Iterator[list[str]]:
    """As many together as one query takes."""
    batch: list[str] = []
    characters = 0
    for value in values:
        more = len(quote_plus(format_soql("{},", value)))
        if batch and characters + more > MOST_CHARACTERS:
            yield batch
            batch, characters = [], 0
        batch.append(value)
        characters += more
    if batch:
        yield batch


def _is_possible(address: str) -> bool:
    """Whether a contact could have it at all. A sender may write anything there, and one query carries many."""
    return "@" in address and address.isprintable() and len(address) <= LONGEST_ADDRESS


def _kind(activity: Activity) -> str:
    return TASK if activity.end is None else EVENT


def _line(text: str) -> str:
    """One line that fits, counted in UTF-16 as Salesforce does, and without what JSON cannot carry."""
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return plain.encode("utf-16-le")[: 2 * LONGEST_SUBJECT].decode("utf-16-le", errors="ignore")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _zone(name: str) -> tzinfo:
    """The person's own, so that a mail of her evening stands on her day."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
