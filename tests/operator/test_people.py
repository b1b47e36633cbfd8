"""What an operator can do about one person while Slack is away: the store, the vendors and the duties are real."""

from __future__ import annotations

import pytest

from bot.model import Health, Kind, Word
from bot.operator import forget, looking, revoke
from bot.operator.looking import Look
from bot.operator.tools import CannotDo, login
from bot.store.forgetting import FORGOTTEN
from providers.base import Side
from tests.handlers.slack.samples import RENDER
from tests.memory_slack import ADA, BOB, GRACE
from tests.operator.conftest import tools_of
from tests.rig import PUBLIC_URL, Rig
from tests.runner.crm_rig import CrmRig


def looks(rig: Rig, person: str = BOB, *, word: str = "check", side: Side | None = Side.MAILBOX) -> list[Look]:
    found = {"check": looking.check, "refresh": looking.refresh}[word](tools_of(rig), person=person, side=side)
    return [each for each in found if isinstance(each, Look)]


def why(rig: Rig, user_id: str = BOB) -> str:
    """What the person reads."""
    message = RENDER.message(rig.answer(user_id, Word.WHY))
    return str(message.blocks)


def give_up(rig: Rig, person: str = BOB, *, side: Side | None = None, everything: bool = False) -> None:
    tools = tools_of(rig)
    planned = revoke.plan(tools, person=person, side=side, everything=everything)
    revoke.revoke(tools, planned, reason="left the company")


# check


def test_a_healthy_connection_is_said_to_work(rig: Rig) -> None:
    rig.connected(GRACE)
    [look] = looks(rig, GRACE)
    assert (look.works, look.words, look.account) == (True, "Works.", "grace@acme.example")


def test_somebody_is_found_by_their_address_whatever_its_case(rig: Rig) -> None:
    rig.connected(GRACE)
    [look] = looks(rig, "Grace@ACME.example")
    assert look.works


def test_nobody_of_that_name_is_a_sentence(rig: Rig) -> None:
    with pytest.raises(CannotDo, match="Nobody here is known as mallory"):
        looks(rig, "mallory@evil.example")


def test_a_dead_sign_in_says_who_must_act_and_where(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access("bob@acme.example")
    [look] = looks(rig, word="refresh")
    assert not look.works
    assert "Only the person can mend it" in look.words
    assert "invalid_grant" in look.words
    assert look.link.startswith(f"{PUBLIC_URL}/connect/")


def test_the_link_is_the_one_that_the_bots_own_button_has(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access("bob@acme.example")
    [look] = looks(rig, word="refresh")
    assert look.link.endswith(rig.door(BOB, Word.REFRESH))


def test_a_check_by_the_operator_has_the_consequences_of_any_check(rig: Rig) -> None:
    rig.connected(BOB)
    rig.google.remove_access("bob@acme.example")
    looks(rig, word="refresh")
    assert rig.connection().condition.health is Health.SUSPENDED
    rig.settle()
    assert len(rig.failures()) == 1


def test_the_person_sees_that_the_operator_looked(rig: Rig) -> None:
    rig.connected(GRACE)
    looks(rig, GRACE)
    told = why(rig, GRACE)
    assert f"Operator {login()}" in told
    assert "`check` on the command line" in told


def test_a_refresh_that_needs_nobody_renews_and_works(rig: Rig) -> None:
    rig.connected(GRACE)
    posts = rig.google.token_posts()
    [look] = looks(rig, GRACE, word="refresh")
    assert look.words == "Renewed without the person, and works."
    assert rig.google.token_posts() == posts + 1


def test_a_side_that_was_never_connected_is_no_trouble(rig: Rig) -> None:
    rig.connected(GRACE)
    [look] = looks(rig, GRACE, side=Side.CRM)
    assert (look.works, look.words) == (True, "Not connected.")


def test_an_operator_is_nobody_who_could_be_looked_at(rig: Rig) -> None:
    rig.connected(GRACE)
    looks(rig, GRACE)
    with pytest.raises(CannotDo, match="Nobody here is known"):
        looks(rig, f"operator:{login()}")


# revoke


def test_revoked_sync_stops_at_once_and_the_bot_does_the_rest(rig: Rig) -> None:
    rig.connected(BOB)
    give_up(rig)
    assert rig.connection().condition.health is Health.REVOKING
    rig.mail()
    rig.sync()
    assert rig.connection().items == 0
    rig.revocations.work()
    assert rig.connection().condition.health is Health.REVOKED
    assert rig.rows("SELECT secret FROM credential") == [(None,)]
    account = rig.google.state.account("bob@acme.example")
    assert account is not None
    assert account.granted == frozenset()


def test_the_person_is_told_who_revoked_it_and_why(rig: Rig) -> None:
    rig.connected(BOB)
    give_up(rig)
    rig.draw()
    receipt = next(each for each in rig.slack.to(BOB) if each.reply.template == "notices/revoke")
    assert receipt["admin"] == f"Operator {login()}"
    assert receipt["reason"] == "left the company"
    assert "revoked it: sync stopped" in why(rig)


def test_two_sides_and_none_named_is_asked_about(both: CrmRig) -> None:
    both.connected()
    with pytest.raises(CannotDo, match="Say which: --side mailbox, --side crm, or --all"):
        give_up(both.rig)
    assert both.of(Side.CRM).condition.health is Health.ACTIVE


def test_one_side_leaves_the_other_alone(both: CrmRig) -> None:
    both.connected()
    give_up(both.rig, side=Side.CRM)
    assert both.of(Side.CRM).condition.health is Health.REVOKING
    assert both.of(Side.MAILBOX).condition.health is Health.ACTIVE


def test_all_is_both_sides(both: CrmRig) -> None:
    both.connected()
    give_up(both.rig, everything=True)
    assert {both.of(side).condition.health for side in Side} == {Health.REVOKING}


def test_nothing_connected_is_nothing_to_revoke(rig: Rig) -> None:
    rig.answer(BOB, Word.STATUS)
    with pytest.raises(CannotDo, match="nothing to revoke"):
        give_up(rig)


def test_what_was_changed_since_it_was_shown_is_not_revoked(rig: Rig) -> None:
    rig.connected(BOB)
    tools = tools_of(rig)
    planned = revoke.plan(tools, person=BOB, side=None, everything=False)
    rig.connect(BOB)
    with pytest.raises(CannotDo, match="changed or revoked meanwhile"):
        revoke.revoke(tools, planned, reason="left")
    assert rig.connection().condition.health is Health.ACTIVE


def test_a_renewal_under_way_cannot_bring_a_revoked_sign_in_back(rig: Rig) -> None:
    rig.connected(BOB)
    rig.provider.happens("refreshed", lambda: give_up(rig))
    looks(rig, word="refresh")
    assert rig.connection().condition.health is Health.REVOKING
    assert rig.connection().credential_id is None


# forget


def erase(rig: Rig, person: str = BOB) -> int:
    tools = tools_of(rig)
    return forget.forget(tools, forget.plan(tools, person=person))


def revoked(rig: Rig) -> None:
    rig.connected(BOB)
    rig.mail()
    rig.sync()
    give_up(rig)
    rig.revocations.work()
    rig.draw()


def test_who_is_connected_is_not_forgotten(rig: Rig) -> None:
    rig.connected(BOB)
    with pytest.raises(CannotDo, match=f"relatch revoke --person {BOB} --all"):
        erase(rig)
    assert rig.person().name == "Bob"


def test_who_is_still_being_revoked_is_not_forgotten(rig: Rig) -> None:
    rig.connected(BOB)
    give_up(rig)
    with pytest.raises(CannotDo, match="still being ended at its provider"):
        erase(rig)
    assert rig.person().name == "Bob"


def test_nothing_of_a_forgotten_person_is_left_in_the_database(rig: Rig) -> None:
    revoked(rig)
    erase(rig)
    kept = b"".join(path.read_bytes() for path in rig.database.parent.iterdir())
    assert [word for word in (b"bob@acme.example", b"U0BOB") if word in kept] == []
    assert rig.rows("SELECT name, email FROM person WHERE user_id LIKE 'forgotten:%'") == [(FORGOTTEN, "")]


def test_the_history_stays_by_number_and_unbroken(rig: Rig) -> None:
    revoked(rig)
    number = rig.person().id
    before = len(rig.history())
    verified = erase(rig)
    left = rig.look(lambda tx: tx.events.of_person(number, 200))
    assert len(left) == before + 1
    assert left[0].kind is Kind.FORGOTTEN
    assert verified == rig.count("event")


def test_who_comes_back_is_somebody_new(rig: Rig) -> None:
    revoked(rig)
    number = rig.person().id
    erase(rig)
    assert rig.answer(BOB, Word.STATUS).template == "status"
    assert rig.person().id != number
    rig.connected(BOB)
    assert rig.connection().condition.health is Health.ACTIVE


def test_others_keep_what_is_theirs(rig: Rig) -> None:
    rig.connected(GRACE)
    revoked(rig)
    rig.answer(ADA, Word.REFRESH, subject=GRACE, reason="need the Q4 mails")
    erase(rig)
    rig.draw()
    assert rig.person(GRACE).name == "Grace"
    assert rig.connection(GRACE).condition.health is Health.ACTIVE
    assert "handoff" in rig.slack.kinds(ADA)


def test_an_admin_whom_nobody_remembers_still_asked(rig: Rig) -> None:
    """Messages to others name the forgotten by number, and are drawn all the same."""
    rig.connected(BOB)
    rig.answer(ADA, Word.REFRESH, subject=BOB, reason="need the Q4 mails")
    rig.draw()
    erase(rig, ADA)
    rig.connect(BOB)
    rig.sync()
    rig.draw()
    assert FORGOTTEN in why(rig)
