"""Backups: a copy of the database that was verified, and a copy put in the database's place. Never holds a key."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkstemp

from bot.store.database import Store, Tx, refuse_other_keys
from bot.store.lockfile import hold_lock
from bot.store.refused import StoreRefused
from bot.store.soundness import Sound, Told
from bot.store.vault import KeysetFile, keep_names

MADE_AT = "backup.made_at"
LOOK = 0.05
# What SQLite keeps beside a database that is open.
BESIDE = ("-wal", "-shm")


def make(path: Path, keys: KeysetFile, target: Path, *, at: datetime, told: Told) -> Sound:
    """Copy the database at `path` to `target` beside a running bot, and verify the copy. Raises StoreRefused.

    `target` is there once all of it is there, verified, and safe from a power cut.
    """
    _refuse_target(target, keys)
    with _beside(target) as copy:
        with closing(Store.visit(path, keys)) as store:
            _copy(store, copy, told)
        with closing(Store.visit(copy, keys)) as store:
            with store.write() as tx:
                tx.settings.put(MADE_AT, at.isoformat())
            sound = store.verify(told)
        _put_in_place(copy, target)
    return sound


def restore(
    file: Path,
    path: Path,
    keys: KeysetFile,
    *,
    replace: bool,
    at: datetime,
    prepare: Callable[[Tx, datetime], None],
    told: Told,
) -> tuple[Sound, datetime, Path | None]:
    """Put the backup `file` in the place of the database at `path`. Raises StoreRefused, and then changed nothing.

    `prepare` is called in the transaction before that, with the time of the backup. Gives what was verified, that
    time, and where the database that was there is kept.
    """
    keys.refuse_beside(path)
    if not file.is_file() or any(file.with_name(file.name + end).exists() for end in BESIDE):
        raise StoreRefused(f"{file} is no backup: `relatch backup` makes one file that nobody has open.")
    refuse_other_keys(file, keys)
    if path.exists() and not replace:
        raise StoreRefused(f"There is a database at {path}. With --replace it is kept beside the restored one.")
    with hold_lock(path), _beside(path) as copy:
        shutil.copyfile(file, copy)
        with closing(Store.open(copy, keys)) as store:
            sound = store.verify(told)
            with store.write() as tx:
                made_at = _made_at(tx, file)
                # Whoever signed out since then must not be signed in again.
                tx.sessions.end_all()
                prepare(tx, made_at)
        kept = _set_aside(path, at) if path.exists() else None
        _put_in_place(copy, path)
    return sound, made_at, kept


def _refuse_target(target: Path, keys: KeysetFile) -> None:
    if target.exists():
        raise StoreRefused(f"{target} is there already. A backup is never written over.")
    if not target.parent.is_dir():
        raise StoreRefused(f"There is no folder {target.parent}. Make it first.")
    if target.resolve().parent == keys.path.resolve().parent:
        raise StoreRefused(
            f"The key file is in {target.parent}: whoever takes that folder would have the secrets and their key. "
            "Choose another one."
        )


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file of mode 0600 in the same folder. Whatever is left of it at the end goes."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise StoreRefused(f"The folder {target.parent} cannot be written: {error.strerror}.") from error
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for left in [each for each in target.parent.iterdir() if each.name.startswith(Path(name).name)]:
            left.unlink()


def _copy(store: Store, target: Path, told: Told) -> None:
    size = store.size()
    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(store.copy_to, target)
        while not wait([copying], LOOK).done:
            told("Copying", target.stat().st_size, size)
        copying.result()


def _put_in_place(copy: Path, target: Path) -> None:
    if any(copy.with_name(copy.name + end).exists() for end in BESIDE):
        raise StoreRefused(f"Somebody has {copy} open.")
    _sync(copy)
    copy.replace(target)
    keep_names(target.parent)


def _set_aside(path: Path, at: datetime) -> Path:
    """A copy first: a cut in the middle must not leave the one without its recent changes the only one."""
    kept = path.with_name(f"{path.name}.replaced-{at:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise StoreRefused(f"{kept} is there already.")
    for end in ("", *BESIDE):
        if path.with_name(path.name + end).exists():
            shutil.copy2(path.with_name(path.name + end), kept.with_name(kept.name + end))
            _sync(kept.with_name(kept.name + end))
    keep_names(path.parent)
    for end in BESIDE:
        # They would be taken for the restored one's.
        path.with_name(path.name + end).unlink(missing_ok=True)
    return kept


def _made_at(tx: Tx, file: Path) -> datetime:
    made_at = tx.settings.get(MADE_AT)
    return datetime.fromisoformat(made_at) if made_at else datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
