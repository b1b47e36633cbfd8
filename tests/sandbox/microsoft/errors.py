"""Microsoft's refusals in its own bodies, worded as in its guides and in the answers that people quote.

Refused(status, headers)     ends a request; the server's middleware writes what `body` gives
  EntraRefused               of the sign-in side: learn.microsoft.com/entra/identity-platform/reference-error-codes
  GraphRefused               of Graph: learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

ERROR_PAGE = "https://login.microsoftonline.com/error?code="


class Refused(Exception):
    """A request that Microsoft answers with an error."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.headers = dict(headers or {})

    def body(self, now: datetime, correlation: str) -> dict[str, Any]:
        """The JSON of the answer. `correlation` is the id that the client gave its request, or one of ours."""
        raise NotImplementedError


class EntraRefused(Refused):
    """`code` is an AADSTS number; 0 for a refusal that has none."""

    def __init__(
        self, error: str, code: int, words: str, *, status: int = 400, suberror: str = "", claims: str = ""
    ) -> None:
        super().__init__(status)
        self.error = error
        self.code = code
        self.words = words
        self.suberror = suberror
        self.claims = claims

    def body(self, now: datetime, correlation: str) -> dict[str, Any]:
        trace, at = str(uuid.uuid4()), f"{now:%Y-%m-%d %H:%M:%SZ}"
        told: dict[str, Any] = {
            "error": self.error,
            "error_description": f"{self.headline}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\n"
            f"Timestamp: {at}",
            "error_codes": [self.code] if self.code else [],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        told |= {"error_uri": f"{ERROR_PAGE}{self.code}"} if self.code else {}
        told |= {"suberror": self.suberror} if self.suberror else {}
        return told | ({"claims": self.claims} if self.claims else {})

    @property
    def headline(self) -> str:
        return f"AADSTS{self.code}: {self.words}" if self.code else self.words


class GraphRefused(Refused):
    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, headers)
        self.code = code
        self.message = message

    def body(self, now: datetime, correlation: str) -> dict[str, Any]:
        inner = {
            "date": f"{now:%Y-%m-%dT%H:%M:%S}",
            "request-id": str(uuid.uuid4()),
            "client-request-id": correlation,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


# Tenants, clients and codes


def no_such_tenant(name: str, *, error: str) -> EntraRefused:
    """`error` is invalid_tenant in discovery and invalid_request at the token endpoint."""
    words = (
        f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant."
    )
    return EntraRefused(error, 90002, words)


def missing_parameter(name: str) -> EntraRefused:
    words = f"The request body must contain the following parameter: '{name}'."
    return EntraRefused("invalid_request", 900144, words)


def no_such_app(client_id: str, directory: str) -> EntraRefused:
    words = (
        f"Application with identifier '{client_id}' was not found in the directory '{directory}'. This can happen if "
        "the application has not been installed by the administrator of the tenant or consented to by any user in "
        "the tenant. You may have sent your authentication request to the wrong tenant."
    )
    return EntraRefused("unauthorized_client", 700016, words)


def no_client_proof() -> EntraRefused:
    words = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return EntraRefused("invalid_client", 7000218, words, status=401)


def wrong_secret(client_id: str) -> EntraRefused:
    words = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        f"the client secret ID, for a secret added to app '{client_id}'."
    )
    return EntraRefused("invalid_client", 7000215, words, status=401)


def expired_secret(client_id: str) -> EntraRefused:
    words = (
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new "
        "keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added "
        "security: https://aka.ms/certCreds."
    )
    return EntraRefused("invalid_client", 7000222, words, status=401)


def bad_assertion(code: int, words: str) -> EntraRefused:
    return EntraRefused("invalid_client", code, words, status=401)


def unsupported_grant(grant: str) -> EntraRefused:
    words = f"The app requested an unsupported grant type '{grant}'."
    return EntraRefused("unsupported_grant_type", 70003, words)


def code_spent() -> EntraRefused:
    words = (
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing "
        "refresh token."
    )
    return EntraRefused("invalid_grant", 54005, words)


def code_over() -> EntraRefused:
    words = (
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
        "authorization request for this user and resource."
    )
    return EntraRefused("invalid_grant", 70008, words)


def foreign_redirect(given: str, asked: str) -> EntraRefused:
    words = (
        f"The reply address '{given}' does not match the reply address '{asked}' provided when requesting "
        "Authorization code."
    )
    return EntraRefused("invalid_grant", 500112, words)


def wrong_verifier() -> EntraRefused:
    words = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
    return EntraRefused("invalid_grant", 501481, words)


def not_valid(what: str) -> EntraRefused:
    return EntraRefused("invalid_grant", 70000, f"The provided value for the '{what}' is not valid.")


def malformed() -> EntraRefused:
    return EntraRefused("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")


def unknown_scope(scope: str) -> EntraRefused:
    words = f"The provided value for the input parameter 'scope' is not valid. The scope '{scope}' does not exist."
    return EntraRefused("invalid_scope", 70011, words)


def two_resources() -> EntraRefused:
    words = (
        "Provided value for the input parameter scope is not valid because it contains more than one resource. "
        "Scopes for more than one resource cannot be asked for in one access token."
    )
    return EntraRefused("invalid_scope", 28000, words)


# What ends a renewal


def revoked(issued: datetime, now: datetime) -> EntraRefused:
    words = (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have "
        f"changed or reset their password. The grant was issued on '{issued:%Y-%m-%dT%H:%M:%S.%fZ}' and the "
        "TokensValidFrom date (before which tokens are not valid) for this user is "
        f"'{now:%Y-%m-%dT%H:%M:%S.%fZ}'."
    )
    return EntraRefused("invalid_grant", 50173, words, suberror="bad_token")


def idle(issued: datetime) -> EntraRefused:
    words = (
        f"The refresh token has expired due to inactivity. The token was issued on {issued:%Y-%m-%dT%H:%M:%S.%fZ} "
        "and was inactive for 90.00:00:00."
    )
    return EntraRefused("invalid_grant", 700082, words, suberror="bad_token")


def asked_again(issued: datetime, seconds: int) -> EntraRefused:
    words = (
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token "
        f"was issued on {issued:%Y-%m-%dT%H:%M:%S.%fZ} and the maximum allowed lifetime for this request is {seconds}."
    )
    return EntraRefused("invalid_grant", 70043, words, suberror="token_expired")


def plain_refusal() -> EntraRefused:
    """As a proxy or a new kind of refusal would have it: the OAuth word, and no number that anybody knows."""
    return EntraRefused("invalid_grant", 0, "The grant is not accepted.")


def needs_mfa(resource: str) -> EntraRefused:
    """interaction_required: learn.microsoft.com/entra/identity-platform/v2-conditional-access-dev-guide."""
    words = (
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        f"use multi-factor authentication to access '{resource}'."
    )
    return EntraRefused("interaction_required", 50076, words, suberror="basic_action", claims=_policy_claims())


def blocked_by_policy() -> EntraRefused:
    words = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
    return EntraRefused("invalid_grant", 53003, words, suberror="message_only", claims=_policy_claims())


def no_consent(client_id: str, app: str) -> EntraRefused:
    words = (
        f"The user or administrator has not consented to use the application with ID '{client_id}' named '{app}'. "
        "Send an interactive authorization request for this user and resource."
    )
    return EntraRefused("invalid_grant", 65001, words, suberror="consent_required")


def needs_admin() -> EntraRefused:
    return EntraRefused("invalid_grant", 90094, "The grant requires admin permission.", suberror="consent_required")


def disabled() -> EntraRefused:
    return EntraRefused("invalid_grant", 50057, "The user account is disabled.")


def unassigned(client_id: str, app: str, email: str) -> EntraRefused:
    words = (
        f"Your administrator has configured the application {app} ('{client_id}') to block users unless they are "
        f"specifically granted ('assigned') access to the application. The signed-in user '{email}' is blocked "
        "because they are not a direct member of a group with access, nor had access directly assigned by an "
        "administrator. Please contact your administrator to assign access to this application."
    )
    return EntraRefused("invalid_grant", 50105, words)


def locked() -> EntraRefused:
    words = "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."
    return EntraRefused("invalid_grant", 50053, words)


def password_expired() -> EntraRefused:
    words = "The password is expired. The user must change it before signing in."
    return EntraRefused("invalid_grant", 50055, words, suberror="user_password_expired")


def tenant_restricted(directory: str) -> EntraRefused:
    return EntraRefused("invalid_grant", 500021, f"Access to '{directory}' tenant is denied.")


def declined() -> EntraRefused:
    return EntraRefused("access_denied", 65004, "User declined to consent to access the app.")


def admin_declined() -> EntraRefused:
    """consent_required, not access_denied: learn.microsoft.com/entra/identity-platform/v2-admin-consent."""
    return EntraRefused("consent_required", 65004, "The resource owner or authorization server denied the request.")


def unavailable() -> EntraRefused:
    words = "A transient error has occurred. Please try again."
    return EntraRefused("temporarily_unavailable", 90033, words, status=503)


def _policy_claims() -> str:
    essential = {"essential": True, "values": [str(uuid.uuid4())]}
    return json.dumps({"access_token": {"capolids": essential}}, separators=(",", ":"))


# Graph


def bad_token(words: str) -> GraphRefused:
    """401: no access token, one that is over, or one for another API."""
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        'client_id="00000003-0000-0000-c000-000000000000"'
    )
    return GraphRefused(401, "InvalidAuthenticationToken", words, {"WWW-Authenticate": challenge})


def access_denied() -> GraphRefused:
    return GraphRefused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def may_not_read_profile() -> GraphRefused:
    words = "Insufficient privileges to complete the operation."
    return GraphRefused(403, "Authorization_RequestDenied", words)


def no_mailbox() -> GraphRefused:
    words = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
    return GraphRefused(404, "MailboxNotEnabledForRESTAPI", words)


def not_found() -> GraphRefused:
    return GraphRefused(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def bad_request(words: str, code: str = "BadRequest") -> GraphRefused:
    return GraphRefused(400, code, words)


def no_property(name: str, kind: str) -> GraphRefused:
    words = (
        f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type "
        f"'microsoft.graph.{kind}'."
    )
    return bad_request(words, "RequestBroker--ParseUri")


def not_with_delta(parameter: str) -> GraphRefused:
    words = f"The following parameters are not supported with change tracking over this resource: '{parameter}'."
    return bad_request(words, "ErrorInvalidUrlQuery")


def lost_sync(status: int, address: str) -> GraphRefused:
    """410 with the way to a full round, or 400 without: both are published, and a client must know both."""
    words = "The sync state generation is not found; generation=149;[highest=157][157][155][156]."
    headers = {"Location": f"{address}&$deltatoken="} if status == 410 else {}
    return GraphRefused(status, "SyncStateNotFound" if status == 410 else "syncStateNotFound", words, headers)


def too_fast() -> GraphRefused:
    return GraphRefused(429, "TooManyRequests", "Please retry again later.", {"Retry-After": "10"})


def graph_unavailable() -> GraphRefused:
    words = "The service is temporarily unavailable. Please retry after some time."
    return GraphRefused(503, "serviceNotAvailable", words)
