"""What Exchange remembers: accounts with their mailboxes, refused logins, and what is broken today. No HTTP."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.sandbox.clock import SandboxClock
from tests.sandbox.exchange.mailbox import Mailbox

# A usual account lock-out threshold of Active Directory: so many refusals in a row lock the account.
LOCK_OUT_AFTER = 5


@dataclass(slots=True)
class Account:
    """`login` is the one name it logs in with: its SMTP address, another user principal name, or DOMAIN\\user."""

    email: str
    login: str
    password: str = field(repr=False)
    mailbox: Mailbox
    locked: bool = False
    password_expired: bool = False
    disabled: bool = False
    no_mailbox: bool = False
    denied: bool = False
    moving: bool = False
    refused_in_a_row: int = 0
    refused_logins: int = 0
    logins: int = 0

    @property
    def refusal(self) -> str:
        """The response code with which every request of this account is refused; empty when none is."""
        refusals = {
            "ErrorAccountDisabled": self.disabled,
            "ErrorPasswordExpired": self.password_expired,
            "ErrorNonExistentMailbox": self.no_mailbox,
            "ErrorAccessDenied": self.denied,
            "ErrorMailboxMoveInProgress": self.moving,
        }
        return next((code for code, on in refusals.items() if on), "")

    def try_login(self, *, good: bool) -> bool:
        """Whether it is let in. A locked account refuses the right password too."""
        if good and not self.locked:
            self.logins += 1
            self.refused_in_a_row = 0
            return True
        self.refused_logins += 1
        self.refused_in_a_row += 1
        self.locked = self.locked or self.refused_in_a_row >= LOCK_OUT_AFTER
        return False


@dataclass(slots=True)
class Faults:
    """What is broken, or set up, for everyone."""

    down: bool = False
    slow: float = 0
    nonsense: str = ""
    busy: bool = False
    basic: bool = True
    ntlm: bool = True
    extended_protection: bool = False
    redirect: bool = False
    ews_off: int = 0


class State:
    """All of it, behind one lock: tests call from their thread, the bot's requests come from the loop."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.faults = Faults()
        self.accounts: dict[str, Account] = {}

    def by_login(self, login: str) -> Account | None:
        wanted = login.casefold()
        return next((account for account in self.accounts.values() if account.login.casefold() == wanted), None)

    def addresses(self) -> set[str]:
        return {address for account in self.accounts.values() for address in _addresses(account.mailbox)}

    def knows_domain_of(self, address: str) -> bool:
        domain = address.rpartition("@")[2].casefold()
        return domain in {known.rpartition("@")[2].casefold() for known in self.addresses()}


def _addresses(mailbox: Mailbox) -> tuple[str, ...]:
    return (mailbox.email, *mailbox.aliases)
