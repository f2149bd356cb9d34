-- Rows that no honest program has written, in tables without any rule: columns as those of 1.6.
CREATE TABLE memory (id, key, namespace, content, embedding, metadata, agent_id, created_at, updated_at);
CREATE TABLE tags (id, name, created_at);
CREATE TABLE memory_tags (memory_id, tag_id, created_at);
CREATE TABLE memory_versions (id, memory_id, version, key, namespace, content, metadata, agent_id, created_at);
CREATE TABLE sessions (id, status, started_at, ended_at, metadata);
CREATE TABLE tasks (
    id, session_id, agent_type, status, input, output, created_at, completed_at, risk_level, parent_task_id, depth,
    consensus_checkpoint_id
);
CREATE TABLE agent_identities (
    agent_id, agent_type, status, capabilities, version, display_name, description, metadata, created_at, last_active_at,
    retired_at, retirement_reason, created_by, updated_at
);
CREATE TABLE projects (id);
CREATE TABLE more_of_the_same (id);
CREATE TRIGGER never_run AFTER INSERT ON projects BEGIN DELETE FROM memory; END;
CREATE VIEW everything AS SELECT * FROM memory, memory AS again, memory AS once_more;
INSERT INTO projects VALUES (NULL);

INSERT INTO sessions (rowid, id, status, started_at, metadata) VALUES
    (1, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'active', 1767225600000, '{"a":1}'),
    (2, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'active', 1767225600000, '{"a":"the same id"}'),
    (3, '7F3C9F4E-0D4B-4C58-9F6E-0A3D5B1C2E03', 'active', 1767225600000, NULL),
    (4, '../../etc/passwd', 'active', 1767225600000, NULL),
    (5, x'00', 'active', 1767225600000, NULL),
    (6, NULL, 'active', 1767225600000, NULL),
    (7, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e07', 'paused', 1767225600000, NULL),
    (8, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e08', 'active', 'yesterday', NULL),
    (9, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e09', 'active', -1, NULL),
    (10, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e10', 'active', 1767225600000, '{"a":1,"a":2}'),
    (11, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e11', 'active', 9223372036854775807, '{}'),
    (12, '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e12', 'ended', 1767225600000, '{}');

INSERT INTO agent_identities (rowid, agent_id, agent_type, status, capabilities, version, display_name, description, metadata, created_at, last_active_at, updated_at) VALUES
    (1, '60000000-0000-4000-8000-000000000001', 'coder', 'active', '[]', 1, 'ada', NULL, NULL, 1, 1, 1),
    (2, '60000000-0000-4000-8000-000000000002', 'coder', 'active', '[]', 1, 'ada', NULL, NULL, 1, 1, 1),
    (3, '60000000-0000-4000-8000-000000000003', 'Root Of All', 'active', '[]', 1, NULL, NULL, NULL, 1, 1, 1),
    (4, '60000000-0000-4000-8000-000000000004', 'unheard-of', 'active', '[]', 1, NULL, NULL, NULL, 1, 1, 1),
    (5, '60000000-0000-4000-8000-000000000005', 'coder', 'awake', '[]', 1, NULL, NULL, NULL, 1, 1, 1),
    (6, '60000000-0000-4000-8000-000000000006', 'coder', 'active', '[{"name":""}]', 1, NULL, NULL, NULL, 1, 1, 1),
    (7, '60000000-0000-4000-8000-000000000007', 'coder', 'active', '{"name":"x"}', 1, NULL, NULL, NULL, 1, 1, 1),
    (8, '60000000-0000-4000-8000-000000000008', 'coder', 'active', '[]', 0, NULL, NULL, NULL, 1, 1, 1),
    (9, '60000000-0000-4000-8000-000000000009', 'coder', 'active', '[]', 1, 'a' || char(10) || 'b', NULL, NULL, 1, 1, 1),
    (10, '60000000-0000-4000-8000-000000000010', 'coder', 'active', '[]', 1, NULL, replace(hex(zeroblob(600)), '0', 'x'), NULL, 1, 1, 1);

INSERT INTO tasks (rowid, id, session_id, agent_type, status, input, created_at, risk_level, parent_task_id) VALUES
    (1, '20000000-0000-4000-8000-000000000001', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'pending', 'fine', 1, NULL, NULL),
    (2, '20000000-0000-4000-8000-000000000002', NULL, 'coder', 'pending', 'of no session', 1, NULL, NULL),
    (3, '20000000-0000-4000-8000-000000000003', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2eff', 'coder', 'pending', 'of an unknown session', 1, NULL, NULL),
    (4, '20000000-0000-4000-8000-000000000004', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'exploded', NULL, 1, NULL, NULL),
    (5, '20000000-0000-4000-8000-000000000005', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'pending', NULL, 1, 'fatal', NULL),
    (6, '20000000-0000-4000-8000-000000000006', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'pending', NULL, 1, NULL, '20000000-0000-4000-8000-0000000000ff'),
    (7, '20000000-0000-4000-8000-000000000007', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'pending', NULL, 1, NULL, '20000000-0000-4000-8000-000000000007'),
    (8, '20000000-0000-4000-8000-000000000008', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'pending', replace(hex(zeroblob(10001)), '0', 'x'), 1, NULL, NULL),
    (9, '20000000-0000-4000-8000-000000000009', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e12', 'coder', 'pending', 'of an ended session', 1, NULL, NULL),
    (10, '20000000-0000-4000-8000-000000000010', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e07', 'coder', 'pending', 'of a refused session', 1, NULL, NULL);

INSERT INTO memory (rowid, id, key, namespace, content, metadata, agent_id, created_at, updated_at) VALUES
    (-7, '10000000-0000-4000-8000-000000000007', 'below zero', 'default', 'fine', NULL, NULL, 1, 1),
    (1, '10000000-0000-4000-8000-000000000001', 'fine', 'default', 'fine', '{}', NULL, 1, 1),
    (2, '10000000-0000-4000-8000-000000000002', 'fine', 'default', 'the same key once more', NULL, NULL, 1, 1),
    (3, '10000000-0000-4000-8000-000000000003', 'caf' || char(233), 'default', 'one character', NULL, NULL, 1, 1),
    (4, '10000000-0000-4000-8000-000000000004', 'cafe' || char(769), 'default', 'two characters', NULL, NULL, 1, 1),
    (5, '10000000-0000-4000-8000-000000000005', replace(hex(zeroblob(128)), '0', 'k'), 'default', 'a key of 256', NULL, NULL, 1, 1),
    (6, '10000000-0000-4000-8000-000000000006', '', 'default', 'no key', NULL, NULL, 1, 1),
    (7, '10000000-0000-4000-8000-000000000008', 'control' || char(0) || char(27) || '[2J', 'default', 'a key with control characters', NULL, NULL, 1, 1),
    (8, '10000000-0000-4000-8000-000000000009', 'secret', 'default', 'key AKIAQ3EGRPXA4VGIX7NB of the cloud', NULL, NULL, 1, 1),
    (9, '10000000-0000-4000-8000-000000000010', 'hidden', 'default', 'see' || char(917569, 917570, 917571, 917572) || 'nothing', NULL, NULL, 1, 1),
    (10, '10000000-0000-4000-8000-000000000011', 'broken', 'default', 'broken JSON', '{"a":', NULL, 1, 1),
    (11, '10000000-0000-4000-8000-000000000012', 'list', 'default', 'a list', '[1]', NULL, 1, 1),
    (12, '10000000-0000-4000-8000-000000000013', 'lone', 'default', 'half a character', '{"a":"\ud800"}', NULL, 1, 1),
    (13, '10000000-0000-4000-8000-000000000014', 'empty', 'default', '', NULL, NULL, 1, 1),
    (14, '10000000-0000-4000-8000-000000000015', 'nothing', 'default', NULL, NULL, NULL, 1, 1),
    (15, '10000000-0000-4000-8000-000000000016', 'bytes', 'default', x'ff00', NULL, NULL, 1, 1),
    (16, '10000000-0000-4000-8000-000000000017', 'not text', 'default', CAST(x'ff00' AS TEXT), NULL, NULL, 1, 1),
    (17, '10000000-0000-4000-8000-000000000018', x'6b6579', 'default', 'a key of bytes', NULL, NULL, 1, 1),
    (18, '10000000-0000-4000-8000-000000000019', 42, 'default', 'a key that is a number', NULL, NULL, 1, 1),
    (19, '10000000-0000-4000-8000-000000000020', 'place', 'my team', 'a namespace with a space', NULL, NULL, 1, 1),
    (20, '10000000-0000-4000-8000-000000000021', 'place', 'session:', 'a session without an id', NULL, NULL, 1, 1),
    (21, '10000000-0000-4000-8000-000000000022', 'place', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2eff', 'an unknown session', NULL, NULL, 1, 1),
    (22, '10000000-0000-4000-8000-000000000023', 'place', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e12', 'an ended session', NULL, NULL, 1, 1),
    (23, '10000000-0000-4000-8000-000000000024', 'place', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'a session', NULL, NULL, 1, 1),
    (24, '10000000-0000-4000-8000-000000000025', 'place', NULL, 'no namespace', NULL, NULL, 1, 1),
    (25, '10000000-0000-4000-8000-000000000026', 'agent', 'default', 'an agent with a line break', NULL, 'a' || char(10), 1, 1),
    (26, '10000000-0000-4000-8000-000000000027', 'never', 'default', 'no time', NULL, NULL, NULL, 1),
    (27, '10000000-0000-4000-8000-000000000028', 'half', 'default', 'half a millisecond', NULL, NULL, 1.5, 1),
    (28, '10000000-0000-4000-8000-000000000029', 'whole', 'default', 'a whole number as a double', NULL, NULL, 1.0, 1.0),
    (29, '10000000-0000-4000-8000-000000000030', 'future', 'default', 'a fast clock', NULL, NULL, 99999999999999, 99999999999999),
    (30, 'not an id', 'id', 'default', 'an id that is none', NULL, NULL, 1, 1),
    (31, '10000000-0000-4000-8000-000000000032', 'tagged', 'default', 'a tag that is too long', NULL, NULL, 1, 1),
    (32, '10000000-0000-4000-8000-000000000033', 'long', 'default', replace(hex(zeroblob(2000001)), '0', 'x'), NULL, NULL, 1, 1),
    (33, '10000000-0000-4000-8000-000000000034', 'longest', 'default', substr(replace(hex(zeroblob(500001)), '0', 'x'), 1, 1000001), NULL, NULL, 1, 1),
    (34, '10000000-0000-4000-8000-000000000035', 'huge', 'default', zeroblob(40000000), zeroblob(40000000), NULL, 1, 1),
    (35, '10000000-0000-4000-8000-000000000036', 'huge name', zeroblob(40000000), 'text', NULL, NULL, 1, 1),
    (9223372036854775807, '10000000-0000-4000-8000-000000000037', 'last', 'default', 'the last row there can be', NULL, NULL, 1, 1);
INSERT INTO tags VALUES ('t', replace(hex(zeroblob(40)), '0', 't'), 1);
INSERT INTO memory_tags VALUES ('10000000-0000-4000-8000-000000000032', 't', 1);

INSERT INTO memory_versions (rowid, id, memory_id, version, key, namespace, content, created_at) VALUES
    (1, 'v1', '10000000-0000-4000-8000-000000000001', 1, 'fine', 'default', 'before', 1),
    (2, 'v2', '10000000-0000-4000-8000-000000000001', 1, 'fine', 'default', 'the same number', 1),
    (3, 'v3', '10000000-0000-4000-8000-0000000000ff', 1, 'orphan', 'default', 'of no entry', 1),
    (4, 'v4', '10000000-0000-4000-8000-000000000001', 0, 'fine', 'default', 'number 0', 1),
    (5, 'v5', '10000000-0000-4000-8000-000000000001', 'two', 'fine', 'default', 'no number', 1),
    (6, 'v6', '10000000-0000-4000-8000-000000000001', 4294967297, 'fine', 'default', 'too high', 1),
    (7, 'v7', '10000000-0000-4000-8000-000000000001', 200, 'fine', 'default', 'far ahead', 1),
    (8, 'v8', '10000000-0000-4000-8000-000000000011', 1, 'broken', 'default', 'of a refused entry', 1),
    (9, 'v9', '10000000-0000-4000-8000-000000000023', 1, 'place', 'x', 'of an ended session', 1),
    (10, 'v10', NULL, 1, 'x', 'x', 'of NULL', 1),
    (11, 'v11', '10000000-0000-4000-8000-000000000010', 1, 'hidden', 'default', 'of an entry that is held back', 1),
    (12, 'v12', '10000000-0000-4000-8000-000000000008', 1, 'x', 'x', x'00', 1);
