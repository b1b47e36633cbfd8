"""A sandbox with a whole bot beside it, and what every story does there. It knows no browser and no page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.sandbox import opening
from tests.sandbox.child import Child, Launch, launch, manifest
from tests.sandbox.slack import Button, Message, SlackServer
from tests.sandbox.world import Mode, Person, Sandbox, Vendor

T = TypeVar("T")

WAIT = 20.0
# What an operator is woken for. A warning may be part of a story, these may not.
ALARMS = {"ERROR", "CRITICAL"}


class Stage:
    """`with Stage(tmp_path) as stage:` has the app installed and the bot ready."""

    def __init__(
        self,
        directory: Path,
        *,
        offset: timedelta = timedelta(),
        settings: Mapping[str, str] | None = None,
        vendors: Collection[Vendor] = (Vendor.GOOGLE,),
        mode: Mode = Mode.SOCKET,
        launch: Launch = launch,
    ) -> None:
        self.directory = directory
        self.world = Sandbox(directory, offset=offset, vendors=vendors, mode=mode)
        self._more = dict(settings or {})
        self._launch = launch
        self._bot: Child | None = None

    @property
    def slack(self) -> SlackServer:
        return self.world.slack

    @property
    def bot(self) -> Child:
        assert self._bot is not None, "the stage is not set yet"
        return self._bot

    @property
    def settings(self) -> dict[str, str]:
        return {**self.world.settings(), **self._more}

    def start(self) -> Self:
        self.world.start()
        try:
            http = self.world.mode is Mode.HTTP
            self.world.install(manifest(self.world.public_url, self.directory, http=http, launch=self._launch))
            self._bot = Child(self.settings, self.directory, launch=self._launch)
            self.bot.start()
            self.bot.wait_until_ready()
            if http:
                assert self.slack.takes_requests(), "Slack would not take the request URL"
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        try:
            if self._bot is not None:
                self._bot.stop()
        finally:
            self.world.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What happens

    def connect(self, *people: Person) -> None:
        """Each signs in to Google in a browser without a screen, and is synced once."""
        for person in people:
            opening.connect_google(self.world, user=person.id, email=person.email)
        for person in people:
            self.wait(partial(opening.is_synced, self.world, person.id), f"{person.name}'s first sync")

    def pass_time(self, **by: float) -> None:
        """As the side panel does: `minutes=10`."""
        self.world.clock.move(timedelta(**by))

    def be_told_in_time(self, condition: Callable[[], object], what: str, *, steps: int = 8) -> None:
        """Moves the clock in steps of ten minutes, as an afternoon goes by, until `condition`."""
        for _ in range(steps):
            if self.holds(condition, 1.0):
                return
            self.pass_time(minutes=11)
        self.wait(condition, what)

    # What can be seen

    def newest(self, person: Person, *, channel: str = "app_dm") -> Message:
        """The last message that stays. LookupError where there is none."""
        message: Message = self.slack.messages(person.id, channel=channel)[-1]
        return message

    def door(self, person: Person, label: str) -> Button:
        """The newest sign-in button with this label. LookupError where there is none."""
        shown = [*self.slack.messages(person.id), *self.slack.ephemerals(person.id)]
        found = [button for message in shown for button in message.buttons if button.url and label in button.label]
        return found[-1]

    def wait(self, condition: Callable[[], T], what: str, seconds: float = WAIT) -> T:
        try:
            found: T = self.slack.wait(condition, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n\nThe bot's log ends:\n{self.bot.last_lines(12)}") from error
        return found

    def holds(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether it comes true in this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if condition():
                    return True
            except LookupError:
                pass
            time.sleep(0.05)
        return False

    def alarms(self) -> list[str]:
        """The lines of the bot's log that an operator would be woken for, or that are no log lines at all."""
        return [line for line in self.log_lines() if _is_alarm(line)]

    def log_lines(self) -> list[str]:
        return [line for line in self.bot.log.read_text("utf-8").splitlines() if line.strip()]


def _is_alarm(line: str) -> bool:
    try:
        return json.loads(line).get("level") in ALARMS
    except ValueError:
        # A traceback that nobody caught, or a library that prints.
        return True
