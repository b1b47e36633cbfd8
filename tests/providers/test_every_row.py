"""The walk over everything that vendors say: pressed at the sandbox, heard by the real provider, told in words.

The rows stand in tests/providers/<slug>/table.py. That each row of a provider's own table is reached is in its
test_errors.py; here it is that there are words for it, with no button named that is not there.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import templates
from bot.model import Card, Cause, Culprit, Reply, Seen, culprit
from handlers.slack.blocks import Message
from providers.all import ALL
from providers.base import Blocked, Misconfigured, ProviderError, Reason, Rejected, Side, Unavailable
from providers.exchange.errors import TABLE as EXCHANGE
from providers.google.errors import TABLE as GOOGLE
from providers.microsoft.errors import TABLE as MICROSOFT
from providers.salesforce.errors import TABLE as SALESFORCE
from tests.handlers.slack import samples
from tests.handlers.slack.samples import RENDER, Told
from tests.providers.exchange import table as exchange
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.google import table as google
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import Kit, Kits
from tests.providers.microsoft import table as microsoft
from tests.providers.microsoft.kit import MicrosoftKit
from tests.providers.salesforce import table as salesforce
from tests.providers.salesforce.kit import SalesforceKit
from tests.providers.table import THEIRS, Line, NotHere, Silent
from tests.sandbox.slack.blocks import elements_of

KITS: dict[str, type[Kit[Any]]] = {
    "microsoft": MicrosoftKit,
    "exchange": ExchangeKit,
    "google": GoogleKit,
    "salesforce": SalesforceKit,
}
ROWS = {"microsoft": microsoft, "exchange": exchange, "google": google, "salesforce": salesforce}
TABLES = {"microsoft": MICROSOFT, "exchange": EXCHANGE, "google": GOOGLE, "salesforce": SALESFORCE}
LABELS = {provider.slug: provider.label for provider in ALL}
SIDES = {provider.slug: provider.side for provider in ALL}
# What comes to be for every provider: from the wire, from who renews, and from a page that its person could not leave.
EVERYBODYS: tuple[tuple[type[ProviderError], Reason], ...] = (
    (Unavailable, Reason.NETWORK),
    (Unavailable, Reason.PROVIDER_DOWN),
    (Blocked, Reason.TLS_ERROR),
    (Misconfigured, Reason.CLIENT_MISCONFIGURED),
    (Rejected, Reason.WRONG_ACCOUNT),
)
BY_OAUTH: tuple[tuple[type[ProviderError], Reason], ...] = (
    (Rejected, Reason.ROTATION_LOST),
    (Blocked, Reason.NEEDS_ADMIN_APPROVAL),
)
FOLDER = Path(next(iter(templates.__path__)))
# A few words at most: a sentence would be the vendor's.
CODE = re.compile(r"[A-Za-z0-9_.:/-]+( [A-Za-z0-9_.:/-]+){0,3}")
# The buttons that an advice may name, wherever it stands.
NAMED = re.compile(r"[Pp]ress \*([^*]+)\*")


def each(kind: str) -> list[Any]:
    every = [(slug, row) for slug, rows in ROWS.items() for row in getattr(rows, kind)]
    return [pytest.param(slug, row, id=f"{slug}: {row.signal}") for slug, row in every]


@pytest.mark.parametrize(("slug", "line"), each("LINES"))
def test_what_a_vendor_says_is_one_failure(slug: str, line: Line, kits: Kits) -> None:
    with kits.lent(KITS[slug]) as kit:
        act = line.place(kit)
        for press in line.presses:
            kit.tell_the_truth()
            press(kit)
            with pytest.raises(ProviderError) as caught:
                act()
            error = caught.value
            assert (type(error), error.reason) == (line.failure, line.reason)
            assert getattr(error, "definite", None) is line.definite
            assert len(error.code) <= 80
            assert CODE.fullmatch(error.code), f"{error.code!r} is no short code"
            assert not error.code.startswith("200"), "that of a success is no reason"
            assert is_silent_about_theirs(error)


@pytest.mark.parametrize(("slug", "row"), each("SILENT"))
def test_a_lost_place_is_read_again_and_nobody_is_told(slug: str, row: Silent, kits: Kits) -> None:
    with kits.lent(KITS[slug]) as kit:
        bob = kit.sign_in()
        *_, last = kit.provider.pull(bob, "")
        row.press(kit)
        assert any(page.resync for page in kit.provider.pull(bob, last.cursor))


@pytest.mark.parametrize(("slug", "row"), each("NOT_HERE"))
def test_a_row_that_no_provider_can_show(slug: str, row: NotHere) -> None:
    pytest.skip(f"{slug}, {row.signal}: {row.why}")


def is_silent_about_theirs(error: ProviderError) -> bool:
    """Neither what is stored nor what a log would have of it quotes the vendor's sentences."""
    told = " ".join([error.code, error.trace, str(error), *traceback.format_exception(error)])
    return THEIRS not in told and "evil.example" not in told


# The words


def met() -> list[tuple[str, type[ProviderError], Reason]]:
    """Every failure that there can be of each provider, once."""
    found = [(slug, line.failure, line.reason) for slug, rows in ROWS.items() for line in rows.LINES]
    found += [(slug, row.failure, row.reason) for slug, table in TABLES.items() for row in table]
    found += [(slug, *failure) for slug in ROWS for failure in EVERYBODYS]
    found += [(slug, *failure) for slug in ROWS if slug != "exchange" for failure in BY_OAUTH]
    return sorted(set(found), key=lambda one: (one[0], one[2], one[1].__name__))


def card(slug: str, failure: type[ProviderError], reason: Reason) -> Card:
    """Bob's, as the desk gives it: a sign-in is offered only where that mends it."""
    error = failure(reason, definite=True) if failure is Rejected else failure(reason)
    why = Cause(culprit=culprit(error), reason=reason, code="a code", trace="")
    bobs = samples.broken(Told()) if SIDES[slug] is Side.MAILBOX else samples.crm(Told())
    doors = bobs.doors if why.culprit is Culprit.PERSON else ()
    return replace(bobs, provider=slug, label=LABELS[slug], cause=why, doors=doors)


def advice(message: Message) -> str:
    """What stands below the line that says since when."""
    [told] = [
        block["text"]["text"]
        for block in message.blocks
        if block["type"] == "section" and "Stopped since" in block["text"]["text"]
    ]
    return str(told).split("Stopped since", 1)[1].split("\n", 1)[1].strip()


def labels(message: Message) -> set[str]:
    return {element["text"]["text"] for block in message.blocks for element in elements_of(block)}


def checked(found: Card, *, own: bool) -> Message:
    shown = replace(found, seen=Seen.FAILED, doors=found.doors if own else ())
    return RENDER.message(Reply("check", {"who": samples.bob(Told(), own=own), "cards": [shown], "done": True}))


@pytest.mark.parametrize(
    ("slug", "failure", "reason"), met(), ids=[f"{slug} {failure.__name__} {reason}" for slug, failure, reason in met()]
)
def test_the_person_and_her_administrator_are_told_what_to_do(
    slug: str, failure: type[ProviderError], reason: Reason
) -> None:
    found = card(slug, failure, reason)
    own, admins = checked(found, own=True), checked(found, own=False)
    for message in (own, admins):
        assert re.match(r"[A-Z“].{30,}[.!?]$", advice(message), re.DOTALL), advice(message)
    assert not re.search(r"(?i)\byou(?:r)? (?:administrator|password|account|mailbox|user)|press \*", advice(admins))
    notice = RENDER.message(samples.failure([found], stage="broken"))
    for message in (own, notice) if failure in (Rejected, Blocked) else (own,):
        # Change is a word that works everywhere; the notice has no button for it.
        named = set(NAMED.findall(advice(own))) - {"Change"}
        assert named <= labels(message), f"{advice(own)} -- but there is only {labels(message)}"


def test_words_for_one_provider_are_for_a_failure_that_it_has() -> None:
    can_be = {f"{slug}.{reason}" for slug, _, reason in met()}
    assert {path.stem for path in FOLDER.glob("advice/*.*.j2")} <= can_be
