-- Plugins. Times are milliseconds since the Unix epoch.

-- One row for each name that was ever installed: what was removed stays, so that no lower version comes after it.
CREATE TABLE plugins (
    name         TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 31),
    version      TEXT NOT NULL,
    hash         BLOB NOT NULL CHECK (length(hash) = 32),
    signer       BLOB NOT NULL CHECK (length(signer) = 8),
    -- A JSON object.
    grants       TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('enabled', 'disabled', 'removed')),
    installed_at INTEGER NOT NULL,
    loaded_at    INTEGER
) STRICT, WITHOUT ROWID;
