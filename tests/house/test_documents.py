"""README and docs: their commands exist, their links lead somewhere, every behaviour has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, where

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|mailto:)(?P<target>[^)\s]+)\)")
BEHAVIOUR = re.compile(
    r"^\| (?P<id>[BN]\d+) \| [^|]+ \| (?P<state>[^|]+) \| (?P<test>[^|]*) \| [^|]* \|$", re.MULTILINE
)
PROVEN = {"works", "partly"}
NUMBERS = [f"B{n}" for n in range(1, 35)] + [f"N{n}" for n in range(1, 18)]


def text(path: Path) -> str:
    return path.read_text("utf-8")


def anchors(path: Path) -> set[str]:
    """The names that a heading gets on a page: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", text(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(document: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    return not path.exists() or bool(anchor and path.suffix == ".md" and anchor not in anchors(path))


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_links_lead_somewhere(document: Path) -> None:
    targets = [link["target"] for link in LINK.finditer(text(document))]
    assert [target for target in targets if leads_nowhere(document, target)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_make_knows_every_word_that_is_named(document: Path) -> None:
    words = set(re.findall(r"(?:^|`)make ([a-z]+)", text(document), re.MULTILINE))
    assert words <= set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))


def test_the_readme_starts_with_two_commands() -> None:
    first = re.findall(r"^make ([a-z]+)", text(ROOT / "README.md"), re.MULTILINE)[:2]
    assert first == ["demo", "test"]


def behaviours() -> list[re.Match[str]]:
    return list(BEHAVIOUR.finditer(text(ROOT / "docs/behaviours.md")))


def test_every_behaviour_has_its_row() -> None:
    assert [row["id"] for row in behaviours()] == NUMBERS


def test_what_is_said_to_work_names_its_tests_and_nothing_else_does() -> None:
    assert {row["state"] for row in behaviours()} <= PROVEN | {"later", "open"}
    rows = behaviours()
    assert [row["id"] for row in rows if (row["state"] in PROVEN) != bool(row["test"].strip())] == []


def test_the_tests_that_behaviours_name_exist() -> None:
    named = [name for row in behaviours() for name in re.findall(r"`([^`]+)`", row["test"])]
    assert [name for name in named if not exists(name)] == []


def exists(name: str) -> bool:
    """`tests/rules/test_health.py::test_name` or the file alone."""
    path, _, function = name.partition("::")
    return (ROOT / path).is_file() and (not function or f"def {function}(" in text(ROOT / path))
