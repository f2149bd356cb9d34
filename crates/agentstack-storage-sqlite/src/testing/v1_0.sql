-- A database as versions 1.0 to 1.1 make it, in our own words.
CREATE TABLE memory (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, namespace TEXT DEFAULT 'default', content TEXT NOT NULL, embedding BLOB,
    metadata TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (namespace, key)
);
CREATE VIRTUAL TABLE memory_fts USING fts5 (key, content, namespace, content = memory, content_rowid = rowid);
CREATE TRIGGER memory_added AFTER INSERT ON memory BEGIN
    INSERT INTO memory_fts (rowid, key, content, namespace) VALUES (NEW.rowid, NEW.key, NEW.content, NEW.namespace);
END;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'active', started_at INTEGER NOT NULL, ended_at INTEGER, metadata TEXT
);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, session_id TEXT REFERENCES sessions (id), agent_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending', input TEXT, output TEXT, created_at INTEGER NOT NULL, completed_at INTEGER
);
CREATE TABLE plugins (
    name TEXT PRIMARY KEY, version TEXT NOT NULL, enabled INTEGER DEFAULT 1, config TEXT, installed_at INTEGER NOT NULL
);

INSERT INTO sessions VALUES
    ('7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'active', 1767225600000, NULL, '{"project":"alpha"}'),
    ('7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02', 'ended', 1767225500000, 1767225600000, NULL);
INSERT INTO memory (id, key, namespace, content, embedding, metadata, created_at, updated_at) VALUES
    ('10000000-0000-4000-8000-000000000001', 'build', 'default', 'The build runs with make.', NULL, NULL, 1767225600001, 1767225600001),
    ('10000000-0000-4000-8000-000000000002', 'style', 'team', 'Two spaces, no tabs.', x'0000803f00000000', '{"by":"ann","n":1.5}', 1767225600002, 1767225700002),
    ('10000000-0000-4000-8000-000000000003', 'words', 'default', '東京 👍🏽 naïve', NULL, NULL, 1767225600003, 1767225600003);
INSERT INTO tasks VALUES
    ('20000000-0000-4000-8000-000000000001', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'completed', 'write it', 'written', 1767225600010, 1767225600020),
    ('20000000-0000-4000-8000-000000000002', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'tester', 'running', 'test it', NULL, 1767225600030, NULL),
    ('20000000-0000-4000-8000-000000000003', NULL, 'coder', 'pending', 'of no session', NULL, 1767225600040, NULL);
INSERT INTO plugins VALUES ('old', '1.0.0', 1, '{}', 1767225600000);
