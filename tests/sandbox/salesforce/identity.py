"""Salesforce's token side: discovery, keys, token, revocation, introspection, userinfo.

What browsers see is in signin.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm
from multidict import MultiMapping

from tests.sandbox.oauth import Verifier, signing_key
from tests.sandbox.salesforce import errors
from tests.sandbox.salesforce.people import Org, User
from tests.sandbox.salesforce.signin import CODE_PREFIX, SCOPE_WORDS, Granted, SignIn
from tests.sandbox.salesforce.state import Client, State
from tests.sandbox.salesforce.tokens import Grant

Form = MultiMapping[Any]
KEY_ID = "sandbox-1"
ID_TOKEN_LIFE = timedelta(minutes=2)


@dataclass(slots=True)
class Addresses:
    """`login` is where browsers go, `api` where programs go; both without a slash at the end."""

    login: str = ""
    api: str = ""


class Identity:
    """Says who somebody is and hands out tokens. Callers hold the state's lock."""

    def __init__(self, state: State, sign_in: SignIn) -> None:
        self._state = state
        self._codes = sign_in.codes
        self._key = signing_key("salesforce")
        self.addresses = Addresses()

    def discovery(self, org: Org) -> dict[str, Any]:
        api = self._host(org)
        return {
            "issuer": api,
            "authorization_endpoint": f"{self.addresses.login}{org.prefix}/services/oauth2/authorize",
            "token_endpoint": f"{api}/services/oauth2/token",
            "revocation_endpoint": f"{api}/services/oauth2/revoke",
            "introspection_endpoint": f"{api}/services/oauth2/introspect",
            "userinfo_endpoint": f"{api}/services/oauth2/userinfo",
            "jwks_uri": f"{api}/id/keys",
            "scopes_supported": sorted(SCOPE_WORDS),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def token(self, org: Org | None, form: Form, authorization: str) -> dict[str, Any]:
        """`org` is None on an instance, where every org is served. Raises Refused."""
        if not form.get("grant_type"):
            raise errors.missing_parameter("grant_type")
        client = self._client(form, authorization)
        match form["grant_type"]:
            case "authorization_code":
                return self._redeem(org, form, client)
            case "refresh_token":
                return self._refresh(org, form, client)
            case _:
                raise errors.oauth("unsupported_grant_type", "grant type not supported")

    def revoke(self, form: Form) -> None:
        """Needs no client. Raises Refused: invalid_token for what is dead already."""
        if not form.get("token"):
            raise errors.missing_parameter("token")
        if not self._state.tokens.revoke(str(form["token"]), self._state.clock.now()):
            raise errors.oauth("invalid_token", "invalid token")

    def introspect(self, form: Form, authorization: str) -> dict[str, Any]:
        client = self._client(form, authorization)
        value, now = str(form.get("token", "")), self._state.clock.now()
        session = self._state.tokens.bearer(value, now)
        grant = session.grant if session else self._state.tokens.refresh_grant(value, now)
        if grant is None or grant.client_id != client.id:
            return {"active": False}
        answer = {
            "active": True,
            "scope": _text(grant.scopes),
            "client_id": client.id,
            "username": grant.user.email,
            "sub": self.identity_url(grant.user),
            "token_type": "access_token" if session else "refresh_token",
        }
        if session:
            started, ends = int(session.started_at.timestamp()), int(session.ends_at.timestamp())
            answer |= {"iat": started, "nbf": started, "exp": ends}
        return answer

    def userinfo(self, user: User) -> dict[str, Any]:
        api, given = self.addresses.api, user.email.partition("@")[0].capitalize()
        data = f"{api}/services/data/v{{version}}/"
        return {
            "sub": self.identity_url(user),
            "user_id": user.id,
            "organization_id": user.org.id,
            "preferred_username": user.email,
            "nickname": given,
            "name": given,
            "email": user.email,
            "email_verified": True,
            "given_name": given,
            "zoneinfo": "Europe/Berlin",
            "locale": "en_US",
            "language": "en_US",
            "active": user.active,
            "user_type": "STANDARD",
            "urls": {
                "rest": data,
                "sobjects": f"{data}sobjects/",
                "query": f"{data}query/",
                "custom_domain": api,
            },
        }

    def identity_url(self, user: User) -> str:
        return f"{self._host(user.org)}/id/{user.org.id}/{user.id}"

    def _host(self, org: Org) -> str:
        return f"{self.addresses.api}{org.prefix}"

    def _client(self, form: Form, authorization: str) -> Client:
        id_, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        if authorization.startswith("Basic "):
            id_, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        client = self._state.clients.get(id_)
        if client is None:
            raise errors.oauth("invalid_client_id", "client identifier invalid")
        if self._state.faults.wrong_client_secret or not hmac.compare_digest(secret.encode(), client.secret.encode()):
            raise errors.oauth("invalid_client", "invalid client credentials")
        return client

    def _redeem(self, org: Org | None, form: Form, client: Client) -> dict[str, Any]:
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise errors.missing_parameter(name)
        code = str(form["code"])
        granted = self._codes.redeem(code, self._state.clock.now())
        if granted is None or granted.client_id != client.id or _is_foreign(granted.user, org):
            what = "expired" if code.startswith(CODE_PREFIX) else "invalid"
            raise errors.oauth("invalid_grant", f"{what} authorization code")
        if form["redirect_uri"] != granted.redirect_uri:
            raise errors.oauth("redirect_uri_mismatch", "redirect_uri must match configuration")
        if granted.pkce.judge(str(form.get("code_verifier", ""))) is not Verifier.RIGHT:
            raise errors.oauth("invalid_grant", "invalid code verifier")
        self._check(granted.user)
        return self._first_tokens(granted, client)

    def _first_tokens(self, granted: Granted, client: Client) -> dict[str, Any]:
        grant = self._state.tokens.grant(granted.user, client.id, granted.scopes, self._state.clock.now())
        answer = self._answer(grant, client)
        if granted.scopes & {"refresh_token", "offline_access"}:
            answer["refresh_token"] = grant.refresh
        if "openid" in granted.scopes:
            answer["id_token"] = self._id_token(grant, answer["access_token"], granted.nonce)
        return answer

    def _refresh(self, org: Org | None, form: Form, client: Client) -> dict[str, Any]:
        value, now = str(form.get("refresh_token", "")), self._state.clock.now()
        if not value:
            raise errors.missing_parameter("refresh_token")
        grant = self._state.tokens.living(value, client.id, now)
        if _is_foreign(grant.user, org):
            raise errors.expired_or_revoked()
        self._check(grant.user)
        changed = grant.user.password_changed_at
        if changed and grant.signed_in_at <= changed:
            raise errors.oauth("invalid_grant", "authentication failure")
        self._state.tokens.use(grant, rotate=self._state.faults.rotation, now=now)
        answer = self._answer(grant, client)
        if grant.refresh != value:
            answer["refresh_token"] = grant.refresh
        return answer

    def _check(self, user: User) -> None:
        """Raises Refused for what stands in the way of this user's tokens today."""
        if self._state.faults.login_rate:
            raise errors.oauth("rate_limit_exceeded", "login rate exceeded")
        if not user.active:
            raise errors.oauth("invalid_grant", "inactive user")
        if user.ip_restricted:
            raise errors.oauth("invalid_grant", "ip restricted")

    def _answer(self, grant: Grant, client: Client) -> dict[str, Any]:
        """There is no expires_in: how long a session lasts is the org's own setting."""
        now = self._state.clock.now()
        session = self._state.tokens.session(grant, now)
        identity, issued = self.identity_url(grant.user), str(int(now.timestamp() * 1000))
        signature = hmac.digest(client.secret.encode(), (identity + issued).encode(), "sha256")
        return {
            "access_token": session.value,
            "signature": base64.b64encode(signature).decode(),
            "scope": _text(grant.scopes),
            "instance_url": self.addresses.api,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
        }

    def _id_token(self, grant: Grant, access_token: str, nonce: str) -> str:
        now = int(self._state.clock.now().timestamp())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self._host(grant.user.org),
            "aud": grant.client_id,
            "sub": self.identity_url(grant.user),
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "iat": now,
            "exp": now + int(ID_TOKEN_LIFE.total_seconds()),
        }
        claims |= {"nonce": nonce} if nonce else {}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def _is_foreign(user: User, org: Org | None) -> bool:
    return org is not None and user.org is not org


def _text(scopes: frozenset[str]) -> str:
    return " ".join(sorted(scopes))
