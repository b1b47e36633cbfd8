"""`/creds help`, and what a misspelt or unknown word gets."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from bot.desk.asked import Asked, Tools
from bot.model import Reply, SlackAway, Word

# What people type; the other words are only ever pressed.
TYPED = (Word.CHECK, Word.REFRESH, Word.CHANGE, Word.REVOKE, Word.SYNC, Word.WHY, Word.HELP)
LIKENESS = 0.7


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    unknown = asked.request.argument
    guesses = get_close_matches(unknown.casefold(), [str(word) for word in TYPED], n=1, cutoff=LIKENESS)
    try:
        admin = tools.directory.is_admin(asked.actor.user_id)
    except SlackAway:
        admin = False
    yield Reply("help", {"unknown": unknown, "guess": guesses[0] if guesses else "", "admin": admin})
