"""Google's token side: discovery, keys, token, revocation, userinfo. What browsers see is in signin.py."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm
from multidict import MultiMapping

from tests.sandbox.google import errors
from tests.sandbox.google.signin import LONG_NAMES, SCOPE_WORDS, SIGN_IN_SCOPES, Granted, SignIn
from tests.sandbox.google.state import Account, Client, State
from tests.sandbox.google.tokens import ACCESS_LIFE, TESTING_LIFE, AccessToken, Refreshing
from tests.sandbox.oauth import Verifier, signing_key

Form = MultiMapping[Any]
KEY_ID = "sandbox-1"


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
        self._key = signing_key("google")
        self.addresses = Addresses()

    def discovery(self) -> dict[str, Any]:
        api = self.addresses.api
        return {
            "issuer": api,
            "authorization_endpoint": f"{self.addresses.login}/o/oauth2/v2/auth",
            "token_endpoint": f"{api}/token",
            "userinfo_endpoint": f"{api}/v1/userinfo",
            "revocation_endpoint": f"{api}/revoke",
            "jwks_uri": f"{api}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": ["aud", "email", "email_verified", "exp", "iat", "iss", "sub"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
        }

    def keys(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    def token(self, form: Form, authorization: str) -> dict[str, Any]:
        """Raises Refused with the bodies that Google sends."""
        grant = form.get("grant_type")
        if not grant:
            raise errors.missing_parameter("grant_type")
        client = self._client(form, authorization)
        if grant == "authorization_code":
            return self._redeem(form, client)
        if grant == "refresh_token":
            return self._refresh(form, client)
        raise errors.oauth("unsupported_grant_type", f"Invalid grant_type: {grant}")

    def revoke(self, form: Form) -> dict[str, Any]:
        """Ends the account's whole grant to this project: newer tokens of other sign-ins die with it."""
        if not form.get("token"):
            raise errors.missing_parameter("token")
        email = self._state.tokens.email_of(str(form["token"]), self._state.clock.now())
        if not email:
            raise errors.oauth("invalid_token", "Token expired or revoked")
        self._state.tokens.end(email)
        self._state.accounts[email].granted = frozenset()
        return {}

    def userinfo(self, account: Account, scopes: frozenset[str]) -> dict[str, Any]:
        return {"sub": account.sub} | _profile(account, scopes)

    def _client(self, form: Form, authorization: str) -> Client:
        id_, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        if authorization.startswith("Basic "):
            id_, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        client = self._state.clients.get(id_)
        if client is None:
            raise errors.unknown_client()
        if self._state.faults.wrong_client_secret or not hmac.compare_digest(
            secret.encode(), client.secret.encode()
        ):
            raise errors.wrong_secret()
        return client

    def _redeem(self, form: Form, client: Client) -> dict[str, Any]:
        for name in ("code", "redirect_uri"):
            if not form.get(name):
                raise errors.missing_parameter(name)
        granted = self._codes.redeem(str(form["code"]), self._state.clock.now())
        if granted is None or granted.client_id != client.id:
            raise errors.bad_grant()
        if form["redirect_uri"] != granted.redirect_uri:
            raise errors.oauth("redirect_uri_mismatch", "Bad Request")
        match granted.pkce.judge(str(form.get("code_verifier", ""))):
            case Verifier.MISSING:
                raise errors.oauth("invalid_grant", "Missing code verifier.")
            case Verifier.WRONG:
                raise errors.oauth("invalid_grant", "Invalid code verifier.")
            case Verifier.NOT_NEEDED:
                raise errors.oauth("invalid_grant", "code_verifier or verifier is not needed.")
            case Verifier.RIGHT:
                return self._first_tokens(granted)

    def _first_tokens(self, granted: Granted) -> dict[str, Any]:
        now, testing = self._state.clock.now(), self._state.faults.testing_mode
        answer = self._answer(granted.email, granted.client_id, granted.scopes, nonce=granted.nonce)
        if granted.offline:
            refresh = self._state.tokens.grant(
                email=granted.email,
                client_id=granted.client_id,
                scopes=granted.scopes,
                now=now,
                testing=testing and not granted.scopes <= SIGN_IN_SCOPES,
            )
            answer["refresh_token"] = refresh.value
            if refresh.testing:
                answer["refresh_token_expires_in"] = int(TESTING_LIFE.total_seconds()) - 1
        return answer

    def _refresh(self, form: Form, client: Client) -> dict[str, Any]:
        value = str(form.get("refresh_token", ""))
        if not value:
            raise errors.missing_parameter("refresh_token")
        account = self._state.accounts.get(self._state.tokens.owner(value))
        faults = self._state.faults
        rules = Refreshing(
            suspended=account is not None and account.suspended,
            session_lapsed_at=account.session_lapsed_at if account else None,
            admin_approval=faults.admin_approval,
            strict_rotation=faults.strict_rotation,
        )
        token = self._state.tokens.renew(value, client.id, rules, self._state.clock.now())
        scopes = _narrowed(token.scopes, str(form.get("scope", "")))
        answer = self._answer(token.email, token.client_id, scopes)
        if token.value != value:
            answer["refresh_token"] = token.value
        return answer

    def _answer(
        self, email: str, client_id: str, scopes: frozenset[str], *, nonce: str = ""
    ) -> dict[str, Any]:
        now = self._state.clock.now()
        access = self._state.tokens.access(email=email, client_id=client_id, scopes=scopes, now=now)
        answer: dict[str, Any] = {
            "access_token": access.value,
            "expires_in": int(ACCESS_LIFE.total_seconds()) - 1,
            "scope": " ".join(sorted(scopes)),
            "token_type": "Bearer",
        }
        if "openid" in scopes:
            answer["id_token"] = self._id_token(access, nonce)
        return answer

    def _id_token(self, access: AccessToken, nonce: str) -> str:
        account = self._state.accounts[access.email]
        now = int(self._state.clock.now().timestamp())
        half = hashlib.sha256(access.value.encode()).digest()[:16]
        claims = {
            "iss": self.addresses.api,
            "azp": access.client_id,
            "aud": access.client_id,
            "sub": account.sub,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            "iat": now,
            "exp": now + 3600,
        }
        claims |= _profile(account, access.scopes) | ({"nonce": nonce} if nonce else {})
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def _profile(account: Account, scopes: frozenset[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"hd": account.hosted_domain} if account.hosted_domain else {}
    if LONG_NAMES["email"] in scopes:
        claims |= {"email": account.email, "email_verified": True}
    return claims


def _narrowed(granted: frozenset[str], asked: str) -> frozenset[str]:
    """A refresh may ask for less than was granted, never for more."""
    wanted = frozenset(LONG_NAMES.get(scope, scope) for scope in asked.split())
    if not wanted:
        return granted
    if not wanted <= granted or not wanted <= SIGN_IN_SCOPES | SCOPE_WORDS.keys():
        raise errors.oauth("invalid_scope", "Bad Request")
    return wanted
