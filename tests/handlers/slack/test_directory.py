"""Who somebody is and who is an admin, as the sandbox's Slack says it, and what is believed when it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.model import Profile, SlackAway
from handlers.slack.directory import SlackDirectory
from tests.handlers.slack.kit import ADA, BOB, GRACE, GUEST, LEAVER, MALLORY, ROBOT, TEAM, Town

GROUP = "S0ITADMINS"
MEMBERS = "usergroups.users.list"


class Ticking:
    """Seconds that a test lets go by."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
def make(town: Town, ticking: Ticking) -> Callable[..., SlackDirectory]:
    def directory(admin_group: str = GROUP, admin_ids: frozenset[str] = frozenset()) -> SlackDirectory:
        return SlackDirectory(
            loop=town.loop,
            client=town.connection.client,
            admin_group=admin_group,
            admin_ids=admin_ids,
            ticking=ticking,
        )

    town.slack.add_group(GROUP, "it-admins", [ADA])
    return directory


def asked(town: Town, method: str = MEMBERS) -> int:
    return sum(call.method == method for call in town.slack.sent)


def test_a_colleague_is_known_by_name_address_and_zone(make: Callable[..., SlackDirectory]) -> None:
    assert make().profile(BOB) == Profile(
        team_id=TEAM, user_id=BOB, name="Bob Builder", email="bob@acme.example", timezone="Europe/Berlin"
    )


def test_guests_strangers_bots_and_leavers_are_told_apart(make: Callable[..., SlackDirectory]) -> None:
    directory = make()
    people = {user: directory.profile(user) for user in (GUEST, MALLORY, ROBOT, LEAVER)}
    flags = {user: (one.guest, one.stranger, one.bot, one.deleted) for user, one in people.items()}
    assert flags == {
        GUEST: (True, False, False, False),
        MALLORY: (False, True, False, False),
        ROBOT: (False, False, True, False),
        LEAVER: (False, False, False, True),
    }
    assert people[MALLORY].team_id == "T_EVIL"
    assert people[MALLORY].email == "", "Slack keeps it back"
    assert people[LEAVER].timezone == "UTC", "Slack leaves it out"


@pytest.mark.parametrize("code", ["user_not_found", "user_not_visible"])
def test_somebody_whom_slack_does_not_show_is_a_stranger(
    town: Town, make: Callable[..., SlackDirectory], code: str
) -> None:
    town.slack.fail_next("users.info", code)
    profile = make().profile("U0NOBODY")
    assert profile.stranger
    assert profile.team_id == ""


@pytest.mark.parametrize("code", ["missing_scope", "invalid_auth", "ratelimited", "some_code_of_tomorrow"])
def test_whatever_else_slack_says_nobody_is_known(
    town: Town, make: Callable[..., SlackDirectory], code: str
) -> None:
    directory = make()
    for method, ask in (("users.info", directory.profile), (MEMBERS, directory.is_admin)):
        town.slack.fail_next(method, code)
        with pytest.raises(SlackAway, match=code):
            ask(BOB)


def test_members_of_the_group_are_admins_and_nobody_else(make: Callable[..., SlackDirectory]) -> None:
    directory = make()
    assert [user for user in (ADA, BOB, GRACE, MALLORY, "U0NOBODY") if directory.is_admin(user)] == [ADA]


def test_listed_ids_are_admins_while_slack_is_down(town: Town, make: Callable[..., SlackDirectory]) -> None:
    town.slack.down(True)
    directory = make(admin_ids=frozenset({GRACE}))
    before = asked(town)
    assert directory.is_admin(GRACE)
    assert asked(town) == before
    with pytest.raises(SlackAway):
        directory.is_admin(ADA)


def test_without_a_group_only_the_listed_are_admins(town: Town, make: Callable[..., SlackDirectory]) -> None:
    directory = make(admin_group="", admin_ids=frozenset({GRACE}))
    before = asked(town)
    assert (directory.is_admin(GRACE), directory.is_admin(ADA)) == (True, False)
    assert asked(town) == before


def test_an_admin_is_believed_for_60_seconds_and_no_longer(
    town: Town, make: Callable[..., SlackDirectory], ticking: Ticking
) -> None:
    directory = make()
    assert directory.is_admin(ADA)
    before = asked(town)
    town.slack.add_group(GROUP, "it-admins", [GRACE])
    ticking.now += 60
    assert directory.is_admin(ADA)
    assert asked(town) == before
    ticking.now += 0.1
    assert (directory.is_admin(ADA), directory.is_admin(GRACE)) == (False, True)
    assert asked(town) == before + 1


def test_an_old_list_is_not_believed_when_slack_does_not_answer(
    town: Town, make: Callable[..., SlackDirectory], ticking: Ticking
) -> None:
    directory = make()
    assert directory.is_admin(ADA)
    ticking.now += 61
    town.slack.down(True)
    with pytest.raises(SlackAway):
        directory.is_admin(ADA)
    town.slack.down(False)
    assert directory.is_admin(ADA), "and nothing of the refusal is kept"


def test_a_slow_answer_does_not_count_as_fresh(
    town: Town, make: Callable[..., SlackDirectory], ticking: Ticking
) -> None:
    """It is as old as the question: Slack may have looked before somebody was taken off."""
    directory = make()
    town.slack.slow(MEMBERS, 0.3)
    with ThreadPoolExecutor(1) as pool:
        before = asked(town)
        answer = pool.submit(directory.is_admin, ADA)
        town.slack.wait(lambda: asked(town) > before, what="the question")
        ticking.now += 50
        assert answer.result()
    ticking.now += 11
    directory.is_admin(ADA)
    assert asked(town) == before + 2


def test_many_at_once_ask_slack_once(town: Town, make: Callable[..., SlackDirectory]) -> None:
    directory = make()
    town.slack.slow(MEMBERS, 0.2)
    before = asked(town)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(directory.is_admin, [ADA] * 8)) == [True] * 8
    assert asked(town) == before + 1


def test_a_group_that_is_gone_makes_nobody_an_admin(make: Callable[..., SlackDirectory]) -> None:
    with pytest.raises(SlackAway, match="no_such_subteam"):
        make(admin_group="S0GONE").is_admin(ADA)
