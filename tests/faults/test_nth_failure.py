"""One call fails somewhere on the way from the first sign-in over a broken one to its repair: it ends green all the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model import Health
from tests.faults.conftest import scaled
from tests.faults.tap import Failure, Tap, google_calls, slack_calls
from tests.faults.town import Citizen, Town
from tests.sandbox.opening import set_up_button
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Button

CALLS = 20
MAILS = 3
TRIES = 4
DM = "app_dm"
# What a person must never be shown: a traceback, an exception's name, a template's insides.
INSIDES = re.compile(r"Traceback|Exception|\bError\(|[a-z]Error\b|\{\{|None\b|Undefined")


@pytest.mark.parametrize(
    ("vendor", "door"), [("Google", google_calls), ("Slack", slack_calls)], ids=["google", "slack"]
)
def test_whichever_call_fails_the_person_ends_with_a_sign_in_that_works(
    tmp_path: Path, tell: Callable[[str], None], vendor: str, door: Callable[[object], Tap]
) -> None:
    reached, tried, strays = 0, 0, 0
    with Town.founded(tmp_path, 0) as town:
        tap = town.google_tap if vendor == "Google" else town.slack_tap
        town.start()
        for nth in chosen(scaled(CALLS)):
            how = list(Failure)[nth % len(Failure)]
            citizen = town.arrive()
            tap.fail(nth, how)
            try:
                walk(town, citizen)
                strays += judge(town, citizen)
            except AssertionError as error:
                raise AssertionError(f"call {nth} to {vendor}, {how}: {tap.calls[-30:]}\n{error}") from error
            tried += 1
            reached += 1 - tap.relent()
            rest_in_peace(town, citizen)
        assert "Traceback" not in town.bot.log.read_text("utf-8")
        town.stop()
        town.check_database()
    assert reached
    tell(f"{tried} walks with the n-th call to {vendor} failing ({reached} reached it): all green, {strays} stray copies")
