"""What is asked every day answers at once: it loads no vendor's library and no database."""

from __future__ import annotations

import ast
import functools
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import bot.build
from bot.operator.version import schema
from bot.store.migrations import steps
from tests.sandbox.child import CHECKOUT

HEAVY = {
    "aiohttp",
    "alembic",
    "exchangelib",
    "google",
    "jinja2",
    "msal",
    "requests",
    "simple_salesforce",
    "slack_bolt",
    "slack_sdk",
    "sqlalchemy",
    "starlette",
    "tink",
    "uvicorn",
}
# A quiet machine needs a quarter of it. With the database or one vendor's library it would be more.
SECONDS_OF_WORK = 1.0

ASKED = """
import json, sys, time
sys.argv = ["relatch", *{words!r}]
from bot.__main__ import main
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, time.process_time(), sorted(sys.modules)]), file=sys.stderr)
"""


@functools.cache
def ask(*words: str) -> tuple[str, list[Any]]:
    done = subprocess.run(
        [sys.executable, "-c", ASKED.format(words=words)],
        env={},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout, json.loads(done.stderr)


@pytest.mark.parametrize("words", [("--help",), ("version",), ("doctor", "--permissions"), ("revoke", "--help")])
def test_it_answers_without_loading_what_it_does_not_need(words: tuple[str, ...]) -> None:
    said, (code, seconds, loaded) = ask(*words)
    assert (code or 0) == 0
    assert said
    assert HEAVY.intersection(loaded) == set()
    assert seconds < SECONDS_OF_WORK


def test_a_vendors_library_waits_until_its_provider_is_offered() -> None:
    """Nobody else may import a provider: tests/house/test_imports.py holds that."""
    first = [node.module for node in ast.parse(inspect.getsource(bot.build)).body if isinstance(node, ast.ImportFrom)]
    assert [name for name in first if name and name.startswith("providers.")] == ["providers.base", "providers.wire"]


def test_the_version_says_what_runs_here() -> None:
    said, _ = ask("version")
    assert [line.split()[0] for line in said.splitlines()] == ["Relatch", "Python", "SQLite", "schema"]


def test_the_schema_is_the_newest_step() -> None:
    assert schema() == steps().get_current_head()


def test_permissions_are_listed_without_any_setting() -> None:
    said, _ = ask("doctor", "--permissions")
    assert "gmail.metadata" in said
    assert "read the text or the attachments of a mail" in said
