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

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.name)

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """Every name that the file imports anywhere, for types too: `from a import b` counts as `a.b`."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                # Relative imports are banned by ruff, so that one spelling is enough here.
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def is_in(self, *rooms: str) -> bool:
        return is_in(self.name, *rooms)


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
