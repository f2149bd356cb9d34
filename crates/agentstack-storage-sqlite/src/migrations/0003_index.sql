-- The inverted index in layers: see index.rs. A namespace's rows are numbered `namespace << 32 | place`.
-- What it holds is made anew from the entries, by the program.

DROP TABLE postings;
ALTER TABLE entries DROP COLUMN run;
-- Statistics are the sums over the layers, so that a store need not write them.
ALTER TABLE namespaces DROP COLUMN entries;
ALTER TABLE namespaces DROP COLUMN terms;
ALTER TABLE namespaces DROP COLUMN run;
ALTER TABLE namespaces DROP COLUMN filled;

-- The terms of entries that are in no segment.
CREATE TABLE index_fresh (
    id     INTEGER PRIMARY KEY,
    entry  INTEGER NOT NULL,
    -- How many postings there are up to this row.
    filled INTEGER NOT NULL,
    terms  BLOB NOT NULL
) STRICT;

CREATE TABLE index_segments (
    id       INTEGER PRIMARY KEY,
    -- How often its postings have been merged, about.
    level    INTEGER NOT NULL,
    entries  INTEGER NOT NULL,
    -- How many terms the contents of these have.
    terms    INTEGER NOT NULL,
    postings INTEGER NOT NULL,
    -- Its blocks and their first terms.
    map      BLOB NOT NULL,
    -- The numbers of its entries. Last, so that a search does not read it.
    holds    BLOB NOT NULL
) STRICT;

CREATE TABLE index_blocks (
    id    INTEGER PRIMARY KEY,
    terms BLOB NOT NULL
) STRICT;

DELETE FROM index_analysis;
