"""The list of permissions is the one that is really asked for, to the last scope."""

from __future__ import annotations

from bot.operator.permissions import ASKED
from handlers.slack.manifest import BOT_SCOPES, USER_SCOPES
from providers.google.sign_in import SCOPES as GOOGLE
from providers.microsoft.ews import SCOPES as EWS
from providers.microsoft.sign_in import GRAPH_SCOPES, OPENID_SCOPES
from providers.salesforce.sign_in import SCOPES as SALESFORCE


def of(whose: str) -> set[str]:
    return {asked.scope for asked in ASKED if asked.of == whose}


def short(*scopes: str) -> set[str]:
    """Without the address of the resource."""
    return {scope.rpartition("/")[2] for scope in scopes}


def test_every_scope_that_is_asked_is_listed_and_no_other() -> None:
    assert of("Slack") == {*BOT_SCOPES}
    assert of("Slack sign-in") == {*USER_SCOPES}
    assert of("Office 365") == {*GRAPH_SCOPES, *OPENID_SCOPES}
    assert of("Office 365 by EWS") == short(*EWS)
    assert of("Google") == short(*GOOGLE)
    assert of("Salesforce") == {*SALESFORCE}


def test_each_says_why_who_consents_and_what_stays_impossible() -> None:
    assert [asked for asked in ASKED if not (asked.why and asked.consents and asked.cannot)] == []
