"""Entra's token side: discovery, keys, token. What browsers see is in signin.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm
from multidict import MultiMapping

from tests.sandbox.microsoft import clients, errors
from tests.sandbox.microsoft.asking import ANY_TENANT
from tests.sandbox.microsoft.scopes import EWS, GRAPH, MAIL, OFFLINE, SIGN_IN, UnknownScope, parsed, resource
from tests.sandbox.microsoft.signin import Granted, SignIn, client_info
from tests.sandbox.microsoft.state import Account, Client, State, pairwise_sub
from tests.sandbox.microsoft.tokens import ACCESS_LIFE, RefreshToken
from tests.sandbox.oauth import Verifier, signing_key

Form = MultiMapping[Any]
KEY_ID = "sandbox-1"
# A company's rule of sign-in frequency, where it has one.
SIGN_IN_EVERY = timedelta(hours=12)
# In the answer's `scope` where OpenID was asked for; offline_access never is.
LISTED = {"openid", "profile", "email"}


class Identity:
    """Says who somebody is and hands out tokens. Callers hold the state's lock."""

    def __init__(self, state: State, sign_in: SignIn) -> None:
        self._state = state
        self._codes = sign_in.codes
        self._spent: set[str] = set()
        self._key = signing_key("microsoft")

    def discovery(self, name: str) -> dict[str, Any]:
        """Raises Refused for a tenant, or a domain in its place, that does not exist."""
        tenant = self._tenant_id(name, error="invalid_tenant")
        # Of any tenant it is a pattern, and not an issuer: Entra writes the braces.
        issuer = "{tenantid}" if tenant == ANY_TENANT else tenant
        login, api = self._state.addresses.login, self._state.addresses.api
        return {
            "token_endpoint": f"{api}/{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{api}/{tenant}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{api}/{issuer}/v2.0",
            "authorization_endpoint": f"{login}/{tenant}/oauth2/v2.0/authorize",
            "claims_supported": [
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "nonce",
                "preferred_username",
                "name",
                "tid",
                "email",
            ],
            "tenant_region_scope": None if tenant == ANY_TENANT else "EU",
        }

    def keys(self, name: str) -> dict[str, Any]:
        self._tenant_id(name, error="invalid_tenant")
        public = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [public | {"kid": KEY_ID, "use": "sig"}]}

    def token(self, name: str, form: Form) -> dict[str, Any]:
        """Raises Refused with the bodies that Entra sends."""
        tenant = self._tenant_id(name, error="invalid_request")
        for field in ("grant_type", "client_id"):
            if not form.get(field):
                raise errors.missing_parameter(field)
        client = self._client(form, name, tenant)
        if form["grant_type"] == "authorization_code":
            return self._redeem(form, client)
        if form["grant_type"] == "refresh_token":
            return self._refresh(form, client)
        raise errors.unsupported_grant(str(form["grant_type"]))

    def _tenant_id(self, name: str, *, error: str) -> str:
        if name == ANY_TENANT:
            return ANY_TENANT
        tenant = self._state.tenant(name)
        if tenant is None:
            raise errors.no_such_tenant(name, error=error)
        return tenant.id

    def _client(self, form: Form, *tenants: str) -> Client:
        client = self._state.clients.get(str(form["client_id"]))
        if client is None or self._state.faults.app_missing:
            raise errors.no_such_app(str(form["client_id"]), tenants[-1])
        addresses = {f"{self._state.addresses.api}/{tenant}/oauth2/v2.0/token" for tenant in tenants}
        clients.prove(client, form, self._state.faults, addresses)
        return client

    def _redeem(self, form: Form, client: Client) -> dict[str, Any]:
        for field in ("code", "redirect_uri"):
            if not form.get(field):
                raise errors.missing_parameter(field)
        granted = self._granted(str(form["code"]))
        if granted.client_id != client.id:
            raise errors.not_valid("code")
        if form["redirect_uri"] != granted.redirect_uri:
            raise errors.foreign_redirect(str(form["redirect_uri"]), granted.redirect_uri)
        if granted.pkce.judge(str(form.get("code_verifier", ""))) is not Verifier.RIGHT:
            raise errors.wrong_verifier()
        account, now = self._state.accounts[granted.email], self._state.clock.now()
        scopes = self._wanted(form, account, client, otherwise=granted.scopes)
        answer = self._answer(account, client, scopes, nonce=granted.nonce)
        if OFFLINE in granted.scopes:
            refresh = self._state.tokens.grant(
                email=account.email, client_id=client.id, scopes=scopes, signed_in_at=now, now=now, mfa=granted.mfa
            )
            answer["refresh_token"] = refresh.value
        return answer | _info(form, account)

    def _granted(self, code: str) -> Granted:
        if code in self._spent:
            raise errors.code_spent()
        granted = self._codes.redeem(code, self._state.clock.now())
        if granted is None:
            raise errors.code_over()
        self._spent.add(code)
        return granted

    def _refresh(self, form: Form, client: Client) -> dict[str, Any]:
        if not form.get("refresh_token"):
            raise errors.missing_parameter("refresh_token")
        token = self._state.tokens.find(str(form["refresh_token"]), client.id)
        account = self._state.accounts[token.email]
        self._refuse(account, client)
        self._refuse_sign_in(account, token)
        scopes = self._wanted(form, account, client, otherwise=token.scopes)
        fresh = self._state.tokens.use(token, self._state.clock.now(), strict=self._state.faults.strict_rotation)
        return self._answer(account, client, scopes) | {"refresh_token": fresh.value} | _info(form, account)

    def _refuse(self, account: Account, client: Client) -> None:
        """For what stands in the way of this person, whatever token they hold."""
        if self._state.faults.tenant_restricted:
            raise errors.tenant_restricted(account.tenant.name)
        if account.disabled:
            raise errors.disabled()
        if account.locked:
            raise errors.locked()
        if account.password_expired:
            raise errors.password_expired()
        if account.unassigned:
            raise errors.unassigned(client.id, client.name, account.email)
        if account.tenant.needs_approval:
            raise errors.needs_admin()

    def _refuse_sign_in(self, account: Account, token: RefreshToken) -> None:
        """For rules that the sign-in behind this token does not meet."""
        now, asked_again = self._state.clock.now(), account.asked_again_at
        if account.conditional_access:
            raise errors.blocked_by_policy()
        if account.mfa and not token.mfa:
            raise errors.needs_mfa(GRAPH)
        if asked_again and (token.signed_in_at <= asked_again or now - token.signed_in_at > SIGN_IN_EVERY):
            raise errors.asked_again(token.issued_at, int(SIGN_IN_EVERY.total_seconds()))

    def _wanted(self, form: Form, account: Account, client: Client, *, otherwise: frozenset[str]) -> frozenset[str]:
        """The scopes of this request, of one resource. Raises Refused for any that nobody consented to."""
        try:
            wanted = parsed(str(form.get("scope", ""))) or otherwise
        except UnknownScope as error:
            raise errors.unknown_scope(error.scope) from error
        if not wanted - SIGN_IN <= account.consented:
            raise errors.no_consent(client.id, client.name)
        if len({resource(scope) for scope in wanted} - {""}) > 1:
            raise errors.two_resources()
        return wanted or SIGN_IN

    def _answer(self, account: Account, client: Client, wanted: frozenset[str], *, nonce: str = "") -> dict[str, Any]:
        now = self._state.clock.now()
        audience = next((found for scope in wanted if (found := resource(scope))), GRAPH)
        # Entra puts everything that was consented to for the resource into the token, not only what was asked.
        scopes = frozenset(scope for scope in account.consented if resource(scope) == audience)
        if account.less_scope:
            scopes -= MAIL | {EWS}
        access = self._state.tokens.access(
            email=account.email, client_id=client.id, resource=audience, scopes=scopes, now=now
        )
        life = int(ACCESS_LIFE.total_seconds()) - 1
        listed = scopes | (LISTED if "openid" in wanted else set())
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(sorted(listed)),
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": access.value,
        }
        if "openid" in wanted:
            answer["id_token"] = self._id_token(account, client, nonce)
        return answer

    def _id_token(self, account: Account, client: Client, nonce: str) -> str:
        now = int(self._state.clock.now().timestamp())
        claims = {
            "aud": client.id,
            "iss": f"{self._state.addresses.api}/{account.tenant.id}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3900,
            # An optional claim, which the app's registration here asks for.
            "email": account.email,
            "name": account.display_name,
            "oid": account.oid,
            "preferred_username": account.email,
            "sub": pairwise_sub(client.id, account.oid),
            "tid": account.tenant.id,
            "ver": "2.0",
        }
        # As it came: MSAL sends the hash of its nonce, and expects that hash here.
        claims |= {"nonce": nonce} if nonce else {}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})


def _info(form: Form, account: Account) -> dict[str, str]:
    return {"client_info": client_info(account)} if form.get("client_info") == "1" else {}
