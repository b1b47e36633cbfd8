"""Signing in at Microsoft and renewing that, by MSAL. It reads no mail and knows no desk and no page of ours.

Sources: learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow, …/v2-admin-consent,
…/id-token-claims-reference.
"""

from __future__ import annotations

import json
import re
import secrets
import ssl
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import msal  # type: ignore[import-untyped]  # It publishes no types.

from providers.base import Link, Misconfigured, Reason, Rejected
from providers.microsoft.errors import GUID, read_callback, read_token, told
from providers.oauth import Secret, Tokens, endpoint
from providers.refusals import At, body_of, legible
from providers.wire import Answer, Nonsense, Session, read_json

GRAPH_SCOPES = ("Mail.ReadBasic", "Calendars.ReadBasic", "User.Read")
# MSAL asks for these by itself, and refuses to be told.
OPENID_SCOPES = ("openid", "profile", "offline_access")

DISCOVERY = "v2.0/.well-known/openid-configuration"
EXPECTED = {
    "issuer": ("https://",),
    "authorization_endpoint": ("https://", "http://"),
}
DISCOVERY_LIFE = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=2)
DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Identity:
    tid: str
    oid: str
    username: str


class Discovery:
    """The authority's discovery document, asked for at most once an hour. Threads share it."""

    def __init__(self, *, authority: str, clock: Callable[[], datetime]) -> None:
        self._address = f"{authority}/{DISCOVERY}"
        self._clock = clock
        self._read: tuple[datetime, Answer] | None = None

    def answer(self, session: Session) -> Answer:
        """Raises ProviderError and WireError. All but the pages for browsers is https in what it gives."""
        now, known = self._clock(), self._read
        # The clock of a demo goes backwards too, so that a reading from the future is no reading.
        if known and known[0] <= now < known[0] + DISCOVERY_LIFE:
            return known[1]
        answer = session.get(self._address)
        if answer.status_code == 400 and body_of(answer).get("error"):
            # Entra knows no such tenant, and it is the one in our settings.
            raise Misconfigured(Reason.CLIENT_MISCONFIGURED, "authority")
        if not answer.ok:
            raise _no_document(answer)
        found = read_json(answer)
        for name, schemes in EXPECTED.items():
            if not str(found.get(name)).startswith(schemes):
                raise Nonsense(urlsplit(self._address).hostname or "", name)
        endpoint(found, "token_endpoint", self._address)
        self._read = (now, answer)
        return answer

    @property
    def last_read(self) -> dict[str, Any]:
        """As it was known last; empty before the first sign-in or renewal."""
        return read_json(self._read[1]) if self._read else {}


class Http:
    """What MSAL sends goes through here, and a refusal never comes back to it.

    MSAL remembers refusals for a minute, by which a check would go on failing after the mend; it logs what it cannot
    read; and it raises errors of its own that quote it.
    """

    def __init__(self, *, session: Session, discovery: Discovery, at: At) -> None:
        self._session = session
        self._discovery = discovery
        self._at = at

    def get(self, address: str, **kwargs: Any) -> Answer:  # noqa: ARG002 - MSAL asks for the discovery document only.
        return self._discovery.answer(self._session)

    def post(self, address: str, **kwargs: Any) -> Answer:
        answer = self._session.post(address, **kwargs)
        if not answer.ok or "error" in read_json(answer):
            raise told(read_token(self._at, answer))
        return answer

    def close(self) -> None:
        """Leaves the session to whoever opened it."""


class SignIn:
    """Microsoft's OAuth for one application of ours. Raises ProviderError and WireError. Threads share it.

    `certificate` is a PEM file with the private key and the certificate, used in place of the secret.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        certificate: Path | None,
        redirect_uri: str,
        authority: str,
        scopes: tuple[str, ...],
    ) -> None:
        self._clock = clock
        self._client_id = client_id
        self._proof = _certified(certificate) if certificate else client_secret
        self._redirect_uri = redirect_uri
        self._authority = authority.rstrip("/")
        self._scopes = scopes
        self._discovery = Discovery(authority=self._authority, clock=clock)
        # MSAL would rather have the callback as a POST, and says so at each sign-in. But a POST that comes from another
        # site carries no Lax cookie, so that nobody would be signed in with us.
        warnings.filterwarnings("ignore", "response_mode='form_post'", UserWarning)

    def find(self, session: Session) -> None:
        """Returns where the authority's discovery document is there."""
        self._discovery.answer(session)

    def begin(self, session: Session, *, state: str, hint: str) -> Link:
        flow = self._application(session, At.CODE).initiate_auth_code_flow(
            list(self._scopes),
            redirect_uri=self._redirect_uri,
            state=state,
            login_hint=hint or None,
            # With a hint alone, whoever is signed in at Microsoft could not choose another mailbox.
            prompt="select_account",
            response_mode="query",
        )
        # EWS knows one permission only, and it is for everything.
        allows_more = self._scopes != GRAPH_SCOPES
        return Link(url=flow["auth_uri"], remember=json.dumps(flow), allows_more=allows_more)

    def redeem(self, session: Session, answer: Mapping[str, str], remember: str) -> tuple[Tokens, Identity]:
        """Exchanges the code of a callback, and proves whose it is and that it allows all we need."""
        flow = json.loads(remember)
        if not secrets.compare_digest(answer.get("state", "").encode(), flow["state"].encode()):
            raise Rejected(Reason.UNKNOWN, "state", definite=True)
        if answer.get("error"):
            raise told(read_callback(answer))
        if not answer.get("code"):
            raise Rejected(Reason.UNKNOWN, "no code", definite=True)
        # Nothing else of the answer goes on: MSAL would decode a `client_info` that anybody may have written.
        told_by_browser = {"state": answer["state"], "code": answer["code"]}
        application = self._application(session, At.CODE)
        try:
            with legible():
                found = application.acquire_token_by_auth_code_flow(flow, told_by_browser)
        except RuntimeError:
            # Its text quotes both nonces, so the chain ends here.
            raise _bad_id_token("nonce") from None
        identity, tokens = self._identity(found), self._tokens(found, refresh_token="")
        granted = {_short(scope).casefold() for scope in tokens.secret.scopes}
        missing = [name for name in map(_short, self._scopes) if name.casefold() not in granted]
        if missing:
            raise Rejected(Reason.SCOPE_MISSING, " ".join(missing), definite=True)
        if not tokens.secret.refresh_token:
            raise Rejected(Reason.CONSENT_REVOKED, "no refresh_token", definite=True)
        return tokens, identity

    def refresh(self, session: Session, refresh_token: str) -> Tokens:
        """One POST. A refresh token is bound to the person and to us, so that the authority of the sign-in will do."""
        application = self._application(session, At.TOKEN)
        with legible():
            found = application.acquire_token_by_refresh_token(refresh_token, list(self._scopes))
        return self._tokens(found, refresh_token=refresh_token)

    def approval(self) -> str:
        """The page on which an administrator allows us for a whole company. Nothing is sent to learn it."""
        pages = str(self._discovery.last_read.get("authorization_endpoint", ""))
        base = pages.removesuffix("/oauth2/v2.0/authorize") if pages else self._authority
        query = {
            "client_id": self._client_id,
            # Without OpenID's own, a company in which nobody may consent would be asked once more.
            "scope": " ".join((*OPENID_SCOPES, *self._scopes)),
            "redirect_uri": self._redirect_uri,
            "state": "approval",
        }
        return f"{base}/v2.0/adminconsent?{urlencode(query)}"

    def knows(self, session: Session, address: str) -> bool:
        """Whether the domain of this address has a directory at Microsoft.

        It may have its sign-in there and its mailboxes elsewhere.
        """
        domain = address.rpartition("@")[2].casefold()
        if not DOMAIN.fullmatch(domain):
            return False
        answer = session.get(f"{self._authority.rpartition('/')[0]}/{domain}/{DISCOVERY}")
        if answer.status_code == 400 and body_of(answer).get("error"):
            return False
        if not answer.ok:
            raise _no_document(answer)
        return bool(read_json(answer).get("issuer"))

    def _application(self, session: Session, at: At) -> Any:
        """A new one each time: MSAL keeps tokens and refusals in it, and they are nobody else's."""
        http = Http(session=session, discovery=self._discovery, at=at)
        # Before MSAL asks, so that a failure is told as ours.
        http.get(self._authority)
        # MSAL has its own idea of what an address of an endpoint looks like.
        with legible():
            return msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=self._proof,
                authority=self._authority,
                # The operator names the authority: nobody else need vouch for it.
                instance_discovery=False,
                # Else MSAL asks the environment for one.
                azure_region=False,
                http_client=http,
            )

    def _tokens(self, found: Mapping[str, Any], *, refresh_token: str) -> Tokens:
        access_token, seconds = found.get("access_token"), found.get("expires_in")
        if not isinstance(access_token, str) or not isinstance(seconds, int):
            raise Nonsense(urlsplit(self._authority).hostname or "", "no token")
        with legible():
            secret = Secret(
                access_token=access_token,
                # Microsoft gives a new one each time. The old one stays good, but would lapse first.
                refresh_token=found.get("refresh_token") or refresh_token,
                # Left out, they are those that were asked for: RFC 6749, 5.1.
                scopes=tuple(found["scope"].split()) if found.get("scope") else self._scopes,
            )
            return Tokens(secret, expires_at=self._clock() + timedelta(seconds=seconds))

    def _identity(self, found: Mapping[str, Any]) -> Identity:
        """Whom the ID token names. MSAL has compared its nonce, and nothing else of it.

        Nor is its signature verified: it comes straight from the token endpoint, whose certificate stands for it.
        OpenID Connect Core 1.0, 3.1.3.7, point 6, allows that.
        """
        claims = found.get("id_token_claims")
        with legible():
            if not claims:
                raise TypeError
            tid, oid, username = str(claims["tid"]), str(claims["oid"]), str(claims["preferred_username"])
            if not GUID.fullmatch(tid) or not GUID.fullmatch(oid):
                raise _bad_id_token("tid")
            if claims["iss"] != str(self._discovery.last_read["issuer"]).replace("{tenantid}", tid):
                raise _bad_id_token("iss")
            if claims["aud"] != self._client_id:
                raise _bad_id_token("aud")
            now = self._clock()
            if not claims["iat"] <= (now + CLOCK_SKEW).timestamp():
                raise _bad_id_token("iat")
            if not claims["exp"] > (now - CLOCK_SKEW).timestamp():
                raise _bad_id_token("exp")
        if "@" not in username:
            raise Rejected(Reason.WRONG_ACCOUNT, "no address", definite=True)
        return Identity(tid=tid, oid=oid, username=username)


def _certified(certificate: Path) -> dict[str, str]:
    """Raises ValueError at start, where MSAL would fail at the first sign-in."""
    try:
        # They belong to each other, and it is a key of the kind that MSAL signs with.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, password="")
        pem = certificate.read_text(encoding="ascii")
        jwt.encode({}, pem, algorithm="PS256")
    except (OSError, ValueError, TypeError, jwt.PyJWTError) as error:
        raise ValueError(f"{certificate} is no PEM file of an RSA key and its certificate") from error
    return {"private_key": pem, "public_certificate": pem}


def _no_document(answer: Answer) -> Exception:
    if answer.status_code == 429 or answer.status_code >= 500:
        return told(read_token(At.TOKEN, answer))
    return Nonsense(urlsplit(answer.url).hostname or "", f"document {answer.status_code}")


def _short(scope: str) -> str:
    """Without the address of its resource, which Entra writes or leaves out as it likes."""
    return scope.rpartition("/")[2]


def _bad_id_token(what: str) -> Rejected:
    return Rejected(Reason.UNKNOWN, f"id_token: {what}", definite=True)
