"""The checkout as the house rules read it: files, modules and what they import. Runs nothing of ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("bot", "handlers", "providers", "templates")
FOLDERS = (*PRODUCT, "tests", "docs", "deploy", ".ci")
TOP = ("README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.lock")
HIDDEN = (".env.example", ".dockerignore")
LEFTOVERS = {"__pycache__", ".hypothesis"}


@dataclass(frozen=True)
class Module:
    """One Python file under the name by which others import it."""

    name: str
    source: str

    def tree(self) -> ast.Module:
        """Parsed anew at each call: the trees of all files, if kept, would be most of this process's memory."""
        return ast.parse(self.source, self.name)

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """Every name that the file imports anywhere, for types too: `from a import b` counts as `a.b`."""
        return tuple(_imports(self.tree()))

    def is_in(self, *rooms: str) -> bool:
        return is_in(self.name, *rooms)


def _imports(node: ast.AST) -> Iterator[str]:
    """Of all statements, however deep. Expressions are passed by: they hold no statement."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            # Relative imports are banned by ruff, so that one spelling is enough here.
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _imports(child)


def is_in(name: str, *rooms: str) -> bool:
    """Whether a dotted name is one of these rooms or inside one."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def files(*suffixes: str) -> Iterator[Path]:
    """The checkout's own files, without what tools leave beside them. No suffix means all."""
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in (*(ROOT / name for name in (*TOP, *HIDDEN)), *below):
        if not LEFTOVERS.intersection(path.parts) and path.suffix in (suffixes or {path.suffix}):
            yield path


def modules(*folders: str) -> Iterator[Module]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield _module(path)


@cache
def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return Module(".".join(parts).removesuffix(".__init__"), path.read_text("utf-8"))


def where(path: Path) -> str:
    return str(path.relative_to(ROOT))
