"""Who may import what: the one-way order of the rooms, the one owner of each library, and nothing unasked for."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from importlib.metadata import packages_distributions

import pytest

from tests.house.test_lock import EXTRAS, NEEDED, names
from tests.house.tree import PRODUCT, ROOT, Module, is_in, modules

CORE = {"providers.base", "bot.model"}
BELOW_THE_DESK = CORE | {"bot.rules", "bot.store", "bot.upkeep"}

# What each room may import of ours, besides itself. The longest name wins. A new room needs a line here.
MAY_IMPORT: Mapping[str, Set[str]] = {
    "providers.base": set(),
    "providers.wire": {"providers.base"},
    "providers.refusals": {"providers.base", "providers.wire"},
    "providers.oauth": {"providers.base", "providers.wire", "providers.refusals"},
    "providers.reach": {"providers.base", "providers.wire", "providers.refusals"},
    "providers": {"providers.base", "providers.wire", "providers.refusals", "providers.oauth", "providers.reach"},
    # Office 365 speaks EWS too, where a company still asks for it.
    "providers.microsoft": {
        "providers.base",
        "providers.wire",
        "providers.refusals",
        "providers.oauth",
        "providers.reach",
        "providers.exchange",
    },
    "providers.all": {"providers"},
    "bot.model": {"providers.base"},
    "bot.clock": CORE,
    "bot.settings": CORE | {"bot.rules"},
    "bot.logs": set(),
    "bot.rules": CORE,
    "bot.store": CORE,
    "bot.upkeep": CORE | {"bot.rules", "bot.store"},
    "bot.desk": BELOW_THE_DESK,
    "bot.runner": BELOW_THE_DESK,
    # It calls an address that is no provider's.
    "bot.runner.pulse": {"providers.wire"},
    "bot.operator": BELOW_THE_DESK | {"bot.settings", "bot.clock"},
    "handlers.jinja": set(),
    "handlers.slack": CORE | {"bot.desk", "handlers.jinja"},
    "handlers.web": CORE | {"bot.desk", "handlers.jinja"},
    "bot.build": set(PRODUCT),
    "bot.__main__": set(PRODUCT),
    "templates": set(),
    "bot": set(),
    "handlers": set(),
}

# The only rooms that may import a library. One that is not listed here is free.
OWNERS: Mapping[str, Set[str]] = {
    "slack_bolt": {"handlers.slack"},
    "slack_sdk": {"handlers.slack"},
    "starlette": {"handlers.web"},
    "jinja2": {"handlers.jinja"},
    "sqlalchemy": {"bot.store"},
    "alembic": {"bot.store"},
    "tink": {"bot.store"},
    "requests": {"providers.wire"},
    "urllib3": {"providers.wire"},
    # Google's library brings a transport over requests; inside providers/google it is handed wire's session.
    "google": {"providers.google"},
    "google_auth_oauthlib": {"providers.google"},
    "requests_oauthlib": {"providers.google"},
    "oauthlib": {"providers.google"},
    "msal": {"providers.microsoft"},
    "exchangelib": {"providers.exchange"},
    "simple_salesforce": {"providers.salesforce"},
}
WALL_CLOCK = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
# What a file with such a name has in it, wherever a line was broken.
LOOK = re.compile(r"\b(?:datetime|date|time)\W+(?:now|utcnow|today|time|time_ns)\b")


def rooms_entered(module: Module) -> Iterator[str]:
    """Imports of ours that this module's room does not allow."""
    room = max((room for room in MAY_IMPORT if module.is_in(room)), key=len)
    own = room if room not in {"bot", "handlers", "providers"} else module_folder(module.name)
    for name in module.imports:
        if is_in(name, "tests") or (is_in(name, *PRODUCT) and not is_in(name, own, *MAY_IMPORT[room])):
            yield f"{module.name} imports {name}"


def module_folder(name: str) -> str:
    """`providers.google.pull` may import from `providers.google`, not from `providers.microsoft`."""
    return ".".join(name.split(".")[:2])


def libraries_borrowed(module: Module) -> Iterator[str]:
    """Imports of libraries that belong to another room."""
    for name in module.imports:
        for library, owners in OWNERS.items():
            if is_in(name, library) and not module.is_in(*owners):
                yield f"{module.name} imports {name}, which belongs to {' and '.join(sorted(owners))}"


def clocks_read(module: Module) -> Iterator[str]:
    """Places that ask the machine what time it is."""
    for node in ast.walk(module.tree()) if LOOK.search(module.source) else ():
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in WALL_CLOCK:
            yield f"{module.name}:{node.lineno} reads the wall clock"
    if "time.time" in module.imports:
        yield f"{module.name} imports time.time"


def imported_unasked(folders: Iterable[str], asked: set[str]) -> set[str]:
    """Libraries that these folders import and that come only because another library brings them."""
    known = packages_distributions()
    sources = {top: {each.lower().replace("_", "-") for each in known[top]} for top in known}
    tops = {name.split(".")[0] for module in modules(*folders) for name in module.imports}
    libraries = tops - set(sys.stdlib_module_names) - {*PRODUCT, "tests"}
    # What is not installed here, as the browser of the stories, is judged by its name.
    return {top for top in libraries if not asked & sources.get(top, {top})}


def all_of(offences: Iterable[Iterator[str]]) -> list[str]:
    return [offence for each in offences for offence in each]


def test_rooms_import_one_way() -> None:
    assert all_of(map(rooms_entered, modules(*PRODUCT))) == []


def test_every_room_has_a_line_that_says_what_it_may_import() -> None:
    rooms = {module_folder(module.name) for module in modules("bot", "handlers")} - {"bot", "handlers"}
    assert rooms <= MAY_IMPORT.keys()


def test_each_library_is_imported_by_its_owner_alone() -> None:
    assert all_of(map(libraries_borrowed, modules(*PRODUCT))) == []


def test_the_product_imports_only_what_it_asks_for() -> None:
    assert imported_unasked(PRODUCT, names(NEEDED)) == set()


def test_the_tests_import_only_what_the_extras_ask_for() -> None:
    assert imported_unasked(["tests"], names([*NEEDED, *EXTRAS["test"], *EXTRAS["dev"]])) == set()


def test_one_small_file_reads_the_wall_clock() -> None:
    clocks = ("bot.clock", "tests.sandbox.clock")
    others = [module for module in modules(*PRODUCT, "tests") if not module.is_in(*clocks)]
    assert all_of(map(clocks_read, others)) == []


def test_the_sandbox_imports_nothing_of_ours() -> None:
    sandbox = list(modules("tests/sandbox"))
    assert [f"{m.name} imports {name}" for m in sandbox for name in m.imports if is_in(name, *PRODUCT)] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bot.desk.revoke", "from bot.runner import sync"),
        ("bot.runner.sync", "def run():\n    import bot.desk.sync"),
        ("bot.rules.health", "from bot import store"),
        ("bot.model", "from bot.rules.health import Health"),
        ("handlers.slack.commands", "from bot.store.people import People"),
        ("handlers.slack.commands", "from handlers.web import app"),
        ("handlers.web.sign_in", "from handlers.slack import blocks"),
        ("providers.google.pull", "from providers.microsoft import sign_in"),
        ("providers.exchange.pull", "from providers.microsoft import sign_in"),
        ("providers.google.pull", "from bot.model import Person"),
        ("bot.build", "from tests.sandbox import world"),
    ],
)
def test_a_step_into_the_wrong_room_is_seen(name: str, source: str) -> None:
    assert list(rooms_entered(Module(name, source)))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bot.desk.check", "import requests"),
        ("handlers.slack.modals", "from jinja2 import Environment"),
        ("bot.upkeep.renew", "import sqlalchemy as sa"),
        ("providers.microsoft.sign_in", "import google.auth.transport.requests"),
    ],
)
def test_a_borrowed_library_is_seen(name: str, source: str) -> None:
    assert list(libraries_borrowed(Module(name, source)))


@pytest.mark.parametrize(
    "source", ["datetime.now(UTC)", "dt.datetime.utcnow()", "x = time.time()", "from time import time"]
)
def test_a_look_at_the_wall_clock_is_seen(source: str) -> None:
    assert list(clocks_read(Module("bot.rules.health", source)))


def python(*, says: str) -> str:
    """Run these lines in a fresh interpreter with an empty environment, and return what they print."""
    command = [sys.executable, "-c", says]
    done = subprocess.run(command, env={}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_nouns_and_the_rules_load_no_library_of_a_vendor() -> None:
    names = [m.name for m in modules("bot") if m.is_in("bot.model", "bot.rules")]
    loaded = python(says=f"import sys, providers.base, {', '.join(names)}; print(*sys.modules)").split()
    assert OWNERS.keys() & set(loaded) == set()


def test_nothing_happens_on_import() -> None:
    names = [m.name for m in modules(*PRODUCT) if not m.is_in("bot.store.migrations")]
    # Nothing of what is imported is garbage: looking for it would take a quarter of the time.
    says = f"import gc, threading; gc.disable(); import {', '.join(names)}; print(threading.active_count())"
    assert python(says=says).split() == ["1"]
