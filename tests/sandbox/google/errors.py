"""Google's refusals in Google's own bodies, worded as in its guides and in the answers that people quote.

Refused(status, body)     ends a request; the server's middleware writes it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """A request that Google answers with an error. `body` is JSON."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def oauth(error: str, description: str, *, status: int = 400, **more: str) -> Refused:
    """An answer of the token or revocation endpoint."""
    return Refused(status, {"error": error, "error_description": description, **more})


def expired_or_revoked() -> Refused:
    return oauth("invalid_grant", "Token has been expired or revoked.")


def bad_grant() -> Refused:
    return oauth("invalid_grant", "Bad Request")


def account_deleted() -> Refused:
    return oauth("invalid_grant", "Account has been deleted")


def session_too_old() -> Refused:
    return oauth(
        "invalid_grant",
        "reauth related error (invalid_rapt)",
        error_subtype="invalid_rapt",
        error_uri="https://support.google.com/a/answer/9368756",
    )


def admin_policy() -> Refused:
    return oauth(
        "admin_policy_enforced",
        "Access to your account data is restricted by policies within your organization.",
    )


def wrong_secret() -> Refused:
    return oauth("invalid_client", "Unauthorized", status=401)


def unknown_client() -> Refused:
    return oauth("invalid_client", "The OAuth client was not found.", status=401)


def missing_parameter(name: str) -> Refused:
    return oauth("invalid_request", f"Missing required parameter: {name}")


def internal_failure() -> Refused:
    return oauth("internal_failure", "Backend Error", status=500)


def gmail(status: int, reason: str, message: str, code: str) -> Refused:
    """Gmail names a `status` beside the list of errors."""
    listed = {"message": message, "domain": "global", "reason": reason}
    return Refused(
        status, {"error": {"code": status, "message": message, "errors": [listed], "status": code}}
    )


def calendar(status: int, reason: str, message: str, *, domain: str = "calendar", at: str = "") -> Refused:
    """Calendar keeps the older shape: developers.google.com/workspace/calendar/api/guides/errors."""
    listed = {"domain": domain, "reason": reason, "message": message}
    if at:
        listed |= {"locationType": "header" if at == "Authorization" else "parameter", "location": at}
    return Refused(status, {"error": {"errors": [listed], "code": status, "message": message}})


def bad_token(service: str) -> Refused:
    """401: the access token is unknown, expired or ended."""
    if service == "calendar":
        refusal = calendar(401, "authError", "Invalid Credentials", domain="global", at="Authorization")
    else:
        words = (
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
            "or other valid authentication credential. "
            "See https://developers.google.com/identity/sign-in/web/devconsole-project."
        )
        refusal = gmail(401, "authError", words, "UNAUTHENTICATED")
        refusal.body["error"]["errors"][0] |= {
            "message": "Invalid Credentials",
            "location": "Authorization",
            "locationType": "header",
        }
    refusal.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return refusal


def scopes_too_narrow(service: str) -> Refused:
    """403 insufficientPermissions: the person did not give this permission."""
    words = "Request had insufficient authentication scopes."
    refusal = gmail(403, "insufficientPermissions", words, "PERMISSION_DENIED")
    refusal.body["error"]["errors"][0]["message"] = "Insufficient Permission"
    refusal.body["error"]["details"] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": f"{service}.googleapis.com"},
        }
    ]
    refusal.headers["WWW-Authenticate"] = (
        'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'
    )
    return refusal


def too_fast(status: int) -> Refused:
    """403 or 429 rateLimitExceeded: both are published, and a client must know both."""
    refusal = calendar(status, "rateLimitExceeded", "Rate Limit Exceeded", domain="usageLimits")
    if status == 429:
        refusal.headers["Retry-After"] = "5"
    return refusal


def unavailable() -> Refused:
    return gmail(503, "backendError", "The service is currently unavailable.", "UNAVAILABLE")


def unknown_parameter(name: str) -> Refused:
    words = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
    return gmail(400, "badRequest", words, "INVALID_ARGUMENT")


def sync_token_gone() -> Refused:
    words = "Sync token is no longer valid, a full sync is required."
    return calendar(410, "fullSyncRequired", words, at="syncToken")
