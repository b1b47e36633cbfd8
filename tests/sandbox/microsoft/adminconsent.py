"""The page on which an administrator allows an app for a whole company.

Source: learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from aiohttp import web

from tests.sandbox.microsoft import errors, pages
from tests.sandbox.microsoft.asking import Blocked, client_asking, html, scopes_asked, tenant_asked
from tests.sandbox.microsoft.scopes import SIGN_IN, WORDS
from tests.sandbox.microsoft.state import Client, State, Tenant
from tests.sandbox.oauth import with_query


@dataclass(frozen=True, slots=True)
class Petition:
    client: Client
    tenants: tuple[Tenant, ...]
    redirect_uri: str
    scopes: frozenset[str]
    scope_text: str
    state: str


class AdminConsent:
    """Whoever administers a tenant counts as signed in here: the page takes one click of them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._petitions: dict[str, Petition] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/{tenant}/v2.0/adminconsent", self.show), web.post("/signin/admin", self.decide)]

    async def show(self, request: web.Request) -> web.Response:
        with self._state.lock:
            try:
                petition = self._read(request)
            except Blocked as problem:
                return problem.page()
            flow = secrets.token_urlsafe(16)
            self._petitions[flow] = petition
            words = [words for scope, words in WORDS.items() if scope in petition.scopes]
            choices = [(tenant.id, tenant.name, self._administrator(tenant)) for tenant in petition.tenants]
            return html(pages.admin_consent(flow, petition.client.name, words, choices))

    async def decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        with self._state.lock:
            petition = self._petitions.pop(str(form.get("flow", "")), None)
            if petition is None:
                raise web.HTTPBadRequest(text="This request is over. Start again from the app.")
            tenant = next((one for one in petition.tenants if one.id == form.get("tenant")), None)
            if tenant is None:
                return self._declined(petition)
            tenant.needs_approval = False
            tenant.consented |= petition.scopes - SIGN_IN
            return _back(petition, tenant=tenant.id, scope=petition.scope_text)

    def _read(self, request: web.Request) -> Petition:
        asked = tenant_asked(request, self._state)
        client = client_asking(request.query, self._state)
        scopes = scopes_asked(request.query)
        return Petition(
            client=client,
            tenants=(asked,) if asked else tuple(self._state.tenants.values()),
            redirect_uri=request.query["redirect_uri"],
            scopes=scopes,
            scope_text=request.query["scope"],
            state=request.query.get("state", ""),
        )

    def _administrator(self, tenant: Tenant) -> str:
        found = self._state.administrator(tenant)
        return found.email if found else ""

    def _declined(self, petition: Petition) -> web.Response:
        told = errors.admin_declined().body(self._state.clock.now(), str(uuid.uuid4()))
        return _back(petition, error=told["error"], error_description=told["error_description"])


def _back(petition: Petition, **answer: str) -> web.Response:
    told = {"state": petition.state} if petition.state else {}
    url = with_query(petition.redirect_uri, admin_consent="True", **answer, **told)
    return web.Response(status=302, headers={"Location": url})
