"""Migrations: rows of every table survive a step, and a step that would harm them is undone."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bot.model import Person
from bot.store import migrations
from bot.store.database import Store, StoreRefused
from bot.store.migrations import migrate
from bot.store.tables import metadata
from tests.store.kit import BOBS_KEY, NOON, database_of, opened, raw

STEP = '''"""A step of tomorrow."""

from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "0003"


def upgrade():
    with op.batch_alter_table("person") as table:
        table.add_column(sa.Column("nickname", sa.Text, server_default="Bobby", nullable=False))
    with op.batch_alter_table("web_session", recreate="always") as table:
        table.alter_column("name", nullable=True)
'''
BACK_FROM_0003 = ("ALTER TABLE connection DROP COLUMN restored_at",)
BACK_FROM_0002 = (
    "DROP INDEX credential_revoke",
    "ALTER TABLE credential DROP COLUMN revoke_at",
    "ALTER TABLE credential DROP COLUMN revoke_attempts",
    "DROP INDEX ix_connection_revoking_id",
    "ALTER TABLE connection DROP COLUMN revoking_id",
    "ALTER TABLE invitation DROP COLUMN hint",
)
HARM = 'op.execute("DELETE FROM person")'


def tomorrow(folder: Path, step: str) -> Path:
    """A copy of the migrations with one more step."""
    shutil.copytree(migrations.FOLDER, folder / "tomorrow", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tomorrow" / "versions" / "v9999_tomorrow.py").write_text(step)
    return folder / "tomorrow"


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in metadata.tables}  # noqa: S608 - names of our tables


def test_the_steps_lead_to_the_tables_that_the_code_expects(store: Store) -> None:
    with store._engine.connect() as database:
        assert compare_metadata(MigrationContext.configure(database), metadata) == []


def test_rows_of_every_table_survive_and_a_copy_stands_beside(tmp_path: Path, filled: Store) -> None:
    path = database_of(tmp_path)
    before = dump(path)
    assert [name for name, rows in before.items() if not rows] == []
    with filled.read() as tx:
        assert tx.people.all_ids()
    migrate(filled._engine, path, tomorrow(tmp_path, STEP))
    after = dump(path)
    assert after == {**before, "person": [(*row, "Bobby") for row in before["person"]]}
    assert raw(tmp_path, "PRAGMA foreign_key_check") == []
    assert raw(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert raw(tmp_path, "SELECT * FROM alembic_version") == [("9999",)]
    copy = path.with_name("relatch.db.before-9999")
    assert dump(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_database_of_the_first_version_is_brought_up_to_date(tmp_path: Path, filled: Store, bob: Person) -> None:
    """What the later steps added is taken away again."""
    filled.close()
    for statement in (*BACK_FROM_0003, *BACK_FROM_0002, "UPDATE alembic_version SET version_num = '0001'"):
        raw(tmp_path, statement)
    again = opened(tmp_path)
    with again.read() as tx:
        [connection] = tx.connections.of(bob.id).values()
        assert tx.credentials.load(connection.credential_id or 0).credential == BOBS_KEY
        assert tx.credentials.given_up(now=NOON, real=NOON, limit=9) == []
        assert tx.connections.revoking(connection.credential_id or 0) is None
    assert raw(tmp_path, "PRAGMA foreign_key_check") == []
    assert {hint for (hint,) in raw(tmp_path, "SELECT hint FROM invitation")} == {""}
    again.close()


def test_a_step_that_orphans_rows_is_undone(tmp_path: Path, filled: Store) -> None:
    path = database_of(tmp_path)
    before = dump(path)
    harmful = STEP.replace('    with op.batch_alter_table("web', f'    {HARM}\n    with op.batch_alter_table("web')
    with pytest.raises(StoreRefused, match="undone"):
        migrate(filled._engine, path, tomorrow(tmp_path, harmful))
    assert dump(path) == before
    assert raw(tmp_path, "SELECT * FROM alembic_version") == [("0003",)]


def test_foreign_keys_are_on_again_afterwards(tmp_path: Path, filled: Store) -> None:
    migrate(filled._engine, database_of(tmp_path), tomorrow(tmp_path, STEP))
    with filled._engine.connect() as database, pytest.raises(sa.exc.IntegrityError):
        database.execute(sa.text("DELETE FROM person"))


def test_nothing_is_copied_where_nothing_is_to_be_done(tmp_path: Path, filled: Store) -> None:
    filled.close()
    opened(tmp_path).close()
    assert list(database_of(tmp_path).parent.glob("*.before-*")) == []


def test_a_newer_database_is_refused(tmp_path: Path, filled: Store) -> None:
    filled.close()
    raw(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreRefused, match="newer Relatch"):
        opened(tmp_path)


def test_secrets_open_after_a_step(tmp_path: Path, filled: Store, bob: Person) -> None:
    migrate(filled._engine, database_of(tmp_path), tomorrow(tmp_path, STEP))
    with filled.read() as tx:
        [connection] = tx.connections.of(bob.id).values()
        assert tx.credentials.load(connection.credential_id or 0).credential == BOBS_KEY
