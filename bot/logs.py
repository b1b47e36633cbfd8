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
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|ya29\.[\w.-]+|1//[\w-]+|GOCSPX-[\w-]+|eyJ[\w-]+\.[\w-]+\.?[\w-]*"
    # Of Microsoft: a refresh token, a client secret. Of Salesforce: a session, a refresh token, a code.
    r"|\w{0,3}\dQ~[\w.~-]{20,}"
    r"|\b[01]\.A[\w-]{20,}|\b00D\w{12,15}![\w.]+|\b5Aep[\w.-]{20,}|\baPrx[\w.-]{20,}"
    r"|(?i:(?:basic|bearer)\s+[\w+/=.~-]{8,})"
    r"|(?i:(?<=token=)|(?<=secret=)|(?<=code=)|(?<=verifier=)|(?<=password=)|(?<=state=))[^&\s\"']+"
)
# The same in JSON, and in what Python prints of a dict. Not `code` and `state`: lines of our own have these as names.
NAMED = re.compile(r"""(?i)((?:token|secret|verifier|password|authorization)\\*["']: *\\*["'])[^\\"']+""")


class Formatter(JsonFormatter):
    """Takes secrets out of the finished line, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return NAMED.sub(r"\1[secret]", SECRETS.sub("[secret]", super().format(record)))


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
    logging.getLogger("slack_bolt").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Bolt warns at each start that it takes our word for who we are, and not the token: that is what we want."""
    return "will be ignored" not in record.getMessage()
