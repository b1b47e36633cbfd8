"""All that Google says and what it means, row by row, for the walk in tests/providers/test_every_row.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from providers.base import Blocked, Misconfigured, Reason, Rejected, Unavailable
from tests.providers.google.kit import GoogleKit
from tests.providers.kit import BOB
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
    sign_in_anew,
    use,
    wary_use,
)
from tests.sandbox.google.errors import Refused, calendar, gmail, oauth

SEVEN_DAYS = timedelta(days=7)


def token(*codes: str, words: str = THEIRS, status: int = 400, **more: str) -> Iterator[Press]:
    """The token endpoint refuses with each of these in turn."""
    for error in codes:
        yield partial(_refuse, refusal=oauth(error, words, status=status, **more), path="/token")


def api(status: int, *reasons: str) -> Iterator[Press]:
    """Gmail refuses with each of these, in the old shape and in the new."""
    for reason in reasons:
        for refusal in (calendar(status, reason, THEIRS), gmail(status, reason, THEIRS, "PERMISSION_DENIED")):
            yield partial(_refuse, refusal=refusal, path="/gmail")


def _refuse(kit: GoogleKit, *, refusal: Refused, path: str) -> None:
    kit.lie(dict(refusal.body), status=refusal.status, path=path)


def seven_days_of_testing(kit: GoogleKit) -> None:
    """What was signed in while our app is *In testing* ends by itself."""
    kit.clock.move(SEVEN_DAYS)


def renewal_in_testing(kit: GoogleKit) -> Act:
    kit.server.testing_mode(True)
    return partial(kit.provider.refresh, kit.sign_in())


LINES: tuple[Line, ...] = (
    # The person
    line(
        "invalid_grant “Token has been expired or revoked.” / “Bad Request”",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.remove_access(BOB),
        *token("invalid_grant", words="Bad Request"),
        definite=False,
    ),
    line(
        "the same, after a password change",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED, lambda kit: kit.server.change_password(BOB), definite=False,
    ),
    line(
        "the same, after six months without use",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED, lambda kit: kit.server.idle_six_months(BOB), definite=False,
    ),
    # Google says no more than for any other end, so that no one answer can tell that it is our own fault.
    line(
        "the same, seven days after consent",
        renewal_in_testing, Rejected, Reason.CREDENTIALS_REVOKED, seven_days_of_testing, definite=False,
    ),
    line(
        "error_subtype invalid_rapt / “Reauthentication is needed”",
        renewal, Rejected, Reason.SESSION_POLICY_EXPIRED,
        lambda kit: kit.server.session_policy(BOB, True),
        *token("invalid_grant", error_subtype="rapt_required"),
        *token("invalid_grant", words="Reauthentication is needed. Please log in again."),
        definite=True,
    ),
    line("access_denied", cancelled, Rejected, Reason.CONSENT_DECLINED, definite=True),
    line("org_internal", callback(error="org_internal"), Rejected, Reason.WRONG_TENANT, definite=True),
    line(
        "granted scopes < needed", sign_in_anew, Rejected, Reason.SCOPE_MISSING,
        lambda kit: kit.server.untick(BOB, True), definite=True,
    ),
    line(
        "403 insufficientPermissions", use, Rejected, Reason.SCOPE_MISSING,
        *api(403, "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), definite=True,
    ),
    line(
        "401 from Gmail", use, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.expire_access_tokens(BOB), *api(403, "forbidden"), definite=False,
    ),
    line("a code that is spent", sign_in, Rejected, Reason.UNKNOWN, *token("invalid_grant"), definite=True),
    # Their administrator
    line(
        "invalid_grant “Account has been deleted” / disabled",
        renewal, Blocked, Reason.ACCOUNT_DISABLED,
        lambda kit: kit.server.suspend(BOB, True),
        *token("invalid_grant", words=f"Account has been disabled. {THEIRS}"),
    ),
    line(
        "admin_policy_enforced, access_not_configured",
        renewal, Blocked, Reason.NEEDS_ADMIN_APPROVAL,
        lambda kit: kit.server.admin_approval(True), *token("admin_policy_enforced", "access_not_configured"),
    ),
    line(
        "access_not_configured on the way back",
        callback(error="access_not_configured"), Blocked, Reason.NEEDS_ADMIN_APPROVAL,
    ),
    line("403 domainPolicy", use, Blocked, Reason.ADMIN_POLICY_BLOCKED, *api(403, "domainPolicy")),
    line("400 failedPrecondition: no Gmail", use, Blocked, Reason.MAILBOX_MISSING, *api(400, "failedPrecondition")),
    # We
    line(
        "invalid_client, deleted_client, redirect_uri_mismatch",
        renewal, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
        *token("invalid_client", "deleted_client", "redirect_uri_mismatch", "unauthorized_client", status=401),
    ),
    line(
        "invalid_client at a sign-in", sign_in, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
    ),
    line(
        "403 accessNotConfigured", use, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        *api(403, "accessNotConfigured", "SERVICE_DISABLED"),
    ),
    # Nobody
    line(
        "403 rateLimitExceeded / userRateLimitExceeded",
        use, Unavailable, Reason.RATE_LIMITED,
        lambda kit: kit.server.rate_limit(True), *api(403, "userRateLimitExceeded", "quotaExceeded"),
    ),
    line("429", use, Unavailable, Reason.RATE_LIMITED, lambda kit: kit.server.rate_limit(True, status=429)),
    line(
        "5xx, internal_failure",
        renewal, Unavailable, Reason.PROVIDER_DOWN,
        lambda kit: kit.server.down(True),
        *token("internal_failure", "temporarily_unavailable"),
        lambda kit: kit.lie(THEIRS.encode(), status=502),
    ),
    line("no answer in time", hasty_use, Unavailable, Reason.NETWORK, lambda kit: kit.server.slow(3)),
    line("a certificate that nobody trusts", wary_use, Blocked, Reason.TLS_ERROR),
    line("a code of tomorrow", use, Unavailable, Reason.UNKNOWN, *api(418, "brandNew")),
)  # fmt: skip

SILENT = (Silent("Gmail 404 history / Calendar 410", lambda kit: kit.server.expire_history(BOB)),)

NOT_HERE = (
    NotHere(
        "sub differs", "Google refuses nothing here: the desk compares who signed in, see tests/rules/test_identity.py"
    ),
    NotHere(
        "everybody's refresh token ends seven days after consent (Testing): client_misconfigured",
        "Google's answer is the one for a removed access, which is walked: no one answer tells that it is everybody's",
    ),
    NotHere(
        "unauthorized_client (domain-wide delegation): delegation_missing",
        "Relatch has no service account at Google; without one the code means our own set-up, which is walked",
    ),
    NotHere(
        "admin_policy_enforced during a sign-in",
        "Google tells it on a page of its own that never comes back: the person presses "
        "“The sign-in page shows an error”, and the renewal is walked",
    ),
)
