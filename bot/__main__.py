"""The command line: `relatch run` and `relatch manifest`. It loads no vendor's SDK before it must."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import NoReturn

import typer

app = typer.Typer(
    help="A Slack bot that keeps people's mailbox and CRM sign-ins working.", no_args_is_help=True, add_completion=False
)


@app.command()
def run() -> None:
    """Serve the workspace until it is told to stop (SIGTERM or Ctrl-C)."""
    from bot import logs
    from bot.settings import Settings, SettingsRefused, read

    try:
        settings = read(Settings)
    except SettingsRefused as refused:
        _refuse("Relatch cannot start with these settings:", refused.faults)
    logs.set_up(settings.log_level)

    from bot.build import CannotStart, serve

    try:
        asyncio.run(serve(settings))
    except CannotStart as reason:
        _refuse("Relatch cannot start:", [str(reason)])
    # Python would wait for every thread that still looks at a slow vendor, longer than an operator's patience.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


@app.command()
def manifest() -> None:
    """Print the Slack app manifest, to be pasted at api.slack.com/apps. It needs RELATCH_PUBLIC_URL only."""
    from bot.model import Names
    from bot.settings import Look, SettingsRefused, read
    from handlers.slack.manifest import manifest as made

    try:
        look = read(Look)
    except SettingsRefused as refused:
        _refuse("The manifest needs these settings:", refused.faults)
    names = Names(product=look.product, company=look.company, engine=look.engine)
    sys.stdout.write(json.dumps(made(look.public_url, names), indent=2) + "\n")


def _refuse(what: str, faults: list[str]) -> NoReturn:
    sys.stderr.write("\n".join([what, *(f"  - {fault}" for fault in faults)]) + "\n")
    raise typer.Exit(2)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
