"""Sign in with Slack, for the core: the SlackIdentity port.

Source: docs.slack.dev/authentication/sign-in-with-slack. The ID token comes straight from Slack over TLS, in answer to
our own request with the client secret, so that its claims are checked and its signature need not be (OpenID Connect
Core 3.1.3.7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlencode

import jwt
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.model import IdentityRefused, MessengerError, SlackAway, SlackUser
from handlers.slack.calls import call

SCOPES = "openid profile email"
SKEW_SECONDS = 60
TEAM = "https://slack.com/team_id"
USER = "https://slack.com/user_id"


class OpenIdIdentity:
    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        client: AsyncWebClient,
        client_id: str,
        client_secret: str,
        slack_url: str,
        redirect_uri: str,
        team_id: str,
    ) -> None:
        self._loop = loop
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret
        self._slack_url = slack_url.rstrip("/")
        self._redirect_uri = redirect_uri
        self._team_id = team_id

    def authorize_url(self, *, state: str, nonce: str) -> str:
        asked = {
            "response_type": "code",
            "scope": SCOPES,
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "nonce": nonce,
            "team": self._team_id,
        }
        return f"{self._slack_url}/openid/connect/authorize?{urlencode(asked)}"

    def exchange(self, *, code: str, nonce: str) -> SlackUser:
        answer = self._call(
            self._client.openid_connect_token(
                client_id=self._client_id,
                client_secret=self._client_secret,
                code=code,
                redirect_uri=self._redirect_uri,
            )
        )
        claims = self._claims(answer.get("id_token") or "", nonce)
        return SlackUser(
            team_id=claims[TEAM],
            user_id=claims[USER],
            email=str(claims.get("email", "")),
            name=str(claims.get("name", "")),
        )

    def _call(self, work: Coroutine[Any, Any, AsyncSlackResponse]) -> AsyncSlackResponse:
        try:
            return call(self._loop, work)
        except SlackAway:
            raise
        except MessengerError as error:
            raise IdentityRefused(error.code) from None

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                options={
                    "verify_signature": False,
                    "verify_exp": True,
                    "verify_aud": True,
                    "verify_iss": True,
                    "require": ["exp", "aud", "iss", "nonce"],
                },
                audience=self._client_id,
                issuer=self._slack_url,
                leeway=SKEW_SECONDS,
            )
        except jwt.InvalidTokenError:
            # The cause is left out: it may quote the token.
            raise IdentityRefused("bad_id_token") from None
        named = isinstance(claims.get(TEAM), str) and isinstance(claims.get(USER), str)
        if claims["nonce"] != nonce or not named:
            raise IdentityRefused("bad_id_token")
        return claims
