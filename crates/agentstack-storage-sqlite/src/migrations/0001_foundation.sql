-- Sessions, memory, its index, and the audit log.
-- Times are milliseconds since the Unix epoch; ids are the 16 bytes of a UUIDv7.

-- A namespace's id names its postings, so it must never be used again: AUTOINCREMENT.
CREATE TABLE namespaces (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    shared  INTEGER NOT NULL CHECK (shared IN (0, 1)),
    -- Statistics of the namespace's own entries, from which its ranking is made.
    entries INTEGER NOT NULL DEFAULT 0,
    terms   INTEGER NOT NULL DEFAULT 0,
    -- The run of postings that new entries go to, and how many it has been given.
    run     INTEGER NOT NULL DEFAULT 0,
    filled  INTEGER NOT NULL DEFAULT 0,
    -- Under which its terms are kept in the index.
    secret  BLOB NOT NULL DEFAULT (randomblob(16)) CHECK (length(secret) = 16)
) STRICT;
CREATE INDEX namespaces_shared ON namespaces (id) WHERE shared = 1;

CREATE TABLE sessions (
    id           BLOB PRIMARY KEY CHECK (length(id) = 16),
    namespace    INTEGER NOT NULL UNIQUE REFERENCES namespaces (id),
    started_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    idle_ms      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    resume       BLOB NOT NULL UNIQUE CHECK (length(resume) = 32),
    metadata     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session_holders (
    holder  TEXT NOT NULL,
    session BLOB NOT NULL REFERENCES sessions (id),
    PRIMARY KEY (holder, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_holders_session ON session_holders (session);

-- Namespaces of sessions that have ended: nothing reaches them any more, and what is left of them is
-- being removed. Empty, but for the time of a large removal and after a crash in the middle of one (S07).
CREATE TABLE ended_namespaces (
    namespace INTEGER PRIMARY KEY REFERENCES namespaces (id)
) STRICT;

-- The current version of each entry. `content` comes last, so that reading the columns before it
-- never touches its overflow pages.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    namespace  INTEGER NOT NULL REFERENCES namespaces (id),
    -- In which of its namespace's runs of postings its terms are, and how many terms its content has.
    run        INTEGER NOT NULL,
    length     INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    updated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    uuid       BLOB NOT NULL CHECK (length(uuid) = 16),
    -- Of the key, which would be text in one more place.
    key_hash   BLOB NOT NULL CHECK (length(key_hash) = 16),
    agent      TEXT,
    key        TEXT NOT NULL,
    tags       TEXT NOT NULL,
    trust      TEXT NOT NULL CHECK (trust IN ('trusted', 'unverified')),
    origin_principal TEXT NOT NULL,
    origin_agent     TEXT,
    origin_tool      TEXT NOT NULL,
    chars      INTEGER NOT NULL,
    metadata   TEXT NOT NULL,
    content    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_key ON entries (namespace, key_hash);
CREATE INDEX entries_recent ON entries (namespace, updated_at, uuid);

-- An origin is made once, with its version (S11).
CREATE TRIGGER entries_origin BEFORE UPDATE OF origin_principal, origin_agent, origin_tool, updated_at ON entries
WHEN NEW.version = OLD.version
BEGIN SELECT RAISE(ABORT, 'an origin never changes'); END;

-- Past versions.
CREATE TABLE entry_versions (
    entry     INTEGER NOT NULL REFERENCES entries (id),
    version   INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    agent     TEXT,
    tags      TEXT NOT NULL,
    trust     TEXT NOT NULL CHECK (trust IN ('trusted', 'unverified')),
    origin_principal TEXT NOT NULL,
    origin_agent     TEXT,
    origin_tool      TEXT NOT NULL,
    metadata  TEXT NOT NULL,
    content   TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_versions_entry ON entry_versions (entry, version);

CREATE TRIGGER entry_versions_fixed BEFORE UPDATE ON entry_versions
BEGIN SELECT RAISE(ABORT, 'a past version never changes'); END;

-- The inverted index: see index.rs. Terms are kept under their namespace's secret.
CREATE TABLE postings (
    namespace INTEGER NOT NULL,
    run       INTEGER NOT NULL,
    term      BLOB NOT NULL,
    entry     INTEGER NOT NULL,
    -- How often the entry's key and content have it, and where.
    head      INTEGER NOT NULL,
    body      INTEGER NOT NULL,
    places    BLOB NOT NULL,
    PRIMARY KEY (namespace, run, term, entry)
) STRICT, WITHOUT ROWID;

-- The analysis whose terms the index holds: entries and queries are taken apart alike, or nothing is found.
CREATE TABLE index_analysis (analysis INTEGER NOT NULL) STRICT;

-- The audit log: a hash chain (S44).
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    body     TEXT NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TABLE audit_checkpoints (
    sequence   INTEGER PRIMARY KEY REFERENCES audit (sequence),
    checkpoint TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint never goes'); END;
