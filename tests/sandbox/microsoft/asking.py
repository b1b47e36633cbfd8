"""What an application may ask the login host for, and what is refused there without a way back."""

from __future__ import annotations

from aiohttp import web
from multidict import MultiMapping

from tests.sandbox.microsoft import errors, pages
from tests.sandbox.microsoft.scopes import UnknownScope, parsed
from tests.sandbox.microsoft.state import Client, State, Tenant

# In place of a tenant: any work or school account, of whichever tenant.
ANY_TENANT = "organizations"


class Blocked(Exception):
    """The address was wrong. Microsoft says so on its own page and never sends the browser back."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words

    def page(self) -> web.Response:
        title = "Sorry, but we're having trouble signing you in."
        return html(pages.blocked(title, f"AADSTS{self.code}: {self.words}"), 400)


def tenant_asked(request: web.Request, state: State) -> Tenant | None:
    """The tenant in the path; None for any. Raises Blocked."""
    name = request.match_info["tenant"]
    if name == ANY_TENANT:
        return None
    tenant = state.tenant(name)
    if tenant is None:
        refused = errors.no_such_tenant(name, error="invalid_request")
        raise Blocked(refused.code, refused.words)
    return tenant


def client_asking(query: MultiMapping[str], state: State) -> Client:
    """Raises Blocked for an unknown client, or a redirect address that it did not register."""
    client = state.clients.get(query.get("client_id", ""))
    if client is None or state.faults.app_missing:
        refused = errors.no_such_app(query.get("client_id", ""), "Microsoft Accounts")
        raise Blocked(refused.code, refused.words)
    if query.get("redirect_uri", "") not in client.redirect_uris:
        words = (
            f"The redirect URI '{query.get('redirect_uri', '')}' specified in the request does not match the redirect "
            f"URIs configured for the application '{client.id}'."
        )
        raise Blocked(50011, words)
    return client


def scopes_asked(query: MultiMapping[str]) -> frozenset[str]:
    """Raises Blocked."""
    try:
        scopes = parsed(query.get("scope", ""))
    except UnknownScope as error:
        words = f"The application asked for scope '{error.scope}' that doesn't exist."
        raise Blocked(650053, words) from error
    if not scopes:
        raise Blocked(900144, "The request body must contain the following parameter: 'scope'.")
    return scopes


def html(page: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
