"""After a backup was restored: everything is tried in turn, and no person hears of it before an admin decides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model import Health, Kind, Word
from bot.store.database import Tx
from bot.upkeep import restored
from bot.upkeep.restored import Counts
from providers.base import Reason
from tests.handlers.slack.samples import RENDER
from tests.memory_slack import ADA, ADMIN_CHANNEL, BOB, GRACE, Message
from tests.rig import DAY, MINUTE, Rig

SECOND = timedelta(seconds=1)


def go_back(rig: Rig, *, admin_channel: str = ADMIN_CHANNEL) -> int:
    """What `relatch restore --check` writes, and the start after it."""
    with rig.store.write() as tx:
        now = rig.clock.now()
        total = restored.begin(
            tx, made_at=now - DAY, admin_channel=admin_channel, now=now, real=rig.clock.real()
        )
    start(rig)
    return total


def start(rig: Rig) -> None:
    rig.start("run:2")
    with rig.store.write() as tx:
        restored.spread(tx, now=rig.clock.now())


def try_all(rig: Rig) -> None:
    for _ in range(8):
        rig.pass_by(SECOND)
    rig.settle()


def incident(rig: Rig) -> Message:
    return [message for message in rig.incidents() if message["incident"].kind == "restored"][-1]


def counts(rig: Rig) -> Counts:
    found = rig.look(restored.counts)
    assert found is not None
    return found


def text(message: Message) -> str:
    return RENDER.message(message.reply).text


def forget_renewals_since(rig: Rig, *user_ids: str) -> None:
    """The vendor's books are ahead of ours: it takes what we have no more."""
    for user_id in user_ids:
        rig.google.remove_access(rig.slack.profiles[user_id].email)


def test_what_works_is_found_to_work_and_nobody_has_to_decide(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    assert go_back(rig) == 2
    rig.draw()
    assert "0 of 2 are checked" in text(incident(rig))
    posts = len(rig.slack.to(BOB))
    try_all(rig)
    assert (counts(rig).works, counts(rig).broken) == (2, 0)
    assert incident(rig)["closed"]
    assert "2 of 2 connections work" in text(incident(rig))
    assert len(rig.slack.to(BOB)) == posts


def test_a_sign_in_that_was_renewed_since_is_told_as_what_it_is_once_an_admin_says_so(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    forget_renewals_since(rig, BOB)
    go_back(rig)
    try_all(rig)
    cause = rig.connection(BOB).condition.cause
    assert cause is not None
    assert cause.reason is Reason.ROTATION_LOST
    assert rig.failures(BOB) == []
    assert "2 of 2 are checked, 1 works, 1 does not" in text(incident(rig))
    assert rig.connection(GRACE).condition.health is Health.ACTIVE
    reply = rig.answer(ADA, Word.RELEASE, argument=str(incident(rig)["incident"].id))
    assert reply.context == {"did": "released", "number": 1}
    rig.draw()
    [told] = rig.failures(BOB)
    assert "restored" in text(incident(rig))
    assert told["cards"][0].cause.reason is Reason.ROTATION_LOST


def test_an_admin_can_drop_them(rig: Rig) -> None:
    rig.connected(BOB)
    forget_renewals_since(rig, BOB)
    go_back(rig)
    try_all(rig)
    rig.answer(ADA, Word.DISMISS, argument=str(incident(rig)["incident"].id))
    try_all(rig)
    assert rig.failures(BOB) == []


def test_nobody_but_an_admin_decides(rig: Rig) -> None:
    rig.connected(BOB)
    forget_renewals_since(rig, BOB)
    go_back(rig)
    try_all(rig)
    assert rig.answer(BOB, Word.RELEASE, argument=str(incident(rig)["incident"].id)).template == "refused"


def test_many_who_fail_are_one_incident_and_not_two(rig: Rig) -> None:
    people = rig.crowd(6)
    forget_renewals_since(rig, *people)
    go_back(rig)
    for _ in range(14):
        rig.pass_by(SECOND)
    rig.settle()
    assert counts(rig).broken == 6
    assert [message["incident"].kind for message in rig.incidents()] == ["restored"]
    assert incident(rig)["held"] == 6
    assert [rig.failures(user_id) for user_id in people] == [[]] * 6


def test_one_person_is_tried_every_two_seconds_and_after_a_restart_too(rig: Rig) -> None:
    people = rig.crowd(4)
    go_back(rig)
    rig.kit.clock.move(timedelta(hours=2))
    start(rig)
    turns = sorted(rig.person(user_id).next_run_at or rig.clock.now() for user_id in people)
    assert [turn - turns[0] for turn in turns] == [2 * place * SECOND for place in range(4)]
    assert turns[0] > rig.clock.now() - MINUTE, "the two hours in between count for nothing"
    for _ in range(4):
        rig.pass_by(2 * SECOND)
    assert counts(rig).works == 4


def test_a_message_that_the_backup_still_had_to_send_is_not_sent_again(rig: Rig) -> None:
    """Before the backup it was wanted; since then it was sent, which the backup does not know."""
    rig.connected(BOB)
    rig.google.session_policy(rig.slack.profiles[BOB].email, True)
    rig.kit.clock.move(34 * MINUTE)
    rig.sync()
    assert rig.connection().condition.health is Health.SUSPENDED
    go_back(rig)
    rig.settle()
    assert rig.failures() == []
    assert incident(rig)["held"] == 1


def test_who_repairs_it_by_themselves_is_counted_once(rig: Rig) -> None:
    rig.connected(BOB)
    forget_renewals_since(rig, BOB)
    go_back(rig)
    try_all(rig)
    rig.connected(BOB)
    assert (counts(rig).works, counts(rig).broken) == (0, 1)
    assert rig.connection().condition.health is Health.ACTIVE


def test_paused_people_are_left_in_peace(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.ask(BOB, Word.SYNC, argument="pause")
    assert go_back(rig) == 1
    try_all(rig)
    assert incident(rig)["closed"]


def test_without_an_admin_channel_it_is_held_all_the_same(rig: Rig) -> None:
    rig.connected(BOB)
    forget_renewals_since(rig, BOB)
    go_back(rig, admin_channel="")
    try_all(rig)
    assert rig.incidents() == []
    assert rig.failures(BOB) == []
    assert rig.look(lambda tx: [each.kind for each in tx.incidents.all_open()]) == ["restored"]


def test_the_history_tells_it(rig: Rig) -> None:
    rig.connected(BOB)
    go_back(rig)
    assert rig.count(f"event WHERE kind = '{Kind.INCIDENT_OPENED}' AND detail = 'restored'") == 1


def test_an_access_token_that_still_lives_proves_nothing(rig: Rig) -> None:
    """A backup of a minute ago: only the token endpoint knows whether the sign-in itself is good."""
    rig.connected(BOB)
    asked = list[int]()
    rig.provider.happens("refresh", lambda: asked.append(1))
    go_back(rig)
    try_all(rig)
    assert asked == [1]
    assert rig.look(lambda tx: in_doubt(tx, rig)) is False


def in_doubt(tx: Tx, rig: Rig) -> bool:
    return tx.credentials.load(rig.connection().credential_id or 0).in_doubt_at is not None


@pytest.mark.parametrize("works", [True, False])
def test_what_was_not_restored_is_not_counted(rig: Rig, works: bool) -> None:
    rig.connected(BOB)
    with rig.store.write() as tx:
        restored.looked(tx, rig.connection(), works=works, now=rig.clock.now())
        assert restored.counts(tx) is None
