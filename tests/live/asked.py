"""What `make live` is given: the product's own settings, each vendor by itself, and from the environment only.

A `.env` or `relatch.toml` that lies about is somebody's production, and is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.settings import BrowserAddress, Settings
from providers.base import AccessType

NO_TOKEN = "xoxb-"
SLACK = "slack"
# What has to be set before a vendor is asked.
NEEDS: Mapping[str, tuple[str, ...]] = {
    SLACK: ("RELATCH_SLACK_BOT_TOKEN",),
    "microsoft": ("RELATCH_MICROSOFT_CLIENT_ID", "RELATCH_MICROSOFT_CLIENT_SECRET or RELATCH_MICROSOFT_CERTIFICATE"),
    "exchange": ("RELATCH_EXCHANGE_HOSTS", "LIVE_EXCHANGE_LOGIN", "LIVE_EXCHANGE_PASSWORD", "LIVE_ADDRESS"),
    "google": ("RELATCH_GOOGLE_CLIENT_ID", "RELATCH_GOOGLE_CLIENT_SECRET"),
    "salesforce": ("RELATCH_SALESFORCE_CLIENT_ID", "RELATCH_SALESFORCE_CLIENT_SECRET"),
}


class LiveSettings(Settings):
    """Nothing is required: who is not set is not asked. The redirect addresses lead to this machine."""

    model_config = SettingsConfigDict(env_file=None, toml_file=None)

    public_url: BrowserAddress = "http://localhost:8080"
    slack_bot_token: SecretStr = SecretStr(NO_TOKEN)
    slack_client_id: str = ""
    slack_client_secret: SecretStr = SecretStr("")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings

    @field_validator("slack_signing_secret")
    @classmethod
    def _one_way_in(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        """No payload comes in here, by either way."""
        return value


class Own(BaseSettings):
    """What only this recipe needs: whose account signs in, and a password where there is no page to type it on."""

    model_config = SettingsConfigDict(env_prefix="LIVE_")

    address: str = ""
    salesforce_access: Literal[AccessType.PRODUCTION, AccessType.SANDBOX, AccessType.MY_DOMAIN] = AccessType.PRODUCTION
    salesforce_domain: str = ""
    exchange_login: str = ""
    exchange_password: SecretStr = SecretStr("")


def configured(settings: LiveSettings, own: Own) -> list[str]:
    """Who is asked, in the order of NEEDS."""
    given = {
        SLACK: settings.slack_bot_token.get_secret_value() != NO_TOKEN,
        "microsoft": bool(settings.microsoft_client_id),
        "exchange": all(
            (settings.exchange_hosts, own.address, own.exchange_login, own.exchange_password.get_secret_value())
        ),
        "google": bool(settings.google_client_id),
        "salesforce": bool(settings.salesforce_client_id),
    }
    return [vendor for vendor in NEEDS if given[vendor]]
