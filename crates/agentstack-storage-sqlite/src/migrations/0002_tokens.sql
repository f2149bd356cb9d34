-- API tokens. Times are milliseconds since the Unix epoch; an id is the 16 bytes of a UUIDv7.

CREATE TABLE tokens (
    id         BLOB PRIMARY KEY CHECK (length(id) = 16),
    -- The SHA-256 of the token, which itself is kept nowhere (S03).
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    subject    TEXT NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('operator', 'developer', 'viewer', 'agent')),
    agent      TEXT,
    -- JSON arrays of names; NULL is all there are.
    operations TEXT,
    namespaces TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

-- A grant never changes: another one is another token.
CREATE TRIGGER tokens_fixed BEFORE UPDATE ON tokens
BEGIN SELECT RAISE(ABORT, 'a grant never changes'); END;
