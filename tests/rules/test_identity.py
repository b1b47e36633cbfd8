"""Whether Bob signed in with the account that is meant."""

from __future__ import annotations

import pytest

from bot.model import Word
from bot.rules.identity import Match, judge
from providers.base import Credential

BOB = "bob@acme.example"


def signed_in(account: str, *aliases: str, identity: str = "sub-bob") -> Credential:
    return Credential(account=account, identity=identity, secret="s", aliases=aliases)


def judged(
    credential: Credential, *, word: Word, known: str = "", email: str = BOB, allowed: tuple[str, ...] = ()
) -> Match:
    return judge(
        word=word,
        known_identity=known,
        credential=credential,
        email=email,
        allowed_domains=frozenset(allowed),
    )


@pytest.mark.parametrize(
    ("credential", "expected"),
    [
        (signed_in(BOB), Match.SAME),
        (signed_in("renamed@new.example"), Match.SAME),
        (signed_in(BOB, identity="sub-other"), Match.OTHER),
        (signed_in(BOB, identity=""), Match.OTHER),
    ],
)
def test_refresh_goes_by_the_identity_that_never_changes(credential: Credential, expected: Match) -> None:
    assert judged(credential, word=Word.REFRESH, known="sub-bob") is expected


@pytest.mark.parametrize(("word", "known"), [(Word.REFRESH, ""), (Word.CHANGE, ""), (Word.CHANGE, "sub-old")])
@pytest.mark.parametrize(
    ("credential", "allowed", "expected"),
    [
        (signed_in(BOB), (), Match.SAME),
        (signed_in("BOB@Acme.Example"), (), Match.SAME),
        (signed_in("robert@acme.example", "Bob@acme.example"), (), Match.SAME),
        (signed_in(BOB), ("other.example",), Match.SAME),
        (signed_in("grace@acme.example"), (), Match.ASK),
        (signed_in("grace@ACME.example"), (), Match.ASK),
        (signed_in("bob@sub.example"), ("Sub.Example",), Match.ASK),
        (signed_in("grace@acme.example"), ("sub.example",), Match.FORBIDDEN),
        (signed_in("bob@gmail.example"), (), Match.FORBIDDEN),
        (signed_in("bob@gmail.example", "grace@acme.example"), (), Match.FORBIDDEN),
        (signed_in("bob@evil.acme.example"), (), Match.FORBIDDEN),
        (signed_in("bob@acme.example@evil.example"), (), Match.FORBIDDEN),
        (signed_in("acme.example"), (), Match.FORBIDDEN),
        (signed_in(""), (), Match.FORBIDDEN),
    ],
)
def test_first_sign_in_and_change_go_by_the_address(
    word: Word, known: str, credential: Credential, allowed: tuple[str, ...], expected: Match
) -> None:
    assert judged(credential, word=word, known=known, allowed=allowed) is expected


@pytest.mark.parametrize("account", ["", "bob", BOB])
def test_without_an_address_in_slack_nothing_matches(account: str) -> None:
    assert judged(signed_in(account), word=Word.CHANGE, email="") is Match.FORBIDDEN


@pytest.mark.parametrize(
    ("account", "email"),
    [("bob@fa\u00df.example", "bob@fass.example"), ("bob@\u212aite.example", "bob@kite.example")],
)
def test_letters_that_only_fold_alike_are_other_people(account: str, email: str) -> None:
    assert judged(signed_in(account), word=Word.CHANGE, email=email) is Match.FORBIDDEN
