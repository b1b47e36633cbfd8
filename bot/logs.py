"""How the log is written: JSON lines on standard error, without secrets."""

from __future__ import annotations

import logging
import re

from pythonjsonlogger.json import JsonFormatter

# These write tokens, codes or whole payloads at DEBUG or INFO (tried), so that no setting of ours lowers them.
QUIET = (
    "aiohttp",
    "alembic",
    "asyncio",
    "google_auth_oauthlib",
    "msal",
    "oauthlib",
    "requests_ntlm",
    "requests_oauthlib",
    "simple_salesforce",
    "slack_bolt",
    "slack_sdk",
    "spnego",
    "urllib3",
    "uvicorn",
)

# It writes whole requests, with people's addresses, at every outage: what matters of that comes as an error to us.
MUTE = ("exchangelib",)

# The last wall, for a text that carried a secret all the same: Slack, Google and JWT tokens, Basic and Bearer headers,
# and what stands behind a telling name in a form or an address.
SECRETS = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|ya29\.[\w.-]+|1//[\w-]+|GOCSPX-[\w-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?i:(?:basic|bearer)\s+[\w+/=.-]{8,})"
    r"|(?i:(?<=token=)|(?<=secret=)|(?<=code=)|(?<=verifier=)|(?<=password=)|(?<=state=))[^&\s\"']+"
)


class Formatter(JsonFormatter):
    """Takes secrets out of the finished line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.sub("[secret]", super().format(record))


def set_up(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(
        Formatter(
            "{asctime}{levelname}{name}{message}", style="{", rename_fields={"asctime": "at", "levelname": "level"}
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
