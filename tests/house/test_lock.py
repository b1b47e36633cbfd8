"""What is installed: asked for by name where it is imported, and held by its hash in the lock."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.house.tree import PRODUCT, ROOT, modules

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<rest>(?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
NEEDED = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
BUILDER = PROJECT["build-system"]["requires"]


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[\[<>=;!~ ]", line)[0].lower() for line in requirements}


def imported_unasked(folders: Iterable[str], asked: set[str]) -> set[str]:
    """Libraries that these folders import and that come only because another library brings them."""
    known = packages_distributions()
    sources = {top: {each.lower().replace("_", "-") for each in known[top]} for top in known}
    tops = {name.split(".")[0] for module in modules(*folders) for name in module.imports}
    libraries = tops - set(sys.stdlib_module_names) - {*PRODUCT, "tests"}
    # What is not installed here, as the browser of the stories, is judged by its name.
    return {top for top in libraries if not asked & sources.get(top, {top})}


def test_the_product_imports_only_what_it_asks_for() -> None:
    assert imported_unasked(PRODUCT, names(NEEDED)) == set()


def test_the_tests_import_only_what_the_extras_ask_for() -> None:
    assert imported_unasked(["tests"], names([*NEEDED, *EXTRAS["test"], *EXTRAS["dev"]])) == set()


def test_every_package_of_the_lock_is_held_by_its_hash() -> None:
    packages = {each["name"]: each["rest"] for each in PINNED.finditer(LOCK)}
    assert packages
    assert [name for name, rest in packages.items() if "--hash=sha256:" not in rest] == []


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    asked = names([*NEEDED, *BUILDER, *(line for extra in EXTRAS.values() for line in extra)])
    assert asked <= {each["name"] for each in PINNED.finditer(LOCK)}


def test_the_lock_names_no_address() -> None:
    assert re.findall(r".*(?:://|index-url|find-links|file:).*", LOCK) == []
