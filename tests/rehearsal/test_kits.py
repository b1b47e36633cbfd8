"""What all tests of a process borrow, tests/providers/kit.py and tests/keeping.py: nobody finds what another left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from aiohttp import web

from tests.keeping import STAYS, Keepsake
from tests.providers.exchange.kit import ExchangeKit
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import BOB, GRACE, Kit, Kits, Vendor
from tests.providers.microsoft.kit import MicrosoftKit
from tests.providers.salesforce.kit import SalesforceKit
from tests.providers.world import OAuthWorld
from tests.rehearsal.exchange import rig as exchange
from tests.rehearsal.google import rig as google
from tests.rehearsal.microsoft import rig as microsoft
from tests.rehearsal.salesforce import rig as salesforce
from tests.sandbox.exchange.switches import exchange_switches
from tests.sandbox.google.switches import google_switches
from tests.sandbox.microsoft.switches import microsoft_switches
from tests.sandbox.salesforce.switches import salesforce_switches
from tests.sandbox.switches import Kind, Switch

KITS: list[type[Kit[Any]]] = [MicrosoftKit, ExchangeKit, GoogleKit, SalesforceKit]
VENDORS: list[tuple[type[Vendor], Callable[[Any, list[str]], Iterable[Switch]]]] = [
    (MicrosoftKit, microsoft_switches),
    (ExchangeKit, exchange_switches),
    (GoogleKit, google_switches),
    (SalesforceKit, salesforce_switches),
    (microsoft.World, microsoft_switches),
    (exchange.World, exchange_switches),
    (google.World, google_switches),
    (salesforce.World, salesforce_switches),
]
# These come to be where they are first asked for.
WORKED_OUT = ("provider", "http", "wire")
A_MOMENT = timedelta(seconds=10)


def everything(held: Any, seen: set[int]) -> object:
    """All that there is to find in it, down to plain values, in objects too that only answer requests."""
    match held:
        case dict():
            return [(everything(name, seen), everything(value, seen)) for name, value in held.items()]
        case list() | tuple():
            return [everything(each, seen) for each in held]
        case set() | frozenset():
            return sorted(map(repr, held))
        case web.Application():
            return [everything(owner, seen) for owner in _who_answers(held)]
        case None | Enum() | str() | bytes() | int() | float() | datetime() | timedelta():
            return held
        case _ if isinstance(held, STAYS) or not type(held).__module__.startswith("tests."):
            return type(held)
        case _ if id(held) in seen:
            return "as above"
        case _:
            seen.add(id(held))
            names = [*getattr(held, "__slots__", ()), *getattr(held, "__dict__", ())]
            return [(name, everything(getattr(held, name), seen)) for name in names if name not in WORKED_OUT]


def _who_answers(app: web.Application) -> Iterator[object]:
    handlers: list[Any] = [*app.middlewares, *(route.handler for route in app.router.routes())]
    return (getattr(handler, "__self__", None) for handler in handlers)


def press(switch: Switch) -> None:
    match switch.kind:
        case Kind.PRESS:
            switch.press(None)
        case Kind.TOGGLE:
            switch.press(not switch.read())
        case Kind.NUMBER:
            switch.press(0.01)


def use(vendor: Vendor) -> None:
    """A sign-in that is over, one that is not, and all that a test may leave lying about."""
    if isinstance(vendor, Kit):
        vendor.sign_in()
        vendor.answer(GRACE)
        vendor.settings["client_id"] = "another"
        vendor.intercept("/", lambda _request: web.Response(text="a lie"))
    if isinstance(vendor, OAuthWorld):
        vendor.signed_in()
        vendor.answer(email=GRACE)
    vendor.clock.move(timedelta(days=1))
    vars(vendor)["left"] = "behind"


@pytest.mark.parametrize(
    ("kind", "switches"), VENDORS, ids=[kind.__module__.split(".")[2] for kind, _ in VENDORS]
)
def test_a_borrowed_vendor_is_as_new_whatever_was_done_to_it(
    kits: Kits, kind: type[Any], switches: Callable[[Any, list[str]], Iterable[Switch]]
) -> None:
    with kits.lent(kind) as vendor:
        new = everything(vendor, set())
        use(vendor)
        for switch in switches(vendor.server, [BOB, GRACE]):
            press(switch)
        assert everything(vendor, set()) != new
    with kits.lent(kind) as vendor:
        assert everything(vendor, set()) == new
        assert vendor.memory.is_new
        assert not vendor.clock.offset
        assert not {"provider", "http"} & vars(vendor).keys()


@pytest.mark.parametrize("kind", KITS)
def test_a_sign_in_that_was_played_before_is_put_back_exactly(kits: Kits, kind: type[Kit[Any]]) -> None:
    with kits.lent(kind) as kit:
        played, at = kit.sign_in(), kit.clock.now()
        after, asked = everything(kit, set()), kit.server.requests
        learned = kit.provider.approval()
    with kits.lent(kind) as kit:
        assert kit.sign_in() == played
        assert (everything(kit, set()), kit.server.requests) == (after, asked)
        assert kit.provider.approval() == learned
        assert abs(kit.clock.now() - at) < A_MOMENT
        kit.provider.check(kit.provider.refresh(played))


@pytest.mark.parametrize("happens", ["switch", "lie", "time", "person"])
@pytest.mark.parametrize("kind", KITS)
def test_where_something_has_happened_a_sign_in_is_played(kits: Kits, kind: type[Kit[Any]], happens: str) -> None:
    with kits.lent(kind) as kit:
        kit.sign_in()
    with kits.lent(kind) as kit:
        acts: dict[str, Callable[[], object]] = {
            "switch": lambda: kit.go_slow(0.001),
            "lie": lambda: kit.lie(b"", path="/elsewhere"),
            "time": lambda: kit.clock.move(timedelta(days=1)),
            "person": lambda: kit.sign_in(GRACE),
        }
        acts[happens]()
        now, before = kit.clock.now(), len(kit.server.requests)
        kit.sign_in()
        assert abs(kit.clock.now() - now) < A_MOMENT
        assert len(kit.server.requests) > before
        assert all(seen.at >= now for seen in kit.server.requests[before:])


def test_nobody_borrows_what_is_lent(kits: Kits) -> None:
    with kits.lent(GoogleKit), pytest.raises(AssertionError, match="two tests at once"), kits.lent(GoogleKit):
        pass


# A keepsake


class Part:
    def __init__(self) -> None:
        self.numbers = [1]
        self.same = self.numbers


class Whole:
    def __init__(self) -> None:
        self.part = Part()
        self.anything: object = "usual"


def test_parts_stay_and_what_they_hold_is_put_back() -> None:
    whole = Whole()
    part, keepsake = whole.part, Keepsake(whole)
    part.numbers.append(2)
    vars(part)["left"] = "behind"
    del whole.anything
    assert not keepsake.is_still_so()
    for _ in range(2):
        keepsake.put_back()
        assert keepsake.is_still_so()
        assert (whole.part is part, part.numbers, set(vars(part))) == (True, [1], {"numbers", "same"})
        assert part.same is part.numbers
        assert whole.anything == "usual"
        part.numbers.append(3)


def test_what_cannot_be_written_counts_as_changed() -> None:
    whole = Whole()
    keepsake = Keepsake(whole)
    whole.anything = lambda: None
    assert not keepsake.is_still_so()
    keepsake.put_back()
    assert keepsake.is_still_so()
