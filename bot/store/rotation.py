"""Giving all secrets a new key beside a running bot. Cut at any point, it is gone on with by the next call.

The key file gets a second key, which then becomes the one that seals; every text of the old one is sealed anew; the
old one goes when nothing is left on it. What has been done shows in the file and in the texts: nothing else is kept.
"""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.store.database import Store
from bot.store.lockfile import hold_lock
from bot.store.refused import StoreRefused
from bot.store.soundness import Told
from bot.store.vault import KeysetFile, SecretUnreadable

# So many texts in one transaction: the bot beside us waits for its turn a few milliseconds.
AT_ONCE = 50
BREATH = timedelta(milliseconds=5)
# Whoever read a text of the old key before it was sealed anew has opened it by then.
READERS_END = timedelta(seconds=2)
SEALING = "Sealing anew"


@dataclass(frozen=True, slots=True)
class Rotated:
    """`resumed`: an earlier one was cut short, and this is its end. `sealed`: so many texts by this call."""

    key: int
    gone: tuple[int, ...]
    sealed: int
    resumed: bool


def rotate(path: Path, keys: KeysetFile, *, told: Told) -> Rotated:
    """Raises StoreRefused, and then every secret still opens."""
    with (
        closing(Store.visit(path, keys)) as store,
        hold_lock(keys.path, "The keys in {path} are being changed by another command. Wait for its end."),
    ):
        known = keys.keys()
        before = [key for key in known if key.enabled]
        _refuse_unknown(store, {key.id for key in before})
        resumed = len(before) > 1
        newest = before[-1].id if resumed else keys.add()
        if not before[-1].primary or not resumed:
            keys.promote(newest)
        try:
            sealed = _seal_anew(store, newest, told)
            threading.Event().wait(READERS_END.total_seconds())
            _remove_others(store, keys, newest)
        except SecretUnreadable as error:
            raise StoreRefused(
                f"A secret does not open with any key: {error}. Both keys stay. Revoke that sign-in, or restore a "
                "backup; then call this again."
            ) from error
    return Rotated(key=newest, gone=tuple(key.id for key in before if key.id != newest), sealed=sealed, resumed=resumed)


def _refuse_unknown(store: Store, ids: set[int]) -> None:
    with store.read() as tx:
        unknown = set(tx.sealed.by_key()) - ids
    if unknown:
        named = ", ".join(str(id) for id in sorted(unknown))
        raise StoreRefused(f"Secrets were sealed with keys that the key file does not have: {named}. Restore it first.")


def _seal_anew(store: Store, key: int, told: Told) -> int:
    with store.read() as tx:
        total = tx.sealed.total() + 1
    done = 0
    while True:
        with store.write() as tx:
            now = tx.sealed.seal_anew(key, limit=AT_ONCE)
        if not now:
            return done
        done += now
        told(SEALING, done, max(done, total))
        threading.Event().wait(BREATH.total_seconds())


def _remove_others(store: Store, keys: KeysetFile, key: int) -> None:
    """In a transaction that writes, so that nobody else seals anything while the old keys go."""
    with store.write() as tx:
        if tx.sealed.by_key().keys() - {key}:
            # Whoever reads our file has known the new key since before the last text was sealed anew.
            raise StoreRefused(
                "Somebody still seals with an old key: a running Relatch that reads another copy of the key file. "
                f"All keys stay in {keys.path}. Give it this file, start it again, and call this once more."
            )
        keys.remove_others(key)
