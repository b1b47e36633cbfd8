"""The command line as an operator has it: a process of its own, its exit code, and what it said on either stream."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests import warm
from tests.sandbox import child
from tests.sandbox.child import CHECKOUT, Said


def relatch(*words: str, settings: Mapping[str, str], directory: Path) -> Said:
    """In a process that is warm already: see tests/warm.py."""
    said = child.relatch(*words, settings=settings, directory=directory, launch=warm.launch)
    assert "Traceback" not in said.all, said.all
    return said


def at_a_terminal(*words: str, settings: Mapping[str, str], directory: Path) -> str:
    """What comes out of the pipe, while standard error is a terminal with its spinners and bars."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONPATH": str(CHECKOUT), **settings},
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return done.stdout


def lines_of(said: Said, level: str, part: str) -> list[str]:
    """Doctor's findings of one kind about one thing."""
    return [line for line in said.out.splitlines() if line.startswith(f"{level:<5}{part}: ")]
