"""The bot as a child process with exactly the settings it is given, started as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0
# The bot lets work in progress end for 25 s after SIGTERM.
ENDS_WITHIN = 30.0


class ChildDied(Exception):
    """The bot ended by itself, or never became ready. `last_lines` is the end of its log."""

    def __init__(self, what: str, last_lines: str) -> None:
        super().__init__(f"{what}; its last lines:\n{last_lines}")
        self.last_lines = last_lines


@dataclass(frozen=True, slots=True)
class Program:
    """What `python -m` starts, which is `relatch`, with its words. What it says is appended to the two files; nobody
    sits at its standard input.
    """

    words: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    out: Path
    err: Path
    module: str = "bot"


class Process(Protocol):
    """As subprocess.Popen has it."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


Launch = Callable[[Program], Process]


def launch(program: Program) -> Process:
    """As an operator would."""
    with program.out.open("ab") as out, program.err.open("ab") as err:
        return subprocess.Popen(
            [sys.executable, "-m", program.module, *program.words],
            env=program.environment,
            cwd=program.directory,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            # A Ctrl-C in the terminal is ours to pass on: as the one SIGTERM that an operator would send.
            start_new_session=True,
        )


class Child:
    """`relatch run` (or other `words`) in `directory`, its log in `directory`/bot.log."""

    def __init__(
        self,
        settings: Mapping[str, str],
        directory: Path,
        words: tuple[str, ...] = ("run",),
        launch: Launch = launch,
    ) -> None:
        self._settings = settings
        self._words = words
        self._directory = directory
        self._launch = launch
        self._process: Process | None = None

    @property
    def log(self) -> Path:
        return self._directory / "bot.log"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        program = Program(self._words, self._directory, environment(self._settings), out=self.log, err=self.log)
        self._process = self._launch(program)

    @property
    def ended(self) -> bool:
        return self._running().poll() is not None

    def wait_until_ready(self, seconds: float = READY_WITHIN) -> None:
        """Raises ChildDied when it ends before, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise ChildDied(f"the bot was not ready after {seconds:.0f} s", self.last_lines())
            time.sleep(0.1)

    def check(self) -> None:
        """Raises ChildDied when it is no longer running."""
        code = self._running().poll()
        if code is not None:
            raise ChildDied(f"the bot ended with code {code}", self.last_lines())

    def stop(self) -> int:
        """Ends it as an operator would and gives its exit code; kills it where it does not end in time."""
        process = self._running()
        process.terminate()
        try:
            return process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """As a power cut would."""
        process = self._running()
        process.kill()
        process.wait()

    def last_lines(self, count: int = 30) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    def _running(self) -> Process:
        assert self._process is not None, "the bot was never started"
        return self._process

    def _is_ready(self) -> bool:
        try:
            answer = requests.get(
                f"http://{self._settings['RELATCH_LISTEN']}/readyz", timeout=2, proxies=DIRECT
            )
        except requests.RequestException:
            return False
        return answer.status_code == 200


# The sandbox is on loopback: a proxy of the environment must not be asked for it.
DIRECT = {"http": "", "https": ""}


@dataclass(frozen=True, slots=True)
class Said:
    """`out` is what can be piped, `err` what is for the eyes."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


def relatch(*words: str, settings: Mapping[str, str], directory: Path, launch: Launch = launch) -> Said:
    """Runs `relatch` with these words to its end."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = launch(Program(words, directory, environment(settings), out, err))
        try:
            code = process.wait(60)
        finally:
            process.kill()
        return Said(code, *(file.read_text("utf-8", errors="replace") for file in (out, err)))


def manifest(public_url: str, directory: Path, *, http: bool = False, launch: Launch = launch) -> dict[str, Any]:
    """What `relatch manifest` prints when it is told nothing but its public address."""
    words = ("manifest", "--http") if http else ("manifest",)
    said = relatch(*words, settings={"RELATCH_PUBLIC_URL": public_url}, directory=directory, launch=launch)
    if said.code:
        raise ChildDied(f"`relatch manifest` ended with code {said.code}", said.err)
    document: dict[str, Any] = json.loads(said.out)
    return document


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """No RELATCH_* of the developer's shell, and by the working directory no .env of the checkout either."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELATCH_")}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), **settings}
