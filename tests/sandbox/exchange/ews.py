"""The operations of Exchange Web Services over one mailbox: GetFolder, SyncFolderItems, FindItem, GetItem, ConvertId.

`answer` is all that a server needs: it takes a request's body and the mailbox of whoever has logged in. It knows no
HTTP, no login and no account.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from tests.sandbox.exchange import shapes, soap
from tests.sandbox.exchange.mailbox import Item, Mail, Mailbox, Place, Told
from tests.sandbox.exchange.queries import Query
from tests.sandbox.exchange.shapes import Shape
from tests.sandbox.exchange.soap import NAMES, Fault, Refused, element

# …/web-service-reference/syncfolderitems-operation: "a maximum of 512 changes".
MOST_CHANGES = 512
NAMED = {"root": "", "msgfolderroot": "Top of Information Store", "inbox": "Inbox", "sentitems": "Sent Items",
         "calendar": "Calendar"}  # fmt: skip
PLACES = frozenset(place.value for place in Place)


def answer(body: bytes, mailbox: Mailbox, *, refusal: str = "", neighbours: Collection[str] = ()) -> tuple[int, bytes]:
    """The HTTP status and the body (text/xml; charset=utf-8) for one POST to Exchange.asmx.

    `mailbox` is that of the account that has logged in; hold your lock while this runs. `refusal` is a response code
    with which everything is refused: ErrorPasswordExpired, ErrorAccountDisabled, ErrorNonExistentMailbox,
    ErrorAccessDenied, ErrorMailboxMoveInProgress; ErrorServerBusy is a SOAP fault with BackOffMilliseconds.
    `neighbours` are addresses of other mailboxes here: ErrorAccessDenied; any other is ErrorNonExistentMailbox.
    To make sync states invalid, clear `mailbox.sync_states`.
    """
    try:
        operation, impersonating = soap.read(body)
        if refusal == "ErrorServerBusy":
            raise Fault(refusal, {"BackOffMilliseconds": soap.BACK_OFF_MILLISECONDS})
        if impersonating:
            raise Fault("ErrorImpersonateUserDenied")
        name = soap.name_of(operation)
        if name not in OPERATIONS:
            raise Fault("ErrorInvalidOperation")
        service = _Service(mailbox, refusal, neighbours)
        return 200, soap.response(name, OPERATIONS[name](service, operation))
    except Fault as fault:
        return 500, soap.fault(fault)


@dataclass(frozen=True, slots=True)
class _Service:
    """What one request meets. Each operation gives its response messages."""

    mailbox: Mailbox
    refusal: str
    neighbours: Collection[str]

    def get_folder(self, operation: Element) -> Iterator[Element]:
        shape = Shape.of(operation)

        def act(wanted: Element) -> Element:
            return element("m:Folders", self._folder(self._named(wanted), shape))

        # A refusal has the list too, and nothing in it: …/web-service-reference/getfolder-operation.
        yield from _each("GetFolder", operation.iterfind("m:FolderIds/*", NAMES), act, empty="m:Folders")

    def sync_folder_items(self, operation: Element) -> Iterator[Element]:
        try:
            yield soap.success("SyncFolderItems", *self._changes(operation))
        except Refused as refused:
            # The schema has both in every answer, and exchangelib fails with an AttributeError where they are missing.
            rest = element("m:SyncState"), element("m:IncludesLastItemInRange", "true")
            yield soap.failure("SyncFolderItems", refused, *rest)

    def find_item(self, operation: Element) -> Iterator[Element]:
        shape, query = Shape.of(operation, listing=True), Query.of(operation)

        def act(wanted: Element) -> Element:
            return query.page(self._items(self._place(wanted)).values(), shape)

        yield from _each("FindItem", operation.iterfind("m:ParentFolderIds/*", NAMES), act)

    def get_item(self, operation: Element) -> Iterator[Element]:
        shape = Shape.of(operation)

        def act(wanted: Element) -> Element:
            return element("m:Items", shapes.item(self._item(wanted.get("Id", "")), shape))

        yield from _each("GetItem", operation.iterfind("m:ItemIds/t:ItemId", NAMES), act)

    def convert_id(self, operation: Element) -> Iterator[Element]:
        """Nobody needs a converted id; exchangelib sends made-up ones to learn the server's version."""
        for _ in operation.iterfind("m:SourceIds/*", NAMES):
            yield soap.failure("ConvertId", Refused("ErrorInvalidIdMalformed"))

    def _changes(self, operation: Element) -> Iterable[Element]:
        shape = Shape.of(operation, listing=True)
        place = self._place(operation.find("m:SyncFolderId/*", NAMES))
        state = operation.findtext("m:SyncState", "", NAMES)
        before = self._told_before(state, place)
        now = self._items(place)
        changed = [id for id, item in now.items() if before.items.get(id) != item]
        changed += [id for id in before.items if id not in now]
        page = changed[: _most(operation)]
        told = dict(before.items)
        for id in page:
            if id in now:
                told[id] = now[id]
            else:
                told.pop(id)
        return (
            element("m:SyncState", state if state and not page else self.mailbox.remember(Told(place, told))),
            element("m:IncludesLastItemInRange", "true" if len(page) == len(changed) else "false"),
            element("m:Changes", *(_change(before.items.get(id), now.get(id), shape) for id in page)),
        )

    def _told_before(self, state: str, place: Place) -> Told:
        if not state:
            return Told(place, {})
        told = self.mailbox.sync_states.get(state)
        if told is None or told.place is not place:
            raise Refused("ErrorInvalidSyncStateData")
        return told

    def _folder(self, name: str, shape: Shape) -> Element:
        if name not in PLACES:
            count = len(NAMED) - 1 if name == "root" else len(Place)
            fields = {"DisplayName": NAMED[name], "TotalCount": 0, "ChildFolderCount": count}
            return shapes.folder("t:Folder", self._folder_id(name), shape, {**fields, "UnreadCount": 0})
        items = self._items(Place(name)).values()
        fields = {
            "DisplayName": NAMED[name],
            "TotalCount": len(items),
            "ChildFolderCount": 0,
            "FolderClass": "IPF.Appointment" if name == Place.CALENDAR else "IPF.Note",
        }
        if name == Place.CALENDAR:
            return shapes.folder("t:CalendarFolder", self._folder_id(name), shape, fields)
        unread = sum(isinstance(item, Mail) and not item.is_read for item in items)
        return shapes.folder("t:Folder", self._folder_id(name), shape, {**fields, "UnreadCount": unread})

    def _folder_id(self, name: str) -> str:
        return base64.b64encode(f"{self.mailbox.email}/{name}".encode()).decode()

    def _place(self, wanted: Element | None) -> Place:
        """The folder with items that an element names. Raises Refused."""
        if wanted is None:
            raise Fault("ErrorSchemaValidation")
        name = self._named(wanted)
        if name not in PLACES:
            raise Refused("ErrorFolderNotFound")
        return Place(name)

    def _named(self, wanted: Element) -> str:
        """The distinguished id of the folder that an element names. Raises Refused."""
        self._let_in(wanted.findtext("t:Mailbox/t:EmailAddress", self.mailbox.email, NAMES))
        given = wanted.get("Id", "")
        if soap.name_of(wanted) == "FolderId":
            given = next((name for name in NAMED if self._folder_id(name) == given), "")
            if not given:
                raise Refused("ErrorInvalidIdMalformed")
        if given not in NAMED:
            raise Refused("ErrorFolderNotFound")
        return given

    def _let_in(self, address: str) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        if not self.mailbox.is_at(address):
            known = address.casefold() in {neighbour.casefold() for neighbour in self.neighbours}
            raise Refused("ErrorAccessDenied" if known else "ErrorNonExistentMailbox")

    def _items(self, place: Place) -> dict[str, Item]:
        return self.mailbox.folders[place]

    def _item(self, id: str) -> Item:
        self._let_in(self.mailbox.email)
        found = self.mailbox.find(id)
        if found is None:
            raise Refused("ErrorItemNotFound")
        return found


OPERATIONS: dict[str, Callable[[_Service, Element], Iterator[Element]]] = {
    "GetFolder": _Service.get_folder,
    "SyncFolderItems": _Service.sync_folder_items,
    "FindItem": _Service.find_item,
    "GetItem": _Service.get_item,
    "ConvertId": _Service.convert_id,
}


def _each(
    operation: str, wanted: Iterable[Element], act: Callable[[Element], Element], *, empty: str = ""
) -> Iterator[Element]:
    """One response message for each thing that was asked for; a refusal concerns only its own, and carries `empty`."""
    for one in wanted:
        try:
            yield soap.success(operation, act(one))
        except Refused as refused:
            yield soap.failure(operation, refused, *([element(empty)] if empty else []))


def _most(operation: Element) -> int:
    asked = operation.findtext("m:MaxChangesReturned", "", NAMES)
    if not asked.isdigit() or int(asked) < 1:
        raise Fault("ErrorSchemaValidation")
    return min(int(asked), MOST_CHANGES)


def _change(before: Item | None, now: Item | None, shape: Shape) -> Element:
    """From one to the other; None stands for what was not there yet, or is no more."""
    if now is None:
        assert before is not None
        return element("t:Delete", shapes.item_id(before))
    if before is None:
        return element("t:Create", shapes.item(now, shape))
    if isinstance(before, Mail) and before.opened() == now:
        return element("t:ReadFlagChange", shapes.item_id(now), element("t:IsRead", "true"))
    return element("t:Update", shapes.item(now, shape))
