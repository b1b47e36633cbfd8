"""The permissions that the sandbox's Microsoft knows, and how they are written. Nobody is judged here.

Entra takes a Graph permission by its short name or with Graph's address before it, whatever the case.
"""

from __future__ import annotations

GRAPH = "https://graph.microsoft.com/"
OUTLOOK = "https://outlook.office365.com/"
EWS = f"{OUTLOOK}EWS.AccessAsUser.All"

# Of OpenID: they belong to no resource, and need no consent of their own.
SIGN_IN = frozenset({"openid", "profile", "email", "offline_access"})
OFFLINE = "offline_access"

MAIL = frozenset({"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"})
MAIL_WITH_BODY = MAIL - {"Mail.ReadBasic"}
CALENDARS = frozenset({"Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"})
CALENDARS_WITH_BODY = CALENDARS - {"Calendars.ReadBasic"}
PROFILE = frozenset({"User.Read"})

WORDS = {
    "User.Read": "Sign you in and read your profile",
    "Mail.ReadBasic": "Read your basic mail",
    "Mail.Read": "Read your mail",
    "Mail.ReadWrite": "Read and write access to your mail",
    "Calendars.ReadBasic": "Read basic details of your calendars",
    "Calendars.Read": "Read your calendars",
    "Calendars.ReadWrite": "Have full access to your calendars",
    EWS: "Access your mailboxes as you via Exchange Web Services",
    OFFLINE: "Maintain access to data you have given it access to",
}
_BY_LOWER_NAME = {name.casefold(): name for name in (*WORDS, *SIGN_IN)}


class UnknownScope(Exception):
    """A permission that no resource of the sandbox has."""

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


def parsed(text: str) -> frozenset[str]:
    """The scopes in a parameter, by the names used here. Raises UnknownScope.

    `/.default` stands for everything that the resource before it has.
    """
    found: set[str] = set()
    for word in text.split():
        if word.endswith("/.default"):
            found |= _all_of(word.removesuffix(".default"))
            continue
        name = _BY_LOWER_NAME.get(word.casefold().removeprefix(GRAPH))
        if name is None:
            raise UnknownScope(word)
        found.add(name)
    return frozenset(found)


def resource(scope: str) -> str:
    """The address of the API that a permission is for; empty for those of OpenID."""
    if scope in SIGN_IN:
        return ""
    return OUTLOOK if scope.startswith(OUTLOOK) else GRAPH


def _all_of(address: str) -> set[str]:
    found = {name for name in WORDS if resource(name) == address}
    if not found:
        raise UnknownScope(f"{address}.default")
    return found
