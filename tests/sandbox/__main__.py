"""`python -m tests.sandbox --demo`: the sandbox with the bot beside it, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

from tests.sandbox import opening
from tests.sandbox.child import Child, ChildDied, manifest
from tests.sandbox.world import BOB, Mode, Sandbox


def main() -> int:
    asked = _arguments()
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            return
        ended.set()
        raise KeyboardInterrupt

    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, end)
    try:
        with _directory(asked.keep) as directory:
            mode = Mode.HTTP if asked.http else Mode.SOCKET
            _demo(directory, mode=mode, page_port=asked.port, with_people=not asked.no_browser_data)
    except KeyboardInterrupt:
        return 0
    except ChildDied as death:
        print(death, file=sys.stderr)
        return 1
    return 0


def _demo(directory: Path, *, mode: Mode, page_port: int, with_people: bool) -> None:
    print("Starting a Slack-like workspace, the vendors, and Relatch beside them …", flush=True)
    world = Sandbox(directory, offset=opening.STARTS if with_people else timedelta(), mode=mode)
    world.start(page_port=page_port)
    try:
        world.install(manifest(world.public_url, directory, http=mode is Mode.HTTP))
        child = Child(world.settings(), directory)
        child.start()
        try:
            _run(world, child, with_people=with_people)
        finally:
            child.stop()
    finally:
        world.stop()


def _run(world: Sandbox, child: Child, *, with_people: bool) -> None:
    child.wait_until_ready()
    if with_people:
        try:
            opening.play(world)
        except AssertionError as error:
            child.check()
            raise ChildDied(f"the demo could not be set up: {error}", child.last_lines()) from error
    print(f"Relatch demo: {world.page_url}/?user={BOB.id}  (Ctrl-C ends it)", flush=True)
    pause = threading.Event()
    while not pause.wait(0.5):
        child.check()


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="relatch-demo-") as made:
            yield Path(made)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    parser.add_argument(
        "--demo", action="store_true", required=True, help="start it all; there is nothing else yet"
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="the page's port; by default a free one"
    )
    parser.add_argument("--http", action="store_true", help="Slack calls the bot, in place of Socket Mode")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep database, keys and log in DIR")
    parser.add_argument("--no-browser-data", action="store_true", help="nobody has connected anything yet")
    asked = parser.parse_args()
    if asked.keep and asked.keep.exists() and any(asked.keep.iterdir()):
        parser.error(f"{asked.keep} is not empty: the demo starts with a fresh database and new keys")
    return asked


if __name__ == "__main__":
    sys.exit(main())
