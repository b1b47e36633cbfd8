"""The wheel: every package and every word that a person reads is inside, and no test is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.tree import LEFTOVERS, PRODUCT, ROOT, files, where

SHIPPED = (".py", ".j2", ".css", ".js", ".svg", ".mako")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names inside the wheel. It is built from a copy, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in (*PRODUCT, "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns(*LEFTOVERS))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('dist')"]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with ZipFile(next((copy / "dist").glob("relatch-*.whl"))) as archive:
        return archive.namelist()


def test_it_holds_every_file_of_the_product(wheel: list[str]) -> None:
    ours = {where(path) for path in files(*SHIPPED) if path.relative_to(ROOT).parts[0] in PRODUCT}
    assert ours - set(wheel) == set()


def test_it_holds_nothing_else(wheel: list[str]) -> None:
    tops = {Path(name).parts[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PRODUCT)


def test_it_carries_the_licence_and_the_command(wheel: list[str]) -> None:
    names = {Path(name).name for name in wheel}
    assert {"LICENSE", "entry_points.txt"} <= names
