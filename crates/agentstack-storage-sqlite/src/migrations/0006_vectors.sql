-- Vectors of entries. They are content as the texts are (S41), and kept as those are: see vectors.rs.

-- A number is never used again.
CREATE TABLE embedding_models (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT NOT NULL,
    dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 8192)
) STRICT;
CREATE UNIQUE INDEX embedding_models_name ON embedding_models (name, dimension);

-- One row for each entry that has a vector, waits for one or is to have none. Those of a namespace lie together, so that
-- a search reads them one after the other.
CREATE TABLE vectors (
    namespace INTEGER NOT NULL,
    entry     INTEGER NOT NULL,
    -- The model; or -1 while it waits, 0 if it is to have none, -2 if the embedder would make none.
    model     INTEGER NOT NULL CHECK (model >= -2),
    -- The entry's number, and the vector under the namespace's secret.
    vector    BLOB NOT NULL,
    PRIMARY KEY (namespace, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX vectors_waiting ON vectors (entry) WHERE model = -1;
CREATE INDEX vectors_declined ON vectors (namespace) WHERE model = 0;

-- A vector is that of the current version, and goes with it.
CREATE TRIGGER vectors_version AFTER UPDATE OF version ON entries WHEN NEW.version <> OLD.version
BEGIN UPDATE vectors SET model = -1, vector = x'' WHERE namespace = OLD.namespace AND entry = OLD.id AND model <> 0; END;
CREATE TRIGGER vectors_entry AFTER DELETE ON entries
BEGIN DELETE FROM vectors WHERE namespace = OLD.namespace AND entry = OLD.id; END;
-- What comes back among the entries waits for a vector, where any have one.
CREATE TRIGGER vectors_back AFTER INSERT ON entries WHEN EXISTS (SELECT 1 FROM embedding_models)
BEGIN INSERT INTO vectors (namespace, entry, model, vector) VALUES (NEW.namespace, NEW.id, -1, x''); END;

-- Who does what only one process is to do, and until when.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder BLOB NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
