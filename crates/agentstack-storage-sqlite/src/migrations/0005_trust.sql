-- Trust: what sessions have read, what is held back, and entries under their namespace's secret.
-- The rows of the old tables are moved by the program (migrate/trust.rs), which then drops them.

ALTER TABLE entries RENAME TO old_entries;
ALTER TABLE entry_versions RENAME TO old_versions;
DROP TRIGGER entries_origin;
DROP TRIGGER entry_versions_fixed;
DROP INDEX entries_key;
DROP INDEX entries_recent;
DROP INDEX entry_versions_entry;

-- The current version of each entry. `content` comes last, so that reading the columns before it never touches its
-- overflow pages. `facts` and `content` are under the namespace's secret: see veil.rs. What is filtered by is kept as a
-- hash: agents as 16 bytes, tags as 8 bytes each, one after the other.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    namespace  INTEGER NOT NULL REFERENCES namespaces (id),
    -- How many terms its content has.
    length     INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    -- The highest number that a version of it has ever had: none is used twice.
    last_version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    uuid       BLOB NOT NULL CHECK (length(uuid) = 16),
    key_hash   BLOB NOT NULL CHECK (length(key_hash) = 16),
    agent      BLOB CHECK (length(agent) = 16),
    tags       BLOB NOT NULL,
    trust      TEXT NOT NULL CHECK (trust IN ('trusted', 'unverified')),
    -- The session that wrote it, by the number of its namespace, and how far it had read then: see `reads`.
    writer     INTEGER NOT NULL,
    had_read   INTEGER NOT NULL,
    origin_principal TEXT NOT NULL,
    origin_agent     BLOB CHECK (length(origin_agent) = 16),
    origin_tool      TEXT NOT NULL,
    chars      INTEGER NOT NULL,
    -- JSON: key, agents, tags, metadata, findings.
    facts      BLOB NOT NULL,
    content    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_key ON entries (namespace, key_hash);
CREATE INDEX entries_recent ON entries (namespace, updated_at, uuid);

-- An origin is made once, with its version (S11), and a version only becomes more trusted (S13): what is held back is
-- not here.
CREATE TRIGGER entries_origin BEFORE UPDATE OF origin_principal, origin_agent, origin_tool, updated_at, writer, had_read
ON entries WHEN NEW.version = OLD.version
BEGIN SELECT RAISE(ABORT, 'an origin never changes'); END;
CREATE TRIGGER entries_trust BEFORE UPDATE OF trust ON entries
WHEN NEW.version = OLD.version AND NEW.trust <> 'trusted'
BEGIN SELECT RAISE(ABORT, 'a version never becomes unverified again'); END;

-- Past versions.
CREATE TABLE entry_versions (
    entry     INTEGER NOT NULL REFERENCES entries (id),
    version   INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    agent     BLOB CHECK (length(agent) = 16),
    trust     TEXT NOT NULL CHECK (trust IN ('trusted', 'unverified')),
    writer    INTEGER NOT NULL,
    had_read  INTEGER NOT NULL,
    origin_principal TEXT NOT NULL,
    origin_agent     BLOB CHECK (length(origin_agent) = 16),
    origin_tool      TEXT NOT NULL,
    chars     INTEGER NOT NULL,
    facts     BLOB NOT NULL,
    content   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_versions_entry ON entry_versions (entry, version);

CREATE TRIGGER entry_versions_fixed BEFORE UPDATE ON entry_versions
WHEN NOT (NEW.trust = 'trusted' AND OLD.trust = 'unverified' AND NEW.version = OLD.version
    AND NEW.entry = OLD.entry AND NEW.agent IS OLD.agent AND NEW.chars = OLD.chars
    AND NEW.stored_at = OLD.stored_at AND NEW.writer = OLD.writer AND NEW.had_read = OLD.had_read
    AND NEW.origin_principal = OLD.origin_principal AND NEW.origin_agent IS OLD.origin_agent
    AND NEW.origin_tool = OLD.origin_tool AND NEW.facts = OLD.facts AND NEW.content = OLD.content)
BEGIN SELECT RAISE(ABORT, 'a past version never changes'); END;

-- Versions that are held back. No read path knows this table (S16): they are moved here, out of the entries, their
-- history and the index, and back.
CREATE TABLE held_versions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace  INTEGER NOT NULL REFERENCES namespaces (id),
    uuid       BLOB NOT NULL CHECK (length(uuid) = 16),
    version    INTEGER NOT NULL CHECK (version >= 1),
    trust      TEXT NOT NULL CHECK (trust IN ('quarantined', 'revoked')),
    held_at    INTEGER NOT NULL,
    key_hash   BLOB NOT NULL CHECK (length(key_hash) = 16),
    created_at INTEGER NOT NULL,
    stored_at  INTEGER NOT NULL,
    agent      BLOB CHECK (length(agent) = 16),
    writer     INTEGER NOT NULL,
    had_read   INTEGER NOT NULL,
    origin_principal TEXT NOT NULL,
    origin_agent     BLOB CHECK (length(origin_agent) = 16),
    origin_tool      TEXT NOT NULL,
    chars      INTEGER NOT NULL,
    facts      BLOB NOT NULL,
    content    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX held_versions_entry ON held_versions (uuid, version);
CREATE INDEX held_versions_key ON held_versions (namespace, key_hash, version);
CREATE INDEX held_versions_trust ON held_versions (trust, held_at, uuid, version);

CREATE TRIGGER held_versions_origin BEFORE UPDATE OF namespace, uuid, version, key_hash, created_at, stored_at, agent,
    writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content ON held_versions
BEGIN SELECT RAISE(ABORT, 'an origin never changes'); END;

-- What each session has been shown of others, in order: `place` counts from 1. From this follows what is derived from
-- what: a version was written by a session (`writer`) when it had read so far (`had_read`). A session is named by the
-- number of its namespace, which is never used again, so that the traces of an origin outlive sessions and entries.
CREATE TABLE reads (
    reader    INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    -- The version that was read, who wrote it, and when.
    uuid      BLOB NOT NULL CHECK (length(uuid) = 16),
    version   INTEGER NOT NULL,
    writer    INTEGER NOT NULL,
    had_read  INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    origin_principal TEXT NOT NULL,
    origin_agent     BLOB CHECK (length(origin_agent) = 16),
    PRIMARY KEY (reader, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX reads_once ON reads (reader, uuid, version);
CREATE INDEX reads_writer ON reads (writer, had_read);

-- The same of what a holder has been shown outside of any session: its sessions of the next day have read it.
CREATE TABLE holder_reads (
    holder    TEXT NOT NULL,
    uuid      BLOB NOT NULL CHECK (length(uuid) = 16),
    version   INTEGER NOT NULL,
    read_at   INTEGER NOT NULL,
    writer    INTEGER NOT NULL,
    had_read  INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    origin_principal TEXT NOT NULL,
    origin_agent     BLOB CHECK (length(origin_agent) = 16),
    PRIMARY KEY (holder, uuid, version)
) STRICT, WITHOUT ROWID;

-- Whether it has written to a shared namespace. If not, nothing is derived from what it has read once it has ended.
ALTER TABLE sessions ADD COLUMN wrote_shared INTEGER NOT NULL DEFAULT 0 CHECK (wrote_shared IN (0, 1));

-- What its starter said of it, under the namespace's secret; the program moves it here and drops the column `metadata`.
ALTER TABLE sessions ADD COLUMN about BLOB;

-- Who has written to a shared namespace before.
CREATE TABLE namespace_writers (
    namespace INTEGER NOT NULL REFERENCES namespaces (id),
    principal TEXT NOT NULL,
    agent     BLOB NOT NULL,
    PRIMARY KEY (namespace, principal, agent)
) STRICT, WITHOUT ROWID;
