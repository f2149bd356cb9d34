-- Looking after an installation: what was written through which tool can be traced, as what a principal wrote can.

-- The tool of the version that was read: part of its origin, as the principal and the agent are.
ALTER TABLE reads ADD COLUMN origin_tool TEXT NOT NULL DEFAULT '';
ALTER TABLE holder_reads ADD COLUMN origin_tool TEXT NOT NULL DEFAULT '';

-- What is there still can be looked up. The tool of what was deleted since is not known, and stays empty.
CREATE TEMPORARY TABLE known_tools AS
    SELECT uuid, version, origin_tool AS tool FROM entries
    UNION ALL SELECT e.uuid, p.version, p.origin_tool FROM entry_versions p JOIN entries e ON e.id = p.entry
    UNION ALL SELECT uuid, version, origin_tool FROM held_versions;
CREATE INDEX temp.known_tools_version ON known_tools (uuid, version);
UPDATE reads SET origin_tool = k.tool FROM known_tools k WHERE k.uuid = reads.uuid AND k.version = reads.version;
UPDATE holder_reads SET origin_tool = k.tool
    FROM known_tools k WHERE k.uuid = holder_reads.uuid AND k.version = holder_reads.version;
DROP TABLE known_tools;

-- Keys that have signed checkpoints before the master key was replaced, each vouched for by the key that signs now.
CREATE TABLE audit_former_keys (
    sequence  INTEGER NOT NULL,
    statement TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
