"""Signing in at Google, renewing that, and ending it. It reads no mail and knows no desk and no page of ours.

Sources: developers.google.com/identity/protocols/oauth2/web-server, …/identity/openid-connect/openid-connect.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import oauthlib.oauth2  # type: ignore[import-untyped]  # It publishes no types.
from google_auth_oauthlib.flow import Flow

from providers.base import Link, Reason, Rejected
from providers.google.errors import told
from providers.oauth import Discovery, Secret, Tokens, accepted, document, pkce
from providers.refusals import At, Signal, legible, read_oauth
from providers.wire import Answer, Nonsense, Session, Wire, read_json

GMAIL_METADATA = "https://www.googleapis.com/auth/gmail.metadata"
# The primary calendar is owned by its person, so that this is enough, and it opens no shared calendar.
# Source: scopes of calendar.events.list in the Calendar API's discovery document, revision 20260517.
CALENDAR_OWNED = "https://www.googleapis.com/auth/calendar.events.owned.readonly"
NEEDED = (GMAIL_METADATA, CALENDAR_OWNED)
SCOPES = ("openid", "email", *NEEDED)

CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Identity:
    sub: str
    email: str


class SignIn:
    """Google's OAuth for one client of ours. Raises ProviderError and WireError. Threads share it."""

    def __init__(
        self,
        *,
        wire: Wire,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        issuer: str,
    ) -> None:
        self._wire = wire
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._issuer = issuer.rstrip("/")
        self._discovery = Discovery(issuer=issuer, clock=clock)

    def find(self, session: Session) -> None:
        """Returns where the discovery document is there, and this issuer's."""
        self._discovery.endpoints(session)

    def begin(self, session: Session, *, state: str, hint: str) -> Link:
        (verifier, challenge), nonce = pkce(), secrets.token_urlsafe(32)
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            # Google gives a refresh token only for offline access, and only after its consent page.
            "access_type": "offline",
            "prompt": "consent",
        }
        if hint:
            query["login_hint"] = hint
        url = f"{self._discovery.endpoints(session).authorize}?{urlencode(query)}"
        return Link(url=url, remember=json.dumps({"verifier": verifier, "nonce": nonce}))

    def redeem(self, session: Session, answer: Mapping[str, str], remember: str) -> tuple[Tokens, Identity]:
        """Exchanges the code of a callback, and proves whose it is and that it allows all we need."""
        if answer.get("error"):
            raise told(Signal(at=At.CALLBACK, errors=(answer["error"],)))
        # RFC 9207: an answer that names another issuer was meant for another vendor's endpoint.
        if answer.get("iss", self._issuer).rstrip("/") != self._issuer:
            raise Rejected(Reason.UNKNOWN, "iss", definite=True)
        if not answer.get("code"):
            raise Rejected(Reason.UNKNOWN, "no code", definite=True)
        kept = json.loads(remember)
        found = self._exchange(session, answer["code"], kept["verifier"])
        identity = self._identity(session, found, kept["nonce"])
        tokens = self._tokens(found, refresh_token="")
        missing = [scope.rpartition("/")[2] for scope in NEEDED if scope not in tokens.secret.scopes]
        if missing:
            raise Rejected(Reason.SCOPE_MISSING, " ".join(missing), definite=True)
        if not tokens.secret.refresh_token:
            raise Rejected(Reason.CONSENT_REVOKED, "no refresh_token", definite=True)
        return tokens, identity

    def refresh(self, session: Session, refresh_token: str) -> Tokens:
        # Not google-auth's Credentials.refresh: it posts up to four times and hides `error_subtype`.
        answer = session.post(
            self._discovery.endpoints(session).token,
            data={
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": self._client_id,
                "client_secret": self._client_secret,
            },
        )
        return self._tokens(accepted(answer, At.TOKEN, told), refresh_token=refresh_token)

    def revoke(self, session: Session, token: str) -> None:
        """Returns when the token is dead. It stands in the body, since a query would be logged on the way."""
        answer = session.post(self._discovery.endpoints(session).revoke, data={"token": token})
        if answer.ok:
            # A proxy's 200 ends nothing. If this was Google after all, the next try hears invalid_token.
            read_json(answer)
            return
        refusal = read_oauth(At.TOKEN, answer)
        if "invalid_token" not in refusal.errors:
            raise told(refusal)

    def _exchange(self, session: Session, code: str, verifier: str) -> dict[str, Any]:
        endpoints = self._discovery.endpoints(session)
        client = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "auth_uri": endpoints.authorize,
            "token_uri": endpoints.token,
        }
        flow = Flow.from_client_config(
            {"web": client}, scopes=None, redirect_uri=self._redirect_uri, code_verifier=verifier
        )
        self._wire.fit(flow.oauth2session)
        # oauthlib looks at the body only: it would take a proxy's page for a token without its parts.
        flow.oauth2session.register_compliance_hook("access_token_response", _refused_code)
        try:
            with legible():
                return dict(flow.fetch_token(code=code, include_client_id=True))
        except oauthlib.oauth2.OAuth2Error:
            # Its text is Google's description, so the chain ends here.
            raise Nonsense(urlsplit(endpoints.token).hostname or "", "no token") from None

    def _tokens(self, found: Mapping[str, Any], *, refresh_token: str) -> Tokens:
        access_token, seconds = found.get("access_token"), found.get("expires_in")
        if not isinstance(access_token, str) or not isinstance(seconds, int):
            raise Nonsense(urlsplit(self._issuer).hostname or "", "no token")
        scope = found.get("scope") or ""
        with legible():
            secret = Secret(
                access_token=access_token,
                # Google sends one only with a shown consent page; the one we have stays good.
                refresh_token=found.get("refresh_token") or refresh_token,
                # oauthlib has split it already.
                scopes=tuple(scope.split() if isinstance(scope, str) else scope),
            )
            return Tokens(secret, expires_at=self._clock() + timedelta(seconds=seconds))

    def _identity(self, session: Session, found: Mapping[str, Any], nonce: str) -> Identity:
        keys = document(session, self._discovery.endpoints(session).keys)
        try:
            with legible():
                claims = self._claims(str(found.get("id_token")), keys)
        except jwt.PyJWTError as error:
            raise _bad_id_token("invalid") from error
        now = self._clock()
        if not claims["iat"] <= (now + CLOCK_SKEW).timestamp():
            raise _bad_id_token("iat")
        if not claims["exp"] > (now - CLOCK_SKEW).timestamp():
            raise _bad_id_token("exp")
        if not secrets.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise _bad_id_token("nonce")
        if claims.get("email_verified") is not True:
            raise Rejected(Reason.WRONG_ACCOUNT, "email not verified", definite=True)
        return Identity(sub=str(claims["sub"]), email=str(claims["email"]))

    def _claims(self, id_token: str, keys: dict[str, Any]) -> dict[str, Any]:
        # Not google-auth's verify_token: with a JWK set it allows for no clock skew and no other clock.
        kid = jwt.get_unverified_header(id_token).get("kid")
        key = next((key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == kid), None)
        if key is None:
            raise jwt.InvalidKeyError
        return jwt.decode(
            id_token,
            key,
            algorithms=["RS256"],
            audience=self._client_id,
            # "https://accounts.google.com or accounts.google.com": openid-connect, "Validating an ID token".
            issuer=[self._issuer, self._issuer.removeprefix("https://")],
            # The library can only read the wall clock, and ours may be another: `_identity` judges the times.
            options={
                "require": ["iss", "aud", "sub", "email", "nonce", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )


def _refused_code(answer: Answer) -> Answer:
    accepted(answer, At.CODE, told)
    return answer


def _bad_id_token(what: str) -> Rejected:
    return Rejected(Reason.UNKNOWN, f"id_token: {what}", definite=True)
