"""What an operator sets, by environment, `.env` or `relatch.toml`: all faults of it are named together."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from providers.base import AccessType

HOME = Path("~/.local/share/relatch").expanduser()
KEYS = Path("~/.config/relatch").expanduser()


S = TypeVar("S", bound="Look")


class SettingsRefused(Exception):
    """`faults` are sentences, one for each fault, without any value of a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _browser_address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an address without a path, such as https://relatch.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must be https; http only where its host is localhost")
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    """Judged by name: what a resolver says today may be different tomorrow."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Listed = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed)]
BrowserAddress = Annotated[str, AfterValidator(_browser_address)]


class Look(BaseSettings):
    """What the manifest needs: where browsers reach us, and what we are called."""

    model_config = SettingsConfigDict(
        env_prefix="RELATCH_", env_file=".env", toml_file="relatch.toml", extra="ignore", env_ignore_empty=True
    )

    public_url: BrowserAddress
    product: str = Field(default="Relatch", min_length=1, max_length=35)
    company: str = "your company"
    engine: str = "Relatch"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml, file_secret_settings


class Settings(Look):
    """All that `relatch run` needs."""

    listen: str = Field(default="127.0.0.1:8080", pattern=r"^.+:\d{1,5}$")
    database: Path = HOME / "relatch.db"
    keyset: Path = KEYS / "keyset.json"

    slack_bot_token: SecretStr
    slack_app_token: SecretStr
    slack_client_id: str
    slack_client_secret: SecretStr
    slack_api_url: str = "https://slack.com/api/"
    slack_url: str = "https://slack.com"

    admin_group: str = ""
    admin_ids: Listed = frozenset()
    admin_channel: str = ""
    allowed_domains: Listed = frozenset()

    google_client_id: str = ""
    google_client_secret: SecretStr = SecretStr("")
    google_issuer: str = "https://accounts.google.com"
    google_gmail_url: str = "https://gmail.googleapis.com"
    google_calendar_url: str = "https://www.googleapis.com/calendar/v3"
    google_dns_url: str = "https://dns.google/resolve"

    microsoft_client_id: str = ""
    microsoft_client_secret: SecretStr = SecretStr("")
    microsoft_certificate: Path | None = None
    microsoft_authority: str = "https://login.microsoftonline.com/organizations"
    microsoft_graph_url: str = "https://graph.microsoft.com/v1.0"
    microsoft_ews: bool = False
    microsoft_ews_url: str = "https://outlook.office365.com/EWS/Exchange.asmx"

    exchange_hosts: Listed = frozenset()
    exchange_url: str = ""

    salesforce_client_id: str = ""
    salesforce_client_secret: SecretStr = SecretStr("")
    salesforce_production_url: str = "https://login.salesforce.com"
    salesforce_sandbox_url: str = "https://test.salesforce.com"
    salesforce_my_domain_url: str = "https://{name}.my.salesforce.com"

    access_types: Annotated[frozenset[AccessType], NoDecode, BeforeValidator(_listed)] = frozenset()

    https_proxy: str = ""
    ca_bundle: Path | None = None
    clock_file: Path | None = None
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)

    @property
    def allowed_access(self) -> frozenset[AccessType]:
        """What people may pick: everything, unless the operator has named some."""
        return self.access_types or frozenset(AccessType)

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        faults = self._half_set_up()
        if self.clock_file is not None and not is_loopback(urlsplit(self.slack_api_url).hostname or ""):
            faults.append("RELATCH_CLOCK_FILE is for the sandbox only: take it out")
        if not self.slack_bot_token.get_secret_value().startswith("xoxb-"):
            faults.append("RELATCH_SLACK_BOT_TOKEN is not a bot token: those begin with xoxb-")
        if not self.slack_app_token.get_secret_value().startswith("xapp-"):
            faults.append("RELATCH_SLACK_APP_TOKEN is not an app-level token: those begin with xapp-")
        if self.ca_bundle is not None and not self.ca_bundle.is_file():
            faults.append("RELATCH_CA_BUNDLE names a file that is not there")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _half_set_up(self) -> list[str]:
        """A provider of which only a part was given would not be offered, and nobody would know why."""
        faults = []
        for name in ("google", "salesforce"):
            if bool(getattr(self, f"{name}_client_id")) != bool(self._secret(name)):
                both = f"RELATCH_{name.upper()}_CLIENT_ID and RELATCH_{name.upper()}_CLIENT_SECRET"
                faults.append(f"{both} go together: set both or none")
        proofs = [bool(self._secret("microsoft")), self.microsoft_certificate is not None]
        if sum(proofs) != bool(self.microsoft_client_id):
            faults.append(
                "RELATCH_MICROSOFT_CLIENT_ID goes together with one of RELATCH_MICROSOFT_CLIENT_SECRET and "
                "RELATCH_MICROSOFT_CERTIFICATE"
            )
        if self.microsoft_certificate is not None and not self.microsoft_certificate.is_file():
            faults.append("RELATCH_MICROSOFT_CERTIFICATE names a file that is not there")
        if "{name}" not in self.salesforce_my_domain_url:
            faults.append("RELATCH_SALESFORCE_MY_DOMAIN_URL needs {name} where the name of the domain stands")
        if self.exchange_url and urlsplit(self.exchange_url).netloc.lower() not in self.exchange_hosts:
            faults.append("RELATCH_EXCHANGE_HOSTS must name the host of RELATCH_EXCHANGE_URL")
        return faults

    def _secret(self, provider: str) -> str:
        secret: SecretStr = getattr(self, f"{provider}_client_secret")
        return secret.get_secret_value()


def read(kind: type[S]) -> S:
    """Raises SettingsRefused with every fault at once."""
    try:
        return kind()
    except ValidationError as error:
        raise SettingsRefused([_sentence(fault) for fault in error.errors(include_input=False)]) from None


def _sentence(fault: Mapping[str, Any]) -> str:
    words = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return words
    name = "RELATCH_" + str(fault["loc"][0]).upper()
    return f"{name} is missing" if fault["type"] == "missing" else f"{name}: {words}"
