"""What revoke and change keep: credentials that are being ended at their vendor, and the account that was chosen."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE credential ADD COLUMN revoke_at DATETIME",
    "ALTER TABLE credential ADD COLUMN revoke_attempts INTEGER DEFAULT '0' NOT NULL",
    "CREATE INDEX credential_revoke ON credential (revoke_at) WHERE revoke_at IS NOT NULL",
    "ALTER TABLE connection ADD COLUMN revoking_id INTEGER REFERENCES credential (id)",
    "CREATE INDEX ix_connection_revoking_id ON connection (revoking_id)",
    "ALTER TABLE invitation ADD COLUMN hint TEXT DEFAULT '' NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
