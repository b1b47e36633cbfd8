"""The command line as an operator has it: a process of its own, its exit code, and what it said on either stream."""

from __future__ import annotations

import os
import pty
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import warm
from tests.sandbox import child
from tests.sandbox.child import Program, Said


def relatch(*words: str, settings: Mapping[str, str], directory: Path) -> Said:
    """In a process that is warm already: see tests/warm.py."""
    said = child.relatch(*words, settings=settings, directory=directory, launch=warm.launch)
    assert "Traceback" not in said.all, said.all
    return said


def at_a_terminal(*words: str, settings: Mapping[str, str], directory: Path) -> str:
    """What comes out of the pipe, while standard error is a terminal with its spinners and bars."""
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", **settings}
    ours, theirs = pty.openpty()
    try:
        with TemporaryDirectory() as folder:
            out = Path(folder, "out")
            process = warm.launch(Program(words, directory, environment, out, err=Path(os.ttyname(theirs))))
            try:
                process.wait(60)
            finally:
                process.kill()
            return out.read_text("utf-8")
    finally:
        os.close(theirs)
        os.close(ours)


def lines_of(said: Said, level: str, part: str) -> list[str]:
    """Doctor's findings of one kind about one thing."""
    return [line for line in said.out.splitlines() if line.startswith(f"{level:<5}{part}: ")]
