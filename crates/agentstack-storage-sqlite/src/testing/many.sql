WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
INSERT INTO sessions SELECT printf('70000000-0000-4000-8000-%012d', i), 'active', 1767225600000 + i, NULL, NULL FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
INSERT INTO agent_identities (agent_id, agent_type, status, display_name, created_at, last_active_at, updated_at)
    SELECT printf('60000000-0000-4000-8000-%012d', i), 'coder', 'active', 'agent ' || i, 1767225600000, 1767225600000, 1767225600000 FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO tasks (id, session_id, agent_type, status, input, created_at)
    SELECT printf('20000000-0000-4000-8000-%012d', i), printf('70000000-0000-4000-8000-%012d', 1 + i % 20), 'coder', 'pending',
        'part ' || i, 1767225600000 + i FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
INSERT INTO memory (id, key, namespace, content, created_at, updated_at)
    SELECT printf('10000000-0000-4000-8000-%012d', i), 'key ' || i,
        CASE WHEN i % 3 = 0 THEN printf('session:70000000-0000-4000-8000-%012d', 1 + i % 20) ELSE 'team-' || (i % 3) END,
        'Entry ' || i || ' says what is so in the house of the rising number ' || (i * 7919 % 1000) || '.',
        1767225600000 + i, 1767225600000 + i FROM n;
INSERT INTO memory_versions (id, memory_id, version, key, namespace, content, created_at)
    SELECT 'v' || rowid, id, 1, key, namespace, 'Before: ' || content, created_at FROM memory WHERE rowid % 2 = 0;
