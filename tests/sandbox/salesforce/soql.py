"""A small part of SOQL, read for real: SELECT fields FROM object WHERE field = value AND field IN (values).

What else SOQL knows is refused as MALFORMED_QUERY, so that nobody relies on a query that was not understood.
Grammar: developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.sandbox.salesforce import errors
from tests.sandbox.salesforce.objects import OBJECTS, TEXTS, Field, SObject, Type

TOKENS = re.compile(
    r"\s*(?:(?P<name>[A-Za-z]\w*)|(?P<text>'(?:[^'\\\r\n]|\\.)*')|(?P<mark>[=(),])|(?P<end>$)|(?P<other>.))", re.DOTALL
)
ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}

Value = str | bool | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int

    def says(self, word: str) -> bool:
        return self.kind in {"name", "mark"} and self.text.upper() == word


@dataclass(frozen=True, slots=True)
class Condition:
    field: Field
    any_of: tuple[Value, ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        return _folded(row.get(self.field.name)) in {_folded(value) for value in self.any_of}


@dataclass(frozen=True, slots=True)
class Select:
    sobject: SObject
    fields: tuple[Field, ...]
    conditions: tuple[Condition, ...]


def parse(text: str, *, missing_field: str = "") -> Select:
    """Raises Refused: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD."""
    return _Reader(text, missing_field).select()


class _Reader:
    def __init__(self, text: str, missing_field: str) -> None:
        self._text = text
        self._missing = missing_field
        self._tokens = [
            Token(str(found.lastgroup), found[str(found.lastgroup)], found.start(str(found.lastgroup)))
            for found in TOKENS.finditer(text)
        ]
        self._at = 0

    def select(self) -> Select:
        self._expect("SELECT")
        names = self._listed(self._name)
        self._expect("FROM")
        sobject = self._sobject(self._name())
        fields = tuple(self._field(sobject, name) for name in names)
        if len(set(fields)) < len(fields):
            raise errors.rest(400, "INVALID_FIELD", "duplicate field selected")
        conditions = []
        if self._took("WHERE"):
            conditions.append(self._condition(sobject))
            while self._took("AND"):
                conditions.append(self._condition(sobject))
        if self._next.kind != "end":
            raise self._unexpected()
        return Select(sobject, fields, tuple(conditions))

    def _condition(self, sobject: SObject) -> Condition:
        field = self._field(sobject, self._name())
        if field.type is Type.TEXTAREA:
            raise errors.rest(400, "INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        if self._took("IN"):
            self._expect("(")
            values = self._listed(lambda: self._value(field))
            self._expect(")")
            return Condition(field, tuple(values))
        self._expect("=")
        return Condition(field, (self._value(field),))

    def _value(self, field: Field) -> Value:
        token = self._take()
        if token.kind == "text":
            if field.type not in TEXTS | {Type.ID, Type.REFERENCE}:
                raise _wrong_type(field, "should not be enclosed in quotes")
            return _unescaped(token.text[1:-1])
        if token.kind == "name" and token.text.lower() in LITERALS:
            value = LITERALS[token.text.lower()]
            if value is not None and field.type is not Type.BOOLEAN:
                raise _wrong_type(field, "should be enclosed in quotes")
            return value
        self._at -= 1
        raise self._unexpected()

    def _sobject(self, name: Token) -> SObject:
        for sobject in OBJECTS.values():
            if sobject.name.casefold() == name.text.casefold():
                return sobject
        words = f"{self._pointed(name)}\nsObject type '{name.text}' is not supported."
        raise errors.rest(400, "INVALID_TYPE", words)

    def _field(self, sobject: SObject, name: Token) -> Field:
        field = sobject.field(name.text, without=self._missing)
        if field:
            return field
        words = f"{self._pointed(name)}\nNo such column '{name.text}' on entity '{sobject.name}'."
        raise errors.rest(400, "INVALID_FIELD", words)

    def _listed(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self._took(","):
            found.append(one())
        return found

    def _name(self) -> Token:
        if self._next.kind != "name":
            raise self._unexpected()
        return self._take()

    @property
    def _next(self) -> Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _took(self, word: str) -> bool:
        if not self._next.says(word):
            return False
        self._at += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise self._unexpected()

    def _unexpected(self) -> errors.Refused:
        return errors.rest(400, "MALFORMED_QUERY", f"unexpected token: '{self._next.text or '<EOF>'}'")

    def _pointed(self, token: Token) -> str:
        return f"\n{self._text}\n{' ' * token.at}^\nERROR at Row:1:Column:{token.at + 1}"


def _unescaped(text: str) -> str:
    """Raises Refused for an escape that SOQL does not have."""

    def one(found: re.Match[str]) -> str:
        escape = found[1]
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        if escape not in ESCAPED:
            raise errors.rest(400, "MALFORMED_QUERY", f"Illegal escape sequence: \\{escape}")
        return ESCAPED[escape]

    return ESCAPE.sub(one, text)


def _folded(value: object) -> object:
    # SOQL compares texts without regard to case.
    return value.casefold() if isinstance(value, str) else value


def _wrong_type(field: Field, words: str) -> errors.Refused:
    told = f"value of filter criterion for field '{field.name}' must be of type {field.type} and {words}"
    return errors.rest(400, "INVALID_FIELD", told)
