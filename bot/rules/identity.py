"""Whether the account that somebody signed in with is the one that is meant. No clock, no SQL, no network."""

from __future__ import annotations

from enum import StrEnum

from bot.model import Word
from providers.base import Credential


class Match(StrEnum):
    """SAME is stored, ASK is confirmed first, FORBIDDEN is of a foreign domain, OTHER is a wrong one."""

    SAME = "same"
    ASK = "ask"
    FORBIDDEN = "forbidden"
    OTHER = "other"


def judge(
    *, word: Word, known_identity: str, credential: Credential, email: str, allowed_domains: frozenset[str]
) -> Match:
    """`known_identity` is the connection's, empty before the first; `email` the one in Slack.

    `allowed_domains` empty means the domain of `email`.
    """
    if word is Word.REFRESH and known_identity:
        return Match.SAME if credential.identity == known_identity else Match.OTHER
    expected = _folded(email)
    if expected and expected in map(_folded, (credential.account, *credential.aliases)):
        return Match.SAME
    domains = {_folded(domain) for domain in allowed_domains} or {_domain(expected)}
    domain = _domain(_folded(credential.account))
    return Match.ASK if domain and domain in domains else Match.FORBIDDEN


def _domain(address: str) -> str:
    return address.rpartition("@")[2] if "@" in address else ""


def _folded(address: str) -> str:
    # Beyond ASCII, folding makes ss of ß: somebody else's address would pass for one's own.
    return address.casefold() if address.isascii() else address
