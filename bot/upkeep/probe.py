"""One live look at one connection: renew where stale, then a cheap read, then what follows. Desk and runner call it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model import Clock, Connection, Culprit, Health, Stage
from bot.rules.health import Ok, Outcome
from bot.store.credentials import CredentialGone, Stored
from bot.store.database import Store
from bot.upkeep.record import Records
from bot.upkeep.renew import Renewals
from providers.base import AccessType, Misconfigured, Provider, ProviderError, Reason, Rejected


class Probes:
    def __init__(
        self,
        *,
        store: Store,
        providers: Mapping[str, Provider],
        clock: Clock,
        renewals: Renewals,
        records: Records,
    ) -> None:
        self._store = store
        self._providers = providers
        self._clock = clock
        self._renewals = renewals
        self._records = records

    def look(self, connection: Connection, *, force: bool, actor_id: int | None) -> tuple[Connection, Outcome]:
        """A check, or with `force` a refresh without the person. The outcome goes through rules/health like a run's.

        `actor_id` None means that nobody pressed anything.
        """
        while True:
            stage, outcome = self.ask(connection, force=force)
            after = self._records.outcome(connection, outcome, stage=stage, ran=False, actor_id=actor_id)
            if after is not None:
                return after, outcome
            # Somebody signed in meanwhile: the question is how that one does.
            with self._store.read() as tx:
                connection = tx.connections.get(connection.id)
            if connection.credential_id is None:
                # It was revoked meanwhile: there is nothing left to look at.
                return connection, outcome

    def ask(self, connection: Connection, *, force: bool) -> tuple[Stage, Outcome]:
        """What the vendor says now, and where. Nothing follows from it yet."""
        provider = self._providers.get(connection.provider)
        if provider is None:
            return Stage.USE, Misconfigured(Reason.CLIENT_MISCONFIGURED, "no settings for this provider")
        if connection.credential_id is None:
            return Stage.RENEWAL, Rejected(Reason.CREDENTIALS_REVOKED, "no credential", definite=True)
        try:
            stored = self._renewals.fresh(connection.credential_id, force=force)
            try:
                provider.check(stored.credential)
            except Rejected as error:
                if error.definite or force:
                    return Stage.USE, error
                return self._again(provider, stored)
            except ProviderError as error:
                return Stage.USE, error
        except CredentialGone:
            return Stage.RENEWAL, Rejected(Reason.CREDENTIALS_REVOKED, "no credential", definite=True)
        except ProviderError as error:
            return Stage.RENEWAL, error
        return Stage.USE, Ok()

    def _again(self, provider: Provider, refused: Stored) -> tuple[Stage, Outcome]:
        """The access token died before its time; the token endpoint knows why."""
        stored = self._renewals.fresh(refused.id, refused=refused)
        try:
            provider.check(stored.credential)
        except ProviderError as error:
            return Stage.USE, error
        return Stage.USE, Ok()


def left_alone(connection: Connection) -> bool:
    """A refused password is never sent again by us: that would lock the account."""
    cause = connection.condition.cause
    return (
        connection.access.type is AccessType.EXCHANGE
        and connection.condition.health is Health.SUSPENDED
        and cause is not None
        and cause.culprit is Culprit.PERSON
    )
