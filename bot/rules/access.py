"""Which kinds of access want more than a sign-in, and what a My Domain may be called. No clock, SQL or network."""

from __future__ import annotations

import re

from providers.base import AccessType

# Asked in this order whose mailbox an address is; the first yes counts.
RECOGNISED_BY = ("microsoft", "google", "exchange")
NEED_A_HOST = frozenset({AccessType.MY_DOMAIN})

# `acme`, or of one of its test orgs `acme--test.sandbox`: help.salesforce.com, My Domain URL formats.
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.(?:sandbox|develop|scratch|trailblaze|demo|patch|free))?")
COPIED = (".my.salesforce.com", ".lightning.force.com", ".my.salesforce-setup.com")


def my_domain(written: str) -> str:
    """The bare name, of the name or of an address as people copy it; empty where it can be no My Domain."""
    host = written.strip().lower().removeprefix("https://").partition("/")[0]
    for ending in COPIED:
        host = host.removesuffix(ending)
    return host if NAME.fullmatch(host) else ""
