"""The wheel: all of the product is inside and no test is; what it installs runs from anywhere and leaves no trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
import requests

from tests.house.tree import LEFTOVERS, PRODUCT, ROOT, files, where
from tests.sandbox.child import DIRECT
from tests.sandbox.world import Sandbox, Vendor

SHIPPED = (".py", ".j2", ".css", ".js", ".svg", ".mako")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It is built from a copy, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in (*PRODUCT, "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns(*LEFTOVERS))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('dist')"]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next((copy / "dist").glob("relatch-*.whl"))


@pytest.fixture(scope="module")
def wheel(built: Path) -> list[str]:
    """The names inside."""
    with ZipFile(built) as archive:
        return archive.namelist()


def test_it_holds_every_file_of_the_product(wheel: list[str]) -> None:
    ours = {where(path) for path in files(*SHIPPED) if path.relative_to(ROOT).parts[0] in PRODUCT}
    assert ours - set(wheel) == set()


def test_it_holds_nothing_else(wheel: list[str]) -> None:
    tops = {Path(name).parts[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PRODUCT)
    assert {Path(name).suffix for name in wheel if ".dist-info/" not in name} <= set(SHIPPED)


def test_it_carries_the_licence_and_the_command(wheel: list[str]) -> None:
    names = {Path(name).name for name in wheel}
    assert {"LICENSE", "entry_points.txt"} <= names


def test_the_version_stands_in_one_place(built: Path) -> None:
    assert built.name.startswith(f"relatch-{VERSION}-")
    spelt = [where(path) for path in files(".py") if f'"{VERSION}"' in path.read_text("utf-8")]
    assert [path for path in spelt if path.split("/")[0] in PRODUCT] == []


# Installed


class Installed:
    """The wheel in a virtual environment of its own. The libraries are those that these tests run with."""

    def __init__(self, folder: Path, built: Path) -> None:
        self.folder = folder / "venv"
        venv.create(self.folder, with_pip=False)
        packages = next((self.folder / "lib").glob("python*/site-packages"))
        # A line of a .pth file is searched last, and what stands there is not followed: not to the checkout either.
        (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
        # Pip is one of the libraries. That the checkout is installed there, for these tests, is nothing to it.
        pip = [str(self.folder / "bin" / "python"), "-m", "pip", "install", "--ignore-installed"]
        subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(built)], check=True, cwd=folder)
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        self.elsewhere.chmod(0o555)

    def command(self, *words: str) -> list[str]:
        return [str(self.folder / "bin" / "relatch"), *words]

    def environment(self, **settings: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("RELATCH_", "PYTHON"))}
        return {**plain, "PYTHONDONTWRITEBYTECODE": "1", **settings}

    def says(self, *words: str, **settings: str) -> str:
        done = subprocess.run(
            self.command(*words), cwd=self.elsewhere, env=self.environment(**settings),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, says: str) -> str:
        command = [str(self.folder / "bin" / "python"), "-c", says]
        return subprocess.check_output(command, cwd=self.elsewhere, env=self.environment(), text=True)

    def seal(self) -> None:
        """As a read-only file system would: nobody but root can write here, and root would leave a trace."""
        for path in [self.folder, *self.folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        self.sealed = self.seen()

    def seen(self) -> dict[str, int]:
        """Each file with the time of its last change."""
        both = [*self.folder.rglob("*"), *self.elsewhere.rglob("*")]
        return {str(path): path.lstat().st_mtime_ns for path in both}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Installed]:
    installed = Installed(tmp_path_factory.mktemp("installed"), built)
    installed.seal()
    yield installed
    # Else nobody but root could clear it away.
    for path in [installed.folder, *installed.folder.rglob("*"), installed.elsewhere]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def test_the_installed_code_is_the_wheels(installed: Installed) -> None:
    place = installed.python("import bot, handlers, providers, templates; print(bot.__file__)")
    assert place.startswith(str(installed.folder))


def test_the_command_helps_and_says_its_version(installed: Installed) -> None:
    assert "run" in installed.says("--help")
    assert VERSION in installed.says("version")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("world"), vendors=(Vendor.GOOGLE,)) as world:
        yield world


@pytest.fixture(scope="module")
def manifest(installed: Installed, world: Sandbox) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(installed.says("manifest", RELATCH_PUBLIC_URL=world.public_url))
    return printed


def test_the_manifest_is_printed_from_any_folder(manifest: dict[str, Any]) -> None:
    assert manifest["display_information"]["name"] == "Relatch"


def test_it_serves_from_a_folder_that_it_may_not_write_and_leaves_no_trace(
    installed: Installed, world: Sandbox, manifest: dict[str, Any], tmp_path: Path
) -> None:
    world.install(manifest)
    settings = world.settings()
    with (tmp_path / "bot.log").open("wb") as log:
        bot = subprocess.Popen(
            installed.command("run"), cwd=installed.elsewhere, env=installed.environment(**settings),
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        world.slack.wait(lambda: answers(bot, settings), 40, "an installed bot that is ready")
    finally:
        bot.send_signal(signal.SIGTERM)
        ended = bot.wait(40)
    assert ended == 0, (tmp_path / "bot.log").read_text()
    assert installed.seen() == installed.sealed


def answers(bot: subprocess.Popen[bytes], settings: dict[str, str]) -> bool:
    """Its templates and migrations came along: the page is drawn, and the database stands."""
    host = {"Host": urlsplit(settings["RELATCH_PUBLIC_URL"]).netloc}
    if bot.poll() is not None:
        raise RuntimeError("the bot ended by itself")
    try:
        ready, style = (
            requests.get(f"http://{settings['RELATCH_LISTEN']}{path}", headers=host, timeout=2, proxies=DIRECT)
            for path in ("/readyz", "/style.css")
        )
    except requests.RequestException:
        return False
    return ready.ok and style.ok
