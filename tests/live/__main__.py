"""`python -m tests.live`: asks real vendors what docs/verified.md claims, with the tokens of the environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from bot.clock import SystemClock
from bot.settings import SettingsRefused, read
from tests.live.asked import NEEDS, SLACK, LiveSettings, Own, configured
from tests.live.callback import Callback
from tests.live.document import Seen, write

DOCUMENT = Path(__file__).parents[2] / "docs" / "verified.md"
STEPS = {
    SLACK: "ask auth.test, and blocks.validate for every golden message; nobody is sent anything",
    "microsoft": "sign in once in a browser, check, renew and read headers twice; My Apps ends it by hand",
    "exchange": "log in once, check and read headers twice; a password is ended by changing it",
    "google": "sign in once in a browser, check, renew, read headers twice and revoke",
    "salesforce": "sign in once in a browser, check, renew, look one person up and revoke",
}


def main(
    document: Annotated[Path, typer.Option(help="where the table of what was seen stands")] = DOCUMENT,
) -> None:
    """Ask real vendors with developer tenants. Without tokens it says what it would do, and asks nobody."""
    try:
        settings, own = read(LiveSettings), Own()
    except SettingsRefused as refused:
        raise _wrong(refused.faults) from None
    except ValidationError as error:
        found = error.errors(include_input=False)
        raise _wrong([f"LIVE_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in found]) from None
    asked = configured(settings, own)
    for vendor in NEEDS:
        _explain(vendor, will=vendor in asked)
    if not asked:
        typer.echo("Nothing was asked. tests/live/README.md says how to get developer tenants.")
        return
    seen = []
    for each in _ask(settings, own, asked):
        typer.echo(f"{each.vendor}: {each.claim}: {each.outcome}")
        seen.append(each)
    write(document, seen, SystemClock(settings.clock_file).now().date())
    typer.echo(f"Written to {document.name}.")
    if not all(each.holds for each in seen):
        raise typer.Exit(1)


def _wrong(faults: list[str]) -> typer.Exit:
    for fault in faults:
        typer.echo(fault, err=True)
    return typer.Exit(2)


def _explain(vendor: str, *, will: bool) -> None:
    typer.echo(f"{vendor}: {'will' if will else 'would'} {STEPS[vendor]}.")
    if not will:
        typer.echo(f"  Set {', '.join(NEEDS[vendor])}.")


def _ask(settings: LiveSettings, own: Own, asked: list[str]) -> Iterator[Seen]:
    # Only now: whoever just wants to know what to set shall not wait for every vendor's library.
    from bot.build import offered
    from tests.live import slack
    from tests.live.vendors import Walk

    if SLACK in asked:
        yield from slack.look(settings, _progress)
    providers = offered(settings, SystemClock(settings.clock_file))
    with Callback(*settings.address) as back:
        for vendor in asked:
            if vendor != SLACK:
                yield from Walk(provider=providers[vendor], own=own, back=back, ask=_open).steps()


def _open(url: str) -> None:
    typer.echo(f"Open this address in a browser within ten minutes: {url}")


def _progress(words: str) -> None:
    # One line that is written over: some hundred calls take their time.
    if sys.stderr.isatty():
        typer.echo(f"\rslack: {words} ", nl=False, err=True)


if __name__ == "__main__":
    typer.run(main)
