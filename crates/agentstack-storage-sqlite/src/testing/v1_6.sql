INSERT INTO sessions VALUES
    ('7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'active', 1767225600000, NULL, '{"project":"alpha"}'),
    ('7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02', 'ended', 1767225500000, 1767225600000, NULL),
    ('7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e03', 'active', 1767225700000, NULL, NULL);
INSERT INTO agent_identities VALUES
    ('60000000-0000-4000-8000-000000000001', 'coder', 'active', '[{"name":"rust","version":"1.2","enabled":true},{"name":"cobol","enabled":false},{"name":"sql","enabled":true,"metadata":{}}]', 4, 'ada', 'Writes programs.', '{"team":"a"}', 1767225600000, 1767225650000, NULL, NULL, 'ann', 1767225640000),
    ('60000000-0000-4000-8000-000000000002', 'tester', 'retired', '[]', 2, 'ada', NULL, NULL, 1767225600000, 1767225600000, 1767225700000, 'no longer needed', NULL, 1767225700000);
INSERT INTO agent_identity_audit VALUES ('x', '60000000-0000-4000-8000-000000000001', 'created', 1767225600000);
INSERT INTO tasks (id, session_id, agent_type, status, input, output, created_at, completed_at, risk_level, parent_task_id, depth) VALUES
    ('20000000-0000-4000-8000-000000000001', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'coder', 'completed', 'write it', 'written', 1767225600010, 1767225600020, 'high', NULL, 0),
    ('20000000-0000-4000-8000-000000000002', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'tester', 'running', 'test it', NULL, 1767225600030, NULL, NULL, '20000000-0000-4000-8000-000000000001', 1),
    ('20000000-0000-4000-8000-000000000003', '7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02', 'coder', 'failed', 'of an ended session', 'gave up', 1767225600040, 1767225600050, 'low', NULL, 0);
INSERT INTO task_relationships VALUES ('r', '20000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000002', 'parent_of', NULL, 1767225600030);
INSERT INTO memory (id, key, namespace, content, embedding, metadata, agent_id, created_at, updated_at) VALUES
    ('10000000-0000-4000-8000-000000000001', 'build', 'default', 'The build runs with just.', NULL, '{"v":2}', 'coder-1', 1767225600001, 1767225900001),
    ('10000000-0000-4000-8000-000000000002', 'plan', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01', 'First the parser.', x'0000803f', NULL, NULL, 1767225600002, 1767225600002),
    ('10000000-0000-4000-8000-000000000003', 'plan', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02', 'Of an ended session.', NULL, NULL, NULL, 1767225600003, 1767225600003),
    ('10000000-0000-4000-8000-000000000004', 'plan', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e03', 'Then the printer.', NULL, NULL, NULL, 1767225600004, 1767225600004);
INSERT INTO memory_versions (id, memory_id, version, key, namespace, content, metadata, created_at) VALUES
    ('30000000-0000-4000-8000-000000000001', '10000000-0000-4000-8000-000000000001', 1, 'build', 'default', 'The build runs with make.', NULL, 1767225600001),
    ('30000000-0000-4000-8000-000000000002', '10000000-0000-4000-8000-000000000003', 1, 'plan', 'session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02', 'Of an ended session, before.', NULL, 1767225600001);
INSERT INTO tags VALUES ('40000000-0000-4000-8000-000000000001', 'tooling', 1767225600001);
INSERT INTO memory_tags VALUES ('10000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000001', 1767225600001);
