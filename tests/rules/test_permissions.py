"""Who may do what: Ada is the admin, Bob a colleague, Mallory a guest from elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Profile, Word
from bot.rules.permissions import Verdict, may, wants_admin

BOB = Profile(team_id="T1", user_id="U1", name="Bob", email="bob@acme.example", timezone="Europe/Berlin")
MALLORY = replace(BOB, user_id="U9", name="Mallory", team_id="T9", stranger=True, guest=True)
FREE = [word for word in Word if word not in (Word.RELEASE, Word.DISMISS)]
ABOUT_SOMEBODY = [word for word in Word if word is not Word.HELP]


@pytest.mark.parametrize("admin", [True, False, None])
@pytest.mark.parametrize("word", FREE)
def test_everybody_acts_on_their_own(word: Word, admin: bool | None) -> None:
    assert may(profile=BOB, team_id="T1", word=word, own=True, admin=admin) is Verdict.YES


@pytest.mark.parametrize(
    ("admin", "expected"), [(True, Verdict.YES), (False, Verdict.NOT_ADMIN), (None, Verdict.UNKNOWN_ADMIN)]
)
@pytest.mark.parametrize("word", ABOUT_SOMEBODY)
def test_only_an_admin_acts_on_others_and_doubt_refuses(
    word: Word, admin: bool | None, expected: Verdict
) -> None:
    assert may(profile=BOB, team_id="T1", word=word, own=False, admin=admin) is expected


@pytest.mark.parametrize(
    ("admin", "expected"), [(True, Verdict.YES), (False, Verdict.NOT_ADMIN), (None, Verdict.UNKNOWN_ADMIN)]
)
@pytest.mark.parametrize("word", [Word.RELEASE, Word.DISMISS])
def test_held_messages_are_always_an_admins(word: Word, admin: bool | None, expected: Verdict) -> None:
    assert may(profile=BOB, team_id="T1", word=word, own=True, admin=admin) is expected


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("admin", [True, False, None])
@pytest.mark.parametrize("word", Word)
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (MALLORY, Verdict.NOT_HERE),
        (replace(BOB, team_id="T2"), Verdict.NOT_HERE),
        (replace(BOB, stranger=True), Verdict.NOT_HERE),
        (replace(BOB, team_id=""), Verdict.NOT_HERE),
        (replace(BOB, deleted=True), Verdict.DEACTIVATED),
        (replace(BOB, bot=True), Verdict.BOT),
        (replace(BOB, guest=True), Verdict.GUEST),
    ],
)
def test_people_who_are_no_colleagues_are_refused_whatever_else_they_are(
    profile: Profile, expected: Verdict, word: Word, admin: bool | None, own: bool
) -> None:
    assert may(profile=profile, team_id="T1", word=word, own=own, admin=admin) is expected


@pytest.mark.parametrize(
    ("word", "own", "expected"),
    [
        (Word.CHECK, True, False),
        (Word.CHECK, False, True),
        (Word.HELP, False, False),
        (Word.RELEASE, True, True),
    ],
)
def test_slack_is_asked_for_admins_only_where_it_matters(word: Word, own: bool, expected: bool) -> None:
    assert wants_admin(word=word, own=own) is expected
