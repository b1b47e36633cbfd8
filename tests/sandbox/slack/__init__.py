"""A Slack that runs on loopback: Web API, payloads both ways, sign-in and a page, with Slack's own refusals."""

from __future__ import annotations

from tests.sandbox.slack.delivery import Acked
from tests.sandbox.slack.errors import ManifestRefused, NothingThere
from tests.sandbox.slack.manifest import Installed
from tests.sandbox.slack.requests import Signed
from tests.sandbox.slack.seen import Button, Message, View
from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.state import BOT_USER
from tests.sandbox.slack.web_api import ApiCall

__all__ = [
    "SlackServer",
    "Installed",
    "Acked",
    "Signed",
    "Message",
    "View",
    "Button",
    "ApiCall",
    "BOT_USER",
    "ManifestRefused",
    "NothingThere",
]
