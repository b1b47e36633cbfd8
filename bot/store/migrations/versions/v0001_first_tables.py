"""The first tables. What they are for: bot/store/tables.py, which may have moved on since."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE incident (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    culprit TEXT,
    reason TEXT,
    code TEXT DEFAULT '' NOT NULL,
    trace TEXT DEFAULT '' NOT NULL,
    opened_at DATETIME NOT NULL,
    closed_at DATETIME,
    outcome TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX incident_open ON incident (kind, provider) WHERE closed_at IS NULL;

CREATE TABLE person (
    id INTEGER NOT NULL,
    team_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    timezone TEXT DEFAULT '' NOT NULL,
    met_at DATETIME NOT NULL,
    paused_at DATETIME,
    next_run_at DATETIME,
    synced_by_hand_at DATETIME,
    claim_owner TEXT DEFAULT '' NOT NULL,
    claim_until DATETIME,
    PRIMARY KEY (id)
);
CREATE INDEX person_due ON person (next_run_at);
CREATE UNIQUE INDEX person_slack ON person (team_id, user_id);

CREATE TABLE seen (
    "key" TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY ("key")
);
CREATE INDEX ix_seen_at ON seen (at);

CREATE TABLE setting (
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY ("key")
);

CREATE TABLE web_session (
    id INTEGER NOT NULL,
    token_hash TEXT NOT NULL,
    csrf TEXT NOT NULL,
    team_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    opened_at DATETIME NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (token_hash)
);

CREATE TABLE account_used (
    person_id INTEGER NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    used_at DATETIME NOT NULL,
    PRIMARY KEY (person_id, provider, account),
    FOREIGN KEY(person_id) REFERENCES person (id)
);

CREATE TABLE credential (
    id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    provider TEXT NOT NULL,
    version INTEGER NOT NULL,
    fence INTEGER DEFAULT '0' NOT NULL,
    secret BLOB,
    in_doubt_at DATETIME,
    changed_at DATETIME NOT NULL,
    lease_owner TEXT DEFAULT '' NOT NULL,
    lease_until DATETIME,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_credential_person_id ON credential (person_id);

CREATE TABLE event (
    id INTEGER NOT NULL,
    at DATETIME NOT NULL,
    kind TEXT NOT NULL,
    person_id INTEGER,
    actor_id INTEGER,
    side TEXT,
    provider TEXT DEFAULT '' NOT NULL,
    culprit TEXT,
    reason TEXT,
    code TEXT DEFAULT '' NOT NULL,
    trace TEXT DEFAULT '' NOT NULL,
    detail TEXT DEFAULT '' NOT NULL,
    number INTEGER,
    hash TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id),
    FOREIGN KEY(actor_id) REFERENCES person (id)
);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_person ON event (person_id, id);

CREATE TABLE invitation (
    id TEXT NOT NULL,
    person_id INTEGER NOT NULL,
    side TEXT NOT NULL,
    word TEXT NOT NULL,
    provider TEXT NOT NULL,
    access_type TEXT NOT NULL,
    access_host TEXT DEFAULT '' NOT NULL,
    asked_by INTEGER,
    used_at DATETIME NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id),
    FOREIGN KEY(asked_by) REFERENCES person (id)
);
CREATE INDEX ix_invitation_person_id ON invitation (person_id);

CREATE TABLE notice (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "to" TEXT NOT NULL,
    person_id INTEGER,
    incident_id INTEGER,
    channel TEXT DEFAULT '' NOT NULL,
    ts TEXT DEFAULT '' NOT NULL,
    wanted INTEGER NOT NULL,
    drawn INTEGER DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    opened_at DATETIME NOT NULL,
    closed_at DATETIME,
    facts JSON NOT NULL,
    not_before DATETIME,
    retry_at DATETIME,
    sent_at DATETIME,
    failed_at DATETIME,
    failed_code TEXT DEFAULT '' NOT NULL,
    held_by INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id),
    FOREIGN KEY(incident_id) REFERENCES incident (id),
    FOREIGN KEY(held_by) REFERENCES incident (id)
);
CREATE INDEX ix_notice_held_by ON notice (held_by);
CREATE INDEX ix_notice_incident_id ON notice (incident_id);
CREATE INDEX notice_behind ON notice (opened_at) WHERE drawn < wanted;
CREATE UNIQUE INDEX notice_open ON notice ("key") WHERE closed_at IS NULL;
CREATE INDEX notice_person ON notice (person_id, kind);

CREATE TABLE connection (
    id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    side TEXT NOT NULL,
    provider TEXT NOT NULL,
    access_type TEXT NOT NULL,
    access_host TEXT DEFAULT '' NOT NULL,
    account TEXT DEFAULT '' NOT NULL,
    identity TEXT DEFAULT '' NOT NULL,
    credential_id INTEGER,
    cursor TEXT DEFAULT '' NOT NULL,
    items INTEGER DEFAULT '0' NOT NULL,
    items_since INTEGER DEFAULT '0' NOT NULL,
    connected_at DATETIME NOT NULL,
    health TEXT NOT NULL,
    culprit TEXT,
    reason TEXT,
    code TEXT DEFAULT '' NOT NULL,
    trace TEXT DEFAULT '' NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    rejections INTEGER DEFAULT '0' NOT NULL,
    struck_at DATETIME,
    since DATETIME,
    next_try_at DATETIME,
    last_ok_at DATETIME,
    PRIMARY KEY (id),
    FOREIGN KEY(person_id) REFERENCES person (id),
    FOREIGN KEY(credential_id) REFERENCES credential (id)
);
CREATE INDEX connection_provider ON connection (provider, health);
CREATE UNIQUE INDEX connection_side ON connection (person_id, side);
CREATE INDEX ix_connection_credential_id ON connection (credential_id);

CREATE TABLE flow (
    id INTEGER NOT NULL,
    invitation_id TEXT NOT NULL,
    session_id INTEGER NOT NULL,
    state_hash TEXT NOT NULL,
    remember BLOB,
    awaiting TEXT DEFAULT '' NOT NULL,
    begun_at DATETIME NOT NULL,
    used_at DATETIME,
    told INTEGER DEFAULT '0' NOT NULL,
    asked BLOB,
    asked_until DATETIME,
    PRIMARY KEY (id),
    FOREIGN KEY(invitation_id) REFERENCES invitation (id),
    FOREIGN KEY(session_id) REFERENCES web_session (id) ON DELETE CASCADE,
    UNIQUE (state_hash)
);
CREATE INDEX ix_flow_invitation_id ON flow (invitation_id);
CREATE INDEX ix_flow_session_id ON flow (session_id);
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
