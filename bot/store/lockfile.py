"""One `relatch run` for one database. Knows nothing of what is inside."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.store.refused import StoreRefused


def is_held(path: Path) -> bool:
    """Whether a `relatch run` serves the database at `path` now."""
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def hold_lock(path: Path, refusal: str = "Another Relatch already serves {path}. Stop it first.") -> Iterator[None]:
    """Hold the lock of the file at `path`. Raises StoreRefused with `refusal` while another process holds it.

    It is a file beside the database that stays there: the system lets go of it however its holder ends.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreRefused(refusal.format(path=path)) from error
        yield
    finally:
        os.close(descriptor)
