"""The command line: one short function for each word. It loads no vendor's library and no database before it must."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, TextIO

import typer

from providers.base import Side

if TYPE_CHECKING:
    from bot.model import Person
    from bot.operator.looking import Look
    from bot.operator.tools import Tools
    from bot.settings import Settings

app = typer.Typer(
    help="A Slack bot that keeps people's mailbox and CRM sign-ins working.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Else `--help` loads all of Rich first.
    pretty_exceptions_enable=False,  # Those would show values.
)

history = typer.Typer(help="The history of what happened.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(history, name="events")
keys = typer.Typer(help="The keys that seal every sign-in.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys, name="keys")

Whom = Annotated[str, typer.Option("--person", help="A Slack user id, or the e-mail address of somebody known.")]
WhichSide = Annotated[Side | None, typer.Option("--side", help="One side only.")]
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def run() -> None:
    """Serve the workspace until it is told to stop (SIGTERM or Ctrl-C)."""
    import asyncio

    from bot import logs
    from bot.settings import Settings, SettingsRefused, read

    try:
        settings = read(Settings)
    except SettingsRefused as refused:
        _refuse("Relatch cannot start with these settings:", refused.faults)
    logs.set_up(settings.log_level)

    with _loading():
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
def manifest(
    http: Annotated[bool, typer.Option("--http", help="For HTTP mode, in place of Socket Mode.")] = False,  # noqa: FBT002 - an option of the command line
) -> None:
    """Print the Slack app manifest, to be pasted at api.slack.com/apps. It needs RELATCH_PUBLIC_URL only."""
    from bot.model import Names
    from bot.settings import Look, SettingsRefused, read
    from handlers.slack.manifest import manifest as made

    try:
        look = read(Look)
    except SettingsRefused as refused:
        _refuse("The manifest needs these settings:", refused.faults)
    names = Names(product=look.product, company=look.company, engine=look.engine)
    sys.stdout.write(json.dumps(made(look.public_url, names, http=http), indent=2) + "\n")


@app.command()
def doctor(
    *,
    permissions: Annotated[
        bool, typer.Option("--permissions", help="Only list what is asked for, why, and what it does not allow.")
    ] = False,
    live: Annotated[bool, typer.Option("--live", help="Look at one connection of each provider, too.")] = False,
    each: Annotated[bool, typer.Option("--each", help="With --live: look at everybody's, which is slow.")] = False,
    person: Annotated[str, typer.Option("--person", help="With --live: look at this person's.")] = "",
) -> None:
    """Look at everything that Relatch needs, and say how to mend what is wrong."""
    from bot.operator import screen

    if permissions:
        from bot.operator.permissions import ASKED

        rows = [(asked.of, asked.scope, asked.why, asked.consents, asked.cannot) for asked in ASKED]
        screen.table(["of", "permission", "why", "who consents", "with it Relatch still cannot"], rows)
        return
    with _sentences():
        healthy = _examine(live=live or each or bool(person), each=each, person=person)
    raise typer.Exit(0 if healthy else 1)


def _examine(*, live: bool, each: bool, person: str) -> bool:
    """False where something failed."""
    from bot.model import Finding, Level
    from bot.operator import screen
    from bot.settings import Settings, SettingsRefused, read

    try:
        settings = read(Settings)
    except SettingsRefused as refused:
        for fault in refused.faults:
            screen.finding(Finding(Level.FAIL, "settings", f"{fault}.", "Correct it. The rest is looked at then."))
        return False
    screen.finding(Finding(Level.OK, "settings", "Complete, and they fit together."))
    with _loading():
        from bot.build import examined, one_shot
        from bot.operator import vendors

    _quiet(settings)
    failed = False
    for found in screen.waited("Looking …", examined(settings)):
        screen.finding(found)
        failed |= found.level is Level.FAIL
    if live:
        with one_shot(settings) as tools:
            connections = vendors.chosen(tools, each=each, person=person)
            with screen.counting("Looking at connections", len(connections)) as step:
                told = list(vendors.looked_at(tools, connections, step))
        for found in told:
            screen.finding(found)
            failed |= found.level is Level.FAIL
    return not failed


@app.command()
def check(person: Whom, side: WhichSide = None) -> None:
    """Look live at somebody's connections, as `/creds check` does."""
    from bot.operator import looking

    with _tools() as tools:
        _show(looking.check(tools, person=person, side=side))


@app.command()
def refresh(person: Whom, side: WhichSide = None) -> None:
    """Renew somebody's sign-ins, as far as that goes without them."""
    from bot.operator import looking

    with _tools() as tools:
        _show(looking.refresh(tools, person=person, side=side))


def _show(found: Iterator[Person | Look]) -> None:
    """One row for each side. Ends with 1 where one does not work."""
    from bot.model import Person
    from bot.operator import screen

    rows, links, works = [], [], True
    for each in screen.waited("Asking …", found):
        if isinstance(each, Person):
            screen.say(f"{each.name} ({each.user_id})")
            continue
        rows.append((each.side, each.label, each.account, each.words))
        links += [f"The {each.side} sign-in, for the person alone: {each.link}"] if each.link else []
        works &= each.works
    screen.table(["side", "provider", "account", "now"], rows)
    for link in links:
        screen.say(link)
    raise typer.Exit(0 if works else 1)


@app.command()
def revoke(
    *,
    person: Whom,
    reason: Annotated[str, typer.Option("--reason", help="Why. The person is told.")],
    side: WhichSide = None,
    everything: Annotated[bool, typer.Option("--all", help="Both sides.")] = False,
    yes: Sure = False,
) -> None:
    """Stop somebody's sync and put the saved sign-in out of use at once. For when Slack is away."""
    from bot.operator import revoke as word
    from bot.operator import screen

    if not reason.strip():
        _refuse("Nothing was revoked:", ["The person is told why: --reason needs some words."])
    with _tools() as tools:
        planned = word.plan(tools, person=person, side=side, everything=everything)
        screen.say(f"{planned.person.name} ({planned.person.user_id})")
        for line in planned.lines(tools):
            screen.say(f"  {line}")
        _ask("Sync of this stops, and the saved sign-in is destroyed. Revoke it?", yes=yes)
        word.revoke(tools, planned, reason=reason.strip())
        screen.say("Revoked: sync has stopped, and the saved sign-in is out of use.")
        if tools.serving():
            screen.say("The running bot ends it at the provider, destroys it, and tells the person.")
        else:
            screen.say("No bot is running. The next `relatch run` ends it at the provider and destroys it.")


@app.command()
def forget(*, person: Whom, yes: Sure = False) -> None:
    """Erase what is known of somebody who is no longer connected."""
    from bot.operator import forget as word
    from bot.operator import screen

    with _tools() as tools:
        who = word.plan(tools, person=person)
        screen.say(f"{who.name} ({who.user_id}), {who.email}")
        _ask("Name, addresses, accounts, messages and sign-ins under way are erased for good. Forget them?", yes=yes)
        with screen.waiting("Erasing, and verifying the history …"):
            lines = word.forget(tools, who)
        screen.say(f"Forgotten. The history stays by number {who.id} only: {lines} lines, verified.")
        screen.say(
            "Not touched: what stands in Slack, in backups, and in copies that upgrades left beside the database."
        )


@history.command("export")
def events_export(
    *,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="In UTC.")] = None,
    person: Annotated[str, typer.Option(help="Only what concerns this person.")] = "",
    format: Annotated[Literal["jsonl", "csv"], typer.Option("--format")] = "jsonl",  # noqa: A002 - the option's name
    to: Annotated[str, typer.Option(help="A new file, or - for standard output.")] = "-",
) -> None:
    """Verify the whole history, then write it line by line, with its hashes."""
    from bot.operator import events, screen

    # A bar would stand between the lines that somebody reads.
    bar = nullcontext(lambda: None) if to == "-" else screen.counting("Exporting")
    with _tools() as tools, _written(to) as file, bar as step:
        done = events.export(
            tools,
            file,
            since=since.replace(tzinfo=UTC) if since else None,
            person=person,
            form=events.Format(format),
            step=step,
        )
    sys.stderr.write(
        f"Verified all {done.verified} lines of the history, each against the one before. Exported {done.written}.\n"
    )


@app.command()
def backup(to: Annotated[Path, typer.Option("--to", help="A new file, or a folder.")]) -> None:
    """Copy the database beside a running bot, and verify the copy. The key is never in it."""
    with _settings() as settings:
        from bot.operator import backup as word

        _say(word.backup(settings, to))


@app.command()
def restore(
    file: Path,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Try every sign-in slowly, and tell nobody in person before `release`.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Keep the database that is there beside it.")] = False,
) -> None:
    """Verify a backup, and put it in the place of the database."""
    with _settings() as settings:
        from bot.operator import restore as word

        _say(word.restore(settings, file, check=check, replace=replace))


@app.command()
def release(
    *,
    incident: Annotated[int | None, typer.Option("--incident", help="Which, where there are several.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Drop them: nobody is told.")] = False,
) -> None:
    """Send the messages that are held, as an admin does in Slack. For when Slack's admins are away."""
    with _settings() as settings:
        from bot.operator import restore as word

        _say(word.release(settings, number=incident, send=not drop))


@keys.command("status")
def keys_status() -> None:
    """Which keys there are, and how much each has sealed."""
    with _settings() as settings:
        from bot.operator import keys as word

        standing = word.status(settings)
        _say(standing.lines)
    raise typer.Exit(1 if standing.lost else 0)


@keys.command("rotate")
def keys_rotate() -> None:
    """Seal everything anew with a new key, beside a running bot. Cut short, the next call goes on with it."""
    with _settings() as settings:
        from bot.operator import keys as word

        _say(word.rotate(settings))


def _say(lines: list[str]) -> None:
    from bot.operator import screen

    for line in lines:
        screen.say(line)


@app.command()
def version() -> None:
    """Say what runs here."""
    from bot.operator import version as word

    for name, value in word.lines():
        sys.stdout.write(f"{name} {value}\n")


@contextmanager
def _loading() -> Iterator[None]:
    """What is loaded stays to the end. To look through it for garbage takes a third of a start, and time later on."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _tools() -> Iterator[Tools]:
    """What a command works with, beside a bot that may be running. What cannot be done ends with a sentence and 2."""
    with _settings() as settings:
        with _loading():
            from bot.build import one_shot
        with one_shot(settings) as tools:
            yield tools


@contextmanager
def _settings() -> Iterator[Settings]:
    """For a command that asks no vendor. What cannot be done ends with a sentence and 2."""
    from bot.settings import Settings, SettingsRefused, read

    try:
        settings = read(Settings)
    except SettingsRefused as refused:
        _refuse("Relatch cannot work with these settings:", refused.faults)
    _quiet(settings)
    with _sentences():
        yield settings


@contextmanager
def _sentences() -> Iterator[None]:
    from bot.operator.tools import CannotDo
    from bot.store.events import ChainBroken
    from bot.store.refused import StoreAway, StoreRefused
    from bot.store.vault import SecretUnreadable

    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except (CannotDo, StoreRefused) as reason:
        _refuse("This cannot be done:", [str(reason)])
    except StoreAway as away:
        _refuse("The database does not answer:", [f"{away}. Ask again in a minute; `relatch doctor` says more."])
    except SecretUnreadable as sealed:
        _refuse("A sealed sign-in does not open:", [f"{sealed}. `relatch doctor` says whether the keys are right."])
    except ChainBroken as broken:
        sys.stderr.write(
            f"The history was changed: line {broken.event_id} does not fit the one before. Nothing was written. "
            "Compare it with an earlier export or backup.\n"
        )
        raise typer.Exit(1) from broken
    except BrokenPipeError:
        # Whoever read it has seen enough. Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except OSError as error:
        name = error.filename or "The system says"
        _refuse("This cannot be done:", [f"{name}: {error.strerror or type(error).__name__}."])
    except Exception as error:
        # The last resort: nothing catches a fault of our own, and an operator can do nothing with a traceback.
        if logging.getLogger().level == logging.DEBUG:
            raise
        words = f"{type(error).__name__}. With RELATCH_LOG_LEVEL=DEBUG the same command shows where: please report it."
        _refuse("This is a fault of Relatch itself:", [words])


@contextmanager
def _written(to: str) -> Iterator[TextIO]:
    """A file that others may not read, and that was not there before."""
    if to == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        try:
            yield file
        except BaseException:
            Path(to).unlink(missing_ok=True)
            raise


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        _refuse("Nothing was done:", ["Nobody is there to be asked: say --yes."])
    if not typer.confirm(question):
        _refuse("Nothing was done:", ["You said no."])


def _quiet(settings: Settings) -> None:
    """Libraries' own warnings would stand between the lines: what matters of them is told in words."""
    from bot import logs

    logs.set_up(settings.log_level)
    logging.disable(logging.WARNING)


def _refuse(what: str, faults: list[str]) -> NoReturn:
    sys.stderr.write("\n".join([what, *(f"  - {fault}" for fault in faults)]) + "\n")
    raise typer.Exit(2)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
