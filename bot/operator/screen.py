"""What an operator sees: lines, tables and progress. Only answers stand on standard output, so that it can be piped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from bot.model import Finding, Level

T = TypeVar("T")

# Where nobody looks at it, a line is as long as it needs to be.
WIDTH_OF_A_PIPE = 400
COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def say(words: str) -> None:
    _console().print(_plain(words), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*(_plain(str(cell)) for cell in row))
    _console().print(shown)


def finding(found: Finding) -> None:
    """One line, and below it how to mend it."""
    line = Text.assemble((f"{found.level:<5}", COLOURS[found.level]), (f"{_safe(found.part)}: ", "bold"))
    _console().print(line + _plain(found.words), soft_wrap=True)
    if found.mend:
        _console().print(_plain(f"     -> {found.mend}"), soft_wrap=True)


def waited(words: str, items: Iterator[T]) -> Iterator[T]:
    """Each of them as it comes. Who sits at a terminal sees what is waited for meanwhile."""
    while True:
        with waiting(words):
            item = next(items, None)
        if item is None:
            return
        yield item


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Nothing may be said meanwhile."""
    with _progress(SpinnerColumn(), TextColumn("{task.description}")) as progress:
        progress.add_task(_safe(words), total=None)
        yield


@contextmanager
def counting(words: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """A bar at a terminal; nothing where nobody looks. What it gives is called once for each step."""
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _progress(*bar) as progress:
        task = progress.add_task(_safe(words), total=total)
        yield lambda: progress.advance(task)


def _progress(*columns: ProgressColumn) -> Progress:
    err = Console(stderr=True)
    # Rich would send all that goes to standard output meanwhile to the terminal, past whatever it is piped into.
    return Progress(
        *columns,
        console=err,
        transient=True,
        disable=not err.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _console() -> Console:
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDTH_OF_A_PIPE)


def _plain(words: str) -> Text:
    return Text(_safe(words))


def _safe(words: str) -> str:
    """People choose their names: nothing in one may move the cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in words)
