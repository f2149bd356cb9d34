-- A database as versions 1.5.4 to 1.6 make it, in our own words.
CREATE TABLE memory (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, namespace TEXT DEFAULT 'default', content TEXT NOT NULL, embedding BLOB,
    metadata TEXT, agent_id TEXT DEFAULT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    UNIQUE (namespace, key)
);
CREATE INDEX memory_of_agents ON memory (agent_id);
CREATE TABLE tags (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL);
CREATE TABLE memory_tags (
    memory_id TEXT NOT NULL REFERENCES memory (id), tag_id TEXT NOT NULL REFERENCES tags (id), created_at INTEGER NOT NULL,
    PRIMARY KEY (memory_id, tag_id)
);
CREATE TABLE memory_versions (
    id TEXT PRIMARY KEY, memory_id TEXT NOT NULL REFERENCES memory (id), version INTEGER NOT NULL, key TEXT NOT NULL,
    namespace TEXT NOT NULL, content TEXT NOT NULL, metadata TEXT, agent_id TEXT DEFAULT NULL, created_at INTEGER NOT NULL,
    UNIQUE (memory_id, version)
);
CREATE VIRTUAL TABLE memory_fts USING fts5 (
    key, content, namespace, content = memory, content_rowid = rowid, tokenize = 'porter unicode61'
);
CREATE TRIGGER memory_added AFTER INSERT ON memory BEGIN
    INSERT INTO memory_fts (rowid, key, content, namespace) VALUES (NEW.rowid, NEW.key, NEW.content, NEW.namespace);
END;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'active', started_at INTEGER NOT NULL, ended_at INTEGER, metadata TEXT
);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions (id), agent_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending', input TEXT, output TEXT, created_at INTEGER NOT NULL, completed_at INTEGER,
    risk_level TEXT CHECK (risk_level IS NULL OR risk_level IN ('low', 'medium', 'high')),
    parent_task_id TEXT REFERENCES tasks (id), depth INTEGER, consensus_checkpoint_id TEXT
);
CREATE TABLE agent_identities (
    agent_id TEXT PRIMARY KEY, agent_type TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'created',
    capabilities TEXT NOT NULL DEFAULT '[]', version INTEGER NOT NULL DEFAULT 1, display_name TEXT, description TEXT,
    metadata TEXT, created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL, retired_at INTEGER,
    retirement_reason TEXT, created_by TEXT, updated_at INTEGER NOT NULL
);
CREATE TABLE agent_identity_audit (
    id TEXT PRIMARY KEY, agent_id TEXT NOT NULL, action TEXT NOT NULL, timestamp INTEGER NOT NULL
);
CREATE TABLE task_relationships (
    id TEXT PRIMARY KEY, from_task_id TEXT NOT NULL, to_task_id TEXT NOT NULL, relationship_type TEXT NOT NULL,
    metadata TEXT, created_at INTEGER NOT NULL
);
