"""Starting Relatch where its imports end: a process of its own, forked from one that has loaded everything.

For tests that start very many. The stories, the faults, `tests/operator/test_start.py` and one test of each other room
start it as an operator does.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

from tests.sandbox.child import Program

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.loaded"])


def launch(program: Program) -> Forked:
    """Like `tests.sandbox.child.launch`, a second sooner."""
    process = _context.Process(target=_become, args=(program,))
    process.start()
    return Forked(process)


class Forked:
    """What subprocess.Popen would be."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid: int = process.pid
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("relatch", timeout or 0)
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _become(program: Program) -> None:
    """In the new process: takes on all that `launch` of the sandbox gives a process, and is the program."""
    os.setsid()
    os.chdir(program.directory)
    os.environ.clear()
    os.environ.update(program.environment)
    # What the server of processes had as its streams may have been a terminal; these are new and know what they are.
    sys.stdout, sys.stderr = (_appending(path, stream) for path, stream in ((program.out, 1), (program.err, 2)))
    sys.argv[1:] = program.words
    runpy.run_module(program.module, run_name="__main__", alter_sys=True)


def _appending(path: Path, stream: int) -> TextIO:
    with path.open("ab") as file:
        os.dup2(file.fileno(), stream)
    return os.fdopen(stream, "w", encoding="utf-8", closefd=False)
