"""Signing in at an Exchange: where its EWS is, and one try of a password there. It reads no mail and knows no page.

Source for autodiscover.json: learn.microsoft.com/exchange/architecture/client-access/autodiscover (Autodiscover V2).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

from providers.base import Blocked, Credential, Field, Form, Reason, Rejected
from providers.exchange.protocol import USUAL, Ews, Scheme
from providers.refusals import At
from providers.wire import Session, WireError, is_allowed, read_json

LOGIN, PASSWORD, EWS_URL = "login", "password", "ews_url"
FIELDS = (
    Field(LOGIN, "User name or e-mail"),
    Field(PASSWORD, "Password", secret=True),
    Field(EWS_URL, "EWS address", advanced=True),
)
PATH = "/EWS/Exchange.asmx"


@dataclass(frozen=True, slots=True)
class Secret:
    """What a credential's `secret` holds. `version` spares later runs a question."""

    login: str
    password: str = field(repr=False)
    url: str
    scheme: Scheme
    version: str = USUAL

    @classmethod
    def opened(cls, text: str) -> Secret:
        kept = json.loads(text)
        return cls(**kept | {"scheme": Scheme(kept["scheme"])})

    def written(self) -> str:
        return json.dumps(asdict(self))


class SignIn:
    """`hosts` are those whose EWS may be used; `url` is the address of it where the operator knows just one."""

    def __init__(self, *, hosts: frozenset[str], url: str) -> None:
        self._hosts = hosts
        self._url = url

    def begin(self, hint: str) -> Form:
        return Form(FIELDS, remember=json.dumps({"hint": hint}))

    def prove(self, session: Session, answer: Mapping[str, str], remember: str) -> Credential:
        """Tries the password once, on the mailbox that the form was made for: the person's, whoever logs in."""
        login, password = answer.get(LOGIN, "").strip(), answer.get(PASSWORD, "")
        if not login or not password:
            raise Rejected(Reason.PASSWORD_WRONG, "empty", definite=True)
        address = (json.loads(remember)["hint"] or login).casefold()
        if "@" not in address:
            raise Rejected(Reason.WRONG_ACCOUNT, "no address", definite=True)
        url = self._address(session, answer.get(EWS_URL, "").strip(), address)
        ews = Ews(session, url=url, address=address, at=At.FORM)
        scheme = ews.scheme()
        ews.log_in(login=login, password=password, scheme=scheme)
        ews.open()
        secret = Secret(login, password, url, scheme, ews.version)
        # EWS tells nobody's first address. This one has opened the mailbox, and it is the person's.
        return Credential(account=address, identity=address, secret=secret.written())

    def addresses(self) -> tuple[str, ...]:
        """Where EWS is, as far as the settings tell."""
        if self._url:
            return (self._url,)
        return tuple(f"https://{host}{PATH}" for host in sorted(self._hosts))

    def knock(self, session: Session, address: str) -> None:
        """Returns where an EWS answers that wants a login. None is sent."""
        Ews(session, url=address, address=f"nobody@{urlsplit(address).hostname}", at=At.FORM).scheme()

    def ews(self, session: Session, credential: Credential) -> Ews:
        """The mailbox of a credential. Raises Blocked where the operator has taken its host off the list."""
        secret = Secret.opened(credential.secret)
        if not is_allowed(secret.url, self._hosts):
            raise Blocked(Reason.ENDPOINT_WRONG, "host not allowed")
        ews = Ews(session, url=secret.url, address=credential.account, version=secret.version)
        ews.log_in(login=secret.login, password=secret.password, scheme=secret.scheme)
        return ews

    def recognises(self, session: Session, address: str) -> bool:
        """Whether the address is in the domain of an allowed host, or such a host says that it keeps its mailbox."""
        domain = _domain(address)
        names = {host.partition(":")[0] for host in self._hosts}
        if domain and any(name == domain or name.endswith(f".{domain}") for name in names):
            return True
        return bool(self._discovered(session, address))

    def _address(self, session: Session, typed: str, address: str) -> str:
        if typed:
            url = _completed(typed)
            if not is_allowed(url, self._hosts):
                raise Rejected(Reason.ENDPOINT_WRONG, "host not allowed", definite=True)
            return url
        url = self._url or self._discovered(session, address) or f"https://{min(self._hosts, default='')}{PATH}"
        if not is_allowed(url, self._hosts):
            raise Blocked(Reason.ENDPOINT_WRONG, "host not allowed")
        return url

    def _discovered(self, session: Session, address: str) -> str:
        """The EWS address that Exchange itself names for a mailbox; empty where it names none. No login is sent."""
        for host in self._likely_hosts(_domain(address)):
            try:
                answer = session.get(
                    f"https://{host}/autodiscover/autodiscover.json", params={"Email": address, "Protocol": "EWS"}
                )
                url = read_json(answer).get("Url") if answer.ok else None
            except WireError:
                continue  # It is the login that finds out what is wrong.
            if isinstance(url, str) and is_allowed(url, self._hosts):
                return url
        return ""

    def _likely_hosts(self, domain: str) -> Iterator[str]:
        usual = (f"autodiscover.{domain}", domain)
        yield from (host for host in usual if host in self._hosts)
        yield from (host for host in sorted(self._hosts) if host not in usual)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _completed(typed: str) -> str:
    """People type no more of an address than they must."""
    url = typed if "://" in typed else f"https://{typed}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return typed
    return url if parts.path.strip("/") else parts._replace(path=PATH).geturl()
