-- Imports from other products' databases. Times are milliseconds since the Unix epoch.

-- How far each has come, so that one that was interrupted goes on where it was, and one that is through takes nothing twice.
CREATE TABLE imports (
    -- The hash of what is imported and of what was asked for.
    import     BLOB PRIMARY KEY CHECK (length(import) = 32),
    begun_at   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    stage      INTEGER NOT NULL,
    -- The last row that was looked at.
    source_row INTEGER NOT NULL,
    -- What it has come to so far: counts, reasons and numbers of rows, nothing of what is in them.
    report     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
