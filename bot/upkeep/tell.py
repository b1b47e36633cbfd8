"""Which messages are wanted of what happened to a connection. It sends nothing and decides no health."""

from __future__ import annotations

from datetime import datetime

from bot.model import Connection, Culprit, Health, Notice, NoticeKind, Person
from bot.rules.health import SETTLE
from bot.rules.hours import WorkingHours
from bot.store.database import Tx
from providers.base import Side

WORKING = "working"
REVOKED = "revoked"


def needs_somebody(connection: Connection) -> bool:
    """Suspended for a cause that the person or their administrator must mend."""
    condition = connection.condition
    return (
        condition.health is Health.SUSPENDED
        and condition.cause is not None
        and condition.cause.culprit in (Culprit.PERSON, Culprit.ADMINISTRATOR)
    )


def broken(
    tx: Tx, person: Person, connection: Connection, *, now: datetime, hours: WorkingHours | None = None
) -> None:
    """The person's one failure notice names this side too. A new cause deserves a new notification.

    The first message waits until it is settled, and for the person's working hours where there are any.
    """
    settled = now + SETTLE
    key, side = f"failure:{person.id}", str(connection.side)
    was = tx.notices.find_open(key)
    told = was.facts if was else {}
    notice = tx.notices.open(
        kind=NoticeKind.FAILURE,
        key=key,
        to=person.user_id,
        person_id=person.id,
        facts={
            "providers": sorted({connection.provider, *told.get("providers", ())}),
            "sides": sorted({side, *told.get("sides", ())}),
            "fixed": {other: number for other, number in told.get("fixed", {}).items() if other != side},
            "stage": "broken",
        },
        now=now,
        not_before=hours.next(settled, person.timezone) if hours else settled,
    )
    say_anew(tx, notice)


def say_anew(tx: Tx, notice: Notice) -> None:
    """Nobody is notified of an edit: the message moves, and the old one shrinks to a line."""
    if notice.ts:
        tx.notices.want(notice.id, {"old": [notice.channel, notice.ts]})
        tx.notices.move(notice.id)


def opened(tx: Tx, person: Person, side: Side, *, now: datetime) -> None:
    """The sign-in button was pressed."""
    handed_on(tx, person.id, side, "opened", now=now)
    for notice in _waiting(tx, person, side):
        if notice.facts.get("stage") != WORKING:
            tx.notices.want(notice.id, {"stage": "opened"})


def works_again(tx: Tx, person: Person, side: Side) -> bool:
    """What waits for this side says that it is caught up on. False where nothing waits."""
    waiting = _waiting(tx, person, side)
    for notice in waiting:
        tx.notices.want(notice.id, {"stage": WORKING})
    return bool(waiting)


def caught_up(
    tx: Tx, person: Person, connection: Connection, number: int, *, now: datetime, alone: bool = False
) -> bool:
    """A run has ended well: what waited for it turns green. True where that ends a failure. `number` counts items.

    `alone`: the other side is not connected, which the welcome goes on asking for.
    """
    side, ended = str(connection.side), False
    waiting = tx.notices.of_person_open(person.id)
    failure = waiting.get(f"failure:{person.id}")
    if failure is not None and side in failure.facts["sides"]:
        ended = not any(needs_somebody(each) for each in tx.connections.of(person.id).values())
        # The run that ends it has been at both ends.
        sides = failure.facts["sides"] if ended else [side]
        tx.notices.want(failure.id, {"fixed": dict.fromkeys(sides, number) | failure.facts["fixed"]})
        if ended:
            tx.notices.close(failure.id, now)
    for kind in (NoticeKind.REQUESTED,) if alone else (NoticeKind.REQUESTED, NoticeKind.CONNECTED):
        notice = waiting.get(f"{kind}:{person.id}:{side}")
        # Who was asked to sign in is not done because the old sign-in still works.
        if notice is None or notice.facts["stage"] != WORKING:
            continue
        tx.notices.want(notice.id, {"fixed": {side: number}})
        tx.notices.close(notice.id, now)
        if kind is NoticeKind.REQUESTED:
            handed_on(tx, person.id, side, "caught_up", now=now, number=number)
    return ended


def invite(tx: Tx, person: Person, side: Side, *, now: datetime) -> None:
    """The welcome to this side asks for the other one. It stays open until that is connected, so it is said once."""
    key = f"{NoticeKind.CONNECTED}:{person.id}:{side}"
    if tx.notices.find_open(key) is None:
        facts = {"side": str(side), "stage": WORKING}
        tx.notices.open(
            kind=NoticeKind.CONNECTED, key=key, to=person.user_id, person_id=person.id, facts=facts, now=now
        )


def awaited(tx: Tx, person_id: int, side: Side) -> bool:
    """Whether a message waits to say that this side is caught up on."""
    waiting = tx.notices.of_person_open(person_id)
    failure = waiting.get(f"failure:{person_id}")
    if failure is not None and side in failure.facts["sides"] and str(side) not in failure.facts["fixed"]:
        return True
    kinds = (NoticeKind.REQUESTED, NoticeKind.CONNECTED)
    others = (waiting.get(f"{kind}:{person_id}:{side}") for kind in kinds)
    return any(notice is not None and notice.facts["stage"] == WORKING for notice in others)


def approved(tx: Tx, person: Person, provider: str, *, now: datetime) -> None:
    """Somebody else was let in by the administrator, so this person may be let in too."""
    facts = {"provider": provider}
    key = f"{NoticeKind.APPROVED}:{person.id}:{provider}"
    notice = tx.notices.open(
        kind=NoticeKind.APPROVED, key=key, to=person.user_id, person_id=person.id, facts=facts, now=now
    )
    tx.notices.close(notice.id, now)


def revoked(tx: Tx, person: Person, side: Side, *, now: datetime) -> None:
    """What waited for this side waits no more: it was given up."""
    failure = tx.notices.find_open(f"failure:{person.id}")
    if failure is not None and side in failure.facts["sides"]:
        left = [other for other in failure.facts["sides"] if other != side]
        tx.notices.want(failure.id, {"sides": left})
        if not set(left) - set(failure.facts["fixed"]):
            tx.notices.want(failure.id, {"stage": REVOKED})
            tx.notices.close(failure.id, now)
    connected = tx.notices.find_open(f"{NoticeKind.CONNECTED}:{person.id}:{side}")
    if connected is not None:
        tx.notices.want(connected.id, {"stage": REVOKED})
        tx.notices.close(connected.id, now)


def handed_on(tx: Tx, person_id: int, side: str, step: str, *, now: datetime, number: int | None = None) -> None:
    """One more step of every hand-off about this side: the admin who asked sees it."""
    for notice in _handoffs(tx, person_id, side):
        steps = {step: now.isoformat(), **notice.facts["steps"]}
        tx.notices.want(notice.id, {"steps": steps, "trouble": "", "caught_up": number})
        if step == "caught_up":
            tx.notices.close(notice.id, now)


def _handoffs(tx: Tx, person_id: int, side: str) -> list[Notice]:
    return [
        notice
        for notice in tx.notices.of_kind_open(NoticeKind.HANDOFF)
        if (notice.facts["subject"], notice.facts["side"]) == (person_id, side)
    ]


def in_trouble(tx: Tx, person_id: int, side: str, trouble: str) -> None:
    """Why a hand-off does not go on: "undeliverable" or "refused"."""
    for notice in _handoffs(tx, person_id, side):
        tx.notices.want(notice.id, {"trouble": trouble})


def _waiting(tx: Tx, person: Person, side: Side) -> list[Notice]:
    waiting = tx.notices.of_person_open(person.id)
    failure, requested = waiting.get(f"failure:{person.id}"), waiting.get(f"requested:{person.id}:{side}")
    named = failure if failure is not None and side in failure.facts["sides"] else None
    return [notice for notice in (named, requested) if notice is not None]
