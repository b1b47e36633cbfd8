"""What doctor finds at home: the keys, the database, where it lies, and whether a bot runs. It changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.model import Finding, Level
from bot.store.credentials import Unended
from bot.store.database import Store
from bot.store.events import ChainBroken
from bot.store.examine import MOUNTS, Inside, file_system, inside
from bot.store.lockfile import is_held
from bot.store.refused import StoreAway, StoreRefused
from bot.store.vault import KeysetFile

KEYSET, DATABASE, HISTORY, REVOCATIONS, LOCK = "keyset", "database", "history", "revocations", "bot"
MOST_NAMED = 10
# SQLite's locks do not hold there, and two writers would damage the file: sqlite.org/faq.html, question 5.
OVER_THE_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}
)
MEGABYTE = 1024 * 1024
TOO_LITTLE = 100 * MEGABYTE
LITTLE = 1024 * MEGABYTE


def keyset(path: Path, *, database: Path) -> Iterator[Finding]:
    """Never any of a key: ids only."""
    if not path.exists():
        if database.exists():
            mend = "Restore it, or correct RELATCH_KEYSET. Without it every sealed sign-in is lost."
            yield Finding(Level.FAIL, KEYSET, f"{path} is missing, and there is a database.", mend)
        else:
            yield Finding(Level.OK, KEYSET, f"There is none at {path} yet: the first start makes it.")
        return
    try:
        KeysetFile(path).refuse_beside(database)
        keys = KeysetFile(path).keys()
    except StoreRefused as refused:
        yield Finding(Level.FAIL, KEYSET, refused.words, "Mend that, and ask again.")
        return
    ids = ", ".join(f"{key.id}{' (seals)' if key.primary else ''}" for key in keys)
    words = f"{path}, {_mode(path)}, owned by {_owner(path)}; key ids {ids}."
    yield _owned(path, KEYSET, words)


def database(path: Path, *, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """`mounts` lists what is mounted where, as the kernel writes it."""
    if not path.exists():
        yield from _not_there_yet(path, mounts)
        return
    yield from _whole(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(Level.FAIL, DATABASE, f"Others may read {path} ({_mode(path)}).", f"chmod 600 {path}")
    else:
        yield _owned(path, DATABASE, f"{path}, {_mode(path)}, owned by {_owner(path)}.")
    yield from _place(path.parent, path.stat().st_size, mounts)


def opens(path: Path, keys: Path) -> Iterator[Finding]:
    """Whether the keys are this database's, and nobody has touched the history."""
    if not path.exists():
        return
    try:
        store = Store.visit(path, KeysetFile(keys))
    except (StoreRefused, StoreAway) as refused:
        yield Finding(Level.FAIL, DATABASE, str(refused), "Do what it says, and ask again.")
        return
    try:
        yield Finding(Level.OK, KEYSET, "It opens what this database has sealed.")
        with store.read() as tx:
            yield Finding(Level.OK, HISTORY, f"{tx.events.verify()} lines, each verified against the one before.")
            yield _revocations(tx.credentials.unended())
    except ChainBroken as broken:
        mend = "Compare it with an earlier export or backup, and find out who could write to the file."
        yield Finding(Level.FAIL, HISTORY, f"Line {broken.event_id} was changed or is missing.", mend)
    finally:
        store.close()


def bot(path: Path) -> Finding:
    if is_held(path):
        return Finding(Level.OK, LOCK, "A bot serves this database now. That is fine: nothing here disturbs it.")
    return Finding(Level.OK, LOCK, "No bot is running on this database now.")


def _revocations(unended: Sequence[Unended]) -> Finding:
    if not unended:
        return Finding(Level.OK, REVOCATIONS, "None that a vendor has been asked for in vain.")
    named = ", ".join(f"{each.name} ({each.provider}, tried {each.attempts} times)" for each in unended[:MOST_NAMED])
    more = f" and {len(unended) - MOST_NAMED} more" if len(unended) > MOST_NAMED else ""
    words = f"{len(unended)} not known to have ended at the vendor: {named}{more}. Nobody can use them here."
    mend = "A running bot tries on by itself. The vendor's own lines below may say why; else end it by hand there."
    return Finding(Level.WARN, REVOCATIONS, words, mend)


def _not_there_yet(path: Path, mounts: Path) -> Iterator[Finding]:
    nearest = next(folder for folder in path.parents if folder.exists())
    if os.access(nearest, os.W_OK):
        yield Finding(Level.OK, DATABASE, f"There is none at {path} yet: the first start makes it.")
    else:
        mend = "Let the user who runs Relatch write there, or correct RELATCH_DATABASE."
        yield Finding(Level.FAIL, DATABASE, f"It cannot be made: {nearest} may not be written.", mend)
    yield from _place(nearest, 0, mounts)


def _whole(path: Path) -> Iterator[Finding]:
    try:
        found = inside(path)
    except StoreRefused as refused:
        yield Finding(Level.FAIL, DATABASE, refused.words, "Restore the newest backup with `relatch restore`.")
        return
    if found.damage:
        mend = "Stop the bot and restore the newest backup with `relatch restore`."
        yield Finding(Level.FAIL, DATABASE, f"It is damaged: {'; '.join(found.damage)}.", mend)
    else:
        yield Finding(Level.OK, DATABASE, "Its integrity was checked: it is whole.")
    yield _schema(found)
    if found.journal != "wal":
        mend = "The next start sets it. If it stays so, the file system cannot do it: move the database."
        yield Finding(Level.WARN, DATABASE, f"Its journal is {found.journal} and not WAL.", mend)


def _schema(found: Inside) -> Finding:
    if found.schema == found.newest:
        return Finding(Level.OK, DATABASE, f"Schema {found.schema}, journal {found.journal}.")
    if found.schema > found.newest:
        words = f"Schema {found.schema} is newer than this Relatch, which knows {found.newest}."
        return Finding(Level.FAIL, DATABASE, words, "Install the newer Relatch again.")
    words = f"Schema {found.schema or 'none'}; this Relatch has {found.newest}."
    return Finding(Level.WARN, DATABASE, words, "The next `relatch run` upgrades it, after a copy beside it.")


def _place(folder: Path, size: int, mounts: Path) -> Iterator[Finding]:
    kind = file_system(folder, mounts)
    if kind in OVER_THE_NETWORK:
        mend = "Move it to a disk of this machine: SQLite's locks do not hold over the network."
        yield Finding(Level.FAIL, DATABASE, f"It lies on a network file system ({kind}).", mend)
    free = shutil.disk_usage(folder).free
    words = f"{free // MEGABYTE:,} MB free" + (f" on {kind}." if kind else ".")
    level = Level.FAIL if free < TOO_LITTLE else Level.WARN if free < max(LITTLE, 2 * size) else Level.OK
    # An upgrade copies the whole of it first.
    mend = "" if level is Level.OK else f"Make room on the disk of {folder}: an upgrade needs twice the database."
    yield Finding(level, DATABASE, words, mend)


def _owned(path: Path, part: str, words: str) -> Finding:
    if path.stat().st_uid == os.geteuid():
        return Finding(Level.OK, part, words)
    return Finding(Level.WARN, part, words, "You are somebody else: run doctor as the user who runs Relatch.")


def _mode(path: Path) -> str:
    return f"mode {stat.S_IMODE(path.stat().st_mode):04o}"


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)
