"""All that Salesforce says and what it means, row by row, for the walk in tests/providers/test_every_row.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from providers.base import Access, AccessType, Blocked, Misconfigured, Reason, Rejected, Unavailable
from tests.providers.kit import BOB
from tests.providers.salesforce.kit import CARA, SalesforceKit
from tests.providers.table import (
    THEIRS,
    Act,
    Line,
    NotHere,
    Press,
    Silent,
    callback,
    cancelled,
    hasty_use,
    line,
    renewal,
    sign_in,
    use,
    wary_use,
)

TOKEN = "/services/oauth2/token"
DATA = "/services/data"


def token(*codes: str, words: str = THEIRS) -> Iterator[Press]:
    """The token endpoint refuses with each of these in turn."""
    for error in codes:
        yield partial(_refuse_token, error=error, words=words)


def api(status: int, *codes: str) -> Iterator[Press]:
    """The data API refuses with each of these in turn."""
    for code in codes:
        yield partial(_refuse_use, status=status, code=code)


def writing(kit: SalesforceKit) -> Act:
    """A run copies a message."""
    bob = kit.sign_in()
    about = kit.provider.match(bob, [CARA])[CARA]
    return partial(kit.provider.push, bob, [kit.message("m-1", about=about)])


def nobodys_domain(kit: SalesforceKit) -> Act:
    return partial(kit.provider.begin, Access(AccessType.MY_DOMAIN, "nobody"), "a state of ours", BOB)


def unresolved_domain(kit: SalesforceKit) -> Act:
    elsewhere = kit.make(my_domain_url="https://{name}.my.salesforce.invalid")
    return partial(elsewhere.begin, Access(AccessType.MY_DOMAIN, "nobody"), "a state of ours", BOB)


def no_domain(kit: SalesforceKit) -> Act:
    return partial(
        kit.provider.begin, Access(AccessType.MY_DOMAIN, "https://elsewhere.example"), "a state of ours", BOB
    )


def _refuse_token(kit: SalesforceKit, *, error: str, words: str) -> None:
    kit.lie({"error": error, "error_description": words}, status=400, path=TOKEN)


def _refuse_use(kit: SalesforceKit, *, status: int, code: str) -> None:
    kit.lie([{"errorCode": code, "message": THEIRS}], status=status, path=DATA)


LINES: tuple[Line, ...] = (
    # The person
    line(
        "invalid_grant “expired access/refresh token”",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.revoke_grant(BOB),
        *token("invalid_grant", words="expired access/refresh token"),
        definite=False,
    ),
    line(
        "the same, after thirty days without use",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED, lambda kit: kit.server.idle_thirty_days(BOB), definite=False,
    ),
    line(
        "invalid_grant “authentication failure”",
        renewal, Rejected, Reason.PASSWORD_CHANGED,
        lambda kit: kit.server.change_password(BOB),
        *token("invalid_grant", words="authentication failure"),
        definite=True,
    ),
    line("access_denied", cancelled, Rejected, Reason.CONSENT_DECLINED, definite=True),
    line(
        "access-denied", callback(error="access-denied", error_description=THEIRS),
        Rejected, Reason.CONSENT_DECLINED, definite=True,
    ),
    line(
        "REST 401 INVALID_SESSION_ID", use, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.expire_access_tokens(BOB), *api(401, "INVALID_SESSION_ID"), definite=False,
    ),
    line("404 on My Domain", nobodys_domain, Rejected, Reason.WRONG_TENANT, definite=True),
    line("host resolves not", unresolved_domain, Rejected, Reason.WRONG_TENANT, definite=True),
    line("no My Domain at all", no_domain, Rejected, Reason.WRONG_TENANT, definite=True),
    line("a code that is spent", sign_in, Rejected, Reason.UNKNOWN, *token("invalid_grant"), definite=True),
    # Their administrator
    line(
        "inactive_user, inactive_org",
        renewal, Blocked, Reason.ACCOUNT_DISABLED,
        lambda kit: kit.server.deactivate(BOB, True),
        *token("inactive_user", "inactive_org"),
        *token("invalid_grant", words="inactive org"),
    ),
    line(
        "“ip restricted” / login hours",
        renewal, Blocked, Reason.ADMIN_POLICY_BLOCKED,
        lambda kit: kit.server.ip_restricted(BOB, True),
        *token("invalid_grant", words="user is outside of their login hours"),
    ),
    line(
        "“app must be installed into org”, “user hasn't approved this consumer”, “user is not admin approved”",
        renewal, Blocked, Reason.NEEDS_ADMIN_APPROVAL,
        *token("invalid_client", words="app must be installed into org"),
        *token("invalid_grant", words="user hasn't approved this consumer"),
        *token("invalid_app_access", words="user is not admin approved to access this app"),
    ),
    line(
        "OAUTH_APP_ACCESS_DENIED on the way back", callback(error="OAUTH_APP_ACCESS_DENIED"),
        Blocked, Reason.NEEDS_ADMIN_APPROVAL,
    ),
    line(
        "403 API_CURRENTLY_DISABLED", use, Blocked, Reason.API_DISABLED,
        lambda kit: kit.server.api_disabled(BOB, True),
    ),
    line(
        "403 API_DISABLED_FOR_ORG", use, Blocked, Reason.API_DISABLED,
        lambda kit: kit.server.api_disabled_for_org(True),
    ),
    line(
        "INSUFFICIENT_ACCESS", writing, Blocked, Reason.SCOPE_MISSING,
        lambda kit: kit.server.may_not_write(BOB, True),
    ),
    line("403 other", use, Blocked, Reason.SCOPE_MISSING, *api(403, "INSUFFICIENT_ACCESS", "BRAND_NEW")),
    line(
        "no field for our key", use, Blocked, Reason.CRM_FIELD_MISSING,
        lambda kit: kit.server.field_missing(True),
    ),
    line(
        "no field for our key, in a run", writing, Blocked, Reason.CRM_FIELD_MISSING,
        lambda kit: kit.server.field_missing(True),
    ),
    # We
    line(
        "invalid_client*, redirect_uri_mismatch, unsupported_grant_type",
        renewal, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
        *token("invalid_client_id", "invalid_client", "invalid_client_credentials"),
        *token("redirect_uri_mismatch", "unsupported_grant_type"),
    ),
    line(
        "invalid_client at a sign-in", sign_in, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
    ),
    # Nobody
    line(
        "rate_limit_exceeded / “login rate exceeded”",
        renewal, Unavailable, Reason.RATE_LIMITED,
        lambda kit: kit.server.login_rate(True),
        *token("invalid_grant", words="login rate exceeded"),
    ),
    line(
        "403 REQUEST_LIMIT_EXCEEDED", use, Unavailable, Reason.RATE_LIMITED,
        lambda kit: kit.server.use_up_api_calls(),
    ),
    line(
        "503 SERVER_UNAVAILABLE, 5xx",
        renewal, Unavailable, Reason.PROVIDER_DOWN,
        lambda kit: kit.server.down(True),
        lambda kit: kit.lie(THEIRS, status=502),
    ),
    line("503 in use", use, Unavailable, Reason.PROVIDER_DOWN, *api(503, "SERVER_UNAVAILABLE")),
    line("no answer in time", hasty_use, Unavailable, Reason.NETWORK, lambda kit: kit.server.slow(3)),
    line("a certificate that nobody trusts", wary_use, Blocked, Reason.TLS_ERROR),
    line("a code of tomorrow", use, Unavailable, Reason.UNKNOWN, *api(418, "BRAND_NEW")),
)  # fmt: skip

SILENT: tuple[Silent, ...] = ()

NOT_HERE = (
    NotHere(
        "OAUTH_APPROVAL_ERROR_GENERIC and “app must be installed” during a login",
        "Salesforce tells it on a page of its own that never comes back: the person presses "
        "“The sign-in page shows an error”, and the same words are walked at the renewal",
    ),
    NotHere(
        "“expired access/refresh token” while a renewal is unfinished: rotation_lost",
        "the words are those of any end: who renews remembers that an answer was lost, see tests/upkeep/test_renew.py",
    ),
    NotHere(
        "“expired access/refresh token” after 30 idle days: token_expired_inactive",
        "the words are those of any end, and are walked as credentials_revoked; its advice names this cause too",
    ),
    NotHere(
        "user/org id differs",
        "Salesforce refuses nothing here: the desk compares who signed in, see tests/rules/test_identity.py",
    ),
)
