"""Salesforce's refusals in Salesforce's own bodies.

Refused(status, body)     ends a request; the server's middleware writes it
RecordRefused             one record of a request cannot be written; the others can
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """A request that Salesforce answers with an error. A body of `str` goes out as plain text, others as JSON."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class RecordRefused(Exception):
    """Why one record was not written: a status code of the API, words, and the fields that it is about."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.fields = list(fields)


# Token endpoint


def oauth(error: str, description: str) -> Refused:
    """The token endpoint answers 400 whatever is wrong."""
    return Refused(400, {"error": error, "error_description": description})


def expired_or_revoked() -> Refused:
    return oauth("invalid_grant", "expired access/refresh token")


def missing_parameter(name: str) -> Refused:
    return oauth("invalid_request", f"missing required parameter: {name}")


def bad_oauth_token() -> Refused:
    """userinfo has no JSON for a dead token."""
    return Refused(403, "Bad_OAuth_Token")


# REST


def rest(status: int, code: str, message: str, fields: Sequence[str] | None = None) -> Refused:
    """A list with one error. `fields` is there for errors about a record only."""
    error: dict[str, Any] = {"message": message, "errorCode": code}
    if fields is not None:
        error["fields"] = list(fields)
    return Refused(status, [error])


def for_one(refusal: RecordRefused) -> Refused:
    """The same refusal where the record was the whole request."""
    status = 403 if refusal.code == "INSUFFICIENT_ACCESS_OR_READONLY" else 400
    return rest(status, refusal.code, refusal.message, refusal.fields)


def bad_session() -> Refused:
    return rest(401, "INVALID_SESSION_ID", "Session expired or invalid")


def session_without_api() -> Refused:
    return rest(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API")


def not_found(message: str = "The requested resource does not exist") -> Refused:
    return rest(404, "NOT_FOUND", message)


def api_disabled_for_user() -> Refused:
    return rest(403, "API_CURRENTLY_DISABLED", "API is disabled for this User")


def api_disabled_for_org() -> Refused:
    return rest(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")


def calls_used_up() -> Refused:
    return rest(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def unavailable() -> Refused:
    return rest(503, "SERVER_UNAVAILABLE", "We are down for maintenance. Sorry for the inconvenience.")


def not_json(message: str) -> Refused:
    return rest(400, "JSON_PARSER_ERROR", message)


def no_such_column(field: str, sobject: str) -> RecordRefused:
    return RecordRefused("INVALID_FIELD", f"No such column '{field}' on sobject of type {sobject}", field)
