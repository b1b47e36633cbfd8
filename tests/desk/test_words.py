"""Every word, for every kind of asker: what they are shown, and that a refusal changes nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from bot.model import Actor, Health, Kind, Reply, Request, Seen, State, Word
from providers.base import Reason
from tests.memory_slack import ADA, BOB, GRACE, MALLORY, OTHER_TEAM
from tests.rig import HALF_AN_HOUR, MINUTE, Rig, wait_for

BOBS = "bob@acme.example"
TYPED = [Word.STATUS, Word.CHECK, Word.REFRESH, Word.CHANGE, Word.REVOKE, Word.SYNC, Word.WHY]


def told(reply: Reply) -> tuple[str, str]:
    return reply.template, str(reply.context.get("verdict", ""))


# Who may


def test_strangers_guests_bots_and_who_left_are_refused_every_word(rig: Rig) -> None:
    rig.slack.hire("U0GUEST", "Gus", guest=True)
    rig.slack.hire("U0BOT", "Botty", bot=True)
    rig.slack.hire("U0GONE", "Gone", deleted=True)
    verdicts = ["not_here", "not_here", "guest", "bot", "deactivated"]
    for word in Word:
        answers = [
            told(rig.answer(MALLORY, word, team=OTHER_TEAM)),
            told(rig.answer(MALLORY, word)),
            *(told(rig.answer(user_id, word)) for user_id in ("U0GUEST", "U0BOT", "U0GONE")),
        ]
        assert answers == [("refused", verdict) for verdict in verdicts], word
    assert (rig.count("person"), rig.count("invitation"), rig.count("notice")) == (0, 0, 0)


def test_who_is_no_admin_is_refused_every_word_about_somebody_else(rig: Rig) -> None:
    rig.connected(BOB)
    before = rig.connection()
    for word in TYPED:
        reply = rig.answer(GRACE, word, subject=BOB, argument="pause", reason="because")
        assert told(reply) == ("refused", "not_admin")
    assert rig.connection() == before
    assert rig.person().paused_at is None
    assert rig.slack.kinds(BOB) == ["connected"]


def test_an_admin_is_shown_no_sign_in_of_somebody_else(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    for reply in [each for word in TYPED for each in rig.ask(ADA, word, subject=BOB, reason="he asked me")]:
        assert reply.context["who"].own is False
        assert reply.context["who"].name == "Bob"
        cards = reply.context.get("cards", [reply.context["card"]] if "card" in reply.context else [])
        assert [door for each in cards for door in each.doors] == []
    assert Kind.LOOKED in [event.kind for event in rig.history()], "Bob sees in his own `why` that Ada looked"


def test_while_slack_is_away_everybody_is_told_so_and_nothing_happens(rig: Rig) -> None:
    rig.slack.away = True
    for word in Word:
        assert [reply.template for reply in rig.ask(BOB, word)] == ["slack_away"]
    assert rig.count("person") == 0


def test_when_slack_does_not_say_who_is_an_admin_nobody_is(rig: Rig) -> None:
    rig.connected(BOB)
    rig.slack.group_away = True
    assert told(rig.answer(ADA, Word.CHECK, subject=BOB)) == ("refused", "unknown_admin")
    assert rig.answer(ADA, Word.HELP).context["admin"] is False


def test_a_delivery_that_comes_again_is_answered_with_nothing(rig: Rig) -> None:
    rig.connected(BOB)
    for word in Word:
        rig.ask(BOB, word, delivery=f"once {word}", argument="now")
    before = [rig.count(table) for table in ("event", "notice", "invitation")]
    for word in Word:
        assert rig.ask(BOB, word, delivery=f"once {word}", argument="now") == []
    assert [rig.count(table) for table in ("event", "notice", "invitation")] == before


def test_a_name_that_is_nobodys_is_said(rig: Rig) -> None:
    assert rig.answer(ADA, Word.CHECK, argument="nobody:boob").context == {"typed": "boob"}


# Looking


def test_status_offers_set_up_for_what_can_be_connected(rig: Rig) -> None:
    mailbox, crm = rig.answer(BOB, Word.STATUS).context["cards"]
    assert (mailbox.state, [door.label for door in mailbox.doors]) == (State.NOT_SET_UP, ["Google"])
    assert (crm.state, crm.doors) == (State.NOT_OFFERED, ())


def test_check_says_that_it_works(rig: Rig) -> None:
    rig.connected(BOB)
    reply = rig.answer(BOB, Word.CHECK)
    assert (reply.context["cards"][0].seen, reply.context["done"]) == (Seen.WORKS, True)


def test_check_says_what_is_wrong_and_offers_the_sign_in(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access(BOBS)
    mailbox = rig.answer(BOB, Word.CHECK).context["cards"][0]
    assert (mailbox.seen, mailbox.cause.reason) == (Seen.FAILED, Reason.CREDENTIALS_REVOKED)
    assert (mailbox.state, len(mailbox.doors)) == (State.SUSPENDED, 1)


def test_refresh_renews_without_the_person(rig: Rig) -> None:
    rig.connected(BOB)
    assert rig.answer(BOB, Word.REFRESH).context["cards"][0].seen is Seen.RENEWED
    assert rig.google.token_posts() == 1


def test_a_check_that_finds_it_mended_catches_up_and_turns_the_message_green(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.admin_approval(True)
    rig.pass_by(2 * HALF_AN_HOUR)
    rig.settle()
    rig.google.admin_approval(False)
    rig.mail(2)
    assert rig.answer(BOB, Word.CHECK).context["cards"][0].seen is Seen.WORKS
    rig.draw()
    assert rig.failures()[0]["stage"] == "working"
    rig.sync()
    rig.draw()
    assert (rig.failures()[0]["stage"], rig.failures()[0]["caught_up"]) == ("fixed", 2)


def test_a_slow_vendor_holds_back_neither_the_first_reply_nor_another_persons(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    on = threading.Event()
    rig.provider.happens("check", lambda: wait_for(on.is_set, "the vendor answers"))
    bobs = rig.desk.answer(Request(actor=Actor("T_ACME", BOB), word=Word.CHECK))
    started = time.monotonic()
    first = next(bobs)
    try:
        assert (first.context["cards"][0].seen, first.context["done"]) == (Seen.RUNNING, False)
        graces = rig.answer(GRACE, Word.CHECK)
        assert time.monotonic() - started < 2.5
        assert graces.context["cards"][0].seen is Seen.WORKS
    finally:
        on.set()
    last = list(bobs)[-1]
    assert (last.context["cards"][0].seen, last.context["done"]) == (Seen.WORKS, True)


def test_who_floods_it_has_the_vendor_asked_ten_times_a_minute_and_holds_nobody_up(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    before = len(rig.google.requests)
    with ThreadPoolExecutor(8) as together:
        bobs = [reply.template for reply in together.map(partial(rig.answer, BOB), [Word.CHECK] * 40)]
    assert (bobs.count("check"), bobs.count("too_often")) == (10, 30)
    assert len(rig.google.requests) - before == 10
    assert rig.answer(BOB, Word.REFRESH).template == "too_often"
    # What asks no vendor is answered all the same, and so is everybody else.
    assert rig.answer(BOB, Word.STATUS).template == "status"
    assert rig.answer(GRACE, Word.CHECK).context["cards"][0].seen is Seen.WORKS
    rig.kit.clock.move(MINUTE)
    assert rig.answer(BOB, Word.CHECK).context["cards"][0].seen is Seen.WORKS


def test_who_has_nothing_to_look_at_is_told_so_however_often(rig: Rig) -> None:
    assert {rig.answer(BOB, Word.CHECK).template for _ in range(12)} == {"check"}


@pytest.mark.parametrize("connected", [True, False])
def test_google_by_name_is_the_mailbox(rig: Rig, connected: bool) -> None:
    if connected:
        rig.connected(BOB)
    cards = rig.answer(BOB, Word.REFRESH, target="google").context["cards"]
    assert [each.side for each in cards] == ["mailbox"]
    assert [len(each.doors) for each in cards] == [0 if connected else 1]


def test_google_where_another_provider_is_connected_is_a_mismatch_that_offers_change(rig: Rig) -> None:
    rig.connected(BOB)
    with rig.store.write() as tx:
        old = rig.connection()
        assert old.credential_id is not None
        tx.connections.connect(
            person_id=old.person_id,
            side=old.side,
            provider="microsoft",
            access=old.access,
            account=BOBS,
            identity="elsewhere",
            credential_id=old.credential_id,
            now=rig.clock.now(),
            keep_cursor=False,
        )
    reply = rig.answer(BOB, Word.REFRESH, target="google")
    assert (reply.template, reply.context["wanted"], reply.context["card"].provider) == (
        "mismatch",
        "Google",
        "microsoft",
    )
    assert reply.context["door"].word is Word.CHANGE
    assert rig.answer(ADA, Word.CHECK, subject=BOB, target="google").context["door"] is None


def test_what_has_no_settings_is_not_offered(rig: Rig) -> None:
    assert rig.answer(BOB, Word.REFRESH, target="salesforce").template == "not_offered"
    assert rig.answer(BOB, Word.CHANGE, target="crm").template == "not_offered"


def test_change_names_the_accounts_used_before(rig: Rig) -> None:
    rig.connected(BOB)
    reply = rig.answer(BOB, Word.CHANGE)
    assert (reply.template, reply.context["accounts"]) == ("change", [BOBS])
    assert [door.word for door in reply.context["card"].doors] == [Word.CHANGE]


def test_help_guesses_what_was_meant(rig: Rig) -> None:
    assert rig.answer(BOB, Word.HELP, argument="refesh").context == {
        "unknown": "refesh",
        "guess": "refresh",
        "admin": False,
    }
    assert rig.answer(ADA, Word.HELP).context["admin"] is True


# Sync


def test_sync_now_runs_at_most_once_a_minute(rig: Rig) -> None:
    rig.connected(BOB)
    rig.mail(1)
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "now"
    rig.sync()
    assert rig.connection().items == 1
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "too_soon"
    rig.kit.clock.move(MINUTE)
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "now"


def test_sync_now_leaves_a_refused_sign_in_alone(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "nothing"


def test_pause_and_resume(rig: Rig) -> None:
    rig.connected(BOB)
    paused = rig.answer(BOB, Word.SYNC, argument="pause")
    assert (paused.context["did"], paused.context["next_run_at"]) == ("paused", None)
    assert paused.context["cards"][0].state is State.PAUSED
    assert rig.answer(BOB, Word.SYNC, argument="pause").context["did"] == "already_paused"
    assert rig.answer(BOB, Word.SYNC, argument="now").context["did"] == "already_paused"
    rig.mail(1)
    rig.pass_by(timedelta(days=1))
    assert rig.connection().items == 0
    assert rig.answer(BOB, Word.SYNC, argument="resume").context["did"] == "resumed"
    assert rig.answer(BOB, Word.SYNC, argument="resume").context["did"] == "not_paused"
    rig.sync()
    assert rig.connection().items == 1


def test_sync_status_says_when_and_how_many(rig: Rig) -> None:
    rig.mail(3)
    rig.connected(BOB)
    reply = rig.answer(BOB, Word.SYNC)
    assert (reply.context["did"], reply.context["last_items"]) == ("status", 3)
    assert reply.context["next_run_at"] > rig.clock.now()
    assert rig.answer(BOB, Word.SYNC, argument="sideways").context["did"] == "unknown"


def test_why_tells_what_happened_newest_first(rig: Rig) -> None:
    rig.connected(BOB)
    rig.answer(ADA, Word.CHECK, subject=BOB)
    lines = rig.answer(BOB, Word.WHY).context["lines"]
    kinds = [line.kind for line in lines]
    assert kinds[:2] == [Kind.CHECKED, Kind.LOOKED]
    assert kinds[-3:] == [Kind.SYNCED, Kind.CONNECTED, Kind.SIGN_IN_STARTED]
    assert lines[0].actor == "Ada"


# Buttons


def test_opened_and_stuck_by_somebody_else_change_nothing(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.settle()
    door = rig.failures()[0]["waiting"]
    rig.ask(GRACE, Word.OPENED, argument=door)
    rig.ask(ADA, Word.STUCK, argument=door)
    rig.draw()
    assert rig.failures()[0]["stage"] == "broken"
    assert rig.incidents() == []
    assert Kind.OPENED not in [event.kind for event in rig.history()]


def test_opened_by_the_owner_is_shown_in_the_message(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    rig.settle()
    assert rig.ask(BOB, Word.OPENED, argument=rig.failures()[0]["waiting"]) == []
    rig.draw()
    assert rig.failures()[0]["stage"] == "opened"


def test_a_button_that_names_nothing_is_out_of_date(rig: Rig) -> None:
    for word in (Word.OPENED, Word.STUCK, Word.RELEASE, Word.DISMISS):
        for argument in ("", "0", "-1", "٣", "no such thing", "9" * 30):
            reply = rig.answer(ADA, word, argument=argument)
            assert reply.context in ({"door": None}, {"did": "gone", "number": 0})


def test_nobody_else_is_harmed_by_all_that(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    rig.lose_access()
    assert rig.connection(GRACE).condition.health is Health.ACTIVE
