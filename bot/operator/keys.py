"""`relatch keys`: which keys there are and what each has sealed, and a new key for everything. Never shows a key."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from bot.clock import SystemClock
from bot.operator.backup import counted
from bot.operator.bars import bar
from bot.operator.tools import note_word
from bot.settings import Settings
from bot.store.database import Store
from bot.store.rotation import rotate as give_new_key
from bot.store.vault import KeysetFile


@dataclass(frozen=True, slots=True)
class Standing:
    """`lost`: something was sealed with a key that is not there."""

    lines: list[str]
    lost: bool


def status(settings: Settings) -> Standing:
    """Raises StoreRefused and StoreAway."""
    source = KeysetFile(settings.keyset)
    with closing(Store.visit(settings.database, source)) as store, store.read() as tx:
        sealed = tx.sealed.by_key()
    mode = source.path.stat().st_mode & 0o777
    said = [f"Keys: {source.path} (mode {mode:04o})"]
    keys = source.keys()
    for key in keys:
        state = "seals and opens" if key.primary else "opens" if key.enabled else "out of use"
        said.append(f"  {key.id:>10}  {state}; {_held(sealed.get(key.id, {}))}")
    lost = sealed.keys() - {key.id for key in keys if key.enabled}
    said += [f"  {id:>10}  IS MISSING; {_held(sealed[id])}" for id in sorted(lost)]
    if lost:
        said.append("What a missing key has sealed cannot be opened. Restore the key file that has it.")
    elif len(keys) > 1:
        said.append("A rotation was not finished. Go on with it: relatch keys rotate")
    return Standing(said, lost=bool(lost))


def rotate(settings: Settings) -> list[str]:
    """What to tell the operator. Raises StoreRefused and StoreAway."""
    source = KeysetFile(settings.keyset)
    with bar() as told:
        done = give_new_key(settings.database, source, told=told)
    with closing(Store.visit(settings.database, source)) as store, store.write() as tx:
        note_word(tx, "keys rotate", now=SystemClock(settings.clock_file).now())
    gone = ", ".join(str(id) for id in done.gone)
    said = ["An earlier rotation had been cut short: this is its end."] if done.resumed else []
    said.append(
        f"{counted(done.sealed, 'secret')} sealed anew with key {done.key}. Nothing is left on key {gone}, "
        f"and it is gone from {source.path}."
    )
    said.append(
        f"Make a backup now, and a copy of {source.path}. Backups from before need the key file as it was: "
        "keep your copy of that as long as you keep them."
    )
    return said


def _held(sealed: dict[str, int]) -> str:
    if not sealed:
        return "sealed nothing that is kept"
    return "sealed " + ", ".join(f"{number:,} {name}" for name, number in sorted(sealed.items()))
