//! The statements of a transaction on one entry.

use crate::index::in_namespace;
use crate::write::alive;

/// The columns of [`Space`] and [`Existing`], of the namespace `n`, the last of its fresh rows `t` and the entry `e`.
macro_rules! opened_columns {
    () => {
        concat!(
            "n.id, n.secret, n.shared, t.id, t.filled, e.id, e.uuid, e.version, e.last_version, e.agent, e.created_at, ",
            "CASE WHEN e.id IS NOT NULL THEN (SELECT f.id FROM index_fresh f WHERE ",
            in_namespace!("f"),
            " AND f.entry = e.id) END"
        )
    };
}

/// The last of the fresh rows of the namespace `n`.
macro_rules! last_fresh {
    () => {
        concat!(
            "LEFT JOIN index_fresh t ON t.id = (SELECT max(f.id) FROM index_fresh f WHERE ",
            crate::index::in_namespace!("f"),
            ")"
        )
    };
}
pub(crate) use last_fresh;

/// Opens a transaction on one entry: the log's head, whether the session lives, its number and how much it has read, the number that a new entry would have, the namespace with the last of its fresh entries, the
/// entry, its row if it is fresh, and the newest version of the key that is held back.
pub(crate) const OPEN: &str = concat!(
    "BEGIN IMMEDIATE; ",
    "SELECT a.sequence, a.hash, ",
    alive!(),
    ", coalesce(w.namespace, 0), ",
    "(SELECT coalesce(max(r.place), 0) FROM reads r WHERE r.reader = w.namespace), ",
    "(SELECT coalesce(max(id), 0) + 1 FROM entries), ",
    opened_columns!(),
    ", h.uuid, h.version ",
    "FROM (SELECT 1) LEFT JOIN (SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1) a ",
    "LEFT JOIN sessions w ON w.id = $1 LEFT JOIN namespaces n ON n.name = $4 ",
    last_fresh!(),
    " LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $5 ",
    "LEFT JOIN held_versions h ON h.id = (SELECT o.id FROM held_versions o ",
    "WHERE o.namespace = n.id AND o.key_hash = $5 ORDER BY o.version DESC LIMIT 1)"
);

/// The same of the entry with the row $1, for what is no business of a session.
pub(crate) const OPEN_ROW: &str = concat!(
    "SELECT ",
    opened_columns!(),
    " FROM entries e JOIN namespaces n ON n.id = e.namespace ",
    last_fresh!(),
    " WHERE e.id = $1"
);

/// The columns of [`Space`] of the namespace $1.
pub(super) const SPACE: &str = concat!(
    "SELECT n.id, n.secret, n.shared, t.id, t.filled FROM namespaces n ",
    last_fresh!(),
    " WHERE n.id = $1"
);

/// Appends an entry to the fresh ones, unless it is in a segment already.
macro_rules! add_fresh {
    () => {
        "INSERT INTO index_fresh (id, entry, filled, terms) SELECT $6, $7, $8, $5 WHERE $6 IS NOT NULL; "
    };
}

/// Notes whether the entry is to have a vector, where that is said.
macro_rules! wish {
    () => {
        "INSERT INTO vectors (namespace, entry, model, vector) SELECT $4, $7, $28, x'' WHERE $28 IS NOT NULL \
         ON CONFLICT DO UPDATE SET model = excluded.model, vector = x''; "
    };
}

/// $4 namespace $5 to $8 terms and number of the fresh row, entry, number of fresh postings $9 length $10 id $11 version
/// $12 created $13 the key's hash $14 agent $15 tags $16 trust $17 $18 writer $19 to $21 origin $22 chars $23 facts
/// $24 content $25 to $27 the record $28 what is wished for a vector.
pub(super) const INSERT: &str = concat!(
    "INSERT INTO entries (id, namespace, length, version, last_version, updated_at, created_at, uuid, key_hash, agent, tags, trust, ",
    "writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) ",
    "VALUES ($7, $4, $9, $11, $11, $3, $12, $10, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24); ",
    add_fresh!(),
    wish!(),
    "INSERT INTO audit (sequence, body, hash) VALUES ($25, $26, $27); COMMIT"
);

pub(super) const UPDATE: &str = concat!(
    "UPDATE entries SET length = $9, version = $11, last_version = $11, updated_at = $3, agent = $14, tags = $15, trust = $16, writer = $17, ",
    "had_read = $18, origin_principal = $19, origin_agent = $20, origin_tool = $21, chars = $22, facts = $23, ",
    "content = $24 WHERE id = $7; ",
    add_fresh!(),
    wish!(),
    "INSERT INTO audit (sequence, body, hash) VALUES ($25, $26, $27); COMMIT"
);

/// A version that is held back: bound as the others.
pub(super) const HOLD: &str = "INSERT INTO held_versions (namespace, uuid, version, trust, held_at, key_hash, created_at, stored_at, \
     agent, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) \
     VALUES ($4, $10, $11, $16, $3, $13, $12, $3, $14, $17, $18, $19, $20, $21, $22, $23, $24); \
     UPDATE entries SET last_version = $11 WHERE namespace = $4 AND key_hash = $13; \
     INSERT INTO audit (sequence, body, hash) VALUES ($25, $26, $27); COMMIT";

/// [`INSERT`] and [`HOLD`] in the midst of a transaction, bound as they are; $25 to $27 are nothing.
pub(crate) const ADD: &str = concat!(
    "INSERT INTO entries (id, namespace, length, version, last_version, updated_at, created_at, uuid, key_hash, agent, tags, trust, ",
    "writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) ",
    "VALUES ($7, $4, $9, $11, $11, $3, $12, $10, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24); ",
    add_fresh!(),
    wish!()
);
pub(crate) const ADD_HELD: &str = "INSERT INTO held_versions (namespace, uuid, version, trust, held_at, key_hash, created_at, stored_at, \
     agent, writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content) \
     VALUES ($4, $10, $11, $16, $3, $13, $12, $3, $14, $17, $18, $19, $20, $21, $22, $23, $24)";
/// A past version of the entry $7.
pub(crate) const ADD_PAST: &str = "INSERT INTO entry_versions (entry, version, stored_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) \
     VALUES ($7, $11, $3, $14, $16, $17, $18, $19, $20, $21, $22, $23, $24)";

/// How many versions of the namespace $1 wait for somebody.
pub(super) const COUNT_HELD: &str =
    "SELECT count(*) FROM held_versions WHERE namespace = $1 AND trust = 'quarantined'";

/// Puts the current version of the entry $1 into the history, and its terms out of what is fresh.
pub(super) const RETIRE: &str = "INSERT INTO entry_versions (entry, version, stored_at, agent, trust, writer, had_read, \
     origin_principal, origin_agent, origin_tool, chars, facts, content) SELECT id, version, updated_at, agent, trust, \
     writer, had_read, origin_principal, origin_agent, origin_tool, chars, facts, content FROM entries WHERE id = $1; \
     DELETE FROM entry_versions WHERE entry = $1 AND version <= $3; \
     DELETE FROM index_fresh WHERE id = $2";

pub(super) const REMOVE: &str = "DELETE FROM index_fresh WHERE id = $2; \
     DELETE FROM entry_versions WHERE entry = $1; DELETE FROM entries WHERE id = $1";

/// Removes what is held back of a key, as it goes with its entry.
pub(super) const REMOVE_HELD: &str = "DELETE FROM held_versions WHERE namespace = $1 AND key_hash = $2";

/// Removes a shared namespace that has nothing left.
pub(super) const REMOVE_EMPTY: &str = "DELETE FROM namespace_writers WHERE namespace = $1 \
     AND NOT EXISTS (SELECT 1 FROM entries WHERE namespace = $1) \
     AND NOT EXISTS (SELECT 1 FROM held_versions WHERE namespace = $1); \
     DELETE FROM namespaces WHERE id = $1 AND shared = 1 AND NOT EXISTS (SELECT 1 FROM entries WHERE namespace = $1) \
     AND NOT EXISTS (SELECT 1 FROM held_versions WHERE namespace = $1)";

pub(crate) const NOTE_WRITER: &str =
    "INSERT INTO namespace_writers (namespace, principal, agent) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// The session of the namespace $1 has written to a shared one.
pub(super) const NOTE_SHARED: &str =
    "UPDATE sessions SET wrote_shared = 1 WHERE namespace = $1 AND NOT wrote_shared";

pub(super) const TEXT: &str = "SELECT facts, content FROM entries WHERE id = $1";
