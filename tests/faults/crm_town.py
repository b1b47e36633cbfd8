"""A town whose people are signed in to Salesforce too. What they lost is judged by Salesforce's own books."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from bot.model import Connection
from bot.store.database import Store, Tx
from providers.base import Access, AccessType, Credential, Side
from providers.salesforce import RENEWED_AFTER
from providers.salesforce.sign_in import ID_LENGTH, SCOPES, Secret
from tests.faults.tap import TokenDoor
from tests.faults.town import Citizen, Town
from tests.sandbox.salesforce import SalesforceServer
from tests.sandbox.world import TEAM, Vendor

PRODUCTION = Access(AccessType.PRODUCTION)


class CrmTown(Town):
    """`crm_door` stands in front of Salesforce's token endpoint, which rotates and minds reuse."""

    def __init__(self, directory: Path, vendors: Collection[Vendor] = (Vendor.GOOGLE, Vendor.SALESFORCE)) -> None:
        super().__init__(directory, vendors)
        self.salesforce = self.world.salesforce
        self.crm_owners = Owners(self.salesforce)
        self.crm_door = TokenDoor(self.salesforce.api_app, self.crm_owners.of)

    def arrive(self) -> Citizen:
        citizen = super().arrive()
        self.salesforce.add_user(citizen.email, password="a password")
        return citizen

    def sign_in(self, store: Store, citizen: Citizen) -> None:
        """To both sides."""
        super().sign_in(store, citizen)
        now, credential = self.clock.now(), self._granted_crm(citizen)
        with store.write() as tx:
            person = tx.people.find(TEAM, citizen.user_id)
            assert person is not None
            key = tx.credentials.add(person_id=person.id, provider="salesforce", credential=credential, now=now)
            tx.connections.connect(
                person_id=person.id,
                side=Side.CRM,
                provider="salesforce",
                access=PRODUCTION,
                account=citizen.email,
                identity=credential.identity,
                credential_id=key,
                now=now,
                keep_cursor=False,
            )

    def crm(self, tx: Tx, citizen: Citizen) -> Connection:
        person = tx.people.find(TEAM, citizen.user_id)
        assert person is not None
        return tx.connections.of(person.id)[Side.CRM]

    def lost_at_crm(self) -> list[Citizen]:
        """Those whose kept refresh token is not the one that Salesforce would take next."""
        tokens = {citizen: self.kept_token(citizen, Side.CRM) for citizen in self.people}
        return [citizen for citizen, token in tokens.items() if not self.crm_owners.living(token)]

    def kept_token(self, citizen: Citizen, side: Side) -> str:
        """The refresh token of a side. Raises CredentialGone where nobody may use it any more."""
        with self.store() as store, store.read() as tx:
            connection = self.crm(tx, citizen) if side is Side.CRM else self.connection(tx, citizen)
            stored = tx.credentials.load(connection.credential_id or 0)
        return str(json.loads(stored.credential.secret)["refresh_token"])

    def _granted_crm(self, citizen: Citizen) -> Credential:
        settings, state, now = self.world.settings(), self.salesforce.state, self.clock.now()
        host = settings["RELATCH_SALESFORCE_PRODUCTION_URL"]
        with state.lock:
            [user] = state.named(citizen.email)
            client_id = settings["RELATCH_SALESFORCE_CLIENT_ID"]
            grant = state.tokens.grant(user, client_id, frozenset(SCOPES), now)
            session = state.tokens.session(grant, now)
        secret = Secret(
            access_token=session.value,
            refresh_token=grant.refresh,
            instance_url=host.removesuffix(user.org.prefix),
            host=host,
        )
        return Credential(
            account=citizen.email,
            identity=f"{user.org.id[:ID_LENGTH]}/{user.id[:ID_LENGTH]}",
            secret=secret.written(),
            expires_at=now + RENEWED_AFTER,
        )


class Owners:
    """Whose a token of Salesforce's is, also after it was rotated out, if it was asked about before."""

    def __init__(self, salesforce: SalesforceServer) -> None:
        self._state = salesforce.state
        self._known: dict[str, str] = {}

    def of(self, token: str) -> str:
        with self._state.lock:
            if owner := self.living(token):
                self._known[token] = owner
            return self._known.get(token, "")

    def living(self, token: str) -> str:
        """Empty where Salesforce would not take it, be it a refresh token or an access token."""
        with self._state.lock:
            now = self._state.clock.now()
            found = self._state.tokens.refresh_grant(token, now) or self._state.tokens.bearer(token, now)
            return found.user.email if found else ""
