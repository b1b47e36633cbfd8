"""What somebody typed or pressed, as a Request. It never refuses: what it does not know becomes a question for help."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.model import Actor, Request, Word

LONGEST = 8000
LONGEST_REASON = 300
LONGEST_WORD = 40

# The typed words; the others are only ever pressed.
WORDS: Mapping[str, Word] = {
    "status": Word.STATUS,
    "check": Word.CHECK,
    "test": Word.CHECK,
    "refresh": Word.REFRESH,
    "renew": Word.REFRESH,
    "reconnect": Word.REFRESH,
    "change": Word.CHANGE,
    "switch": Word.CHANGE,
    "sync": Word.SYNC,
    "why": Word.WHY,
    "history": Word.WHY,
    "help": Word.HELP,
}
TARGETS: Mapping[str, str] = {
    "mailbox": "mailbox",
    "mail": "mailbox",
    "email": "mailbox",
    "calendar": "mailbox",
    "crm": "crm",
    "google": "google",
    "gmail": "google",
    "workspace": "google",
    "microsoft": "microsoft",
    "office365": "microsoft",
    "office": "microsoft",
    "o365": "microsoft",
    "m365": "microsoft",
    "outlook": "microsoft",
    "exchange": "exchange",
    "salesforce": "salesforce",
    "sfdc": "salesforce",
}
# Names of two words, as people write them.
JOINED = re.compile(r"\b(office|microsoft) ?365\b|\bgoogle workspace\b", re.IGNORECASE)
WHOLE = {"office 365": "office365", "microsoft 365": "office365", "google workspace": "google"}
ARGUMENTS = frozenset({"now", "pause", "resume", "status"})

MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^>]*)?>")
ADDRESS = re.compile(r"<mailto:[^|>]*\|([^>]*)>|<(?:https?:)[^|>]*\|([^>]*)>")
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]+")


def typed(text: str, *, actor: Actor, delivery: str) -> Request:
    """`/creds <word> [side or provider] [@person] [reason]`, in the order that people write it."""
    line = _plain(text)
    mention = MENTION.search(line)
    subject = mention.group(1) if mention else ""
    words = MENTION.sub(" ", line).split()
    word, rest = Word.STATUS, words
    if words:
        first = words[0].casefold()
        if first.startswith("@"):
            return _nobody(first, actor, delivery)
        if first not in WORDS:
            return Request(actor, Word.HELP, argument=first[:LONGEST_WORD], delivery=delivery)
        word, rest = WORDS[first], words[1:]
    argument = ""
    if word is Word.SYNC and rest:
        known = rest[0].casefold() in ARGUMENTS
        argument = rest[0].casefold()[:LONGEST_WORD] if known or not subject else ""
        rest = rest[1:] if argument else rest
    target = TARGETS.get(rest[0].casefold(), "") if rest else ""
    rest = rest[1:] if target else rest
    if rest and rest[0].startswith("@") and not subject:
        return _nobody(rest[0], actor, delivery)
    return Request(
        actor,
        word,
        subject=subject,
        target=target,
        argument="" if word is Word.HELP else argument,
        reason=" ".join(rest)[:LONGEST_REASON],
        delivery=delivery,
    )


def pressed(action_id: str, value: str, *, actor: Actor, delivery: str) -> Request | None:
    """None for a press of something that is no button of ours."""
    name, _, argument = action_id.partition("#")[0].removeprefix("creds.").partition(".")
    if not action_id.startswith("creds.") or name not in tuple(Word):
        return None
    word = Word(name)
    if word in (Word.OPENED, Word.STUCK, Word.RELEASE, Word.DISMISS):
        return Request(actor, word, argument=value[:200], delivery=delivery)
    target, _, subject = value.partition("@")
    return Request(
        actor, word, subject=subject[:40], target=target[:40], argument=argument[:LONGEST_WORD], delivery=delivery
    )


def _nobody(name: str, actor: Actor, delivery: str) -> Request:
    """An @name that Slack did not turn into a person: nobody was picked from its list."""
    return Request(actor, Word.STATUS, argument=f"nobody:{name[:LONGEST_WORD]}", delivery=delivery)


def _plain(text: str) -> str:
    line = CONTROL.sub(" ", text[:LONGEST])
    line = ADDRESS.sub(lambda found: found.group(1) or found.group(2) or "", line)
    line = JOINED.sub(lambda found: WHOLE.get(found.group(0).casefold(), found.group(0).replace(" ", "")), line)
    return line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "<" not in line else line
