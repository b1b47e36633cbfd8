"""Who may do what to whom, asked again on every press. No clock, no SQL, no network."""

from __future__ import annotations

from enum import StrEnum

from bot.model import Profile, Word

FOR_ADMINS = frozenset({Word.RELEASE, Word.DISMISS})
# Help is about nobody, whoever is named behind it.
ABOUT_NOBODY = frozenset({Word.HELP})


class Verdict(StrEnum):
    """YES, or why not."""

    YES = "yes"
    NOT_ADMIN = "not_admin"
    NOT_HERE = "not_here"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    UNKNOWN_ADMIN = "unknown_admin"


def may(*, profile: Profile, team_id: str, word: Word, own: bool, admin: bool | None) -> Verdict:
    """`profile` is the actor's, `team_id` the installed workspace, `admin` None where Slack did not say."""
    if profile.stranger or profile.team_id != team_id:
        return Verdict.NOT_HERE
    if profile.deleted:
        return Verdict.DEACTIVATED
    if profile.bot:
        return Verdict.BOT
    if profile.guest:
        return Verdict.GUEST
    if not wants_admin(word=word, own=own) or admin:
        return Verdict.YES
    return Verdict.UNKNOWN_ADMIN if admin is None else Verdict.NOT_ADMIN


def wants_admin(*, word: Word, own: bool) -> bool:
    """Whether `admin` matters at all, so that Slack is asked only then."""
    return word in FOR_ADMINS or (not own and word not in ABOUT_NOBODY)
