"""Published answers as files, and what two answers differ in. It knows no vendor, and nothing of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

FOLDER = Path(__file__).parent
BODY = "{http://schemas.xmlsoap.org/soap/envelope/}Body"
COMMENT = re.compile(r"\A<!--\n(.*?)-->\n", re.DOTALL)
NOTHING = "nothing"
TYPES: Mapping[type, str] = {
    bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object", type(None): NOTHING,
}  # fmt: skip

# A place in an answer, and the types that stand there.
Fields = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Example:
    """One file: see README.md there. `body` is JSON, or the text of an envelope; None where it is not published."""

    vendor: str
    name: str
    source: str
    read: str
    verified: bool
    why_not: str
    status: int
    headers: Mapping[str, str]
    body: Any
    vendor_only: frozenset[str]
    elsewhere: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"{self.vendor}/{self.name}"

    def said_by(self, hosts: Mapping[str, str]) -> Any:
        """The body, as if these hosts of ours were the vendor's."""
        text = json.dumps(self.body)
        for theirs, ours in hosts.items():
            text = text.replace(theirs, ours)
        return json.loads(text)


def example(id: str) -> Example:
    """By folder and file: `google/token`."""
    vendor, name = id.split("/")
    path = FOLDER / vendor / f"{name}.json"
    if path.is_file():
        return _made(vendor, name, json.loads(path.read_text("utf-8")))
    text = (FOLDER / vendor / f"{name}.xml").read_text("utf-8")
    comment = COMMENT.match(text)
    assert comment is not None, f"{id} says nothing of its source"
    keys: dict[str, Any] = dict(line.strip().split(": ", 1) for line in comment[1].splitlines() if line.strip())
    keys |= {"verified": keys["verified"] == "yes", "why_not": keys["verified"], "status": int(keys.get("status", 200))}
    return _made(vendor, name, keys | {"body": text[comment.end() :]})


def every(*vendors: str) -> list[Example]:
    paths = sorted(path for vendor in vendors for path in (FOLDER / vendor).iterdir())
    return [example(f"{path.parent.name}/{path.stem}") for path in paths]


def _made(vendor: str, name: str, keys: Mapping[str, Any]) -> Example:
    return Example(
        vendor=vendor,
        name=name,
        source=keys["source"],
        read=keys["read"],
        verified=keys["verified"],
        why_not=keys.get("why_not", ""),
        status=keys.get("status", 200),
        headers=keys.get("headers", {}),
        body=keys["body"],
        vendor_only=frozenset(keys.get("vendor_only", ())),
        elsewhere=keys.get("elsewhere", {}),
    )


# What two answers differ in


def fields(body: Any) -> Fields:
    """Every place of an answer: `value[].sender.name`, or `GetFolderResponse/ResponseMessages@ResponseClass`."""
    found: Fields = {}
    if isinstance(body, str):
        envelope = ElementTree.fromstring(body)  # noqa: S314 - examples are files of ours, answers the sandbox's.
        for content in envelope.iterfind(f"{BODY}/*"):
            _note_element(found, content, "")
    else:
        _note(found, body, "")
    return found


def differences(published: Example, said: Any) -> list[str]:
    """What is wrong with an answer of the sandbox beside the published one; empty where they have the same shape."""
    theirs, ours = fields(published.body), fields(said)
    wrong = [f"only the sandbox has {place}" for place in ours if place not in theirs and not _known(published, place)]
    wrong += [f"the sandbox lacks {place}" for place in theirs.keys() - ours.keys() - published.vendor_only]
    wrong += [f"{place} is not the vendor's alone" for place in published.vendor_only & ours.keys()]
    wrong += [f"{place} is not published" for place in published.vendor_only - theirs.keys()]
    for place in theirs.keys() & ours.keys():
        if not _agree(theirs[place], ours[place]):
            wrong.append(f"{place} is {sorted(ours[place])}, published as {sorted(theirs[place])}")
    return sorted(wrong)


def codes(body: Any) -> list[str]:
    """What a program goes by in a refusal: OAuth's and Slack's word, the code of an API, a ResponseCode of Exchange."""
    if isinstance(body, str):
        return re.findall(r"ResponseCode[^>]*>(\w+)<", body)
    found = body if isinstance(body, list) else [body, body.get("error"), *_listed(body.get("error"))]
    entries = [entry for entry in found if isinstance(entry, dict)]
    named = [entry.get(name) for entry in entries for name in ("error", "code", "reason", "errorCode")]
    return [str(name).casefold() for name in named if isinstance(name, str | int)]


def _listed(error: Any) -> list[Any]:
    """Google lists what is wrong below its own code."""
    return list(error.get("errors", ())) if isinstance(error, dict) else []


def _known(published: Example, place: str) -> bool:
    """What stands within a known field is known with it."""
    return any(place == name or place.startswith((f"{name}.", f"{name}[")) for name in published.elsewhere)


def _agree(theirs: set[str], ours: set[str]) -> bool:
    """A field that may be empty is empty here or there."""
    there, here = theirs - {NOTHING}, ours - {NOTHING}
    return here <= there or not there


def _note(found: Fields, value: Any, place: str) -> None:
    if place:
        found.setdefault(place, set()).add(TYPES[type(value)])
    if isinstance(value, dict):
        for name, inner in value.items():
            _note(found, inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for inner in value:
            _note(found, inner, f"{place}[]")


def _note_element(found: Fields, element: Element, above: str) -> None:
    place = f"{above}/{element.tag.rpartition('}')[2]}".removeprefix("/")
    found.setdefault(place, set()).add("element")
    for name in element.attrib:
        found.setdefault(f"{place}@{name}", set()).add("text")
    for inner in element:
        _note_element(found, inner, place)


def unsourced(examples: list[Example]) -> Iterator[str]:
    """Those that do not say where they stand, or why they were not seen there."""
    for each in examples:
        if not re.search(r"\w+\.\w+", each.source) or not re.fullmatch(r"\d{4}-\d\d-\d\d", each.read):
            yield each.id
        if not each.verified and len(each.why_not) < 10:
            yield each.id
