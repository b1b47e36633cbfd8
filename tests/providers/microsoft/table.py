"""All that Microsoft says and what it means, row by row, for the walk in tests/providers/test_every_row.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from providers.base import Blocked, Misconfigured, Reason, Rejected, Unavailable
from tests.providers.kit import BOB
from tests.providers.microsoft.kit import MicrosoftKit
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
from tests.sandbox.microsoft.errors import EntraRefused, GraphRefused

TRACE = "8478d534-5b2c-4325-8c2c-51395c342c89"


def entra(*numbers: int, error: str = "invalid_grant", suberror: str = "", status: int = 400) -> Iterator[Press]:
    """The token endpoint refuses with each of these AADSTS numbers in turn; 0 is none."""
    for number in numbers:
        yield partial(_refuse_token, refusal=EntraRefused(error, number, THEIRS, suberror=suberror, status=status))


def graph(status: int, code: str, **headers: str) -> Press:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return partial(_refuse_use, refusal=GraphRefused(status, code, THEIRS, named))


def ews(kit: MicrosoftKit) -> Act:
    """Use, by Exchange Web Services and not by Graph."""
    kit.settings |= {"ews": True, "ews_url": kit.settings["graph_url"].replace("/v1.0", "/EWS/Exchange.asmx")}
    kit.server.ews_enabled(True)
    return use(kit)


def _refuse_token(kit: MicrosoftKit, *, refusal: EntraRefused) -> None:
    _refuse(kit, refusal, path="/organizations/oauth2/v2.0/token")


def _refuse_use(kit: MicrosoftKit, *, refusal: GraphRefused) -> None:
    _refuse(kit, refusal, path="/v1.0")


def _refuse(kit: MicrosoftKit, refusal: Any, *, path: str) -> None:
    kit.lie(refusal.body(kit.clock.now(), TRACE), status=refusal.status, path=path, headers=refusal.headers)


LINES: tuple[Line, ...] = (
    # The person
    line(
        "50173 50132 50133 70000 50089",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.revoke_sessions(BOB), *entra(50173, 50132, 50133, 70000, 50089), definite=True,
    ),
    line(
        "700082 70008",
        renewal, Rejected, Reason.TOKEN_EXPIRED_INACTIVE,
        lambda kit: kit.server.idle_ninety_days(BOB), *entra(700082, 70008), definite=True,
    ),
    line(
        "70043 50078",
        renewal, Rejected, Reason.SESSION_POLICY_EXPIRED,
        lambda kit: kit.server.sign_in_frequency(BOB, True), *entra(70043, 50078), definite=True,
    ),
    line(
        "50074 50076 50158, suberror basic_action",
        renewal, Rejected, Reason.MFA_REQUIRED,
        lambda kit: kit.server.mfa(BOB, True),
        *entra(50074, 50076, 50158),
        *entra(0, 99999, error="interaction_required", suberror="basic_action"),
        definite=True,
    ),
    line(
        "50072 50079 53004", renewal, Rejected, Reason.MFA_REQUIRED,
        *entra(50072, 50079, 53004, error="interaction_required"), definite=True,
    ),
    line(
        "65001, suberror consent_required",
        renewal, Rejected, Reason.CONSENT_REVOKED,
        lambda kit: kit.server.remove_consent(BOB),
        *entra(65001),
        *entra(0, 99999, suberror="consent_required"),
        definite=True,
    ),
    line("65004", cancelled, Rejected, Reason.CONSENT_DECLINED, definite=True),
    line(
        "access_denied", callback(error="access_denied", error_description=THEIRS),
        Rejected, Reason.CONSENT_DECLINED, definite=True,
    ),
    line(
        "50055 50144",
        renewal, Rejected, Reason.PASSWORD_EXPIRED,
        lambda kit: kit.server.expire_password(BOB, True),
        *entra(50055, 50144),
        *entra(0, suberror="user_password_expired"),
        definite=True,
    ),
    line("50126 50056", renewal, Rejected, Reason.PASSWORD_WRONG, *entra(50126, 50056), definite=True),
    line(
        "50034 51004 50020 16000 500208 90002 50059 90072",
        renewal, Rejected, Reason.WRONG_TENANT,
        *entra(50034, 51004, 50020, 16000, 500208, 90002, 50059, 90072), definite=True,
    ),
    line(
        "50020 on the way back",
        callback(error="interaction_required", error_description=f"AADSTS50020: {THEIRS}"),
        Rejected, Reason.WRONG_TENANT, definite=True,
    ),
    line(
        "invalid_grant without a number",
        renewal, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.plain_refusal(BOB), *entra(99999, 9002313), definite=False,
    ),
    line(
        "a code that is spent", sign_in, Rejected, Reason.UNKNOWN,
        *entra(54005, 70008, 9002313), definite=True,
    ),
    # Their administrator
    line(
        "53000-53003 530032 530035 50131 50097 50129 53010 53011, suberror message_only",
        renewal, Blocked, Reason.CONDITIONAL_ACCESS,
        lambda kit: kit.server.conditional_access(BOB, True),
        *entra(53000, 53001, 53002, 53003, 530032, 530035, 50131, 50097, 50129, 53010, 53011),
        *entra(0, 99999, error="interaction_required", suberror="message_only"),
    ),
    line(
        "90094 90095 650052",
        renewal, Blocked, Reason.NEEDS_ADMIN_APPROVAL,
        lambda kit: kit.server.admin_approval(True),
        *entra(90094, 90095, 650052, suberror="consent_required"),
    ),
    line(
        "650052 on the way back", callback(error="invalid_client", error_description=f"AADSTS650052: {THEIRS}"),
        Blocked, Reason.NEEDS_ADMIN_APPROVAL,
    ),
    line(
        "50105", renewal, Blocked, Reason.USER_NOT_ASSIGNED,
        lambda kit: kit.server.unassign(BOB, True), *entra(50105),
    ),
    line(
        "50057", renewal, Blocked, Reason.ACCOUNT_DISABLED,
        lambda kit: kit.server.disable(BOB, True), *entra(50057),
    ),
    line(
        "50053", renewal, Blocked, Reason.ACCOUNT_LOCKED,
        lambda kit: kit.server.lock(BOB, True), *entra(50053),
    ),
    line(
        "700016 500011 700011 70001 7000112",
        renewal, Blocked, Reason.APP_MISSING,
        lambda kit: kit.server.app_missing(True),
        *entra(700016, 500011, 700011, 70001, 7000112, error="unauthorized_client"),
    ),
    line(
        "500021 500212 500213",
        renewal, Blocked, Reason.ADMIN_POLICY_BLOCKED,
        lambda kit: kit.server.tenant_restricted(True), *entra(500021, 500212, 500213),
    ),
    # We
    line(
        "7000222",
        renewal, Misconfigured, Reason.CLIENT_SECRET_EXPIRED,
        lambda kit: kit.server.client_secret_expired(True),
        *entra(7000222, error="invalid_client", status=401),
    ),
    line(
        "7000215 7000218 70002 700027 50011 50194 700084 650056 650057 65005 invalid_client",
        renewal, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
        *entra(7000215, 7000218, 70002, 700027, 0, error="invalid_client", status=401),
        *entra(50011, 50194, 700084, 650056, 650057, 65005),
    ),
    line(
        "invalid_client at a sign-in",
        sign_in, Misconfigured, Reason.CLIENT_MISCONFIGURED,
        lambda kit: kit.server.wrong_client_secret(True),
    ),
    # Nobody
    line("90055 50196", renewal, Unavailable, Reason.RATE_LIMITED, *entra(90055, 50196)),
    line("Graph 429", use, Unavailable, Reason.RATE_LIMITED, lambda kit: kit.server.rate_limit(True)),
    line(
        "5xx 90006 90012 90024 90033 50033 temporarily_unavailable",
        renewal, Unavailable, Reason.PROVIDER_DOWN,
        lambda kit: kit.server.down(True),
        *entra(90006, 90012, 90024, 90033, 50033),
        *entra(0, error="temporarily_unavailable"),
        *entra(50173, status=503),
        lambda kit: kit.lie(THEIRS.encode(), status=502),
    ),
    line("no answer in time", hasty_use, Unavailable, Reason.NETWORK, lambda kit: kit.server.slow(3)),
    line("a certificate that nobody trusts", wary_use, Blocked, Reason.TLS_ERROR),
    # Graph
    line(
        "Graph 401 + claims challenge", use, Rejected, Reason.MFA_REQUIRED,
        graph(401, "InvalidAuthenticationToken", WWW_Authenticate='Bearer error="insufficient_claims", claims="eyJ9"'),
        definite=True,
    ),
    line(
        "Graph 401", use, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.expire_access_tokens(BOB), definite=False,
    ),
    line(
        "Graph 403 ErrorAccessDenied",
        use, Rejected, Reason.SCOPE_MISSING,
        lambda kit: kit.server.less_scope(BOB, True), graph(403, "Authorization_RequestDenied"), definite=True,
    ),
    line(
        "Graph 404 MailboxNotEnabledForRESTAPI",
        use, Blocked, Reason.MAILBOX_MISSING,
        lambda kit: kit.server.no_mailbox(BOB, True),
        graph(404, "MailboxNotSupportedForRESTAPI"),
        graph(404, "ErrorNonExistentMailbox"),
    ),
    line("Graph, a code of tomorrow", use, Unavailable, Reason.UNKNOWN, graph(418, "BrandNew")),
    # Exchange Web Services at Microsoft
    line(
        "EWS 403 on outlook.office365.com", ews, Blocked, Reason.EWS_DISABLED,
        lambda kit: kit.server.ews_enabled(False),
    ),
    line(
        "EWS 401", ews, Rejected, Reason.CREDENTIALS_REVOKED,
        lambda kit: kit.server.expire_access_tokens(BOB), definite=False,
    ),
    line(
        "EWS ErrorAccessDenied", ews, Rejected, Reason.SCOPE_MISSING,
        lambda kit: kit.server.less_scope(BOB, True), definite=True,
    ),
    line(
        "EWS ErrorNonExistentMailbox", ews, Blocked, Reason.MAILBOX_MISSING,
        lambda kit: kit.server.no_mailbox(BOB, True),
    ),
)  # fmt: skip

SILENT = (
    Silent("Graph 410", lambda kit: kit.server.expire_delta(BOB)),
    Silent("Graph syncStateNotFound", lambda kit: kit.server.expire_delta(BOB, status=400)),
)

NOT_HERE = (
    NotHere(
        "oid/tid differs from record",
        "Microsoft refuses nothing here: the desk compares who signed in, see tests/rules/test_identity.py",
    ),
    NotHere(
        "90094, 50105, 50053, 53003, 500021 and the like during a sign-in",
        "Microsoft tells them on a page of its own that never comes back: the person presses "
        "“The sign-in page shows an error”, and the same numbers are walked at the renewal",
    ),
    NotHere(
        "MsalServiceError",
        "MSAL never sees a refusal: its HTTP is ours and raises before, by the rows that are walked",
    ),
)
