"""What is installed is held by its hash in the lock."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

from tests.house.tree import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<rest>(?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# In an address something follows upon a colon; an option that names one begins with a dash, or two.
PLACE = re.compile(r":\S|--|^-")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NEEDED = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
BUILDER = PROJECT["build-system"]["requires"]


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[\[<>=;!~ ]", line)[0].lower() for line in requirements}


def addressed(lock: str) -> list[str]:
    """Lines that could say where to fetch from."""
    return [line for line in HASH.sub("", lock).splitlines() if PLACE.search(line)]


def test_every_package_of_the_lock_is_held_by_its_hash() -> None:
    packages = {each["name"]: each["rest"] for each in PINNED.finditer(LOCK)}
    assert packages
    assert [name for name, rest in packages.items() if "--hash=sha256:" not in rest] == []


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    asked = names([*NEEDED, *BUILDER, *(line for extra in EXTRAS.values() for line in extra)])
    assert asked <= {each["name"] for each in PINNED.finditer(LOCK)}


def test_the_lock_names_no_address() -> None:
    assert addressed(LOCK) == []
