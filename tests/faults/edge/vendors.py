"""Our four providers in front of a peer that may say anything, with credentials that were never given out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.clock import SystemClock
from providers.base import Credential, Provider
from providers.exchange import Exchange
from providers.exchange.protocol import Scheme
from providers.exchange.sign_in import Secret as ExchangeSecret
from providers.google import Google
from providers.google.sign_in import SCOPES
from providers.microsoft import Microsoft
from providers.microsoft.sign_in import GRAPH_SCOPES
from providers.oauth import Secret
from providers.salesforce import Salesforce
from providers.salesforce.sign_in import Secret as SalesforceSecret
from providers.wire import Wire

BOB = "bob@acme.example"
CLIENT = {"client_id": "our-client", "client_secret": "our-client-secret"}
EWS = "/EWS/Exchange.asmx"


@dataclass(frozen=True, slots=True)
class Vendors:
    """`host` is the peer's. `hosts` are those whose EWS may be used."""

    host: str
    wire: Wire
    hosts: frozenset[str]

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    def provider(self, slug: str, **others: Any) -> Provider:
        clock = SystemClock()
        at: dict[str, Any]
        back: dict[str, Any] = {"redirect_uri": f"http://bot.localhost/callback/{slug}", **CLIENT}
        match slug:
            case "google":
                at = {"gmail_url": self.url, "calendar_url": f"{self.url}/calendar/v3", "issuer": self.url}
                return Google(wire=self.wire, clock=clock.now, **back, **at, **others)
            case "microsoft":
                at = {"authority": f"{self.url}/organizations", "graph_url": f"{self.url}/v1.0"}
                return Microsoft(wire=self.wire, clock=clock.now, **back, **at, **others)
            case "salesforce":
                at = {"production_url": self.url, "sandbox_url": f"{self.url}/sandbox"}
                at |= {"my_domain_url": f"{self.url}/my/{{name}}"}
                return Salesforce(wire=self.wire, clock=clock.now, **back, **at, **others)
            case _:
                return Exchange(wire=self.wire, clock=clock.now, hosts=self.hosts, **others)

    def credential(self, slug: str) -> Credential:
        secrets: Mapping[str, Callable[[], str]] = {
            "google": lambda: Secret("access", "refresh", SCOPES).written(),
            "microsoft": lambda: Secret("access", "refresh", GRAPH_SCOPES).written(),
            "salesforce": lambda: SalesforceSecret("access", "refresh", self.url, self.url).written(),
            "exchange": lambda: ExchangeSecret("bob", "password", f"{self.url}{EWS}", Scheme.BASIC).written(),
        }
        return Credential(BOB, "identity", secrets[slug](), datetime(2030, 1, 1, tzinfo=UTC))

    def discovery(self, slug: str, **others: str) -> tuple[str, dict[str, Any]]:
        """Where the vendor's document stands, and what it says; `others` say something else."""
        before = "/organizations/v2.0" if slug == "microsoft" else ""
        document = {
            "issuer": f"{self.url}/{{tenantid}}/v2.0" if slug == "microsoft" else self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "jwks_uri": f"{self.url}/keys",
        }
        return f"{before}/.well-known/openid-configuration", document | others
