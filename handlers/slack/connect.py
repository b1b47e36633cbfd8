"""The one client through which everything goes to Slack: one connection pool, proved good before anything starts."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
import certifi
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.calls import UNANSWERED, translated

TIMEOUT_SECONDS = 10


class NotConnected(Exception):
    """A sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Connection:
    """`user_id` is the bot's own. `proxy` and the client's TLS are for whoever else must reach Slack."""

    client: AsyncWebClient
    team_id: str
    user_id: str
    session: aiohttp.ClientSession
    proxy: str = field(repr=False)

    @property
    def app_url(self) -> str:
        """Opens the person's Slack at our own messages."""
        return f"slack://user?team={self.team_id}&id={self.user_id}"


@asynccontextmanager
async def connected(*, token: str, base_url: str, ca_bundle: Path | None, proxy: str) -> AsyncIterator[Connection]:
    """Fails fast: a bad token would otherwise only show itself to the first person who types. Raises NotConnected."""
    tls = ssl.create_default_context(cafile=str(ca_bundle or certifi.where()))
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
        client = AsyncWebClient(
            token=token,
            base_url=base_url,
            session=session,
            ssl=tls,
            proxy=proxy or None,
            timeout=TIMEOUT_SECONDS,
            trust_env_in_session=False,
            # The SDK would repeat a call whose answer got lost, and the person would have the message twice.
            retry_handlers=[],
        )
        # Given to the constructor, none would mean the one of the environment.
        client.proxy = proxy or None
        try:
            me = await client.auth_test()
        except SlackApiError as error:
            code = translated(error).code
            if code.startswith("http "):
                raise NotConnected(f"Slack cannot be reached at {base_url}: {code}.") from error
            raise NotConnected(f"Slack refuses RELATCH_SLACK_BOT_TOKEN: {code}.") from error
        except aiohttp.ClientHttpProxyError as error:
            if error.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise NotConnected(f"The proxy does not lead to Slack at {base_url}: http {error.status}.") from None
            # The error's text repeats the address of the proxy, which holds the password.
            refused = "The proxy refuses the user name or the password in RELATCH_HTTPS_PROXY."
            raise NotConnected(refused) from None
        except UNANSWERED as error:
            raise NotConnected(f"Slack cannot be reached at {base_url}: {type(error).__name__}.") from error
        yield Connection(client=client, team_id=me["team_id"], user_id=me["user_id"], session=session, proxy=proxy)
