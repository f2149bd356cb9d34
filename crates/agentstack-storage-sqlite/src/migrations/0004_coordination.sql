-- Agents of sessions, identities, and tasks. Times are milliseconds since the Unix epoch; ids are the 16 bytes of a
-- UUIDv7. Rows are numbered in the order in which they were made.
--
-- When SQLite moves rows between pages it may leave copies of them in unused space, which `secure_delete` does not
-- reach. What callers chose of a session's agents and tasks, each a BLOB here, is therefore kept under the secret of the
-- session's namespace: such a copy is no text (S08).

CREATE TABLE identities (
    id             INTEGER PRIMARY KEY,
    uuid           BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
    -- The name of a principal.
    owner          TEXT NOT NULL,
    agent_type     TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('created', 'active', 'dormant', 'retired')),
    version        INTEGER NOT NULL CHECK (version >= 1),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    last_active_at INTEGER,
    display_name   TEXT,
    description    TEXT,
    -- A JSON array of objects.
    capabilities   TEXT NOT NULL,
    metadata       TEXT NOT NULL,
    -- Why it is in its state, in somebody's words.
    reason         TEXT
) STRICT;
CREATE UNIQUE INDEX identities_name ON identities (owner, display_name) WHERE status <> 'retired';
CREATE INDEX identities_owner ON identities (owner, id, status, agent_type, display_name);

CREATE TRIGGER identities_retired BEFORE UPDATE OF status ON identities
WHEN OLD.status = 'retired' AND NEW.status <> 'retired'
BEGIN SELECT RAISE(ABORT, 'a retired identity stays retired'); END;
CREATE TRIGGER identities_owned BEFORE UPDATE OF uuid, owner ON identities
BEGIN SELECT RAISE(ABORT, 'an identity never changes hands'); END;

CREATE TABLE agents (
    id         INTEGER PRIMARY KEY,
    namespace  INTEGER NOT NULL REFERENCES namespaces (id),
    uuid       BLOB NOT NULL CHECK (length(uuid) = 16),
    status     TEXT NOT NULL CHECK (status IN ('idle', 'running', 'completed', 'failed', 'stopped')),
    -- What it has used.
    operations INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    subtasks   INTEGER NOT NULL,
    result_at  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The id of the one that it was spawned with.
    identity   BLOB,
    -- By which it is looked up.
    name_hash  BLOB NOT NULL CHECK (length(name_hash) = 16),
    name       BLOB NOT NULL,
    agent_type BLOB NOT NULL,
    metadata   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX agents_uuid ON agents (namespace, uuid);
CREATE UNIQUE INDEX agents_name ON agents (namespace, name_hash) WHERE status <> 'stopped';

CREATE TRIGGER agents_stopped BEFORE UPDATE OF status ON agents
WHEN OLD.status = 'stopped' AND NEW.status <> 'stopped'
BEGIN SELECT RAISE(ABORT, 'a stopped agent stays stopped'); END;

CREATE TABLE tasks (
    id           INTEGER PRIMARY KEY,
    namespace    INTEGER NOT NULL REFERENCES namespaces (id),
    uuid         BLOB NOT NULL CHECK (length(uuid) = 16),
    status       TEXT NOT NULL CHECK (status IN ('pending', 'assigned', 'completed', 'failed')),
    risk         TEXT NOT NULL CHECK (risk IN ('low', 'medium', 'high')),
    depth        INTEGER NOT NULL CHECK (depth >= 0),
    -- The ids of a task and of an agent of the same session.
    parent       BLOB,
    agent        BLOB,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    completed_at INTEGER,
    agent_type   BLOB NOT NULL,
    input        BLOB,
    output       BLOB
) STRICT;
CREATE UNIQUE INDEX tasks_uuid ON tasks (namespace, uuid);
CREATE INDEX tasks_status ON tasks (namespace, status, uuid);
CREATE INDEX tasks_parent ON tasks (namespace, parent) WHERE parent IS NOT NULL;

CREATE TRIGGER tasks_ended BEFORE UPDATE OF status ON tasks
WHEN OLD.status IN ('completed', 'failed') AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a task ends once'); END;

-- How one task of a session stands to another.
CREATE TABLE task_relations (
    namespace INTEGER NOT NULL REFERENCES namespaces (id),
    source    BLOB NOT NULL CHECK (length(source) = 16),
    relation  TEXT NOT NULL CHECK (relation IN ('parent_of', 'derived_from', 'depends_on', 'supersedes')),
    target    BLOB NOT NULL CHECK (length(target) = 16),
    PRIMARY KEY (namespace, source, relation, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_relations_target ON task_relations (namespace, target);

-- Comparisons of tasks with their ancestors.
CREATE TABLE drift_events (
    id         INTEGER PRIMARY KEY,
    namespace  INTEGER NOT NULL REFERENCES namespaces (id),
    at         INTEGER NOT NULL,
    similarity REAL NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('allowed', 'warned', 'prevented'))
) STRICT;
CREATE INDEX drift_events_at ON drift_events (namespace, at);

-- What is recorded of an identity. The term keeps all other records, which are nearly all, out of it.
CREATE INDEX audit_identity ON audit (body ->> 'identityId', sequence) WHERE instr(body, '"identityId"') > 0;
