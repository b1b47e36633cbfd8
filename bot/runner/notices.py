"""Drawing every notice that is behind: post it, or edit it in place. What it says is bot/upkeep/compose's."""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.model import (
    Address,
    Clock,
    Event,
    Kind,
    MessageGone,
    Messenger,
    MessengerError,
    Notice,
    NoticeKind,
    Reply,
    SlackAway,
    Undeliverable,
)
from bot.store.database import Store, StoreAway, Tx
from bot.upkeep import tell
from bot.upkeep.compose import Composer

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
MOST_DOUBLINGS = 8

# What goes to the admin channel, and to no person.
FOR_ADMINS = frozenset({NoticeKind.INCIDENT, NoticeKind.HELLO, NoticeKind.AWAY})

log = logging.getLogger(__name__)


class Notices:
    def __init__(self, *, store: Store, messenger: Messenger, composer: Composer, clock: Clock) -> None:
        self._store = store
        self._messenger = messenger
        self._composer = composer
        self._clock = clock

    def work(self) -> None:
        """Draws until nothing is behind. When Slack is away, the round ends."""
        while True:
            with self._store.read() as tx:
                behind = tx.notices.behind(now=self._clock.now(), limit=1)
            if not behind:
                return
            try:
                if not self._draw(behind[0].id):
                    return
            except StoreAway:
                raise
            except Exception:
                # One that cannot be drawn must not keep all the others from being drawn.
                log.exception("notice not drawn", extra={"notice": behind[0].id})
                self._later(behind[0], LONGEST_WAIT)

    def _draw(self, notice_id: int) -> bool:
        """False when Slack is away."""
        composed = self._compose(notice_id)
        if composed is None:
            return True
        notice, reply = composed
        try:
            at = self._send(notice, reply)
        except MessageGone:
            with self._store.write() as tx:
                tx.notices.gone(notice.id)
            return True
        except Undeliverable as error:
            self._lost(notice, error.code)
            return True
        except SlackAway as error:
            wait = min(FIRST_WAIT * 2 ** min(notice.attempts, MOST_DOUBLINGS), LONGEST_WAIT)
            self._later(notice, max(wait, timedelta(seconds=error.retry_after or 0)))
            return False
        if self._stands(notice, at):
            self._shrink(notice, "old")
        if notice.facts.get("stray"):
            self._shrink(notice, "stray")
            with self._store.write() as tx:
                tx.notices.note(notice.id, {"stray": None})
        return True

    def _compose(self, notice_id: int) -> tuple[Notice, Reply] | None:
        """The row and its words, of one moment. None where nothing is to be sent after all."""
        now = self._clock.now()
        with self._store.write() as tx:
            notice = next((each for each in tx.notices.behind(now=now, limit=1) if each.id == notice_id), None)
            if notice is None:
                return None
            reply = self._composer.reply(tx, notice, now)
            if reply is None:
                tx.notices.drawn(notice.id, notice.wanted, channel=notice.channel, ts=notice.ts, now=now)
                tx.notices.close(notice.id, now)
        return None if reply is None else (notice, reply)

    def _send(self, notice: Notice, reply: Reply) -> Address:
        if notice.kind is NoticeKind.HOME:
            self._messenger.home(notice.to, reply)
            return Address(channel="", ts="")
        if not notice.ts:
            return self._messenger.post(notice.to, reply)
        at = Address(channel=notice.channel, ts=notice.ts)
        self._messenger.update(at, reply)
        return at

    def _stands(self, notice: Notice, at: Address) -> bool:
        """Whether this was a new message."""
        new = not notice.ts and notice.kind is not NoticeKind.HOME
        with self._store.write() as tx:
            today = tx.notices.get(notice.id)
            if (today.channel, today.ts) != (notice.channel, notice.ts):
                # It was moved while we edited it: that place is its old one, and the new one is still to come.
                return False
            tx.notices.drawn(notice.id, notice.wanted, channel=at.channel, ts=at.ts, now=self._clock.now())
            if new:
                self._delivered(tx, notice)
        return new

    def _later(self, notice: Notice, wait: timedelta) -> None:
        with self._store.write() as tx:
            tx.notices.retry(notice.id, self._clock.now() + wait, notice.attempts + 1)

    def _shrink(self, notice: Notice, which: str) -> None:
        """`old` is where it stood before it moved, `stray` a second copy that a crash left and somebody pressed."""
        old = notice.facts.get(which)
        if not old:
            return
        try:
            self._messenger.update(Address(channel=old[0], ts=old[1]), self._composer.shrunk(notice))
        except MessengerError as error:
            # The new message stands; a stale copy of the old one only repeats it, and its buttons still work.
            log.warning("old message not shrunk", extra={"notice": notice.id, "code": error.code})

    def _delivered(self, tx: Tx, notice: Notice) -> None:
        if notice.person_id is None:
            return
        now = self._clock.now()
        tx.events.append(Event(kind=Kind.NOTICE_SENT, at=now, person_id=notice.person_id, detail=str(notice.kind)))
        if notice.kind is NoticeKind.REQUESTED:
            tell.handed_on(tx, notice.person_id, notice.facts["side"], "delivered", now=now)

    def _lost(self, notice: Notice, code: str) -> None:
        if notice.kind in FOR_ADMINS:
            words = "the admin channel cannot be written: invite the bot to it, or mend RELATCH_ADMIN_CHANNEL"
            log.warning(words, extra={"channel": notice.to, "code": code})
        now, detail = self._clock.now(), f"{notice.kind} {code}"
        with self._store.write() as tx:
            tx.notices.failed(notice.id, code, now)
            tx.events.append(Event(kind=Kind.NOTICE_FAILED, at=now, person_id=notice.person_id, detail=detail))
            if notice.kind is NoticeKind.REQUESTED and notice.person_id is not None:
                tell.in_trouble(tx, notice.person_id, notice.facts["side"], "undeliverable")
