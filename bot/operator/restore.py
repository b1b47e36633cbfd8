"""`relatch restore` and `relatch release`: a backup becomes the database, and who is told what of it."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.clock import SystemClock
from bot.operator.backup import counted, verified
from bot.operator.bars import bar
from bot.operator.tools import CannotDo, note_word, operator
from bot.rules.restores import ONE_EVERY
from bot.settings import Settings
from bot.store.backups import restore as put_in_place
from bot.store.database import Store, Tx
from bot.store.vault import KeysetFile
from bot.upkeep import restored
from bot.upkeep.incidents import HOLDING, decide

SEVERAL = "Several decisions are open. Say which: {}."


def restore(settings: Settings, file: Path, *, check: bool, replace: bool) -> list[str]:
    """What to tell the operator. Raises StoreRefused and StoreAway, and then changed nothing."""
    clock, keys, to_be_tried = SystemClock(settings.clock_file), KeysetFile(settings.keyset), 0

    def prepare(tx: Tx, made_at: datetime) -> None:
        nonlocal to_be_tried
        note_word(tx, "restore", now=clock.now())
        if check:
            to_be_tried = restored.begin(
                tx, made_at=made_at, admin_channel=settings.admin_channel, now=clock.now(), real=clock.real()
            )

    with bar() as told:
        sound, made_at, kept = put_in_place(
            file, settings.database, keys, replace=replace, at=clock.real(), prepare=prepare, told=told
        )
    said = [f"Restored: {settings.database}, from a backup of {made_at:%Y-%m-%d %H:%M} UTC", verified(sound)]
    if kept is not None:
        said.append(f"The database that was there is kept as {kept}. Delete it when it is of no more use.")
    if check:
        takes = to_be_tried * ONE_EVERY
        said.append(
            f"`relatch run` tries each of {counted(to_be_tried, 'connection')}, one person every "
            f"{ONE_EVERY.total_seconds():.0f} seconds: within about {max(1, round(takes.total_seconds() / 60))} min. "
            "Nobody is told in person before an admin decides in the admin channel, or you do: relatch release"
        )
    else:
        said.append("Sign-ins that were renewed after the backup may be dead. --check tries them without alarm.")
    return said


def release(settings: Settings, *, number: int | None, send: bool) -> list[str]:
    """Raises StoreRefused, StoreAway and CannotDo."""
    now = SystemClock(settings.clock_file).now()
    with closing(Store.visit(settings.database, KeysetFile(settings.keyset))) as store, store.write() as tx:
        waiting = {each.id: each for each in tx.incidents.all_open() if each.kind in HOLDING}
        if number is not None:
            waiting = {id: each for id, each in waiting.items() if id == number}
        if not waiting:
            raise CannotDo("No messages are held: there is nothing to decide.")
        if len(waiting) > 1:
            named = (
                f"--incident {id} ({each.kind}{f' of {each.provider}' if each.provider else ''}, "
                f"{counted(tx.notices.held(id), 'message')} held)"
                for id, each in waiting.items()
            )
            raise CannotDo(SEVERAL.format(", ".join(named)))
        [incident] = waiting.values()
        count = decide(tx, incident, send=send, actor_id=operator(tx, now).id, now=now)
    if send:
        return [f"{counted(count, 'message')} will be sent as soon as Relatch runs. New ones are held no more."]
    return [f"{counted(count, 'message')} dropped. Nobody was told; /creds still shows each person what is broken."]
