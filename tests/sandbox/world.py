"""The whole sandbox: clock, switches, Slack, Google and the cast, on free ports of loopback.

It imports nothing of the bot: what the bot needs to know is in `settings()`, as environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sandbox.clock import SandboxClock, clock_switches
from tests.sandbox.google import GoogleServer
from tests.sandbox.google.switches import google_switches
from tests.sandbox.serving import HOST, Serving, free_port, own_tls
from tests.sandbox.slack import BOT_USER, Installed, SlackServer
from tests.sandbox.switches import Switches

TEAM, OTHER_TEAM = "T_ACME", "T_EVIL"
GENERAL, IT_ADMIN, ADMIN_GROUP = "C0GENERAL", "C0ITADMIN", "S0ITADMINS"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast. The address is also the one of the Google account, where there is one."""

    id: str
    name: str
    real_name: str
    email: str
    is_stranger: bool = False


ADA = Person("U0ADA", "ada", "Ada Admin", "ada@acme.example")
BOB = Person("U0BOB", "bob", "Bob Builder", "bob@acme.example")
GRACE = Person("U0GRACE", "grace", "Grace Hopper", "grace@acme.example")
MALLORY = Person("U0MALLORY", "mallory", "Mallory", "mallory@evil.example", is_stranger=True)
CAST = (ADA, BOB, GRACE, MALLORY)


class Sandbox:
    """`with Sandbox(tmp_path) as world:` serves until the end of the block. It writes in `directory` only."""

    def __init__(self, directory: Path, *, offset: timedelta = timedelta()) -> None:
        self.directory = directory
        self.clock = SandboxClock(directory / "clock", offset=offset)
        self.switches = Switches()
        self.slack = SlackServer(self.clock, team=TEAM, name="Acme")
        self.google = GoogleServer(self.clock)
        self.page_url = ""
        self.public_url = ""
        self._slack_api = ""
        self._google_api = ""
        self._google_client = ("", "")
        self._installed: Installed | None = None
        self._serving = Serving()
        self._listen = ""

    def start(self, *, page_port: int = 0) -> Self:
        """`page_port` is the Slack page's; 0 picks a free one, as for all others."""
        self._serving.start()
        tls = own_tls(self.directory / "ca.pem")
        page = self._serving.serve(self.slack.page_app, port=page_port)
        self.page_url = f"http://slack.localhost:{page}"
        self._slack_api = f"https://localhost:{self._serving.serve(self.slack.api_app, tls=tls)}"
        self.slack.addresses(page=self.page_url, api=self._slack_api)
        login = self._serving.serve(self.google.login_app)
        self._google_api = f"https://localhost:{self._serving.serve(self.google.api_app, tls=tls)}"
        self.google.addresses(login=f"http://login.google.localhost:{login}", api=self._google_api)
        bot = free_port()
        self._listen, self.public_url = f"{HOST}:{bot}", f"http://bot.localhost:{bot}"
        self._google_client = self.google.register_client([f"{self.public_url}/callback/google"])
        self._enter_cast()
        self._show_switches()
        return self

    def stop(self) -> None:
        self._serving.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def install(self, manifest: dict[str, Any]) -> None:
        """Installs the app from what `python -m bot manifest` prints; its tokens are in `settings()` then."""
        self._installed = self.slack.install(manifest)

    def settings(self) -> dict[str, str]:
        """The bot's environment: all it is told, and nothing else."""
        if self._installed is None:
            raise RuntimeError("the app is not installed yet: call install(manifest) first")
        google_id, google_secret = self._google_client
        return {
            "RELATCH_PUBLIC_URL": self.public_url,
            "RELATCH_LISTEN": self._listen,
            "RELATCH_DATABASE": str(self._folder("data") / "relatch.db"),
            "RELATCH_KEYSET": str(self._folder("keys") / "keyset.json"),
            "RELATCH_SLACK_BOT_TOKEN": self._installed.bot_token,
            "RELATCH_SLACK_APP_TOKEN": self._installed.app_token,
            "RELATCH_SLACK_CLIENT_ID": self._installed.client_id,
            "RELATCH_SLACK_CLIENT_SECRET": self._installed.client_secret,
            "RELATCH_SLACK_API_URL": f"{self._slack_api}/api/",
            "RELATCH_SLACK_URL": self.page_url,
            "RELATCH_ADMIN_GROUP": ADMIN_GROUP,
            "RELATCH_ADMIN_CHANNEL": IT_ADMIN,
            "RELATCH_GOOGLE_CLIENT_ID": google_id,
            "RELATCH_GOOGLE_CLIENT_SECRET": google_secret,
            "RELATCH_GOOGLE_ISSUER": self._google_api,
            "RELATCH_GOOGLE_GMAIL_URL": self._google_api,
            "RELATCH_GOOGLE_CALENDAR_URL": f"{self._google_api}/calendar/v3",
            "RELATCH_CA_BUNDLE": str(self.directory / "ca.pem"),
            "RELATCH_CLOCK_FILE": str(self.directory / "clock"),
            "RELATCH_COMPANY": "Acme",
        }

    def _folder(self, name: str) -> Path:
        # The keyset stays out of the data directory: a backup of the one must not carry the other.
        folder = self.directory / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _enter_cast(self) -> None:
        for person in CAST:
            team = OTHER_TEAM if person.is_stranger else TEAM
            self.slack.add_user(
                person.id,
                person.name,
                person.real_name,
                person.email,
                team=team,
                is_stranger=person.is_stranger,
            )
        self.slack.add_channel(GENERAL, "general", [person.id for person in CAST])
        self.slack.add_channel(IT_ADMIN, "it-admin", [ADA.id, BOT_USER])
        self.slack.add_group(ADMIN_GROUP, "it-admins", [ADA.id])
        for person in CAST:
            self.google.add_account(person.email, password=f"{person.name}-at-google")

    def _show_switches(self) -> None:
        colleagues = [person.email for person in CAST if not person.is_stranger]
        for switch in (*clock_switches(self.clock), *google_switches(self.google, colleagues)):
            self.switches.add(switch)
        self.slack.show(self.switches)
