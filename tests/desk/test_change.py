"""`/creds change`: what is offered, what is found from the address, and the one sign-in for what was chosen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from bot.model import Choice, Health, Kind, Reply, State, Word
from providers.base import Access, AccessType, ProviderError, Reason, Replaced, Side, Unavailable
from tests.memory_slack import ADA, BOB
from tests.providers.google.kit import GoogleKit
from tests.rig import MINUTE, Meddled, Rig, play_google, wait_for

BOBS = "bob@acme.example"
ROBERTS = "robert@acme.example"


class Elsewhere(Meddled):
    """Another vendor's mailbox, played by Google's sandbox: only its name and what it recognises differ."""

    revokes_replaced: ClassVar[Replaced] = Replaced.NEVER

    def __init__(self, kit: GoogleKit) -> None:
        super().__init__(kit)
        self.knows: Callable[[], bool] = lambda: False
        self.asked_about: list[str] = []

    def recognises(self, address: str) -> bool:
        self.asked_about.append(address)
        return self.knows()


class Microsoft(Elsewhere):
    slug: ClassVar[str] = "microsoft"
    label: ClassVar[str] = "Office 365"
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.OFFICE365,)


class Exchange(Elsewhere):
    slug: ClassVar[str] = "exchange"
    label: ClassVar[str] = "Microsoft Exchange"
    access_types: ClassVar[tuple[AccessType, ...]] = (AccessType.EXCHANGE,)


class Salesforce(Elsewhere):
    slug: ClassVar[str] = "salesforce"
    label: ClassVar[str] = "Salesforce"
    side: ClassVar[Side] = Side.CRM
    access_types: ClassVar[tuple[AccessType, ...]] = (
        AccessType.PRODUCTION,
        AccessType.SANDBOX,
        AccessType.MY_DOMAIN,
    )


class GoogleThatKnows(Elsewhere):
    """Google itself, saying what a test lets it say."""


@pytest.fixture
def vendors(rig: Rig) -> dict[str, Elsewhere]:
    """All four have settings."""
    found = [GoogleThatKnows(rig.kit), Salesforce(rig.kit), Exchange(rig.kit), Microsoft(rig.kit)]
    vendors = {vendor.slug: vendor for vendor in found}
    rig.providers.update(vendors)
    rig.start("run:all")
    return vendors


def allow(rig: Rig, *kinds: AccessType) -> None:
    """The operator lets people use only these."""
    rig.allowed_access = frozenset(kinds)
    rig.start("run:allowed")


def change(rig: Rig, access: AccessType | None = None, *, side: str = "mailbox", **others: str) -> Reply:
    """What stands there in the end, after `access` was picked; None is *Not sure*."""
    reply = rig.answer(BOB, Word.CHANGE, target=side, choice=Choice(access, **others))
    assert reply.template == "change", reply
    return reply


def doors(reply: Reply) -> list[Any]:
    return list(reply.context["card"].doors)


def invitation(rig: Rig, reply: Reply) -> Any:
    [door] = doors(reply)
    return rig.look(lambda tx: tx.invitations.get(door.id))


# What is offered


def test_each_side_offers_its_kinds_in_their_order(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    mailbox = rig.answer(BOB, Word.CHANGE, target="mailbox").context
    assert (mailbox["options"], mailbox["picked"], mailbox["unsure"]) == (["office365", "exchange", "google"], "", True)
    crm = rig.answer(BOB, Word.CHANGE, target="crm").context
    assert (crm["options"], crm["unsure"]) == (["production", "sandbox", "my_domain"], False)
    assert mailbox["card"].doors == crm["card"].doors == ()


def test_one_kind_alone_is_chosen_already(rig: Rig) -> None:
    reply = rig.answer(BOB, Word.CHANGE)
    assert (reply.context["options"], reply.context["picked"], reply.context["unsure"]) == (["google"], "google", False)
    assert [door.label for door in doors(reply)] == ["Google"]


def test_a_my_domain_alone_still_wants_its_name(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    allow(rig, AccessType.MY_DOMAIN)
    reply = rig.answer(BOB, Word.CHANGE, target="crm")
    assert (reply.context["options"], doors(reply)) == (["my_domain"], [])


def test_only_what_is_allowed_is_offered_and_nothing_else_is_taken(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    allow(rig, AccessType.GOOGLE, AccessType.EXCHANGE, AccessType.SANDBOX)
    offered = rig.answer(BOB, Word.CHANGE).context
    assert (offered["options"], offered["unsure"]) == (["exchange", "google"], True)
    refused = change(rig, AccessType.OFFICE365)
    assert (doors(refused), refused.context["chosen"]) == ([], False)
    assert [door.label for door in doors(rig.answer(BOB, Word.CHANGE, target="crm"))] == ["Salesforce"]
    allow(rig, AccessType.GOOGLE)
    assert rig.answer(BOB, Word.CHANGE, target="crm").template == "not_offered"
    assert rig.answer(BOB, Word.STATUS).context["cards"][1].state is State.NOT_OFFERED


def test_what_is_connected_stays_renewable_when_it_is_no_longer_allowed(
    rig: Rig, vendors: dict[str, Elsewhere]
) -> None:
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    rig.sync()
    allow(rig, AccessType.OFFICE365)
    rig.lose_access()
    [door] = rig.answer(BOB, Word.STATUS).context["cards"][0].doors
    assert (door.provider, door.word) == ("google", Word.REFRESH)


def test_setting_up_asks_the_same_where_there_is_a_choice(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    for card in rig.answer(BOB, Word.STATUS).context["cards"]:
        assert (card.state, card.doors, card.choose) == (State.NOT_SET_UP, (), True)
    allow(rig, AccessType.GOOGLE, AccessType.MY_DOMAIN)
    mailbox, crm = rig.answer(BOB, Word.STATUS).context["cards"]
    assert (len(mailbox.doors), mailbox.choose) == (1, False)
    assert (crm.doors, crm.choose) == ((), True)


def test_an_admin_asks_somebody_to_choose(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    reply = rig.answer(ADA, Word.CHANGE, subject=BOB, reason="We moved")
    assert (reply.template, reply.context["told"]) == ("handoff_started", True)
    assert reply.context["card"].choose is False
    rig.draw()
    [requested] = rig.slack.to(BOB)
    assert (requested["card"].doors, requested["card"].choose) == ((), True)


# Chosen


@pytest.mark.parametrize(
    ("kind", "side", "slug", "label"),
    [
        (AccessType.OFFICE365, "mailbox", "microsoft", "Office 365"),
        (AccessType.EXCHANGE, "mailbox", "exchange", "Microsoft Exchange"),
        (AccessType.GOOGLE, "mailbox", "google", "Google"),
        (AccessType.PRODUCTION, "crm", "salesforce", "Salesforce"),
        (AccessType.SANDBOX, "crm", "salesforce", "Salesforce"),
    ],
)
def test_what_was_chosen_has_one_sign_in(
    rig: Rig, vendors: dict[str, Elsewhere], kind: AccessType, side: str, slug: str, label: str
) -> None:
    reply = change(rig, kind, side=side)
    assert (reply.context["picked"], reply.context["chosen"], doors(reply)[0].label) == (str(kind), True, label)
    meant = invitation(rig, reply)
    assert (meant.provider, meant.access, meant.word) == (slug, Access(kind), Word.REFRESH)


def test_a_my_domain_keeps_its_name(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    reply = change(rig, AccessType.MY_DOMAIN, side="crm", host="https://Acme.my.salesforce.com/home")
    assert invitation(rig, reply).access == Access(AccessType.MY_DOMAIN, "acme")


@pytest.mark.parametrize("host", ["", "evil.example", "acme.my.salesforce.com.evil.example"])
def test_what_can_be_no_my_domain_is_asked_again(rig: Rig, vendors: dict[str, Elsewhere], host: str) -> None:
    reply = change(rig, AccessType.MY_DOMAIN, side="crm", host=host)
    assert (reply.context["problem"], doors(reply), reply.context["chosen"]) == ("host", [], False)


def test_a_name_means_nothing_to_the_other_kinds(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    reply = change(rig, AccessType.PRODUCTION, side="crm", host="acme")
    assert invitation(rig, reply).access == Access(AccessType.PRODUCTION)


def test_a_kind_of_the_other_side_is_not_taken(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    assert doors(change(rig, AccessType.SANDBOX)) == []


# Accounts used before


def test_an_account_used_before_is_the_hint_for_the_sign_in(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    rig.google.add_account(ROBERTS, password="of Robert")
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    rig.slack.change(BOB, email=ROBERTS)
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    offered = rig.answer(BOB, Word.CHANGE).context["accounts"]
    assert offered == [ROBERTS, BOBS]
    reply = change(rig, AccessType.GOOGLE, account=BOBS)
    assert (invitation(rig, reply).hint, invitation(rig, reply).word) == (BOBS, Word.CHANGE)
    page = rig.sign_in.visit(doors(reply)[0].id, rig.session(BOB))
    assert page.context["account_expected"] == BOBS
    assert "login_hint=bob%40acme.example" in page.context["url"]


def test_an_account_of_another_provider_or_of_nobody_is_no_hint(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    assert invitation(rig, change(rig, AccessType.OFFICE365, account=BOBS)).hint == ""
    assert invitation(rig, change(rig, AccessType.GOOGLE, account="ada@acme.example")).hint == ""
    assert rig.answer(BOB, Word.CHANGE, target="crm").context["accounts"] == []


# Not sure


@pytest.mark.parametrize(
    ("yes", "found"),
    [
        (("microsoft",), "office365"),
        (("google",), "google"),
        (("exchange",), "exchange"),
        (("exchange", "google"), "google"),
        (("exchange", "google", "microsoft"), "office365"),
    ],
)
def test_not_sure_finds_it_from_the_address(
    rig: Rig, vendors: dict[str, Elsewhere], yes: tuple[str, ...], found: str
) -> None:
    for slug in yes:
        vendors[slug].knows = lambda: True
    reply = change(rig)
    assert (reply.context["picked"], reply.context["found"], len(doors(reply))) == (found, True, 1)
    assert vendors["google"].asked_about == [BOBS]


def test_nothing_found_says_so_and_offers_the_list(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    reply = change(rig)
    assert (reply.context["problem"], doors(reply), len(reply.context["options"])) == ("not_found", [], 3)


def test_who_is_not_allowed_is_not_asked(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    allow(rig, AccessType.OFFICE365, AccessType.GOOGLE)
    vendors["exchange"].knows = lambda: True
    assert change(rig).context["problem"] == "not_found"
    assert vendors["exchange"].asked_about == []


def test_who_fails_does_not_know(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    def fail() -> bool:
        raise Unavailable(Reason.PROVIDER_DOWN)

    vendors["microsoft"].knows = fail
    vendors["google"].knows = lambda: True
    assert change(rig).context["picked"] == "google"
    assert issubclass(Unavailable, ProviderError)


def test_a_slow_one_is_waited_for_with_a_word_and_not_for_ever(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    on = threading.Event()

    def slowly() -> bool:
        wait_for(on.is_set, "the vendor answers")
        return True

    vendors["microsoft"].knows = slowly
    vendors["google"].knows = lambda: True
    began = time.monotonic()
    try:
        replies = rig.ask(BOB, Word.CHANGE, choice=Choice(None))
        assert time.monotonic() - began < 8
    finally:
        on.set()
    assert [reply.template for reply in replies] == ["moment", "change"]
    assert replies[-1].context["picked"] == "google", "the first in order that had answered"


def test_a_slow_one_that_comes_later_in_order_is_not_waited_for(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    on = threading.Event()

    def slowly() -> bool:
        wait_for(on.is_set, "the vendor answers")
        return True

    vendors["google"].knows = lambda: True
    vendors["exchange"].knows = slowly
    began = time.monotonic()
    try:
        assert change(rig).context["picked"] == "google"
        assert time.monotonic() - began < 1
    finally:
        on.set()


# From one to the other


def test_there_and_back_and_the_old_one_stays_until_the_new_has_worked(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    rig.sync()
    before = rig.connection()
    away = doors(change(rig, AccessType.OFFICE365))[0].id
    assert sign_in(rig, away, "microsoft", cancel=True).template == "refused"
    assert rig.connection() == before
    assert sign_in(rig, away, "microsoft").template == "done"
    after = rig.connection()
    assert (after.provider, after.access, after.cursor) == ("microsoft", Access(AccessType.OFFICE365), "")
    rig.sync()
    assert rig.connection().condition.last_ok_at is not None
    rig.connect(BOB, invitation=doors(change(rig, AccessType.GOOGLE))[0].id)
    rig.sync()
    assert rig.connection().provider == "google"
    assert rig.connection().condition.health is Health.ACTIVE
    assert [event.kind for event in rig.history()].count(Kind.CHANGED) == 2


def sign_in(rig: Rig, door: str, slug: str, *, cancel: bool = False) -> Reply:
    session, url = rig.visit(BOB, door)
    return rig.sign_in.callback(slug, play_google(url, BOBS, cancel=cancel), session)


def test_an_unfinished_change_goes_on_where_it_was(rig: Rig, vendors: dict[str, Elsewhere]) -> None:
    door = doors(change(rig, AccessType.OFFICE365))[0]
    rig.sign_in.visit(door.id, rig.session(BOB))
    rig.clock.ahead += 11 * MINUTE
    rig.unfinished.work()
    rig.draw()
    [told] = rig.slack.to(BOB)
    assert (told["door"].id, told["door"].label) == (door.id, "Office 365")
