"""`relatch doctor --permissions`: every permission that is asked for, why, and what Relatch cannot do with it."""

from __future__ import annotations

from dataclasses import dataclass

ADMIN_OF_SLACK = "whoever installs the app in Slack"
THEMSELVES = "each person, by Sign in with Slack"
PERSON_OR_ADMIN = "each person, or their administrator for all"
PERSON = "each person"
NO_BODIES = "read the text or the attachments of a mail; send, change or delete anything"
NO_CHANGES = "read other people's calendars; change or delete anything"


@dataclass(frozen=True, slots=True)
class Asked:
    """One permission. `cannot` is what stays impossible for Relatch although it has this one."""

    of: str
    scope: str
    why: str
    consents: str
    cannot: str


ASKED = (
    Asked("Slack", "commands", "/creds", ADMIN_OF_SLACK, "see anything else that people type"),
    Asked("Slack", "chat:write", "messages of its own, and to edit those", ADMIN_OF_SLACK, "read any conversation"),
    Asked("Slack", "users:read", "names, time zones, who is a guest", ADMIN_OF_SLACK, "change anybody's profile"),
    Asked("Slack", "users:read.email", "the mailbox to expect", ADMIN_OF_SLACK, "see private channels' members"),
    Asked("Slack", "usergroups:read", "who is an admin", ADMIN_OF_SLACK, "change a group"),
    Asked("Slack, app-level", "connections:write", "Socket Mode", ADMIN_OF_SLACK, "call any other method"),
    Asked("Slack sign-in", "openid", "who sits at the browser", THEMSELVES, "act in the person's name"),
    Asked("Slack sign-in", "profile", "their name on our page", THEMSELVES, "act in the person's name"),
    Asked("Slack sign-in", "email", "the account to expect", THEMSELVES, "act in the person's name"),
    Asked("Office 365", "Mail.ReadBasic", "who wrote to whom, when, the subject", PERSON_OR_ADMIN, NO_BODIES),
    Asked("Office 365", "Calendars.ReadBasic", "meetings of one's own calendar", PERSON_OR_ADMIN, NO_CHANGES),
    Asked("Office 365", "User.Read", "the account's own addresses", PERSON_OR_ADMIN, "see other people of the company"),
    Asked("Office 365", "openid", "whose account it is", PERSON_OR_ADMIN, "see more than the account's id"),
    Asked("Office 365", "profile", "whose account it is", PERSON_OR_ADMIN, "see more than the account's name"),
    Asked("Office 365", "offline_access", "to renew without the person", PERSON_OR_ADMIN, "outlive a revoked consent"),
    Asked(
        "Office 365 by EWS",
        "EWS.AccessAsUser.All",
        "the same as Mail.ReadBasic and Calendars.ReadBasic; EWS has no smaller one",
        PERSON_OR_ADMIN,
        "nothing is impossible in this mailbox: Relatch asks for no text, no attachment, and changes nothing",
    ),
    Asked("Google", "openid", "whose account it is", PERSON, "see more than the account's id"),
    Asked("Google", "email", "the account's address", PERSON, "see contacts or profile"),
    Asked("Google", "gmail.metadata", "who wrote to whom, when, the subject", PERSON, NO_BODIES),
    Asked("Google", "calendar.events.owned.readonly", "meetings of one's own calendar", PERSON, NO_CHANGES),
    Asked(
        "Salesforce",
        "api",
        "to find contacts and leads, and to write tasks and events",
        PERSON,
        "do what the person may not do; Relatch touches nothing but its own tasks and events",
    ),
    Asked("Salesforce", "refresh_token", "to renew without the person", PERSON, "outlive a revoked session"),
    Asked("Salesforce", "openid", "whose account it is", PERSON, "see more than the account's id"),
    Asked(
        "Exchange",
        "user name and password",
        "Exchange has no permissions: the password is sealed, and sent to the servers that you have listed only",
        PERSON,
        "nothing is impossible in this mailbox: Relatch asks for no text, no attachment, and changes nothing",
    ),
)
