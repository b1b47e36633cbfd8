"""The whole program beside a bare Bolt app: how soon a command is answered, what it holds, what it does while idle."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.sandbox.child import Launch, Process, Program, launch
from tests.sandbox.world import GRACE
from tests.stage import Stage
from tests.telling import Tell

COMMANDS = 60
IDLE = 10.0
TICKS = os.sysconf("SC_CLK_TCK")
# About twice what is measured on two cores; more is a finding.
SLOWER, LARGER = 3, 5
# Bolt alone does nothing at all while idle, so that no ratio can be given: percent of a core.
IDLE_PERCENT = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """`ready` and `answer` in seconds, `memory` in MB, `idle` in percent of one core."""

    ready: float
    answer: float
    memory: float
    idle: float


def test_the_whole_program_beside_bare_bolt(tmp_path: Path, tell: Tell) -> None:
    ours, bare = measured(tmp_path / "ours", launch), measured(tmp_path / "bare", bolt_alone)
    tell(
        f"The program: ready after {ours.ready:.1f} s, bare Bolt {bare.ready:.1f} s; a command shows its answer after "
        f"{ours.answer * 1000:.0f} ms, bare {bare.answer * 1000:.0f} ms: {ours.answer / bare.answer:.1f} times; "
        f"memory {ours.memory:.0f} MB, bare {bare.memory:.0f} MB: {ours.memory / bare.memory:.1f} times; "
        f"idle {ours.idle:.2f} % of a core, bare {bare.idle:.2f} %"
    )
    assert ours.answer < SLOWER * bare.answer
    assert ours.memory < LARGER * bare.memory
    assert ours.idle < bare.idle + IDLE_PERCENT


def measured(folder: Path, program: Launch) -> Measured:
    folder.mkdir()
    begun = time.monotonic()
    with Stage(folder, launch=program) as stage:
        ready = time.monotonic() - begun
        answers = [answered(stage) for _ in range(COMMANDS)][COMMANDS // 4 :]
        with busy(stage.bot.pid) as spent:
            time.sleep(IDLE)  # Nothing is waited for: this is the time that is measured.
        return Measured(ready, median(answers), resident(stage.bot.pid), 100 * spent[0] / IDLE)


def answered(stage: Stage) -> float:
    """In seconds, until the person sees it."""
    seen = len(stage.slack.ephemerals(GRACE.id))
    begun = time.perf_counter()
    stage.slack.command(GRACE.id, "help")
    stage.wait(lambda: len(stage.slack.ephemerals(GRACE.id)) > seen, "an answer")
    return time.perf_counter() - begun


def bolt_alone(program: Program) -> Process:
    return launch(replace(program, words=(), module="tests.bench.bare") if program.words == ("run",) else program)


def resident(pid: int) -> float:
    [line] = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


@contextmanager
def busy(pid: int) -> Iterator[list[float]]:
    """Seconds of processor that it took, when the block has ended."""
    spent: list[float] = []
    before = _processor(pid)
    yield spent
    spent.append(_processor(pid) - before)


def _processor(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS
