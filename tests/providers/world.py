"""A vendor of the sandbox as somebody meets it who speaks plain HTTP. Nothing of ours runs here. No vendor here."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from tests.providers.kit import Vendor
from tests.sandbox.browser import Browser
from tests.sandbox.clock import SandboxClock
from tests.sandbox.oauth import s256
from tests.sandbox.serving import Serving


class World(Vendor):
    """One vendor, and a client that trusts its certificate."""

    @cached_property
    def http(self) -> requests.Session:
        session = requests.Session()
        session.trust_env, session.verify = False, str(self.ca_bundle)
        return session

    def let_go(self) -> None:
        self.http.close()
        del self.http


class OAuthWorld(World, ABC):
    """One vendor with OAuth, and somebody who knows a client's secret."""

    api: str
    login: str
    back: str
    client_id: str
    client_secret: str

    def __init__(self, serving: Serving, clock: SandboxClock, folder: Path) -> None:
        super().__init__(serving, clock, folder)
        self.verifier = secrets.token_urlsafe(48)

    def asking(self, **asked: str) -> str:
        """The query of an authorize address. What is empty is left out."""
        usual = {
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "response_type": "code",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": s256(self.verifier),
            "code_challenge_method": "S256",
        }
        return urlencode({name: value for name, value in (usual | asked).items() if value})

    @abstractmethod
    def answer(self, **how: str) -> dict[str, str]:
        """What the callback is told after somebody signed in and allowed it."""

    def told(self, browser: Browser) -> dict[str, str]:
        """What the vendor sent the browser back with; empty when it did not."""
        url = browser.page.url
        if not url.startswith(self.back):
            return {}
        return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    @abstractmethod
    def token(self, **form: str) -> requests.Response:
        """Of the token endpoint."""

    def post_as_client(self, url: str, **form: str) -> requests.Response:
        given = {"client_id": self.client_id, "client_secret": self.client_secret} | form
        return self.http.post(url, data={name: value for name, value in given.items() if value})

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {"code": code, "redirect_uri": self.back, "code_verifier": self.verifier} | changes
        return self.token(grant_type="authorization_code", **form)

    def signed_in(self, **how: str) -> dict[str, Any]:
        """Played once, and put back."""
        return dict(self.memory.once(tuple(sorted(how.items())), lambda: self._sign_in(**how)))

    def _sign_in(self, **how: str) -> dict[str, Any]:
        tokens: dict[str, Any] = self.redeem(self.answer(**how)["code"]).json()
        return tokens

    def refresh(self, tokens: dict[str, Any], **changes: str) -> requests.Response:
        return self.token(grant_type="refresh_token", **({"refresh_token": tokens["refresh_token"]} | changes))
