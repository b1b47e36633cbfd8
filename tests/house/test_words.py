"""How files open, where Slack's words may stand, and what no file may tell about the machine that made it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import PRODUCT, ROOT, files, modules, where

# Pieces, so that this file does not hold what it forbids.
MACHINE = re.compile("/(?:" + "|".join(("work", "root", "home", "Users", "opt")) + ")/|[.]py" + "env")
REGISTRY = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", "arti" + "factory")))
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:)")
REASONED = re.compile(r"# (?:noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z, -]+\] +# |pragma: no cover - )\w.{8,}")
# The first line of a docstring at the very beginning.
OPENING = re.compile(r'"""[^\n]*\w [^\n]*[.!?:](?:"""|\n)')
INSIDE_WORDS = re.compile(r"\b(?:outbox|fence|breaker)(?:s|d)?\b", re.IGNORECASE)


def lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    texts = ((path, path.read_text("utf-8", errors="replace")) for path in paths)
    return [
        f"{where(path)}:{number}: {line.strip()}"
        for path, text in texts
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_every_file_opens_with_a_sentence_on_what_it_is_for() -> None:
    written = [module for module in modules(*PRODUCT, "tests") if module.source]
    assert [module.name for module in written if not OPENING.match(module.source)] == []


def test_slacks_plain_text_is_built_in_one_file() -> None:
    product = [path for path in files(".py", ".j2") if path.relative_to(ROOT).parts[0] in PRODUCT]
    holders = {line.split(":")[0] for line in lines_with(re.compile("""["']plain_text["']"""), product)}
    assert holders <= {"handlers/slack/blocks.py"}


def test_every_suppression_says_why() -> None:
    suppressed = lines_with(SUPPRESSION, [path for path in files(".py") if path != Path(__file__)])
    assert [line for line in suppressed if not REASONED.search(line)] == []


@pytest.mark.parametrize("pattern", [MACHINE, REGISTRY], ids=["machine", "registry"])
def test_no_file_tells_where_it_was_made(pattern: re.Pattern[str]) -> None:
    assert lines_with(pattern, list(files())) == []


def test_people_never_read_the_words_of_the_machine_room() -> None:
    read_by_people = [ROOT / "README.md", *(ROOT / "templates").rglob("*.j2")]
    assert lines_with(INSIDE_WORDS, read_by_people) == []
