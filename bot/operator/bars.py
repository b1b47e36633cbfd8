"""A progress bar for what takes longer than a second. It knows nothing of what is being done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import Progress

AFTER = 1.0


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Tell it what is being done, how far it is and how far it goes. It stands on standard error, and goes away."""
    begun = monotonic()
    with Progress(
        console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal
    ) as progress:
        task = progress.add_task("", visible=False)

        def told(what: str, done: int, total: int) -> None:
            late = monotonic() - begun > AFTER
            progress.update(task, description=what, completed=done, total=total or None, visible=late)

        yield told
