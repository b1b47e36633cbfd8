"""Signing in at Salesforce, renewing that, and ending it. It reads no records and knows no desk and no page of ours.

Sources: help.salesforce.com, "OAuth 2.0 Web Server Flow", "OAuth 2.0 Refresh Token Flow", "Revoke OAuth Tokens",
"Identity URLs", "My Domain URL Formats" (products.domain_name_app_url_changes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from providers.base import Access, AccessType, Link, Misconfigured, Reason, Rejected
from providers.oauth import Discovery, Endpoints, accepted, pkce
from providers.reach import NOBODYS_TOKEN
from providers.refusals import At, Signal, legible, read_oauth
from providers.salesforce.errors import read_userinfo, told
from providers.wire import HostRefused, Nonsense, Session, Unreachable, read_json

# `api` for records, `refresh_token` for runs without the person, `openid` for userinfo.
SCOPES = ("api", "refresh_token", "openid")
DEAD = {"invalid_token", "unsupported_token_type"}
# An id has 15 characters, and 3 more that only check them; Salesforce shows both lengths.
ID_LENGTH = 15
# Salesforce appends it to the address of each user that it copies into a sandbox.
IN_A_SANDBOX = ".invalid"

# What stands before the suffix of a My Domain: "acme", "acme--test.sandbox", "acme-dev-ed.develop".
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
PARTITIONS = "sandbox|develop|scratch|trailblaze|patch|demo|free"
# People copy these from their address bar; the login host of the same name is what we need.
OTHER_SUFFIXES = (".lightning.force.com", ".my.salesforce-setup.com")
# How a My Domain that nobody has shows: no address, a page that is not there, or a way to somewhere else.
NOBODYS = {"gaierror", "document 404", "redirect"}


@dataclass(frozen=True, slots=True)
class Secret:
    """What a credential's `secret` holds. `host` is where the person signed in, `zone` her time zone's name."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    instance_url: str
    host: str
    zone: str = ""

    @classmethod
    def opened(cls, text: str) -> Secret:
        return cls(**json.loads(text))

    def written(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Identity:
    """`id` is of the org and the user; `email` may be the same for users of several orgs, `username` is not."""

    id: str
    email: str
    username: str


class Hosts:
    """Which hosts are Salesforce's."""

    def __init__(self, *, production_url: str, sandbox_url: str, my_domain_url: str) -> None:
        self._fixed = {
            AccessType.PRODUCTION: production_url.rstrip("/"),
            AccessType.SANDBOX: sandbox_url.rstrip("/"),
        }
        self._template = my_domain_url.rstrip("/")
        before, _, after = self._template.removeprefix("https://").partition("{name}")
        suffixes = "|".join(re.escape(suffix) for suffix in (after, *OTHER_SUFFIXES))
        self._given = re.compile(
            rf"(?:https?://)?(?:{re.escape(before)})?(?P<name>{LABEL}(?:\.(?:{PARTITIONS}))?)(?:{suffixes})?(?:/.*)?"
        )
        known = [urlsplit(url) for url in (*self._fixed.values(), self._template.replace("{name}", "name"))]
        self._places = {parts.netloc for parts in known}
        self._suffixes = (".salesforce.com", ".force.com", *((after,) if after.startswith(".") else ()))

    def login(self, access: Access) -> str:
        """Where a person of this access type signs in. Raises Rejected for what cannot be a My Domain."""
        if access.type in self._fixed:
            return self._fixed[access.type]
        given = self._given.fullmatch(access.host.strip().casefold())
        if given is None:
            raise _wrong_tenant("host")
        return self._template.replace("{name}", given["name"])

    def trusts(self, url: str) -> bool:
        """Whether our secrets and a person's tokens may be sent there."""
        try:
            parts = urlsplit(url)
            if parts.scheme != "https" or parts.username is not None:
                return False
            return parts.netloc in self._places or (
                parts.port in {None, 443} and (parts.hostname or "").endswith(self._suffixes)
            )
        except ValueError:
            return False


class SignIn:
    """Salesforce's OAuth for one client of ours. Raises ProviderError and WireError. Threads share it."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        hosts: Hosts,
    ) -> None:
        self._clock = clock
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._hosts = hosts
        self._discoveries: dict[str, Discovery] = {}

    def find(self, session: Session, host: str) -> None:
        """Returns where the discovery document is there, and this host's."""
        self._endpoints(session, host)

    def try_client(self, session: Session) -> None:
        """Renews nobody's token. Raises Rejected where it is that token, and not our client, that is refused."""
        host = self._hosts.login(Access(AccessType.PRODUCTION))
        self._tokens(session, host, At.TOKEN, grant_type="refresh_token", refresh_token=NOBODYS_TOKEN)

    def begin(self, session: Session, access: Access, *, state: str, hint: str) -> Link:
        host = self._hosts.login(access)
        try:
            endpoints = self._endpoints(session, host)
        except (Unreachable, Nonsense) as error:
            if access.type is AccessType.MY_DOMAIN and error.why in NOBODYS:
                raise _wrong_tenant(error.why) from None
            raise
        verifier, challenge = pkce()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            # Without it a browser with a session goes straight back, perhaps as another user than the person meant.
            "prompt": "select_account",
        }
        if hint:
            query["login_hint"] = hint
        url = f"{endpoints.authorize}?{urlencode(query)}"
        return Link(url=url, remember=json.dumps({"verifier": verifier, "host": host}))

    def redeem(self, session: Session, answer: Mapping[str, str], remember: str) -> tuple[Secret, Identity]:
        """Exchanges the code of a callback, and asks Salesforce with the new token whose it is."""
        if answer.get("error"):
            said = answer.get("error_description", "")
            raise told(Signal(at=At.CALLBACK, errors=(answer["error"],), words=said))
        if not answer.get("code"):
            raise Rejected(Reason.UNKNOWN, "no code", definite=True)
        kept = json.loads(remember)
        found = self._tokens(
            session,
            kept["host"],
            At.CODE,
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=self._redirect_uri,
            code_verifier=kept["verifier"],
        )
        secret = self._first(found, kept["host"])
        claims = self._userinfo(session, secret)
        with legible():
            identity = _identity(claims, str(found["id"]))
        return replace(secret, zone=str(claims.get("zoneinfo") or "")), identity

    def refresh(self, session: Session, secret: Secret) -> Secret:
        """One POST. What it brings must not be lost: with rotation the old refresh token is dead by now."""
        found = self._tokens(
            session, secret.host, At.TOKEN, grant_type="refresh_token", refresh_token=secret.refresh_token
        )
        # An org may have moved. Whatever is odd about its new place, the new tokens are kept.
        moved = _text(found, "instance_url")
        return replace(
            secret,
            access_token=found["access_token"],
            refresh_token=_text(found, "refresh_token") or secret.refresh_token,
            instance_url=moved if self._hosts.trusts(moved) else secret.instance_url,
        )

    def revoke(self, session: Session, secret: Secret) -> None:
        """Returns when the grant is dead. Others of the same user stay: each sign-in has its own.

        The token stands in the body, since a query would be logged on the way.
        """
        endpoints = self._endpoints(session, secret.host)
        answer = session.post(endpoints.revoke, data={"token": secret.refresh_token})
        if answer.ok:
            # Salesforce says it with an empty body. A proxy's page ends nothing.
            if answer.content.strip():
                read_json(answer)
            return
        refusal = read_oauth(At.TOKEN, answer)
        if DEAD.isdisjoint(refusal.errors):
            raise told(refusal)

    def _endpoints(self, session: Session, host: str) -> Endpoints:
        discovery = self._discoveries.get(host) or Discovery(issuer=host, clock=self._clock)
        endpoints = discovery.endpoints(session)
        for url in (endpoints.token, endpoints.revoke):
            if not self._hosts.trusts(url):
                raise _foreign(url)
        # Only now: a My Domain that is nobody's takes no room.
        self._discoveries[host] = discovery
        return endpoints

    def _tokens(self, session: Session, host: str, at: At, **form: str) -> dict[str, Any]:
        endpoints = self._endpoints(session, host)
        client = {"client_id": self._client_id, "client_secret": self._client_secret}
        found = accepted(session.post(endpoints.token, data=form | client), at, told)
        if not _text(found, "access_token"):
            raise Nonsense(urlsplit(host).hostname or "", "no token")
        return found

    def _first(self, found: Mapping[str, Any], host: str) -> Secret:
        """The tokens of a sign-in, if they allow all we need and are for a host of Salesforce's."""
        granted = _text(found, "scope").split()
        if granted and {"api", "full"}.isdisjoint(granted):
            raise Misconfigured(Reason.CLIENT_MISCONFIGURED, "scope api")
        if not _text(found, "refresh_token"):
            raise Misconfigured(Reason.CLIENT_MISCONFIGURED, "scope refresh_token")
        instance_url = _text(found, "instance_url").rstrip("/")
        if not self._hosts.trusts(instance_url):
            raise _foreign(instance_url)
        return Secret(
            access_token=found["access_token"],
            refresh_token=found["refresh_token"],
            instance_url=instance_url,
            host=host,
        )

    def _userinfo(self, session: Session, secret: Secret) -> dict[str, Any]:
        answer = session.get(
            f"{secret.instance_url}/services/oauth2/userinfo",
            headers={"Authorization": f"Bearer {secret.access_token}"},
        )
        if not answer.ok:
            raise told(read_userinfo(answer))
        return read_json(answer)


def _identity(claims: Mapping[str, Any], id_url: str) -> Identity:
    """Whose the token is by userinfo, which must be the same as by the token's own answer."""
    org, user = str(claims["organization_id"])[:ID_LENGTH], str(claims["user_id"])[:ID_LENGTH]
    *_, org_too, user_too = id_url.split("/")
    if (org, user) != (org_too[:ID_LENGTH], user_too[:ID_LENGTH]) or not org or not user:
        raise Nonsense("", "id")
    username = str(claims["preferred_username"])
    email = str(claims.get("email") or username).removesuffix(IN_A_SANDBOX)
    return Identity(id=f"{org}/{user}", email=email, username=username)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _wrong_tenant(code: str) -> Rejected:
    return Rejected(Reason.WRONG_TENANT, code, definite=True)


def _foreign(url: str) -> HostRefused:
    host = re.sub(r"[^A-Za-z0-9.-]", "", url.removeprefix("https://").partition("/")[0])
    return HostRefused(host[:80])
