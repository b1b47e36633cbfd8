"""Ending at the vendor what was given up: until it is known, through outages and cuts, with one receipt."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from bot.desk.desk import Desk
from bot.model import Actor, Card, Health, Kind, Person, Request, Word
from bot.rules.revocations import FIRST_WAIT, LONGEST_WAIT
from bot.store.credentials import CredentialGone
from bot.store.database import Tx
from bot.upkeep.cards import Cards
from providers.base import (
    Access,
    AccessType,
    Blocked,
    Credential,
    Ended,
    Misconfigured,
    ProviderError,
    Reason,
    Rejected,
    Replaced,
    Revocation,
    Side,
)
from tests.memory_slack import ADA, BOB, GRACE, TEAM, Message
from tests.providers.google.kit import GoogleKit
from tests.rig import DAY, Meddled, Rig

BOBS = "bob@acme.example"
BUILDERS = "builder@acme.example"


class Odd(Meddled):
    """Google, except for the answers that a test gives in its place. `gained` are the credentials that it renewed."""

    answer: Revocation | ProviderError | None = None

    def __init__(self, kit: GoogleKit) -> None:
        super().__init__(kit)
        self.gained: list[Credential] = []

    def refresh(self, credential: Credential) -> Credential:
        renewed = super().refresh(credential)
        self.gained.append(renewed)
        return renewed

    def revoke(self, credential: Credential) -> Revocation:
        match self.answer:
            case ProviderError() as error:
                raise error
            case Revocation() as revocation:
                return revocation
            case None:
                return super().revoke(credential)


class Strict(Odd):
    """A provider that ends whatever was replaced."""

    revokes_replaced: ClassVar[Replaced] = Replaced.ALWAYS


@pytest.fixture
def odd(rig: Rig) -> Odd:
    return put_in(rig, Odd(rig.kit))


def put_in(rig: Rig, provider: Odd) -> Odd:
    rig.provider, rig.providers["google"] = provider, provider
    rig.start("run:odd")
    return provider


class Tearing(Cards):
    """The process dies when the answer is put together: after all was written, before it is kept."""

    def of(self, tx: Tx, person: Person, now: datetime) -> list[Card]:
        raise Cut


class Cut(BaseException):
    """The process dies here: nothing that would catch an exception runs."""


def cut() -> None:
    raise Cut


def key(rig: Rig, user_id: str = BOB) -> Credential:
    """What is stored of somebody right now, as a thief would have it."""
    number = rig.connection(user_id).credential_id or 0
    return rig.look(lambda tx: tx.credentials.load(number)).credential


def alive(rig: Rig, stolen: Credential) -> bool:
    """Whether Google would still renew it."""
    try:
        rig.provider.refresh(stolen)
    except Rejected:
        return False
    return True


def revoke(rig: Rig, user_id: str = BOB) -> None:
    confirm = rig.answer(user_id, Word.REVOKE).context["confirm"]
    assert rig.answer(user_id, Word.REVOKE, argument=confirm).context["stage"] == "started"


def change(rig: Rig, account: str = BUILDERS) -> None:
    rig.slack.change(BOB, email=account)
    assert rig.connect(BOB).template == "done"


def receipts(rig: Rig, user_id: str = BOB) -> list[Message]:
    return [each for each in rig.slack.to(user_id) if each.reply.template == "notices/revoke"]


def secrets_kept(rig: Rig) -> int:
    return rig.count("credential WHERE secret IS NOT NULL")


def asked(rig: Rig) -> int:
    """How often Google was asked to end something."""
    return len([seen for seen in rig.google.requests if seen.path.endswith("/revoke")])


def told(rig: Rig) -> list[tuple[Kind, str]]:
    ends = (Kind.REVOKING, Kind.REVOKE_WAITS, Kind.REVOKED, Kind.GIVEN_UP)
    return [(event.kind, event.detail) for event in rig.history() if event.kind in ends]


# To the end


def test_it_is_ended_at_google_and_destroyed_and_the_receipt_says_each_step(rig: Rig) -> None:
    rig.connected(BOB)
    stolen = key(rig)
    revoke(rig)
    rig.draw()
    rig.revocations.work()
    rig.draw()
    assert not alive(rig, stolen)
    assert secrets_kept(rig) == 0
    assert rig.connection().condition.health is Health.REVOKED
    [receipt] = receipts(rig)
    assert (receipt["ending"], receipt["link"], receipt["trouble"], receipt.edits) == ("ended", "", "", 1)
    assert receipt["ended_at"] >= receipt["stopped_at"]
    assert told(rig) == [(Kind.REVOKING, ""), (Kind.REVOKED, "ended")]


def test_when_it_is_done_nothing_is_asked_any_more(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    rig.revocations.work()
    before = len(rig.google.requests)
    rig.pass_by(DAY)
    rig.revocations.work()
    assert len(rig.google.requests) == before
    assert len(receipts(rig)) == 1


def test_what_is_dead_at_google_already_has_ended(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access(BOBS)
    revoke(rig)
    rig.pass_by(timedelta())
    assert receipts(rig)[0]["ending"] == "ended"


def test_nobody_else_is_touched(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    graces = key(rig, GRACE)
    revoke(rig)
    rig.revocations.work()
    assert alive(rig, graces)
    assert rig.connection(GRACE).condition.health is Health.ACTIVE


def test_what_a_person_asked_for_is_done_though_somebody_else_uses_the_account_too(rig: Rig) -> None:
    rig.connected(BOB)
    rig.slack.change(ADA, email=BOBS)
    assert rig.connect(ADA).template == "done"
    stolen = key(rig)
    revoke(rig)
    rig.revocations.work()
    assert not alive(rig, stolen)
    assert told(rig)[-1] == (Kind.REVOKED, "ended")


# While Google does not answer


def test_it_is_tried_through_an_outage_until_it_is_known(rig: Rig) -> None:
    rig.connected(BOB)
    stolen = key(rig)
    revoke(rig)
    rig.google.down(True)
    for _ in range(12):
        rig.pass_by(LONGEST_WAIT * 1.2)
        assert rig.connection().condition.health is Health.REVOKING
        assert secrets_kept(rig) == 1, "nothing is destroyed while it may be alive there"
    rig.google.down(False)
    rig.pass_by(LONGEST_WAIT * 1.2)
    assert not alive(rig, stolen)
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.REVOKED, 0)
    [receipt] = receipts(rig)
    assert (receipt["ending"], receipt["trouble"]) == ("ended", "")
    assert told(rig) == [(Kind.REVOKING, ""), (Kind.REVOKE_WAITS, ""), (Kind.REVOKED, "ended")]


def test_an_outage_is_said_once_and_asked_about_ever_less_often(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    rig.google.down(True)
    for _ in range(20):
        rig.revocations.work()
    assert asked(rig) == 1
    rig.pass_by(FIRST_WAIT * 1.2)
    assert asked(rig) == 2
    rig.pass_by(FIRST_WAIT * 1.2)
    assert asked(rig) == 2, "the second wait is longer"
    [receipt] = receipts(rig)
    assert (receipt["ending"], receipt["trouble"], receipt.edits) == ("", "nobody", 0)


def test_one_answer_speaks_for_all_of_a_round(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    revoke(rig)
    revoke(rig, GRACE)
    rig.google.down(True)
    rig.revocations.work()
    assert asked(rig) == 1
    rig.google.down(False)
    rig.pass_by(FIRST_WAIT * 1.2)
    assert {rig.connection(user).condition.health for user in (BOB, GRACE)} == {Health.REVOKED}


def test_without_settings_it_waits_for_the_operator(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    del rig.providers["google"]
    rig.revocations.work()
    rig.draw()
    assert (receipts(rig)[0]["trouble"], secrets_kept(rig)) == ("operator", 1)
    rig.providers["google"] = rig.provider
    rig.pass_by(timedelta(minutes=12))
    assert receipts(rig)[0]["ending"] == "ended"


# Other answers


@pytest.mark.parametrize(
    ("answer", "ending", "link"),
    [
        (Revocation(Ended.BY_HAND, "https://vendor.example/apps"), "by_hand", "https://vendor.example/apps"),
        (Rejected(Reason.CREDENTIALS_REVOKED, definite=False), "dead", ""),
        (Blocked(Reason.ACCOUNT_DISABLED), "dead", ""),
    ],
)
def test_what_is_left_is_said_and_the_secret_destroyed(
    rig: Rig, odd: Odd, answer: Revocation | ProviderError, ending: str, link: str
) -> None:
    rig.connected(BOB)
    revoke(rig)
    odd.answer = answer
    rig.pass_by(timedelta())
    [receipt] = receipts(rig)
    assert (receipt["ending"], receipt["link"]) == (ending, link)
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.REVOKED, 0)


def test_our_own_fault_is_told_as_such_and_tried_again(rig: Rig, odd: Odd) -> None:
    rig.connected(BOB)
    revoke(rig)
    odd.answer = Misconfigured(Reason.CLIENT_SECRET_EXPIRED)
    rig.pass_by(timedelta())
    assert (receipts(rig)[0]["trouble"], secrets_kept(rig)) == ("operator", 1)
    odd.answer = None
    rig.pass_by(timedelta(minutes=12))
    assert (receipts(rig)[0]["ending"], secrets_kept(rig)) == ("ended", 0)


def test_a_bug_with_one_keeps_no_other_from_ending(rig: Rig) -> None:
    rig.connected(BOB, GRACE)
    revoke(rig)
    revoke(rig, GRACE)

    def stumble() -> None:
        raise RuntimeError("a bug")

    rig.provider.happens("revoked", stumble)
    rig.revocations.work()
    assert [rig.connection(user).condition.health for user in (BOB, GRACE)] == [Health.REVOKING, Health.REVOKED]
    rig.pass_by(LONGEST_WAIT * 1.2)
    assert rig.connection(BOB).condition.health is Health.REVOKED


# Killed at a step


def test_a_cut_between_googles_answer_and_ours_is_mended_after_the_restart(rig: Rig) -> None:
    rig.connected(BOB)
    number = rig.connection().credential_id or 0
    revoke(rig)
    rig.provider.happens("revoked", cut)
    with pytest.raises(Cut):
        rig.revocations.work()
    assert secrets_kept(rig) == 1
    rig.start("run:2")
    with pytest.raises(CredentialGone):
        rig.look(lambda tx: tx.credentials.load(number))
    rig.revocations.work()
    rig.draw()
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.REVOKED, 0)
    assert [each["ending"] for each in receipts(rig)] == ["ended"]


@pytest.mark.parametrize("drawn_before", [True, False])
def test_a_cut_before_the_vendor_is_asked_costs_nothing(rig: Rig, drawn_before: bool) -> None:
    rig.connected(BOB)
    stolen = key(rig)
    revoke(rig)
    if drawn_before:
        rig.draw()
    rig.start("run:2")
    rig.sync()
    assert Kind.SYNC_FAILED not in [event.kind for event in rig.history()]
    rig.revocations.work()
    rig.draw()
    assert not alive(rig, stolen)
    assert [each["ending"] for each in receipts(rig)] == ["ended"]


def test_a_cut_after_it_ended_leaves_only_the_message_to_draw(rig: Rig) -> None:
    rig.connected(BOB)
    revoke(rig)
    rig.draw()
    rig.revocations.work()
    rig.start("run:2")
    rig.revocations.work()
    rig.draw()
    assert asked(rig) == 1
    assert [(each["ending"], each.edits) for each in receipts(rig)] == [("ended", 1)]


def test_a_cut_in_the_confirmation_changes_nothing(rig: Rig) -> None:
    """All of it is one transaction."""
    rig.connected(BOB)
    before = rig.connection()
    confirm = rig.answer(BOB, Word.REVOKE).context["confirm"]
    torn = replace(rig.desk.tools, cards=Tearing(providers=rig.providers, public_url=""))
    with pytest.raises(Cut):
        list(Desk(tools=torn, team_id=TEAM).answer(Request(Actor(TEAM, BOB), Word.REVOKE, argument=confirm)))
    rig.start("run:2")
    rig.revocations.work()
    assert rig.connection() == before
    assert told(rig) == []
    assert alive(rig, key(rig))


# What is under way


def test_a_run_that_is_under_way_keeps_nothing_more(rig: Rig) -> None:
    rig.mail(12)
    rig.connect(BOB)
    rig.provider.happens("page", lambda: revoke(rig))
    rig.sync()
    connection = rig.connection()
    assert (connection.condition.health, connection.cursor, connection.items) == (Health.REVOKING, "", 0)


def test_a_renewal_that_is_under_way_does_not_bring_it_back_and_its_gain_is_ended(rig: Rig, odd: Odd) -> None:
    rig.connected(BOB)
    rig.google.strict_rotation(True)

    def meanwhile() -> None:
        revoke(rig)
        rig.revocations.work()
        assert asked(rig) == 0, "the renewal may bring a newer one: it is waited for"

    odd.happens("refreshed", meanwhile)
    with pytest.raises(CredentialGone):
        rig.renewals.fresh(rig.connection().credential_id or 0, force=True)
    rig.revocations.work()
    assert not alive(rig, odd.gained[0])
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.REVOKED, 0)


def test_a_renewal_that_died_holds_it_up_for_a_moment_only(rig: Rig) -> None:
    rig.connected(BOB)
    rig.provider.happens("refreshed", cut)
    with pytest.raises(Cut):
        rig.renewals.fresh(rig.connection().credential_id or 0, force=True)
    revoke(rig)
    rig.revocations.work()
    assert asked(rig) == 0
    rig.clock.ahead = timedelta(seconds=31)
    rig.revocations.work()
    assert rig.connection().condition.health is Health.REVOKED


def test_what_a_renewal_brings_while_google_is_asked_is_ended_next(rig: Rig) -> None:
    rig.connected(BOB)
    number, newer = rig.connection().credential_id or 0, replace(key(rig), account="newer@acme.example")
    revoke(rig)

    def arrives() -> None:
        with rig.store.write() as tx:
            tx.credentials.store_too_late(number, newer, now=rig.clock.now())

    rig.provider.happens("revoked", arrives)
    rig.revocations.work()
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.REVOKING, 1)
    rig.revocations.work()
    assert (rig.connection().condition.health, secrets_kept(rig), asked(rig)) == (Health.REVOKED, 0, 2)


# Signed in anew before it ended


def test_the_same_account_signed_in_anew_is_not_ended_with_the_old(rig: Rig) -> None:
    rig.connected(BOB)
    rig.lose_access()
    door = rig.door(BOB)
    revoke(rig)
    assert rig.connect(BOB, invitation=door).template == "done"
    rig.revocations.work()
    rig.sync()
    rig.draw()
    assert rig.connection().condition.health is Health.ACTIVE
    assert (asked(rig), secrets_kept(rig)) == (0, 1)
    assert [each["ending"] for each in receipts(rig)] == ["kept"]


# Replaced by Change


@pytest.fixture
def two_accounts(rig: Rig) -> Rig:
    rig.google.add_account(BUILDERS, password="of the builder")
    rig.connected(BOB)
    return rig


def test_the_grant_of_another_account_is_ended_without_a_word(two_accounts: Rig) -> None:
    rig, old = two_accounts, key(two_accounts)
    change(rig)
    assert alive(rig, key(rig))
    rig.revocations.work()
    rig.sync()
    rig.draw()
    assert not alive(rig, old)
    assert alive(rig, key(rig))
    assert (rig.connection().condition.health, secrets_kept(rig)) == (Health.ACTIVE, 1)
    assert receipts(rig) == []
    assert told(rig) == [(Kind.GIVEN_UP, "ended")]


def test_that_is_tried_through_an_outage_too(two_accounts: Rig) -> None:
    rig, old = two_accounts, key(two_accounts)
    change(rig)
    rig.google.down(True)
    rig.revocations.work()
    rig.start("run:2")
    assert secrets_kept(rig) == 2
    rig.google.down(False)
    rig.kit.clock.move(LONGEST_WAIT)
    rig.revocations.work()
    assert not alive(rig, old)
    assert (secrets_kept(rig), told(rig)) == (1, [(Kind.GIVEN_UP, "ended")])


def test_the_grant_of_the_same_account_is_only_destroyed(rig: Rig) -> None:
    rig.connected(BOB)
    rig.connect(BOB)
    assert secrets_kept(rig) == 1
    rig.revocations.work()
    assert (asked(rig), told(rig)) == (0, [])
    assert alive(rig, key(rig))


def test_back_to_the_first_account_before_its_grant_was_ended_keeps_it(two_accounts: Rig) -> None:
    rig = two_accounts
    change(rig)
    change(rig, BOBS)
    rig.revocations.work()
    assert alive(rig, key(rig))
    assert sorted(told(rig)) == [(Kind.GIVEN_UP, "ended"), (Kind.GIVEN_UP, "kept")]
    assert secrets_kept(rig) == 1


def test_what_somebody_else_uses_too_is_not_ended_by_a_change(two_accounts: Rig) -> None:
    rig = two_accounts
    rig.slack.change(ADA, email=BOBS)
    assert rig.connect(ADA).template == "done"
    change(rig)
    rig.revocations.work()
    assert (asked(rig), told(rig)) == (0, [(Kind.GIVEN_UP, "kept")])
    assert alive(rig, key(rig, ADA))


def test_until_the_new_sign_in_has_worked_the_old_one_stays(two_accounts: Rig) -> None:
    rig, before = two_accounts, two_accounts.connection()
    rig.slack.change(BOB, email=BUILDERS)
    rig.connect(BOB, cancel=True)
    rig.revocations.work()
    assert rig.connection() == before
    assert alive(rig, key(rig))


def test_a_provider_that_ends_whatever_was_replaced_does_so_for_the_same_account(rig: Rig) -> None:
    put_in(rig, Strict(rig.kit)).answer = Revocation(Ended.DONE)
    rig.connected(BOB)
    rig.connect(BOB)
    assert secrets_kept(rig) == 2
    rig.revocations.work()
    assert (secrets_kept(rig), told(rig)) == (1, [(Kind.GIVEN_UP, "ended")])


def test_there_a_sign_in_with_a_wrong_account_is_not_left_behind(rig: Rig) -> None:
    put_in(rig, Strict(rig.kit)).answer = Revocation(Ended.DONE)
    rig.connected(BOB)
    before = rig.connection()
    reply = rig.connect(BOB, invitation=refresh_of(rig), account="grace@acme.example")
    assert (reply.context["why"], rig.connection()) == ("wrong_account", before)
    assert secrets_kept(rig) == 2
    rig.revocations.work()
    assert secrets_kept(rig) == 1


def refresh_of(rig: Rig) -> str:
    """A door to the sign-in that renews what is connected."""
    with rig.store.write() as tx:
        return tx.invitations.for_side(
            person_id=rig.person().id,
            side=Side.MAILBOX,
            word=Word.REFRESH,
            provider="google",
            access=Access(AccessType.GOOGLE),
            now=rig.clock.now(),
        ).id
