"""Basic and NTLM over HTTP: from a request to the account behind it. It knows no EWS.

NTLM logs a connection in, not a request: a first 401 carries the challenge, the answer to it is the one try, and what
follows on the same connection needs no more proof. Sources: MS-NTHT for the dance, MS-NLMP for the messages.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from aiohttp import web

# pyspnego's own acceptor takes passwords only from a file that an environment variable of the process names, and
# none with a colon. So its messages and hashes are used, and what an acceptor adds to them is below.
from spnego._ntlm_raw.crypto import compute_response_v2, ntowfv1, ntowfv2
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvId,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    NTLMMessage,
    TargetInfo,
    Version,
)

from tests.sandbox.exchange.state import Account, State

LOCKED_OUT = "The referenced account is currently locked out and may not be logged on to"
DOMAIN, COMPUTER = "ACME", "MAIL01"


class NotLoggedIn(Exception):
    """401. `challenge` goes back alone; without one, every way that is offered does."""

    def __init__(self, *, challenge: str = "", locked: bool = False) -> None:
        super().__init__("locked" if locked else "")
        self.challenge = challenge
        self.text = LOCKED_OUT if locked else ""


@dataclass(frozen=True, slots=True)
class _LoggedIn:
    """Who logged a connection in, and with which password: a changed one ends it, so that tests see it at once."""

    email: str
    password: str = field(repr=False)


class Door:
    """Lets requests in. It remembers connections for as long as they live."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._challenges: WeakKeyDictionary[object, bytes] = WeakKeyDictionary()
        self._logged_in: WeakKeyDictionary[object, _LoggedIn] = WeakKeyDictionary()

    def offered(self) -> list[str]:
        """Values for WWW-Authenticate. An Exchange that offers neither still offers Kerberos."""
        faults = self._state.faults
        ways = ["NTLM"] * faults.ntlm + ['Basic realm="localhost"'] * faults.basic
        return ways or ["Negotiate"]

    def account(self, request: web.Request) -> Account:
        """Whose request it is. Raises NotLoggedIn."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        match scheme.lower():
            case "basic" if self._state.faults.basic:
                login, _, password = _text(_decoded(given)).partition(":")
                account = self._state.by_login(login)
                return _try_login(account, good=account is not None and account.password == password)
            case "ntlm" if self._state.faults.ntlm:
                return self._ntlm(_connection(request), _decoded(given))
            case "":
                return self._remembered(_connection(request))
            case _:
                raise NotLoggedIn

    def _remembered(self, connection: object) -> Account:
        known = self._logged_in.get(connection)
        account = self._state.accounts.get(known.email) if known else None
        if known is None or account is None or account.password != known.password or not self._state.faults.ntlm:
            raise NotLoggedIn
        if account.locked:
            raise NotLoggedIn(locked=True)
        return account

    def _ntlm(self, connection: object, token: bytes) -> Account:
        self._logged_in.pop(connection, None)
        challenge = self._challenges.pop(connection, None)
        match _message(token):
            case Negotiate() as begun:
                fresh = _challenge(begun, secrets.token_bytes(8)).pack()
                self._challenges[connection] = fresh
                raise NotLoggedIn(challenge=base64.b64encode(fresh).decode())
            case Authenticate() as proof if challenge is not None:
                account = self._proven(proof, Challenge.unpack(challenge))
                self._logged_in[connection] = _LoggedIn(account.email, account.password)
                return account
            case _:
                raise NotLoggedIn

    def _proven(self, proof: Authenticate, challenge: Challenge) -> Account:
        account = self._state.by_login(_login(proof))
        bound = self._state.faults.extended_protection
        return _try_login(
            account, good=account is not None and _proves(proof, challenge, account.password, bound=bound)
        )


def _try_login(account: Account | None, *, good: bool) -> Account:
    if account is None:
        raise NotLoggedIn
    was_locked = account.locked
    if not account.try_login(good=good):
        raise NotLoggedIn(locked=was_locked)
    return account


def _connection(request: web.Request) -> object:
    if request.transport is None:
        # Whoever asked has gone away meanwhile.
        raise NotLoggedIn
    return request.transport


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given)
    except binascii.Error as error:
        raise NotLoggedIn from error


def _text(given: bytes) -> str:
    """Basic names no encoding: newer clients send UTF-8, requests sends Latin-1."""
    try:
        return given.decode()
    except UnicodeDecodeError:
        return given.decode("latin-1")


def _message(token: bytes) -> NTLMMessage:
    try:
        return NTLMMessage.unpack(token)
    except (ValueError, struct.error) as error:
        raise NotLoggedIn from error


def _challenge(negotiate: Negotiate, nonce: bytes) -> Challenge:
    flags = negotiate.flags | NegotiateFlags.target_info | NegotiateFlags.target_type_domain
    # A challenge speaks one encoding; every client of this century offers Unicode.
    flags = (flags | NegotiateFlags.unicode) & ~NegotiateFlags.oem
    target = TargetInfo()
    target[AvId.nb_domain_name] = DOMAIN
    target[AvId.nb_computer_name] = COMPUTER
    target[AvId.dns_domain_name] = "acme.example"
    target[AvId.dns_computer_name] = "mail01.acme.example"
    target[AvId.timestamp] = FileTime.now()
    version = Version(major=10, minor=0, build=17763)
    return Challenge(flags, nonce, target_name=DOMAIN, target_info=target, version=version)


def _login(proof: Authenticate) -> str:
    return f"{proof.domain_name}\\{proof.user_name}" if proof.domain_name else proof.user_name or ""


def _proves(proof: Authenticate, challenge: Challenge, password: str, *, bound: bool) -> bool:
    """NTLM version 2 only, as Windows asks for today. `bound` wants the login tied to the TLS connection as well."""
    answer = proof.nt_challenge_response
    if answer is None or len(answer) <= 24:
        return False
    said = NTClientChallengeV2.unpack(answer[16:])
    key = ntowfv2(proof.user_name or "", ntowfv1(password), proof.domain_name)
    expected, *_ = compute_response_v2(
        key, challenge.server_challenge, said.challenge_from_client, said.time_stamp, said.av_pairs
    )
    tied = any(said.av_pairs.get(AvId.channel_bindings, b""))
    return secrets.compare_digest(answer, expected) and (tied or not bound)
