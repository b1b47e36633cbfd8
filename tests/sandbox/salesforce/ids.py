"""Salesforce's record ids: 15 characters that heed case, and three more that make up for readers who do not.

Key prefixes: help.salesforce.com, "Standard Field Record ID Prefix Decoder".
"""

from __future__ import annotations

import hashlib
import secrets
import string

ORG, USER, CONTACT, LEAD, TASK, EVENT = "00D", "005", "003", "00Q", "00T", "00U"

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKS = string.ascii_uppercase + "012345"
SHORT, LONG = 15, 18


def new_id(prefix: str) -> str:
    """18 characters."""
    return long_id(prefix + "".join(secrets.choice(LETTERS) for _ in range(SHORT - len(prefix))))


def stable_id(prefix: str, seed: str) -> str:
    """18 characters, the same for a seed in every sandbox."""
    digest = hashlib.sha256(seed.encode()).digest()
    return long_id(prefix + "".join(LETTERS[byte % len(LETTERS)] for byte in digest[: SHORT - len(prefix)]))


def long_id(short: str) -> str:
    """Each of the three last characters tells which of five characters are upper case."""
    groups = (short[start : start + 5] for start in range(0, SHORT, 5))
    return short + "".join(CHECKS[sum(letter.isupper() << at for at, letter in enumerate(group))] for group in groups)


def whole(id_: str) -> str:
    """The 18 characters of an id that was given with 15 or with 18; empty for what is no id."""
    if not id_.isascii() or not id_.isalnum() or len(id_) not in {SHORT, LONG}:
        return ""
    return long_id(id_[:SHORT])
