"""The whole sandbox: clock, switches, Slack, the vendors and the cast, on free ports of loopback.

It imports nothing of the bot: what the bot needs to know is in `settings()`, as environment variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sandbox.clock import SandboxClock, clock_switches
from tests.sandbox.exchange import ExchangeServer
from tests.sandbox.exchange.switches import exchange_switches
from tests.sandbox.google import GoogleServer
from tests.sandbox.google.switches import google_switches
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.microsoft.switches import microsoft_switches
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.salesforce.switches import salesforce_switches
from tests.sandbox.serving import HOST, Serving, free_port, own_tls
from tests.sandbox.slack import BOT_USER, Installed, SlackServer
from tests.sandbox.switches import Switch, Switches

TEAM, OTHER_TEAM = "T_ACME", "T_EVIL"
GENERAL, IT_ADMIN, ADMIN_GROUP = "C0GENERAL", "C0ITADMIN", "S0ITADMINS"


CUSTOMERS = {
    "cara@customer.example": "Cara Customer",
    "chris@customer.example": "Chris Customer",
    "dana@prospect.example": "Dana Prospect",
}


class Vendor(StrEnum):
    """Which of them the bot gets settings for. All of them run."""

    MICROSOFT = "microsoft"
    EXCHANGE = "exchange"
    GOOGLE = "google"
    SALESFORCE = "salesforce"


class Mode(StrEnum):
    """How Slack's payloads come to the bot: it calls Slack, or Slack calls it."""

    SOCKET = "socket"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the cast. The address is also the one of the account at each vendor."""

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
    """`with Sandbox(tmp_path) as world:` serves until the end of the block. It writes in `directory` only.

    `api_host` is where all that a bot calls listens; its address says `localhost`: nobody else reaches it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        offset: timedelta = timedelta(),
        vendors: Collection[Vendor] = tuple(Vendor),
        api_host: str = HOST,
        mode: Mode = Mode.SOCKET,
    ) -> None:
        self.directory = directory
        self.mode = mode
        self.vendors = vendors
        self._api_host = api_host
        self.clock = SandboxClock(directory / "clock", offset=offset)
        self.switches = Switches()
        self.slack = SlackServer(self.clock, team=TEAM, name="Acme")
        self.microsoft = MicrosoftServer(self.clock)
        self.exchange = ExchangeServer(self.clock)
        self.google = GoogleServer(self.clock)
        self.salesforce = SalesforceServer(self.clock)
        self.page_url = ""
        self.public_url = ""
        self._slack_api = ""
        self._api: dict[Vendor, str] = {}
        self._clients: dict[Vendor, tuple[str, str]] = {}
        self._installed: Installed | None = None
        self._serving = Serving()
        self._listen = ""

    def start(self, *, page_port: int = 0) -> Self:
        """`page_port` is the Slack page's; 0 picks a free one, as for all others."""
        self._serving.start()
        tls = own_tls(self.directory / "ca.pem")
        page = self._serving.serve(self.slack.page_app, port=page_port)
        self.page_url = f"http://slack.localhost:{page}"
        self._slack_api = f"https://localhost:{self._serving.serve(self.slack.api_app, host=self._api_host, tls=tls)}"
        self.slack.addresses(page=self.page_url, api=self._slack_api)
        for vendor, server in (
            (Vendor.MICROSOFT, self.microsoft),
            (Vendor.GOOGLE, self.google),
            (Vendor.SALESFORCE, self.salesforce),
        ):
            login = self._serving.serve(server.login_app)
            self._api[vendor] = f"https://localhost:{self._serving.serve(server.api_app, host=self._api_host, tls=tls)}"
            server.addresses(login=f"http://login.{vendor}.localhost:{login}", api=self._api[vendor])
        exchange = self._serving.serve(self.exchange.api_app, host=self._api_host, tls=tls)
        self._api[Vendor.EXCHANGE] = f"https://localhost:{exchange}"
        self.exchange.addresses(api=self._api[Vendor.EXCHANGE])
        bot = free_port()
        self._listen, self.public_url = f"{HOST}:{bot}", f"http://bot.localhost:{bot}"
        for vendor, server in (
            (Vendor.MICROSOFT, self.microsoft),
            (Vendor.GOOGLE, self.google),
            (Vendor.SALESFORCE, self.salesforce),
        ):
            self._clients[vendor] = server.register_client([f"{self.public_url}/callback/{vendor}"])
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
        way_in = {
            Mode.SOCKET: {"RELATCH_SLACK_APP_TOKEN": self._installed.app_token},
            Mode.HTTP: {"RELATCH_SLACK_SIGNING_SECRET": self._installed.signing_secret},
        }
        return self._of_vendors() | {
            **way_in[self.mode],
            "RELATCH_PUBLIC_URL": self.public_url,
            "RELATCH_LISTEN": self._listen,
            "RELATCH_DATABASE": str(self._folder("data") / "relatch.db"),
            "RELATCH_KEYSET": str(self._folder("keys") / "keyset.json"),
            "RELATCH_SLACK_BOT_TOKEN": self._installed.bot_token,
            "RELATCH_SLACK_CLIENT_ID": self._installed.client_id,
            "RELATCH_SLACK_CLIENT_SECRET": self._installed.client_secret,
            "RELATCH_SLACK_API_URL": f"{self._slack_api}/api/",
            "RELATCH_SLACK_URL": self.page_url,
            "RELATCH_ADMIN_GROUP": ADMIN_GROUP,
            "RELATCH_ADMIN_CHANNEL": IT_ADMIN,
            "RELATCH_CA_BUNDLE": str(self.directory / "ca.pem"),
            "RELATCH_CLOCK_FILE": str(self.directory / "clock"),
            "RELATCH_COMPANY": "Acme",
        }

    def _of_vendors(self) -> dict[str, str]:
        own: dict[Vendor, dict[str, str]] = {
            Vendor.MICROSOFT: {
                "AUTHORITY": f"{self._api[Vendor.MICROSOFT]}/organizations",
                "GRAPH_URL": f"{self._api[Vendor.MICROSOFT]}/v1.0",
                "EWS_URL": f"{self._api[Vendor.MICROSOFT]}/EWS/Exchange.asmx",
            },
            Vendor.EXCHANGE: {
                "HOSTS": self._api[Vendor.EXCHANGE].removeprefix("https://"),
                "URL": self.exchange.ews_url,
            },
            Vendor.GOOGLE: {
                "ISSUER": self._api[Vendor.GOOGLE],
                "GMAIL_URL": self._api[Vendor.GOOGLE],
                "CALENDAR_URL": f"{self._api[Vendor.GOOGLE]}/calendar/v3",
                "DNS_URL": f"{self._api[Vendor.GOOGLE]}/resolve",
            },
            Vendor.SALESFORCE: {
                "PRODUCTION_URL": f"{self._api[Vendor.SALESFORCE]}/production",
                "SANDBOX_URL": f"{self._api[Vendor.SALESFORCE]}/sandbox",
                "MY_DOMAIN_URL": f"{self._api[Vendor.SALESFORCE]}/my/{{name}}",
            },
        }
        for vendor, (client_id, client_secret) in self._clients.items():
            own[vendor] |= {"CLIENT_ID": client_id, "CLIENT_SECRET": client_secret}
        return {
            f"RELATCH_{vendor.upper()}_{name}": value for vendor in self.vendors for name, value in own[vendor].items()
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
            for server in (self.microsoft, self.exchange, self.google):
                server.add_account(person.email, password=f"{person.name}-at-work")
        for org in ("production", "sandbox", "acme"):
            for person in CAST:
                self.salesforce.add_user(person.email, password=f"{person.name}-at-work", org=org)
            for email, name in CUSTOMERS.items():
                add = self.salesforce.add_lead if email.startswith("dana") else self.salesforce.add_contact
                add(org, email=email, name=name)

    def _show_switches(self) -> None:
        colleagues = [person.email for person in CAST if not person.is_stranger]
        of_vendors: dict[Vendor, Iterable[Switch]] = {
            Vendor.MICROSOFT: microsoft_switches(self.microsoft, colleagues),
            Vendor.EXCHANGE: exchange_switches(self.exchange, colleagues),
            Vendor.GOOGLE: google_switches(self.google, colleagues),
            Vendor.SALESFORCE: salesforce_switches(self.salesforce, colleagues),
        }
        for switch in clock_switches(self.clock):
            self.switches.add(switch)
        for vendor in self.vendors:
            for switch in of_vendors[vendor]:
                self.switches.add(switch)
        self.slack.show(self.switches)
