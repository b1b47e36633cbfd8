"""What an operator sets, by environment, `.env`, `relatch.toml` or a folder of secrets: all faults named together."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.rules.hours import WorkingHours
from providers.base import AccessType

PREFIX = "RELATCH_"
DOTENV, TOML = ".env", "relatch.toml"
# What systemd's LoadCredential= and others fill with files: https://systemd.io/CREDENTIALS
CREDENTIALS = "CREDENTIALS_DIRECTORY"
HOME = Path("~/.local/share/relatch")
KEYS = Path("~/.config/relatch")

# Kubernetes puts these into every container for a service that is called relatch. Nobody has set them.
OF_KUBERNETES = re.compile(r"service_(host|port(_\w+)?)|port(_\d+_(tcp|udp)(_(proto|port|addr))?)?")

S = TypeVar("S", bound="Look")


class SettingsRefused(Exception):
    """`faults` are sentences, one for each fault, without any value of a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def is_loopback(host: str) -> bool:
    """Judged by name: what a resolver says today may be different tomorrow."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _hours(value: Any) -> Any:
    return WorkingHours.read(value) if isinstance(value, str) else value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or "@" in parts.netloc or re.search(r"\s", value):
        raise ValueError("must be an address such as https://relatch.example.com")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must be https; http only where its host is localhost")
    return value


def _browser_address(value: str) -> str:
    parts = urlsplit(_address(value))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must be an address without a path, such as https://relatch.example.com")
    return value.rstrip("/")


def _of_my_domain(value: str) -> str:
    if "{name}" not in value:
        raise ValueError("needs {name} where the name of the domain stands")
    _address(value.replace("{name}", "name"))
    return value


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    try:
        complete = parts.scheme == "http" and parts.hostname and parts.port and not parts.path.strip("/")
    except ValueError:
        complete = False
    if not complete:
        raise ValueError("must be http://proxy.example.com:3128, with user:password@ before the host if it asks")
    return value


def _place(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isdecimal() and int(port) < 2**16):
        raise ValueError("must be an address and a port, such as 127.0.0.1:8080")
    return value


def _home(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError:
        raise ValueError("must be set, because whoever runs this has no home directory") from None


def _there(value: Path | None) -> Path | None:
    if value is not None and not value.is_file():
        raise ValueError("names a file that is not there")
    return value


def _beginning(beginning: str, what: str, *, or_none: bool = False) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        is_none = or_none and not value.get_secret_value()
        if not is_none and not value.get_secret_value().startswith(beginning):
            raise ValueError(f"is not {what}: those begin with {beginning}")
        return value

    return AfterValidator(check)


def _hosts(value: frozenset[str]) -> frozenset[str]:
    if any(not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", host) for host in value):
        raise ValueError("must be hosts such as mail.acme.example or mail.acme.example:8443, in lower case")
    return value


def _ids(letters: str, what: str) -> AfterValidator:
    def check(value: Any) -> Any:
        each = value if isinstance(value, frozenset) else {value} - {""}
        if any(not re.fullmatch(f"[{letters}][A-Z0-9_]+", id) for id in each):
            raise ValueError(f"must be {what} as Slack numbers them, such as {letters[0]}0123ABCD: not a name")
        return value

    return AfterValidator(check)


Listed = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed)]
Address = Annotated[str, AfterValidator(_address)]
BrowserAddress = Annotated[str, AfterValidator(_browser_address)]
# "" where there is none.
AddressOrNone = Annotated[str, AfterValidator(lambda value: value and _address(value))]
AtHome = Annotated[Path, AfterValidator(_home)]
FileThere = Annotated[Path | None, AfterValidator(_there)]


class Look(BaseSettings):
    """What the manifest needs: where browsers reach us, and what we are called."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        toml_file=TOML,
        extra="ignore",
        env_ignore_empty=True,
        # What belongs together is looked at where only one of it was given, too.
        validate_default=True,
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
        """What comes first wins."""
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml, file_secret_settings


class Settings(Look):
    """All that `relatch run` needs."""

    listen: Annotated[str, AfterValidator(_place)] = "127.0.0.1:8080"
    database: AtHome = HOME / "relatch.db"
    keyset: AtHome = KEYS / "keyset.json"
    # How long the history and the accounts used before are kept.
    retention_days: int = Field(default=400, ge=30)

    slack_bot_token: Annotated[SecretStr, _beginning("xoxb-", "a bot token")]
    # One of these two says how Slack's requests come in.
    slack_app_token: Annotated[SecretStr, _beginning("xapp-", "an app-level token", or_none=True)] = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_client_id: str
    slack_client_secret: SecretStr
    slack_api_url: Address = "https://slack.com/api/"
    slack_url: Address = "https://slack.com"

    admin_group: Annotated[str, _ids("S", "a user group")] = ""
    admin_ids: Annotated[Listed, _ids("UW", "people")] = frozenset()
    admin_channel: Annotated[str, _ids("CG", "a channel")] = ""
    allowed_domains: Listed = frozenset()
    # When people are told for the first time that something stopped; None is at any hour.
    working_hours: Annotated[WorkingHours | None, NoDecode, BeforeValidator(_hours)] = None
    access_types: Annotated[frozenset[AccessType], NoDecode, BeforeValidator(_listed)] = frozenset()

    google_client_id: str = ""
    google_client_secret: SecretStr = SecretStr("")
    google_issuer: Address = "https://accounts.google.com"
    google_gmail_url: Address = "https://gmail.googleapis.com"
    google_calendar_url: Address = "https://www.googleapis.com/calendar/v3"
    google_dns_url: Address = "https://dns.google/resolve"

    microsoft_client_id: str = ""
    microsoft_client_secret: SecretStr = SecretStr("")
    microsoft_certificate: FileThere = None
    microsoft_authority: Address = "https://login.microsoftonline.com/organizations"
    microsoft_graph_url: Address = "https://graph.microsoft.com/v1.0"
    microsoft_ews: bool = False
    microsoft_ews_url: Address = "https://outlook.office365.com/EWS/Exchange.asmx"

    exchange_hosts: Annotated[Listed, AfterValidator(_hosts)] = frozenset()
    exchange_url: AddressOrNone = ""

    salesforce_client_id: str = ""
    salesforce_client_secret: SecretStr = SecretStr("")
    salesforce_production_url: Address = "https://login.salesforce.com"
    salesforce_sandbox_url: Address = "https://test.salesforce.com"
    salesforce_my_domain_url: Annotated[str, AfterValidator(_of_my_domain)] = "https://{name}.my.salesforce.com"

    # It may hold a password.
    https_proxy: Annotated[str, AfterValidator(lambda value: value and _proxy(value))] = Field(default="", repr=False)
    ca_bundle: FileThere = None
    # Whoever knows it can say that we are alive.
    heartbeat_url: AddressOrNone = Field(default="", repr=False)
    clock_file: Path | None = None
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = "INFO"

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def allowed_access(self) -> frozenset[AccessType]:
        """What people may pick: everything, unless the operator has named some."""
        return self.access_types or frozenset(AccessType)

    # `info.data` has what was declared before and is no fault itself.

    @field_validator("slack_signing_secret")
    @classmethod
    def _one_way_in(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if "slack_app_token" in info.data and bool(info.data["slack_app_token"]) == bool(value):
            raise ValueError(
                "or RELATCH_SLACK_APP_TOKEN must be set, and not both: with the app token Relatch connects to Slack "
                "(Socket Mode), with the signing secret Slack calls Relatch at <public url>/slack/events (HTTP)"
            )
        return value

    @field_validator("google_client_secret", "salesforce_client_secret")
    @classmethod
    def _goes_with_its_id(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """A provider of which only a part was given would not be offered, and nobody would know why."""
        name = f"{info.field_name}".removesuffix("secret") + "id"
        if name in info.data and bool(info.data[name]) != bool(value.get_secret_value()):
            raise ValueError(f"goes together with {PREFIX}{name.upper()}: set both or none")
        return value

    @field_validator("microsoft_certificate")
    @classmethod
    def _one_proof_for_microsoft(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        secret = info.data.get("microsoft_client_secret", SecretStr("")).get_secret_value()
        if (value is not None) + bool(secret) != bool(info.data.get("microsoft_client_id")):
            raise ValueError(
                "goes together with RELATCH_MICROSOFT_CLIENT_ID: "
                "that needs either RELATCH_MICROSOFT_CLIENT_SECRET or this, and neither without it"
            )
        return value

    @field_validator("exchange_url")
    @classmethod
    def _at_an_allowed_host(cls, value: str, info: ValidationInfo) -> str:
        if value and urlsplit(value).netloc.lower() not in info.data.get("exchange_hosts", {}):
            raise ValueError("must be at a host that RELATCH_EXCHANGE_HOSTS names")
        return value

    @field_validator("clock_file")
    @classmethod
    def _in_the_sandbox(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and not is_loopback(urlsplit(info.data.get("slack_api_url", "")).hostname or ""):
            raise ValueError("is for the sandbox only: take it out")
        return value


def read(kind: type[S]) -> S:
    """Raises SettingsRefused with every fault at once."""
    faults: list[str] = []
    try:
        faults += _unknown()
        settings = kind(_secrets_dir=_secrets())
        if not faults:
            return settings
    except ValidationError as error:
        faults += [_sentence(fault) for fault in error.errors(include_input=False)]
    except tomllib.TOMLDecodeError as error:
        faults = [f"{TOML} cannot be read: {error}"]
    except (OSError, UnicodeError) as error:
        name = getattr(error, "filename", None) or f"{DOTENV} or {TOML}"
        faults = [f"{name} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"]
    # Without the cause: its text quotes what was set.
    raise SettingsRefused(faults) from None


def _secrets() -> Path | None:
    folder = Path(os.environ.get(CREDENTIALS, ""))
    return folder if folder.name and folder.is_dir() else None


def _unknown() -> Iterator[str]:
    """A misspelt name would be ignored, and what it should have set would be missed much later."""
    known = set(Settings.model_fields)
    prefix = PREFIX.lower()
    places: dict[str, Mapping[str, Any]] = {
        "the environment": EnvSettingsSource(Settings, env_ignore_empty=False).env_vars,
        DOTENV: DotEnvSettingsSource(Settings, env_ignore_empty=False).env_vars,
    }
    if (folder := _secrets()) is not None:
        places[str(folder)] = {path.name: path for path in folder.iterdir()}
    for place, given in places.items():
        names = {name.lower().removeprefix(prefix) for name in given if name.lower().startswith(prefix)}
        for name in sorted(names - known):
            if not (place == "the environment" and OF_KUBERNETES.fullmatch(name)):
                yield _not_known(PREFIX + name.upper(), place, name, PREFIX, str.upper)
    for name in sorted(TomlConfigSettingsSource(Settings).toml_data.keys() - known):
        yield _not_known(name, TOML, name.lower().removeprefix(prefix), "", str)


def _not_known(shown: str, place: str, name: str, prefix: str, spell: Any) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    guess = f": did you mean {prefix}{spell(near[0])}?" if near else ""
    return f"{shown} in {place} is not a setting{guess or '.'}"


def _sentence(fault: Mapping[str, Any]) -> str:
    words = str(fault["msg"]).removeprefix("Value error, ")
    if not fault["loc"]:
        return words
    name = PREFIX + str(fault["loc"][0]).upper()
    return f"{name} is missing" if fault["type"] == "missing" else f"{name} {words[0].lower()}{words[1:]}"
