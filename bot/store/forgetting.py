"""Erases what is known of a person, in every table. The history stays, by number only."""

from __future__ import annotations

import sqlalchemy as sa

from bot.model import Person
from bot.store.tables import account_used, connection, credential, flow, invitation, notice, person, web_session

FORGOTTEN = "Somebody forgotten"


class Forgetting:
    def __init__(self, database: sa.Connection) -> None:
        self._database = database

    def holds_secrets(self, person_id: int) -> bool:
        """Whether a sign-in of theirs is still kept: in use, or waiting to be ended at its vendor."""
        kept = sa.select(credential.c.id).where(credential.c.person_id == person_id, credential.c.secret.is_not(None))
        return self._database.execute(kept.limit(1)).first() is not None

    def erase(self, who: Person) -> None:
        """Whoever comes back is somebody new. Raises IntegrityError where something is still connected."""
        theirs = sa.select(invitation.c.id).where(invitation.c.person_id == who.id)
        session = sa.and_(web_session.c.team_id == who.team_id, web_session.c.user_id == who.user_id)
        # A hand-off stands with the admin who asked, and names the person by number.
        about = sa.or_(notice.c.person_id == who.id, notice.c.facts["subject"].as_integer() == who.id)
        for statement in (
            sa.delete(flow).where(flow.c.invitation_id.in_(theirs)),
            sa.delete(web_session).where(session),
            sa.delete(invitation).where(invitation.c.person_id == who.id),
            sa.update(invitation).where(invitation.c.asked_by == who.id).values(asked_by=None),
            sa.delete(notice).where(about),
            sa.delete(account_used).where(account_used.c.person_id == who.id),
            sa.delete(connection).where(connection.c.person_id == who.id),
            sa.delete(credential).where(credential.c.person_id == who.id, credential.c.secret.is_(None)),
            sa.update(person).where(person.c.id == who.id).values(**_NOBODY, user_id=f"forgotten:{who.id}"),
        ):
            self._database.execute(statement)


_NOBODY = {
    "name": FORGOTTEN,
    "email": "",
    "timezone": "",
    "paused_at": None,
    "next_run_at": None,
    "synced_by_hand_at": None,
}
