"""What a restored backup holds is proven one by one: each connection knows that it waits for that."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE connection ADD COLUMN restored_at DATETIME")
