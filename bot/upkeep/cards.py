"""What a person's two sides look like now, with the sign-ins that would help. It renders nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.model import Card, Connection, Culprit, Door, Health, Invitation, Person, State, Word
from bot.rules.access import NEED_A_HOST
from bot.store.database import Tx
from providers.base import Access, AccessType, Provider, Side

EVERY_ACCESS = frozenset(AccessType)


class Cards:
    """`providers` are those that have settings, `allowed` what the operator lets people use: nothing else is offered.

    What somebody is connected to already can be renewed all the same.
    """

    def __init__(
        self, *, providers: Mapping[str, Provider], public_url: str, allowed: frozenset[AccessType] = EVERY_ACCESS
    ) -> None:
        self._providers = providers
        self._public_url = public_url
        self._allowed = allowed

    def of(self, tx: Tx, person: Person, now: datetime) -> list[Card]:
        """Mailbox first, then CRM."""
        connections = tx.connections.of(person.id)
        return [self.card(tx, person, side, connections.get(side), now) for side in Side]

    def card(self, tx: Tx, person: Person, side: Side, connection: Connection | None, now: datetime) -> Card:
        if connection is None or connection.condition.health is Health.REVOKED:
            if not self.offered(side):
                return Card(side=side, state=State.NOT_OFFERED)
            doors = self.set_up(tx, person, side, now)
            state = State.REVOKED if connection else State.NOT_SET_UP
            return Card(side=side, state=state, doors=doors, choose=not doors)
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

    def offered(self, side: Side) -> dict[AccessType, Provider]:
        """What a person may choose for this side, in the order in which it is shown."""
        found = {
            kind: provider
            for provider in self._providers.values()
            if provider.side is side
            for kind in provider.access_types
            if kind in self._allowed
        }
        return {kind: found[kind] for kind in AccessType if kind in found}

    def set_up(self, tx: Tx, person: Person, side: Side, now: datetime) -> tuple[Door, ...]:
        """None where there is something to be chosen first."""
        offered = self.offered(side)
        if len(offered) != 1 or not NEED_A_HOST.isdisjoint(offered):
            return ()
        [(kind, provider)] = offered.items()
        return (self.door(tx, person, Word.REFRESH, provider, Access(kind), now),)

    def sign_in(
        self, tx: Tx, person: Person, side: Side, connection: Connection | None, now: datetime
    ) -> tuple[Door, ...]:
        """The sign-in that renews what is connected, or sets up what is not. None while it is being revoked."""
        if connection is not None and connection.condition.health is Health.REVOKING:
            return ()
        provider = self._providers.get(connection.provider) if connection else None
        if connection is None or provider is None or connection.condition.health is Health.REVOKED:
            return self.set_up(tx, person, side, now)
        return (self.door(tx, person, Word.REFRESH, provider, connection.access, now),)

    def repair(self, tx: Tx, person: Person, connection: Connection, now: datetime) -> tuple[Door, ...]:
        """A sign-in, where the person's own sign-in would mend it."""
        cause = connection.condition.cause
        if cause is None or cause.culprit is not Culprit.PERSON:
            return ()
        return self.sign_in(tx, person, connection.side, connection, now)

    def change(self, tx: Tx, person: Person, side: Side, now: datetime) -> tuple[Door, ...]:
        """One for each kind of access that wants nothing but a sign-in."""
        return tuple(
            self.door(tx, person, Word.CHANGE, provider, Access(kind), now)
            for kind, provider in self.offered(side).items()
            if kind not in NEED_A_HOST
        )

    @staticmethod
    def without_doors(card: Card) -> Card:
        """For other eyes: only the person herself signs in."""
        return replace(card, doors=(), choose=False)

    def label(self, slug: str) -> str:
        provider = self._providers.get(slug)
        return provider.label if provider else slug.capitalize()

    def address(self, invitation_id: str) -> str:
        return f"{self._public_url}/connect/{invitation_id}"

    def door(
        self,
        tx: Tx,
        person: Person,
        word: Word,
        provider: Provider,
        access: Access,
        now: datetime,
        *,
        hint: str = "",
    ) -> Door:
        """`hint` is the account to be preselected."""
        invitation = tx.invitations.for_side(
            person_id=person.id,
            side=provider.side,
            word=word,
            provider=provider.slug,
            access=access,
            hint=hint,
            now=now,
        )
        return self.door_to(invitation)

    def door_to(self, invitation: Invitation) -> Door:
        return Door(
            word=invitation.word,
            provider=invitation.provider,
            label=self.label(invitation.provider),
            url=self.address(invitation.id),
            id=invitation.id,
        )


def _state(person: Person, connection: Connection) -> State:
    if connection.condition.health is Health.REVOKING:
        return State.REVOKING
    if person.paused_at is not None:
        return State.PAUSED
    return State.SUSPENDED if connection.condition.health is Health.SUSPENDED else State.ACTIVE
