"""The crawler that opens every link in a new message. It presses nothing and never leaves this machine."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass

import aiohttp
from yarl import URL

USER_AGENT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Crawled:
    """`status` 0: there was no answer, or the address is not on this machine and was left alone."""

    url: str
    status: int


class Crawler:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.crawled: list[Crawled] = []

    def follow(self, urls: list[str]) -> None:
        """Returns at once; must be called in a running loop."""
        for url in urls:
            task = asyncio.get_running_loop().create_task(self._fetch(url))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _fetch(self, url: str) -> None:
        target = URL(url)
        status = 0
        if _on_this_machine(target.host or ""):
            # The system's resolver may not know *.localhost, so the name travels in the Host header alone.
            headers = {"User-Agent": USER_AGENT, "Host": target.authority}
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            try:
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.get(
                        target.with_host("127.0.0.1"), headers=headers, ssl=False, allow_redirects=False
                    ) as answer,
                ):
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
        self.crawled.append(Crawled(url, status))


def _on_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
