"""What a bot's database holds, read beside the bot: for tests in which nothing may change."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.stage import Stage

# What every line that is typed leaves behind: that it was seen, who typed it, and that it was asked.
_LEFT_BEHIND = {"seen", "person", "event", "sqlite_sequence"}
# An invitation also tells when its button was last shown.
_PARTLY = {
    "invitation": "SELECT id, person_id, side, word, provider, access_type, asked_by FROM invitation",
    "setting": "SELECT * FROM setting WHERE key != 'events.head'",
}


def rows(stage: Stage) -> dict[str, set[tuple[object, ...]]]:
    """All rows of all tables, but for what is left behind by a line that does nothing."""
    with closing(sqlite3.connect(f"file:{stage.settings['RELATCH_DATABASE']}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        questions = {name: f'SELECT * FROM "{name}"' for name in tables if name not in _LEFT_BEHIND} | _PARTLY  # noqa: S608 - names of our own tables
        return {name: set(connection.execute(question)) for name, question in questions.items()}
