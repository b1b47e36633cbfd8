"""The four objects that Relatch meets, and what their fields take. Nothing is stored here.

Fields: developer.salesforce.com/docs/platform/object-reference (Contact, Lead, Task, Event).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.sandbox.salesforce import ids

# The external id that the administrator of the org makes once on Activity; Task and Event then both have it.
RELATCH_ID = "Relatch_Id__c"


class Type(StrEnum):
    """Field types by the names that describe gives them."""

    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    EMAIL = "email"
    PICKLIST = "picklist"
    COMBOBOX = "combobox"
    REFERENCE = "reference"
    BOOLEAN = "boolean"
    INT = "int"
    DATE = "date"
    DATETIME = "datetime"


TEXTS = {Type.STRING, Type.TEXTAREA, Type.EMAIL, Type.PICKLIST, Type.COMBOBOX}


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type = Type.STRING
    length: int = 0
    create: bool = True
    update: bool = True
    refers_to: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def is_external_id(self) -> bool:
        return self.name == RELATCH_ID


@dataclass(frozen=True, slots=True)
class SObject:
    name: str
    prefix: str
    fields: tuple[Field, ...]

    def field(self, name: str, *, without: str = "") -> Field | None:
        """By its name, whatever the case. `without` names a field that is not there today."""
        wanted = name.casefold()
        return next((f for f in self.fields if f.name.casefold() == wanted and f.name != without), None)


def _read_only(name: str, kind: Type) -> Field:
    return Field(name, kind, create=False, update=False)


SYSTEM = (
    Field("Id", Type.ID, ids.LONG, create=False, update=False),
    _read_only("IsDeleted", Type.BOOLEAN),
    _read_only("CreatedDate", Type.DATETIME),
    _read_only("LastModifiedDate", Type.DATETIME),
)
PERSON = (
    *SYSTEM,
    Field("Name", length=121, create=False, update=False),
    Field("FirstName", length=40),
    Field("LastName", length=80),
    Field("Email", Type.EMAIL, 80),
)
ACTIVITY = (
    *SYSTEM,
    Field("Subject", Type.COMBOBOX, 255),
    Field("Description", Type.TEXTAREA, 32_000),
    Field("WhoId", Type.REFERENCE, ids.LONG, refers_to=("Contact", "Lead")),
    Field("WhatId", Type.REFERENCE, ids.LONG, refers_to=("Account", "Opportunity")),
    Field("OwnerId", Type.REFERENCE, ids.LONG, refers_to=("User",)),
    Field("ActivityDate", Type.DATE),
    Field(RELATCH_ID, length=255),
)
STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
OBJECTS = {
    "Contact": SObject("Contact", ids.CONTACT, PERSON),
    "Lead": SObject("Lead", ids.LEAD, (*PERSON, Field("Company", length=255), _read_only("IsConverted", Type.BOOLEAN))),
    "Task": SObject(
        "Task",
        ids.TASK,
        (
            *ACTIVITY,
            Field("Status", Type.PICKLIST, 255, values=STATUSES),
            Field("Priority", Type.PICKLIST, 255, values=("High", "Normal", "Low")),
            # Once a task is made, its subtype stays.
            Field(
                "TaskSubtype",
                Type.PICKLIST,
                40,
                update=False,
                values=("Task", "Email", "List Email", "Cadence", "Call", "LinkedIn"),
                restricted=True,
            ),
            _read_only("IsClosed", Type.BOOLEAN),
        ),
    ),
    "Event": SObject(
        "Event",
        ids.EVENT,
        (
            *ACTIVITY,
            Field("Location", length=255),
            Field("StartDateTime", Type.DATETIME),
            Field("EndDateTime", Type.DATETIME),
            Field("ActivityDateTime", Type.DATETIME),
            Field("DurationInMinutes", Type.INT),
            Field("IsAllDayEvent", Type.BOOLEAN),
            Field("ShowAs", Type.PICKLIST, 40, values=("Busy", "OutOfOffice", "Free"), restricted=True),
        ),
    ),
}


def describe(sobject: SObject, *, without: str = "", may_write: bool = True) -> dict[str, Any]:
    """As the one who asks sees it: what she may not do reads false."""
    fields = [_described(field) for field in sobject.fields if field.name != without]
    is_written = may_write and sobject.prefix in {ids.TASK, ids.EVENT}
    return {
        "name": sobject.name,
        "label": sobject.name,
        "keyPrefix": sobject.prefix,
        "queryable": True,
        "createable": is_written,
        "updateable": is_written,
        "deletable": is_written,
        "custom": False,
        "fields": fields,
    }


def _described(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": field.name.removesuffix("__c").replace("_", " "),
        "type": field.type.value,
        "length": field.length,
        "createable": field.create,
        "updateable": field.update,
        "nillable": field.create,
        "filterable": field.type is not Type.TEXTAREA,
        "custom": field.name.endswith("__c"),
        "externalId": field.is_external_id,
        "idLookup": field.is_external_id or field.type in {Type.ID, Type.EMAIL},
        "unique": field.is_external_id,
        "caseSensitive": field.is_external_id,
        "referenceTo": list(field.refers_to),
        "restrictedPicklist": field.restricted,
        "picklistValues": list(_choices(field.values)),
    }


def _choices(values: Iterable[str]) -> Iterable[dict[str, Any]]:
    for value in values:
        yield {"active": True, "defaultValue": False, "label": value, "value": value, "validFor": None}
