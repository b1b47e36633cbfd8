"""What somebody typed or pressed, as a Request. It never refuses: what it does not know becomes a question for help."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.model import Actor, Choice, Request, Word
from providers.base import AccessType

LONGEST = 8000
LONGEST_REASON = 300
LONGEST_WORD = 40
LONGEST_ENTRY = 255
WHICH = frozenset({"mailbox", "crm", "all"})
# What stands for no kind of access: it is to be found from the address.
UNSURE = "unsure"

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
    "revoke": Word.REVOKE,
    "disconnect": Word.REVOKE,
    "sync": Word.SYNC,
    "why": Word.WHY,
    "history": Word.WHY,
    "help": Word.HELP,
}
# Of one word or of two, as people write them.
TARGETS: Mapping[str, str] = {
    "mailbox": "mailbox",
    "mail": "mailbox",
    "email": "mailbox",
    "calendar": "mailbox",
    "crm": "crm",
    "google": "google",
    "gmail": "google",
    "workspace": "google",
    "google workspace": "google",
    "microsoft": "microsoft",
    "microsoft365": "microsoft",
    "microsoft 365": "microsoft",
    "office": "microsoft",
    "office365": "microsoft",
    "office 365": "microsoft",
    "o365": "microsoft",
    "m365": "microsoft",
    "outlook": "microsoft",
    "exchange": "exchange",
    "salesforce": "salesforce",
    "sfdc": "salesforce",
    "all": "all",
}
ARGUMENTS = frozenset({"now", "pause", "resume", "status"})

MENTION = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]*)?>")
# What Slack makes of an address, a channel, a group or a second person: the words that were typed come back.
LABELLED = re.compile(r"<(?:mailto:|https?:|[#!])[^<>|]*\|([^<>]*)>")
UNLABELLED = re.compile(r"<(?:mailto:)?((?:https?:)?[^<>|@#!][^<>|]*)>")
OTHERS = re.compile(r"<@[UW][A-Z0-9]{1,30}\|([^<>]*)>")
# Unseen characters, those that turn the reading direction round, and halves of a pair: no database takes those.
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def typed(text: str, *, actor: Actor, delivery: str) -> Request:
    """`/creds <word> [side or provider] [@person] [reason]`, in the order that people write it."""
    subject, words = _read(text)
    word = Word.STATUS
    if words and not _is_name(words[0]):
        first = words[0].casefold()
        if first not in WORDS:
            return Request(actor, Word.HELP, argument=first[:LONGEST_WORD], delivery=delivery)
        word, words = WORDS[first], words[1:]
    unresolved = next((each for each in words if _is_name(each)), "")
    if unresolved and not subject:
        # Wherever it stands: what was meant for somebody else must not happen to the one who typed it.
        return Request(actor, Word.STATUS, argument=f"nobody:{unresolved[:LONGEST_WORD]}", delivery=delivery)
    argument, words = _argument(words, about_another=bool(subject)) if word is Word.SYNC else ("", words)
    target, words = _target(words)
    return Request(
        actor,
        word,
        subject=subject,
        target=target,
        argument=argument,
        reason=reason(" ".join(words)),
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


def filled_in(request: Request, values: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Request:
    """With what was entered and chosen beside the button: a modal's or message's `state.values`."""
    entered = {name: _entry(field) for block in values.values() for name, field in block.items()}
    access, choice = entered.get("access", ""), None
    if access == UNSURE or access in tuple(AccessType):
        kind = None if access == UNSURE else AccessType(access)
        choice = Choice(access=kind, host=_word(entered.get("host", "")), account=_word(entered.get("account", "")))
    which = entered.get("which", "")
    target = which if which in WHICH else request.target
    return replace(request, target=target, reason=reason(entered.get("reason", "")), choice=choice)


def _entry(field: Mapping[str, Any]) -> str:
    """Of a text or of a choice, empty where there is none."""
    return str((field.get("selected_option") or {}).get("value") or field.get("value") or "")


def _word(text: str) -> str:
    return CONTROL.sub("", text)[:LONGEST_ENTRY]


def reason(text: str) -> str:
    """In one line, as it is kept and shown."""
    return " ".join(CONTROL.sub(" ", text).split())[:LONGEST_REASON]


def _read(text: str) -> tuple[str, list[str]]:
    """The person from Slack's list, "" without one, and the words around."""
    line = CONTROL.sub(" ", text[:LONGEST])
    mention = MENTION.search(line)
    line = MENTION.sub(" ", line, count=1)
    for markup in (LABELLED, UNLABELLED):
        line = markup.sub(r"\1", line)
    line = OTHERS.sub(r"@\1", line)
    # Last of all, or `<@U…>` that somebody typed by hand would pass for a person from the list.
    line = line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return (mention.group(1) if mention else ""), line.split()


def _is_name(word: str) -> bool:
    """An @name that Slack did not turn into a person: nobody was picked from its list."""
    return word.startswith("@") and word != "@"


def _argument(words: list[str], *, about_another: bool) -> tuple[str, list[str]]:
    """Of sync. One that is not known is told so, unless it begins the reason of an admin."""
    if not words or (about_another and words[0].casefold() not in ARGUMENTS):
        return "", words
    return words[0].casefold()[:LONGEST_WORD], words[1:]


def _target(words: list[str]) -> tuple[str, list[str]]:
    for length in (2, 1):
        name = " ".join(words[:length]).casefold()
        if name in TARGETS:
            return TARGETS[name], words[length:]
    return "", words
