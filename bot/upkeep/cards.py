"""What a person's two sides look like now, with the sign-ins that would help. It renders nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.model import Card, Connection, Culprit, Door, Health, Person, State, Word
from bot.store.database import Tx
from providers.base import Access, Provider, Side


class Cards:
    """`providers` are those that have settings: no other is ever offered."""

    def __init__(self, *, providers: Mapping[str, Provider], public_url: str) -> None:
        self._providers = providers
        self._public_url = public_url

    def of(self, tx: Tx, person: Person, now: datetime) -> list[Card]:
        """Mailbox first, then CRM."""
        connections = tx.connections.of(person.id)
        return [self.card(tx, person, side, connections.get(side), now) for side in Side]

    def card(self, tx: Tx, person: Person, side: Side, connection: Connection | None, now: datetime) -> Card:
        if connection is None or connection.condition.health is Health.REVOKED:
            doors = self.set_up(tx, person, side, now)
            state = State.REVOKED if connection else State.NOT_SET_UP
            return Card(side=side, state=state if doors else State.NOT_OFFERED, doors=doors)
        condition = connection.condition
        refused = condition.health is Health.SUSPENDED and condition.cause is not None
        return Card(
            side=side,
            state=_state(person, connection),
            provider=connection.provider,
            label=self.label(connection.provider),
            account=connection.account,
            cause=condition.cause if refused else None,
            since=condition.since if refused else None,
            last_ok_at=condition.last_ok_at,
            next_try_at=condition.next_try_at,
            items=connection.items,
            doors=self.repair(tx, person, connection, now) if refused else (),
        )

    def set_up(self, tx: Tx, person: Person, side: Side, now: datetime) -> tuple[Door, ...]:
        return tuple(
            self._door(tx, person, Word.REFRESH, provider, Access(provider.access_types[0]), now)
            for provider in self._providers.values()
            if provider.side is side
        )

    def sign_in(
        self, tx: Tx, person: Person, side: Side, connection: Connection | None, now: datetime
    ) -> tuple[Door, ...]:
        """The sign-in that renews what is connected, or sets up what is not; whatever its health."""
        provider = self._providers.get(connection.provider) if connection else None
        if connection is None or provider is None or connection.condition.health is Health.REVOKED:
            return self.set_up(tx, person, side, now)
        return (self._door(tx, person, Word.REFRESH, provider, connection.access, now),)

    def repair(self, tx: Tx, person: Person, connection: Connection, now: datetime) -> tuple[Door, ...]:
        """A sign-in, where the person's own sign-in would mend it."""
        cause = connection.condition.cause
        if cause is None or cause.culprit is not Culprit.PERSON:
            return ()
        return self.sign_in(tx, person, connection.side, connection, now)

    def change(self, tx: Tx, person: Person, side: Side, now: datetime) -> tuple[Door, ...]:
        return tuple(
            self._door(tx, person, Word.CHANGE, provider, Access(kind), now)
            for provider in self._providers.values()
            if provider.side is side
            for kind in provider.access_types
        )

    @staticmethod
    def without_doors(card: Card) -> Card:
        """For other eyes: only the person herself signs in."""
        return replace(card, doors=())

    def label(self, slug: str) -> str:
        provider = self._providers.get(slug)
        return provider.label if provider else slug.capitalize()

    def address(self, invitation_id: str) -> str:
        return f"{self._public_url}/connect/{invitation_id}"

    def _door(self, tx: Tx, person: Person, word: Word, provider: Provider, access: Access, now: datetime) -> Door:
        invitation = tx.invitations.for_side(
            person_id=person.id, side=provider.side, word=word, provider=provider.slug, access=access, now=now
        )
        return Door(
            word=word,
            provider=provider.slug,
            label=provider.label,
            url=self.address(invitation.id),
            id=invitation.id,
        )


def _state(person: Person, connection: Connection) -> State:
    if connection.condition.health is Health.REVOKING:
        return State.REVOKING
    if person.paused_at is not None:
        return State.PAUSED
    return State.SUSPENDED if connection.condition.health is Health.SUSPENDED else State.ACTIVE
