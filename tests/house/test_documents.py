"""README and docs: links, commands, settings, files and tests that they name exist; their tables say what code says.

It reads the documents as text and knows nothing of how they look.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.__main__ import app
from bot.settings import Settings
from bot.store.tables import metadata
from handlers.slack.manifest import BOT_SCOPES, USER_SCOPES
from providers.google.sign_in import SCOPES as GOOGLE
from providers.microsoft.ews import SCOPES as EWS
from providers.microsoft.sign_in import GRAPH_SCOPES, OPENID_SCOPES
from providers.salesforce.sign_in import SCOPES as SALESFORCE
from tests.house.test_lock import EXTRAS, NEEDED, names
from tests.house.tree import ROOT, where

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|mailto:)(?P<target>[^)\s]+)\)")
BEHAVIOUR = re.compile(
    r"^\| (?P<id>[BN]\d+) \| [^|]+ \| (?P<state>[^|]+) \| (?P<test>[^|]*) \| [^|]* \|$", re.MULTILINE
)
PROVEN = {"works", "partly"}
NUMBERS = [f"B{n}" for n in range(1, 35)] + [f"N{n}" for n in range(1, 18)]

BLOCK = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
# A command line of ours, to where the shell begins something else.
COMMAND = re.compile(r"(?:^|[ /;&|(])relatch +([a-z-][^|;&>#)\n]*)", re.MULTILINE)
SETTING = re.compile(r"\bRELATCH_[A-Z_]*[A-Z_]")
TEST = re.compile(r"\btests/[\w/]+\.py(?:::\w+)?")
COMMANDS: Any = typer.main.get_command(app)
# `<...>` stands for a name, and the recipe for a fifth vendor speaks of one that nobody has.
FILE = re.compile(r"`((?:bot|handlers|providers|templates|tests|deploy|docs)/[^`\s:]*)[^`]*`")
INVENTED = re.compile(r"[<*…]|acme")
FIRST_CELL = re.compile(r"^ *\| ([^|]+) \|", re.MULTILINE)


def text(path: Path) -> str:
    return path.read_text("utf-8")


def doc(name: str) -> str:
    return text(ROOT / "docs" / name)


def code(document: Path) -> Iterator[str]:
    """All that stands as code: blocks line by line, and what is between backticks."""
    whole = text(document)
    for block in BLOCK.findall(whole):
        yield from block.replace("\\\n", " ").splitlines()
    yield from INLINE.findall(BLOCK.sub("", whole))


def section(document: str, heading: str) -> str:
    """What stands under a heading, to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", document, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def first_cells(table: str) -> list[str]:
    """The names in backticks in the first column."""
    return [name for cell in FIRST_CELL.findall(table) for name in INLINE.findall(cell)]


def anchors(path: Path) -> set[str]:
    """The names that a heading gets on a page: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text(path)), re.MULTILINE)
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


def unknown_to_relatch(line: str) -> list[str]:
    """The words and options of a command line that the command does not have."""
    command = COMMANDS
    unknown = []
    for token in line.split():
        if token.startswith("--"):
            known = {"--help"} | {option for each in command.params for option in each.opts}
            unknown += [] if token.partition("=")[0] in known else [token]
        elif below := getattr(command, "commands", None):
            if token not in below:
                return [*unknown, token]
            command = below[token]
    return unknown


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_relatch_has_every_command_and_option_that_is_named(document: Path) -> None:
    lines = [line for each in code(document) for line in COMMAND.findall(each)]
    assert {line: unknown for line in lines if (unknown := unknown_to_relatch(line))} == {}


def test_an_invented_command_and_option_are_seen() -> None:
    assert unknown_to_relatch("run --sideways") == ["--sideways"]
    assert unknown_to_relatch("fly") == ["fly"]
    assert unknown_to_relatch("manifest") == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_every_setting_that_is_named_exists(document: Path) -> None:
    known = {f"RELATCH_{name.upper()}" for name in Settings.model_fields}
    named = set(SETTING.findall(text(document)))
    # RELATCH_EXCHANGE_… means all that begin so.
    begun = {name for name in named if name.endswith("_") and any(each.startswith(name) for each in known)}
    assert named - known - begun == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_every_test_that_is_named_exists(document: Path) -> None:
    named = [name for name in TEST.findall(text(document)) if not INVENTED.search(name)]
    assert [name for name in named if not exists(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=where)
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = [name for name in FILE.findall(text(document)) if not INVENTED.search(name)]
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_starts_with_two_commands() -> None:
    first = re.findall(r"^make ([a-z]+)", text(ROOT / "README.md"), re.MULTILINE)[:2]
    assert first == ["demo", "test"]


def test_the_readme_leads_to_every_document() -> None:
    linked = {(ROOT / link["target"].partition("#")[0]).resolve() for link in LINK.finditer(text(ROOT / "README.md"))}
    assert {where(each) for each in DOCUMENTS if each.name != "README.md"} - {where(each) for each in linked} == set()


def behaviours() -> list[re.Match[str]]:
    return list(BEHAVIOUR.finditer(doc("behaviours.md")))


def test_every_behaviour_has_its_row() -> None:
    assert [row["id"] for row in behaviours()] == NUMBERS


def test_what_is_said_to_work_names_its_tests_and_nothing_else_does() -> None:
    assert {row["state"] for row in behaviours()} <= PROVEN | {"later", "open"}
    rows = behaviours()
    assert [row["id"] for row in rows if (row["state"] in PROVEN) != bool(row["test"].strip())] == []


def exists(name: str) -> bool:
    """`tests/rules/test_health.py::test_name` or the file alone."""
    path, _, function = name.partition("::")
    return (ROOT / path).is_file() and (not function or f"def {function}(" in text(ROOT / path))


@pytest.mark.parametrize(
    ("heading", "asked"),
    [
        ("What the bot may do", BOT_SCOPES),
        ("What Sign in with Slack tells", USER_SCOPES),
        ("Office 365 by Microsoft Graph", (*GRAPH_SCOPES, *OPENID_SCOPES)),
        ("Office 365 by EWS", (*EWS, *OPENID_SCOPES)),
        ("Google", GOOGLE),
        ("Salesforce", SALESFORCE),
    ],
)
def test_permissions_names_what_is_asked_for_and_nothing_else(heading: str, asked: tuple[str, ...]) -> None:
    assert sorted(first_cells(section(doc("permissions.md"), heading))) == sorted(asked)


def test_data_names_every_table() -> None:
    assert sorted(first_cells(section(doc("data.md"), "In the database"))) == sorted(metadata.tables)


def test_security_has_a_row_for_every_threat_with_a_test_or_a_word_on_what_is_open() -> None:
    row = re.compile(r"^\| (\d+) \| [^|]+ \| [^|]+ \|([^|]*)\|([^|]*)\|$", re.MULTILINE)
    threats = row.findall(section(doc("security.md"), "Threats"))
    assert [int(number) for number, _, _ in threats] == list(range(1, 26))
    assert [number for number, test, left in threats if not TEST.search(test) and not left.strip()] == []


def test_dependencies_gives_each_its_reason_and_names_no_other() -> None:
    needed = [cell for cell in FIRST_CELL.findall(doc("dependencies.md")) if cell not in ("package", "---")]
    explained = {name for cell in needed for name in cell.split(", ")}
    builder = tomllib.loads(text(ROOT / "pyproject.toml"))["build-system"]["requires"]
    assert explained == names([*NEEDED, *EXTRAS["test"], *EXTRAS["dev"], *builder])
