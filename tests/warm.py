"""Starting Relatch where its imports end: a process of its own, forked from one that has loaded everything.

For tests that start very many. The stories, the faults, `tests/rehearsal/operator/test_start.py` and one test of each
other room start it as an operator does. All workers of one run share the process that has loaded everything.
"""

from __future__ import annotations

import atexit
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer
from typing import TextIO

from tests.sandbox.child import Program, environment

# Where the process that has loaded everything is asked; workers inherit it from who started them.
ADDRESS = "LOADED_AT"


def load() -> None:
    """Starts the process that has loaded everything. It ends with the one that calls this."""
    # Only this user may open the folder: who can ask there has code run.
    folder = tempfile.TemporaryDirectory(prefix="relatch-loaded-")
    address = str(Path(folder.name, "ask"))
    words = [sys.executable, "-m", "tests.warm", address]
    # In a session of its own: Ctrl-C in the terminal is for who started the tests.
    process = subprocess.Popen(
        words, env=environment({}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        said.readline()
    os.environ[ADDRESS] = address

    @atexit.register
    def _end() -> None:
        process.kill()
        process.wait()
        folder.cleanup()


def launch(program: Program) -> Forked:
    """Like `tests.sandbox.child.launch`, a second sooner."""
    if ADDRESS not in os.environ:
        load()
    return Forked(program, os.environ[ADDRESS])


class Forked:
    """What subprocess.Popen would be. Its line tells its number at once, and its exit code when it has ended."""

    def __init__(self, program: Program, address: str) -> None:
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(address)
        self._line.sendall(pickle.dumps(program))
        self._said = self._line.makefile("r")
        self.pid = int(self._said.readline())
        self._code: int | None = None

    def poll(self) -> int | None:
        return self._ended(within=0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(within=timeout)
        if code is None:
            raise subprocess.TimeoutExpired("relatch", timeout or 0)
        return code

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _ended(self, *, within: float | None) -> int | None:
        if self._code is None and wait([self._line], within):
            with self._line, self._said:
                self._code = int(self._said.readline())
        return self._code

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class _Loaded(ForkingMixIn, UnixStreamServer):
    """Forks for each that asks; what it forks waits for the program and tells how it ended."""

    max_children = 1000
    request_queue_size = 100
    block_on_close = False

    def __init__(self, address: str) -> None:
        super().__init__(address, _Keeper)
        self._owner = os.getppid()

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self._owner:
            sys.exit()


class _Keeper(StreamRequestHandler):
    def handle(self) -> None:
        process = ForkProcess(target=_become, args=(pickle.load(self.rfile),))  # noqa: S301 - from our own tests
        process.start()
        # Nobody listens any more for one that its test has given up.
        with suppress(BrokenPipeError):
            self._tell(process.pid)
            process.join()
            self._tell(process.exitcode)

    def _tell(self, number: int | None) -> None:
        self.wfile.write(f"{number}\n".encode())


def _become(program: Program) -> None:
    """In the new process: takes on all that `launch` of the sandbox gives a process, and is the program."""
    os.setsid()
    os.chdir(program.directory)
    os.environ.clear()
    os.environ.update(program.environment)
    # What was there before belongs to whoever started the tests; these are new and know what they are.
    sys.stdout, sys.stderr = (_appending(path, stream) for path, stream in ((program.out, 1), (program.err, 2)))
    sys.argv[1:] = program.words
    runpy.run_module(program.module, run_name="__main__", alter_sys=True)


def _appending(path: Path, stream: int) -> TextIO:
    with path.open("ab") as file:
        os.dup2(file.fileno(), stream)
    return os.fdopen(stream, "w", encoding="utf-8", closefd=False)


def _serve(address: str) -> None:
    with _Loaded(address) as loaded:
        # It can be asked already, and answers when all is there.
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        import_module("tests.loaded")
        loaded.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
