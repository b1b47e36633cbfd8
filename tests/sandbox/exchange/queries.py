"""What FindItem may ask of a folder: a restriction, an order and a page, or a stretch of the calendar. Pure.

Source: learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/finditem-operation and …/calendarview
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

from tests.sandbox.exchange import shapes
from tests.sandbox.exchange.mailbox import Item, Mail, Meeting
from tests.sandbox.exchange.shapes import Shape
from tests.sandbox.exchange.soap import NAMES, Refused, element, name_of

# …/web-service-reference/calendarview: the view spans at most two years.
LONGEST_VIEW = timedelta(days=2 * 366)

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}


@dataclass(frozen=True, slots=True)
class Query:
    """One FindItem. It may be used for several folders; each of them can refuse it."""

    restriction: Element | None
    view: Element | None
    calendar: Element | None
    order: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, operation: Element) -> Query:
        order = operation.findall("m:SortOrder/t:FieldOrder", NAMES)
        return cls(
            restriction=operation.find("m:Restriction/*", NAMES),
            view=operation.find("m:IndexedPageItemView", NAMES),
            calendar=operation.find("m:CalendarView", NAMES),
            order=tuple((_path(field), field.get("Order") == "Descending") for field in order),
        )

    def page(self, items: Iterable[Item], shape: Shape) -> Element:
        """The RootFolder element. Raises Refused."""
        if self.calendar is not None:
            return _stretch(items, self.calendar, shape)
        found = [item for item in items if self.restriction is None or _holds(self.restriction, item)]
        found.sort(key=_received, reverse=True)
        for path, descending in reversed(self.order):
            found.sort(key=lambda item: _value(path, item), reverse=descending)
        offset = int(self.view.get("Offset", "0")) if self.view is not None else 0
        most = int(self.view.get("MaxEntriesReturned", len(found))) if self.view is not None else len(found)
        return _root_folder(found[offset : offset + most], shape, total=len(found), offset=offset)


def _root_folder(page: list[Item], shape: Shape, *, total: int, offset: int) -> Element:
    upto = offset + len(page)
    return element(
        "m:RootFolder",
        element("t:Items", *(shapes.item(item, shape) for item in page)),
        IndexedPagingOffset=upto,
        TotalItemsInView=total,
        IncludesLastItemInRange="true" if upto >= total else "false",
    )


def _stretch(items: Iterable[Item], view: Element, shape: Shape) -> Element:
    """Single meetings and occurrences that touch the view, by their start; never the master of a series."""
    start, end = _time(view.get("StartDate", "")), _time(view.get("EndDate", ""))
    if end < start:
        raise Refused("ErrorCalendarEndDateIsEarlierThanStartDate")
    if end - start > LONGEST_VIEW:
        raise Refused("ErrorCalendarViewRangeTooBig")
    shown = (one for item in items if isinstance(item, Meeting) for one in item.occurrences())
    found = sorted((one for one in shown if one.start < end and one.end > start), key=lambda one: one.start)
    page = found[: int(view.get("MaxEntriesReturned", len(found)))]
    return element(
        "m:RootFolder",
        element("t:Items", *(shapes.item(item, shape) for item in page)),
        TotalItemsInView=len(found),
        IncludesLastItemInRange="true" if len(page) == len(found) else "false",
    )


def _holds(rule: Element, item: Item) -> bool:
    name = name_of(rule)
    if name in {"And", "Or"}:
        return (all if name == "And" else any)(_holds(inner, item) for inner in rule)
    if name == "Not":
        return not _holds(rule[0], item)
    constant = rule.find("t:FieldURIOrConstant/t:Constant", NAMES)
    if name not in COMPARISONS or constant is None:
        raise Refused("ErrorUnsupportedPathForQuery")
    value = _value(_path(rule), item)
    given = constant.get("Value", "")
    return COMPARISONS[name](value, _time(given) if isinstance(value, datetime) else given)


def _path(parent: Element) -> str:
    path = parent.find("t:FieldURI", NAMES)
    return path.get("FieldURI", "") if path is not None else ""


def _value(path: str, item: Item) -> Any:
    match path, item:
        case "item:DateTimeReceived", _:
            return _received(item)
        case "item:Subject", Mail():
            return item.subject
        case "message:InternetMessageId", Mail():
            return item.message_id
        case "calendar:Start", Meeting():
            return item.start
        case "calendar:End", Meeting():
            return item.end
        case _:
            raise Refused("ErrorUnsupportedPathForQuery")


def _received(item: Item) -> datetime:
    return item.at if isinstance(item, Mail) else item.planned_at


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
