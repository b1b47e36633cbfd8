"""`relatch backup`: a verified copy of the database, made beside a running bot."""

from __future__ import annotations

from pathlib import Path

from bot.clock import SystemClock
from bot.operator.bars import bar
from bot.settings import Settings
from bot.store.backups import make
from bot.store.soundness import Sound
from bot.store.vault import KeysetFile


def backup(settings: Settings, to: Path) -> list[str]:
    """What to tell the operator. Raises StoreRefused and StoreAway."""
    at, keys = SystemClock().real(), KeysetFile(settings.keyset)
    target = to / f"relatch-{at:%Y%m%dT%H%M%SZ}.db" if to.is_dir() else to
    with bar() as told:
        sound = make(settings.database, keys, target, at=at, told=told)
    apart = (
        f"It holds no key. Keep a copy of {keys.path} too, in another place: without the key nobody can use this "
        "backup, and whoever has both has everybody's sign-in."
    )
    return [f"Backup: {target} ({target.stat().st_size / 1e6:.1f} MB, mode 0600)", verified(sound), apart]


def verified(sound: Sound) -> str:
    return (
        f"Verified: the file is whole, each row has its owner, {counted(sound.events, 'line')} of history hang "
        f"together, and {counted(sound.secrets, 'secret')} of {counted(sound.people, 'person', 'people')} "
        "opened with the present keys."
    )


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
