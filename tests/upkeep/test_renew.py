"""One POST for one renewal, whoever wants it, and no renewed secret lost. Counted by Google's server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.model import Health
from bot.rules.health import Ok
from bot.store.credentials import CredentialGone, Stored
from bot.store.database import Store, StoreAway, Tx
from bot.upkeep.renew import Renewals
from providers.base import Reason, Rejected, Unavailable
from tests.memory_slack import BOB, GRACE
from tests.rig import HOUR, Rig, wait_for

BOBS = "bob@acme.example"
MANY = 20


class Killed(BaseException):
    """The process ends here: nothing after it happens."""


def fresh(rig: Rig, *, force: bool = False) -> Stored:
    return rig.renewals.fresh(bobs_key(rig), force=force)


def bobs_key(rig: Rig) -> int:
    key = rig.connection().credential_id
    assert key is not None
    return key


def kill(rig: Rig, moment: str) -> None:
    def die() -> None:
        raise Killed

    rig.provider.happens(moment, die)
    with pytest.raises(Killed):
        fresh(rig, force=True)


def test_twenty_threads_and_a_run_renew_an_expired_token_with_one_post(rig: Rig) -> None:
    rig.connected(BOB)
    rig.kit.clock.move(2 * HOUR)
    rig.google.slow(0.05)
    with ThreadPoolExecutor(MANY) as pool:
        asked = [pool.submit(fresh, rig) for _ in range(MANY)]
        rig.sync()
        versions = {future.result().version for future in asked}
    assert rig.google.token_posts() == 1
    assert versions == {2}
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_token_that_died_before_its_time_is_renewed_with_one_post_by_all_who_meet_it(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.expire_access_tokens(BOBS)
    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(rig.probes.look, rig.connection(), force=False, actor_id=1) for _ in range(8)]
        assert [type(look.result()[1]) for look in looks] == [Ok] * 8
    assert rig.google.token_posts() == 1


def test_a_good_token_is_handed_out_without_a_post(rig: Rig) -> None:
    rig.connected(BOB)
    assert fresh(rig).version == 1
    assert rig.google.token_posts() == 0


def test_a_lost_answer_is_tried_once_more_and_then_said_to_be_lost(rig: Rig) -> None:
    rig.google.strict_rotation(True)
    rig.connected(BOB)
    rig.google.lose_token_answer()
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    with pytest.raises(Rejected) as refused:
        fresh(rig, force=True)
    assert (refused.value.reason, refused.value.definite) == (Reason.ROTATION_LOST, True)
    assert rig.google.token_posts() == 2


def test_a_lost_answer_costs_nothing_where_tokens_do_not_rotate(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.lose_token_answer()
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    assert fresh(rig, force=True).version == 2


def test_an_outage_after_a_lost_answer_does_not_make_it_forgotten(rig: Rig) -> None:
    rig.google.strict_rotation(True)
    rig.connected(BOB)
    rig.google.lose_token_answer()
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    rig.google.down(True)
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    rig.google.down(False)
    with pytest.raises(Rejected, match="rotation_lost"):
        fresh(rig, force=True)


def test_an_outage_alone_makes_no_doubt(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.down(True)
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    rig.google.down(False)
    rig.google.remove_access(BOBS)
    with pytest.raises(Rejected) as refused:
        fresh(rig, force=True)
    assert (refused.value.reason, refused.value.definite) == (Reason.CREDENTIALS_REVOKED, False)


def test_a_network_that_never_let_it_out_makes_no_doubt(rig: Rig) -> None:
    rig.connected(BOB)

    def cut() -> None:
        raise Unavailable(Reason.NETWORK, "gaierror", sent=False)

    rig.provider.happens("refresh", cut)
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    rig.google.remove_access(BOBS)
    with pytest.raises(Rejected, match="credentials_revoked"):
        fresh(rig, force=True)


class Away(Store):
    """The store as it is, but out of reach for the next few who want to write."""

    def __init__(self, store: Store) -> None:
        vars(self).update(vars(store))
        self.times = 0

    @contextmanager
    def write(self) -> Iterator[Tx]:
        if self.times:
            self.times -= 1
            raise StoreAway("database is locked")
        with super().write() as tx:
            yield tx


def test_a_renewed_token_waits_for_a_store_that_is_away(rig: Rig) -> None:
    rig.connect(BOB)
    rig.google.strict_rotation(True)
    away = Away(rig.store)
    renewals = Renewals(store=away, providers=rig.providers, clock=rig.clock, owner="run:1")
    rig.provider.happens("refreshed", lambda: setattr(away, "times", 3))
    kept = renewals.fresh(bobs_key(rig), force=True)
    assert away.times == 0
    assert fresh(rig).version == kept.version
    assert fresh(rig, force=True).version == kept.version + 1, "the token that was kept is the one that works"


def test_a_definite_refusal_keeps_its_own_cause_even_in_doubt(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.lose_token_answer()
    with pytest.raises(Unavailable):
        fresh(rig, force=True)
    rig.google.session_policy(BOBS, True)
    with pytest.raises(Rejected, match="session_policy_expired"):
        fresh(rig, force=True)


def test_a_crash_before_the_answer_is_settled_by_the_next_relatch(rig: Rig) -> None:
    rig.connected(BOB)
    kill(rig, "refreshed")
    rig.start("run:2")
    assert fresh(rig, force=True).version == 2


def test_a_crash_that_lost_a_rotated_token_is_told_as_that(rig: Rig) -> None:
    rig.google.strict_rotation(True)
    rig.connected(BOB)
    kill(rig, "refreshed")
    rig.start("run:2")
    with pytest.raises(Rejected, match="rotation_lost"):
        fresh(rig, force=True)


def test_the_lease_of_a_dead_process_ends_by_itself(rig: Rig) -> None:
    rig.connected(BOB)
    kill(rig, "refresh")
    other = Renewals(store=rig.store, providers=rig.providers, clock=rig.clock, owner="command:2")
    rig.clock.ahead = timedelta(seconds=91)
    assert other.fresh(bobs_key(rig), force=True).version == 2
    assert rig.google.token_posts() == 1


def test_a_renewal_that_was_overtaken_writes_nothing(rig: Rig) -> None:
    """Our process slept for longer than its lease, and a command renewed meanwhile."""
    rig.connected(BOB)
    other = Renewals(store=rig.store, providers=rig.providers, clock=rig.clock, owner="command:2")

    def sleep() -> None:
        rig.clock.ahead = timedelta(seconds=91)
        other.fresh(bobs_key(rig), force=True)

    rig.provider.happens("refreshed", sleep)
    assert fresh(rig, force=True).version == 2
    assert rig.look(lambda tx: tx.credentials.load(bobs_key(rig))).in_doubt_at is None


def test_who_is_refused_takes_what_another_renewed_meanwhile(rig: Rig) -> None:
    rig.google.strict_rotation(True)
    rig.connected(BOB)
    other = Renewals(store=rig.store, providers=rig.providers, clock=rig.clock, owner="command:2")

    def win() -> None:
        rig.clock.ahead = timedelta(seconds=91)
        other.fresh(bobs_key(rig), force=True)

    rig.provider.happens("refresh", win)
    assert fresh(rig, force=True).version == 2


def test_a_renewal_of_a_credential_that_was_replaced_meanwhile_is_dropped(rig: Rig) -> None:
    rig.connected(BOB)
    old = bobs_key(rig)
    rig.provider.happens("refreshed", lambda: signed_in_again(rig))
    with pytest.raises(CredentialGone):
        rig.renewals.fresh(old, force=True)
    assert bobs_key(rig) != old
    assert fresh(rig).version == 1


def test_a_check_that_saw_the_old_credential_refused_does_not_break_the_new_one(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access(BOBS)
    rig.provider.happens("check", lambda: signed_in_again(rig))
    connection, outcome = rig.probes.look(rig.connection(), force=False, actor_id=rig.person().id)
    assert isinstance(outcome, Ok)
    assert connection.condition.health is Health.ACTIVE
    rig.settle()
    assert rig.failures() == []


def test_a_run_that_saw_the_old_credential_refused_does_not_break_the_new_one(rig: Rig) -> None:
    rig.mail(12)
    assert rig.connect(BOB).template == "done"
    before = bobs_key(rig)

    def sign_in_and_refuse_the_old() -> None:
        signed_in_again(rig)
        raise Rejected(Reason.SESSION_POLICY_EXPIRED, definite=True)

    rig.provider.happens("page", sign_in_and_refuse_the_old)
    rig.runs.work()
    wait_for(lambda: rig.runs.under_way == 0, "the run ends")
    assert bobs_key(rig) != before
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_lookers_thread_never_holds_the_store_while_the_vendor_is_slow(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    going, on = threading.Event(), threading.Event()

    def hang() -> None:
        going.set()
        assert on.wait(10)

    rig.provider.happens("check", hang)
    looking = rig.pool.submit(rig.probes.look, rig.connection(), force=False, actor_id=1)
    assert going.wait(10)
    try:
        assert isinstance(rig.probes.look(rig.connection(GRACE), force=False, actor_id=1)[1], Ok)
    finally:
        on.set()
    looking.result(10)


def signed_in_again(rig: Rig) -> None:
    assert rig.connect(BOB).template == "done"
