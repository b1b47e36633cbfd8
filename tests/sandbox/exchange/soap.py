"""The envelope of Exchange Web Services: reading requests, writing answers and refusals. It knows no mailbox.

Refused(code)     one response message of an answer is an error
Fault(code)       the whole answer is a SOAP fault, with HTTP 500
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
NAMES = {"m": MESSAGES, "t": TYPES, "s": SOAP}

# Exchange Server 2019.
VERSION = {
    "MajorVersion": "15",
    "MinorVersion": "2",
    "MajorBuildNumber": "1544",
    "MinorBuildNumber": "4",
    "Version": "V2017_07_11",
}
BACK_OFF_MILLISECONDS = 2000
DECLARATION = b"<?xml version='1.0' encoding='utf-8'?>\n"

# Texts are for people who debug; programs go by the code.
TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorAccountDisabled": "The account is disabled.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "EndDate is earlier than StartDate",
    "ErrorCalendarViewRangeTooBig": "The specified date range exceeds the maximum of 2 years.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidOperation": "The requested operation is invalid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorPasswordExpired": "The password of the account has expired.",
    "ErrorSchemaValidation": "The request failed schema validation.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorUnsupportedPathForQuery": "The property cannot be used with this type of restriction.",
}


class Refused(Exception):
    """One thing that was asked for is refused, with a code of the schema's ResponseCodeType."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Fault(Exception):
    """The whole request is refused. `values` go into the fault's MessageXml."""

    def __init__(self, code: str, values: Mapping[str, object] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.values = dict(values or {})


def read(body: bytes) -> tuple[Element, bool]:
    """The operation's element, and whether the caller wants to act as somebody else. Raises Fault."""
    try:
        envelope = ElementTree.fromstring(body)  # noqa: S314 - The programs under test write it.
    except ElementTree.ParseError as error:
        raise Fault("ErrorSchemaValidation") from error
    operation = envelope.find("s:Body/*", NAMES)
    if operation is None:
        raise Fault("ErrorSchemaValidation")
    return operation, envelope.find("s:Header/t:ExchangeImpersonation", NAMES) is not None


def name_of(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def element(tag: str, *content: Element | str | None, **attributes: object) -> Element:
    """`tag` carries the prefix that the envelope declares. None is left out."""
    made = Element(tag, {name: str(value) for name, value in attributes.items()})
    for piece in content:
        if isinstance(piece, str):
            made.text = piece
        elif piece is not None:
            made.append(piece)
    return made


def success(operation: str, *content: Element | None) -> Element:
    code = element("m:ResponseCode", "NoError")
    return element(f"m:{operation}ResponseMessage", code, *content, ResponseClass="Success")


def failure(operation: str, refused: Refused, *content: Element) -> Element:
    return element(
        f"m:{operation}ResponseMessage",
        element("m:MessageText", TEXTS[refused.code]),
        element("m:ResponseCode", refused.code),
        element("m:DescriptiveLinkKey", "0"),
        *content,
        ResponseClass="Error",
    )


def response(operation: str, messages: Iterable[Element]) -> bytes:
    return _envelope(element(f"m:{operation}Response", element("m:ResponseMessages", *messages)))


def fault(refusal: Fault) -> bytes:
    values = [element("t:Value", str(value), Name=name) for name, value in refusal.values.items()]
    return _envelope(
        element(
            "s:Fault",
            element("faultcode", f"a:{refusal.code}"),
            element("faultstring", TEXTS[refusal.code]),
            element(
                "detail",
                element("e:ResponseCode", refusal.code),
                element("e:Message", TEXTS[refusal.code]),
                element("t:MessageXml", *values) if values else None,
            ),
        )
    )


def _envelope(content: Element) -> bytes:
    envelope = element(
        "s:Envelope",
        element("s:Header", element("t:ServerVersionInfo", **VERSION)),
        element("s:Body", content),
    )
    declared = {"xmlns:s": SOAP, "xmlns:m": MESSAGES, "xmlns:t": TYPES, "xmlns:e": ERRORS, "xmlns:a": TYPES}
    envelope.attrib.update(declared)
    # Not with ElementTree's own encoding: it flushes after each of the thousands of words.
    return DECLARATION + ElementTree.tostring(envelope, encoding="unicode").encode()
