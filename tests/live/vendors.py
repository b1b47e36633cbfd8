"""One account's way through one vendor: sign in, check, renew, use, revoke. Each step is a claim and its outcome.

It knows no vendor by name but where two differ in what may be tried without harm.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from providers.base import Access, AccessType, Credential, Ended, Link, Provider, ProviderError, Side
from providers.exchange.sign_in import LOGIN, PASSWORD
from tests.live.asked import Own
from tests.live.callback import Callback, NobodyCame
from tests.live.document import Seen

TEN_MINUTES = 600.0
# Salesforce may rotate: to use a token again would end the whole grant.
OLD_ONE_STAYS_GOOD = frozenset({"microsoft", "google"})
SIGN_IN = "A sign-in comes back with a code that becomes a credential"
PASSWORD_GOOD = "The user name and password open the mailbox"
CHECK = "The credential passes a check at once"
RENEWAL = "A renewal works, and brings a refresh token"
OLD = "The refresh token of before stays good after a renewal"
PULL = "The permissions are enough to read headers of mail and meetings"
FOLLOW = "A second reading goes on where the first ended"
MATCH = "The permissions are enough to look people up, and our field is there"
REVOKE = "A revocation ends it at the vendor"
DEAD = "After that a renewal is refused"

Human = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Walk:
    """`ask` shows a person an address to open. `back` is where the browser comes back to."""

    provider: Provider
    own: Own
    back: Callback
    ask: Human

    def seen(self, claim: str, outcome: str) -> Seen:
        return Seen(self.provider.slug, claim, outcome)

    def steps(self) -> Iterator[Seen]:
        """Ends early where nothing further can be asked."""
        claim = PASSWORD_GOOD if self.provider.slug == "exchange" else SIGN_IN
        try:
            credential = self._signed_in()
        except ProviderError as error:
            yield self.seen(claim, failed(error))
            return
        except NobodyCame:
            yield self.seen(claim, "no: nobody signed in within ten minutes")
            return
        yield self.seen(claim, "yes")
        yield self._tried(CHECK, lambda: self.provider.check(credential))
        renewed = yield from self._renewals(credential)
        yield from self._uses(renewed)
        yield from self._end(renewed)

    def _signed_in(self) -> Credential:
        state = secrets.token_urlsafe(32)
        way = self.provider.begin(self._access(), state, self.own.address)
        if isinstance(way, Link):
            self.ask(way.url)
            answer = self.back.answer(f"/callback/{self.provider.slug}", state, seconds=TEN_MINUTES)
        else:
            typed = {LOGIN: self.own.exchange_login, PASSWORD: self.own.exchange_password.get_secret_value()}
            answer = {field.name: typed.get(field.name, "") for field in way.fields}
        return self.provider.complete(answer, way.remember)

    def _access(self) -> Access:
        if self.provider.side is Side.MAILBOX:
            return Access(self.provider.access_types[0])
        host = self.own.salesforce_domain if self.own.salesforce_access is AccessType.MY_DOMAIN else ""
        return Access(self.own.salesforce_access, host)

    def _renewals(self, credential: Credential) -> Generator[Seen, None, Credential]:
        """Gives what is good from here on."""
        if self.provider.slug == "exchange":
            return credential
        try:
            renewed = self.provider.refresh(credential)
        except ProviderError as error:
            yield self.seen(RENEWAL, failed(error))
            return credential
        yield self.seen(RENEWAL, f"yes, {'the same' if _token(renewed) == _token(credential) else 'a new one'}")
        if self.provider.slug in OLD_ONE_STAYS_GOOD:
            yield self._tried(OLD, lambda: self.provider.refresh(credential))
        return renewed

    def _uses(self, credential: Credential) -> Iterator[Seen]:
        vendor: Any = self.provider
        if self.provider.side is Side.CRM:
            yield self._tried(MATCH, lambda: vendor.match(credential, [self.own.address or "nobody@relatch.example"]))
            return
        try:
            pages = list(vendor.pull(credential, ""))
        except ProviderError as error:
            yield self.seen(PULL, failed(error))
            return
        number = sum(len(page.items) for page in pages)
        yield self.seen(PULL, f"yes, {number} items on {len(pages)} pages")
        yield self._tried(FOLLOW, lambda: _goes_on(vendor.pull(credential, pages[-1].cursor)))

    def _end(self, credential: Credential) -> Iterator[Seen]:
        try:
            done = self.provider.revoke(credential)
        except ProviderError as error:
            yield self.seen(REVOKE, failed(error))
            return
        if done.ended is Ended.BY_HAND:
            where = f" at {done.link}" if done.link else ""
            yield self.seen(REVOKE, f"by hand{where}: please do it now, this recipe cannot see it")
            return
        yield self.seen(REVOKE, f"yes, {done.ended}")
        try:
            self.provider.refresh(credential)
        except ProviderError as error:
            yield self.seen(DEAD, f"yes: {type(error).__name__} {error.reason} {error.code}")
        else:
            yield self.seen(DEAD, "no: it was renewed once more")

    def _tried(self, claim: str, step: Callable[[], object]) -> Seen:
        try:
            step()
        except ProviderError as error:
            return self.seen(claim, failed(error))
        except LostItsPlace:
            return self.seen(claim, "no: it began anew")
        return self.seen(claim, "yes")


class LostItsPlace(Exception):
    """The second reading began with everything there is."""


def failed(error: ProviderError) -> str:
    """Class, reason and code: never the vendor's sentences."""
    return f"no: {type(error).__name__} {error.reason} {error.code}"


def _goes_on(pages: Iterator[Any]) -> None:
    if any(page.resync for page in pages):
        raise LostItsPlace


def _token(credential: Credential) -> str:
    return str(json.loads(credential.secret)["refresh_token"])
