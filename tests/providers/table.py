"""The shape of a row in the walk over all that vendors say: where it is seen, what makes them say it, what it means.

The rows stand in tests/providers/<slug>/table.py. No vendor is known here, and nothing is asserted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from providers.base import ProviderError, Reason
from providers.wire import Wire

# What the vendors' own sentences say wherever a test writes them. It may be shown nowhere.
THEIRS = "Sentence of theirs for bob@acme.example at https://evil.example <!channel>"

Act = Callable[[], object]
# A row knows its vendor's kit, which is none that the others have.
Press = Callable[[Any], object]
Place = Callable[[Any], Act]


@dataclass(frozen=True, slots=True)
class Line:
    """One row. `definite` is a Rejected's.

    The first of `presses` may be a switch of the sandbox, which stays pressed. Each other has the vendor answer
    something in its place, so that it is heard alone.
    """

    signal: str
    place: Place
    failure: type[ProviderError]
    reason: Reason
    definite: bool | None
    presses: tuple[Press, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """A row that is no failure: the sync reads its window again and nobody is told."""

    signal: str
    press: Press


@dataclass(frozen=True, slots=True)
class NotHere:
    """A row that no provider can show, and why."""

    signal: str
    why: str


def line(
    signal: str,
    place: Place,
    failure: type[ProviderError],
    reason: Reason,
    *presses: Press,
    definite: bool | None = None,
) -> Line:
    """Without a press, the place alone brings it about."""
    return Line(signal, place, failure, reason, definite, presses or (_nothing,))


# Where it is seen


def sign_in(kit: Any) -> Act:
    """The person has done her part, and the answer is on its way to us."""
    return partial(kit.provider.complete, *kit.answer())


def sign_in_anew(kit: Any) -> Act:
    """The person has yet to begin."""
    found: Act = kit.sign_in
    return found


def cancelled(kit: Any) -> Act:
    """The person leaves the vendor's page by its other button."""
    return partial(kit.provider.complete, *kit.answer(cancel=True))


def callback(**said: str) -> Place:
    """The browser comes back with this in place of a code."""

    def place(kit: Any) -> Act:
        answer, remember = kit.answer()
        return partial(kit.provider.complete, {"state": answer["state"], **said}, remember)

    return place


def renewal(kit: Any) -> Act:
    return partial(kit.provider.refresh, kit.sign_in())


def use(kit: Any) -> Act:
    return partial(kit.provider.check, kit.sign_in())


def hasty_use(kit: Any) -> Act:
    """Half a second and no more."""
    credential = kit.sign_in()
    return partial(kit.make(wire=Wire(ca_bundle=kit.ca_bundle, seconds=0.5)).check, credential)


def wary_use(kit: Any) -> Act:
    """With certificates of the public web only, of which the sandbox's is none."""
    return partial(kit.make(wire=Wire()).check, kit.sign_in())


def _nothing(kit: Any) -> None:
    """The place says it all."""
