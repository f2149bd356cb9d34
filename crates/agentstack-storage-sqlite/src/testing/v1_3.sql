-- A database as version 1.3.1 makes it, in our own words: tags and past versions, and no agents.
CREATE TABLE memory (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, namespace TEXT DEFAULT 'default', content TEXT NOT NULL, embedding BLOB,
    metadata TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (namespace, key)
);
CREATE TABLE tags (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL);
CREATE TABLE memory_tags (
    memory_id TEXT NOT NULL REFERENCES memory (id), tag_id TEXT NOT NULL REFERENCES tags (id), created_at INTEGER NOT NULL,
    PRIMARY KEY (memory_id, tag_id)
);
CREATE TABLE memory_relationships (
    id TEXT PRIMARY KEY, from_id TEXT NOT NULL, to_id TEXT NOT NULL, relationship_type TEXT NOT NULL, metadata TEXT,
    created_at INTEGER NOT NULL
);
CREATE TABLE memory_versions (
    id TEXT PRIMARY KEY, memory_id TEXT NOT NULL REFERENCES memory (id), version INTEGER NOT NULL, key TEXT NOT NULL,
    namespace TEXT NOT NULL, content TEXT NOT NULL, metadata TEXT, created_at INTEGER NOT NULL, UNIQUE (memory_id, version)
);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'active', started_at INTEGER NOT NULL, ended_at INTEGER, metadata TEXT
);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions (id), agent_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending', input TEXT, output TEXT, created_at INTEGER NOT NULL, completed_at INTEGER
);
CREATE TABLE projects (id TEXT PRIMARY KEY, name TEXT NOT NULL);

INSERT INTO memory (id, key, namespace, content, embedding, metadata, created_at, updated_at) VALUES
    ('10000000-0000-4000-8000-000000000001', 'build', 'default', 'The build runs with just.', NULL, '{"v":3}', 1767225600001, 1767225900001),
    ('10000000-0000-4000-8000-000000000002', 'style', 'default', 'Tabs.', NULL, NULL, 1767225600002, 1767225600002);
INSERT INTO memory_versions VALUES
    ('30000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 1, 'build', 'default', 'The build runs with make.', NULL, 1767225600001),
    ('30000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000001', 2, 'build', 'default', 'The build runs with ninja.', '{"v":2}', 1767225700001);
INSERT INTO tags VALUES
    ('40000000-0000-4000-8000-000000000001', 'tooling', 1767225600001),
    ('40000000-0000-4000-8000-000000000002', 'ci', 1767225600001);
INSERT INTO memory_tags VALUES
    ('10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 1767225600001),
    ('10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000002', 1767225600001);
INSERT INTO memory_relationships VALUES
    ('50000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000002', 'related_to', NULL, 1767225600001);
