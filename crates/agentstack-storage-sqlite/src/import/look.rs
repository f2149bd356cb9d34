//! What is there that decides about an item.

use agentstack_core::{EntryId, Namespace};
use agentstack_storage::StorageError;
use agentstack_storage::import::{ImportItem, There};
use sqlx::sqlite::SqliteConnection;

use crate::briefly::briefly;
use crate::error::storage;
use crate::index::{entries_of_namespace, key_hash};
use crate::memory::entry::Space;
use crate::memory::statements::last_fresh;
use crate::row::{Columns, count, small};
use crate::write::Statement;

pub(crate) const SESSION: &str = "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = $1)";

pub(crate) const IDENTITY: &str = "SELECT (SELECT owner FROM identities WHERE uuid = $1), \
     EXISTS (SELECT 1 FROM identities WHERE owner = $2 AND display_name = $3 AND status <> 'retired'), \
     (SELECT count(*) FROM identities WHERE owner = $2 AND status <> 'retired')";

pub(crate) const TASK: &str = "SELECT n.id, n.secret, \
     EXISTS (SELECT 1 FROM tasks k WHERE k.namespace = n.id AND k.uuid = $2), \
     (SELECT count(*) FROM tasks k WHERE k.namespace = n.id), p.depth, \
     (SELECT count(*) FROM tasks k WHERE k.namespace = n.id AND k.parent = $3) \
     FROM (SELECT 1) LEFT JOIN sessions s ON s.id = $1 LEFT JOIN namespaces n ON n.id = s.namespace \
     LEFT JOIN tasks p ON p.namespace = n.id AND p.uuid = $3";

/// The number of a new entry; whether the namespace has a session, what is current and what is held back under the key,
/// how many versions are held back and how many entries there are; and the columns of [`Space`].
pub(crate) const ENTRY: &str = concat!(
    "SELECT (SELECT coalesce(max(id), 0) + 1 FROM entries), ",
    "EXISTS (SELECT 1 FROM sessions s WHERE s.namespace = n.id), e.uuid, ",
    "(SELECT h.uuid FROM held_versions h WHERE h.namespace = n.id AND h.key_hash = $2 ORDER BY h.version DESC LIMIT 1), ",
    "(SELECT count(*) FROM held_versions h WHERE h.namespace = n.id AND h.trust = 'quarantined'), ",
    entries_of_namespace!(),
    ", n.id, n.secret, n.shared, t.id, t.filled FROM (SELECT 1) LEFT JOIN namespaces n ON n.name = $1 ",
    last_fresh!(),
    " LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $2"
);

/// The entry $3 under the key and whether it has a version $4, that is held back or not; whether any of it is held back;
/// and how many versions are.
pub(crate) const VERSION: &str = concat!(
    "SELECT e.id, EXISTS (SELECT 1 FROM entries c WHERE c.id = e.id AND c.version = $4) ",
    "OR EXISTS (SELECT 1 FROM entry_versions v WHERE v.entry = e.id AND v.version = $4) ",
    "OR EXISTS (SELECT 1 FROM held_versions h WHERE h.uuid = $3 AND h.version = $4), ",
    "EXISTS (SELECT 1 FROM held_versions h WHERE h.namespace = n.id AND h.key_hash = $2 AND h.uuid = $3), ",
    "(SELECT count(*) FROM held_versions h WHERE h.namespace = n.id AND h.trust = 'quarantined'), ",
    "n.id, n.secret, n.shared, t.id, t.filled FROM (SELECT 1) LEFT JOIN namespaces n ON n.name = $1 ",
    last_fresh!(),
    " LEFT JOIN entries e ON e.namespace = n.id AND e.key_hash = $2 AND e.uuid = $3"
);

/// What was seen: what decides, and where the item goes.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) there: There,
    /// The namespace, if there is one yet.
    pub(super) space: Option<Space>,
    /// The namespace of a task's session, and its secret.
    pub(super) session: Option<(i64, Vec<u8>)>,
    /// The number that a new entry gets, or that of a version's entry.
    pub(super) row: i64,
}

pub(super) async fn look(connection: &mut SqliteConnection, item: &ImportItem) -> Result<Seen, StorageError> {
    let question = question(item);
    let row = briefly(question.fetch_one(connection)).await.map_err(storage)?;
    let columns = &mut Columns::from(&row, 0);
    match item {
        ImportItem::Session(_) => {
            let is_there = columns.take::<bool>()?;
            Ok(Seen::of(There { itself: is_there.then_some(true), ..There::default() }))
        }
        ImportItem::Identity(identity) => {
            let owner: Option<String> = columns.take()?;
            Ok(Seen::of(There {
                itself: owner.map(|owner| owner == identity.owner),
                name_is_taken: columns.take()?,
                siblings: count(columns.take()?)?,
                ..There::default()
            }))
        }
        ImportItem::Task(_) => task(columns),
        ImportItem::Entry(entry) => entry_seen(columns, &entry.namespace, entry.id),
        ImportItem::Version(_) => version(columns),
    }
}

fn question(item: &ImportItem) -> Statement {
    match item {
        ImportItem::Session(session) => sqlx::query(SESSION).bind(session.id.as_bytes().to_vec()),
        ImportItem::Identity(identity) => sqlx::query(IDENTITY)
            .bind(identity.id.as_bytes().to_vec())
            .bind(identity.owner.clone())
            .bind(identity.display_name.as_ref().map(ToString::to_string)),
        ImportItem::Task(task) => sqlx::query(TASK)
            .bind(task.session.as_bytes().to_vec())
            .bind(task.task.id.as_bytes().to_vec())
            .bind(task.task.parent.map(|parent| parent.as_bytes().to_vec())),
        ImportItem::Entry(entry) => {
            sqlx::query(ENTRY).bind(entry.namespace.to_string()).bind(key_hash(&entry.version.key))
        }
        ImportItem::Version(version) => sqlx::query(VERSION)
            .bind(version.namespace.to_string())
            .bind(key_hash(&version.version.key))
            .bind(version.entry.as_bytes().to_vec())
            .bind(version.version.number),
    }
}

fn task(columns: &mut Columns<'_>) -> Result<Seen, StorageError> {
    let (id, secret): (Option<i64>, Option<Vec<u8>>) = (columns.take()?, columns.take()?);
    let is_there: bool = columns.take()?;
    let siblings = count(columns.take()?)?;
    let depth = columns.take::<Option<i64>>()?.map(small).transpose()?;
    let parts = count(columns.take()?)?;
    let session = id.zip(secret);
    let there = There {
        home: session.is_some(),
        itself: is_there.then_some(true),
        siblings,
        parent: depth.map(|depth| (depth, parts)),
        ..There::default()
    };
    Ok(Seen { session, ..Seen::of(there) })
}

fn entry_seen(columns: &mut Columns<'_>, namespace: &Namespace, id: EntryId) -> Result<Seen, StorageError> {
    let row = columns.take()?;
    let has_session: bool = columns.take()?;
    let current = columns.optional_id(EntryId::from_bytes)?;
    let held_back = columns.optional_id(EntryId::from_bytes)?;
    let held = count(columns.take()?)?;
    // Without a namespace there is nothing to be counted.
    let siblings = count(columns.take::<Option<i64>>()?.unwrap_or_default())?;
    let space = Space::read(columns)?;
    let there = There {
        home: has_session || matches!(namespace, Namespace::Shared(_)),
        itself: current.or(held_back).map(|there| there == id),
        siblings,
        held,
        ..There::default()
    };
    Ok(Seen { space, row, ..Seen::of(there) })
}

fn version(columns: &mut Columns<'_>) -> Result<Seen, StorageError> {
    let row: Option<i64> = columns.take()?;
    let is_there: bool = columns.take()?;
    let home_is_held: bool = columns.take()?;
    let held = count(columns.take()?)?;
    let space = Space::read(columns)?;
    let there = There {
        home: row.is_some(),
        home_is_held,
        itself: is_there.then_some(true),
        held,
        ..There::default()
    };
    Ok(Seen { space, row: row.unwrap_or_default(), ..Seen::of(there) })
}

impl Seen {
    fn of(there: There) -> Self {
        Self { there, ..Self::default() }
    }
}
