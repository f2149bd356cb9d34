//! Whether all of a database is as it has to be: its pages, its references, its texts, and what is made of them.

use std::fmt;

use agentstack_storage::StorageError;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Executor, Row};

use super::{Holdings, MaintenanceError, holdings};
use crate::error::{CORRUPT, primary_code, storage};
use crate::facts::Known;
use crate::index::{Sums, Terms, blocks, key_hash};
use crate::row::{Columns, count};
use crate::vectors::record_len;
use crate::veil::Veil;
use crate::{Encryption, OpenError, OpenOptions, migrate};

/// Most faults that are listed; further ones are counted only.
const LISTED: usize = 100;

const MALFORMED: &str = "the database disk image is malformed";

/// What was found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// How much there is; not known where the pages are damaged.
    pub holdings: Option<Holdings>,
    /// What is wrong: at most a hundred of it.
    pub faults: Vec<Fault>,
    /// How many faults there are, listed or not.
    pub total: u64,
}

/// Something that is not as it has to be. Prints as a sentence without anything that callers chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is about: `pages`, `references`, `entries`, `index`, `vectors` or `audit`.
    pub area: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.area, self.what)
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checking {
    /// What is looked at, in a word or two.
    pub stage: &'static str,
    /// How much has been looked at; 0 of 0 where nobody knows.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// Looks at everything. Writes nothing, and needs no right to.
///
/// # Errors
/// When the database does not open, or reading it fails for another reason than that it is damaged.
pub async fn check(
    options: &OpenOptions,
    progress: &mut (dyn FnMut(Checking) + Send),
) -> Result<Checked, MaintenanceError> {
    let options = OpenOptions { read_only: true, ..options.clone() };
    options.prepare()?;
    let mut connection = match options.connect().await {
        Err(OpenError::Database { source, .. }) if primary_code(&source) == Some(CORRUPT) => {
            let mut faults = Faults::default();
            faults.add("pages", MALFORMED);
            return Ok(faults.found(None));
        }
        opened => opened?,
    };
    let found = look(&mut connection, &options, progress).await;
    let _ = connection.close().await;
    found
}

async fn look(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
    progress: &mut (dyn FnMut(Checking) + Send),
) -> Result<Checked, MaintenanceError> {
    // With another key every page is noise; the first one tells.
    if let Err(source) = connection.execute("PRAGMA user_version").await {
        match options.problem(source) {
            OpenError::Database { .. } => {}
            other => return Err(other.into()),
        }
    }
    let mut faults = Faults::default();
    pages(connection, options, &mut faults, progress).await?;
    // Whoever reads rows of torn pages finds nothing but consequences.
    if faults.total > 0 {
        return Ok(faults.found(None));
    }
    migrate::migrate(connection, options).await?;
    // One moment for all of it.
    connection.execute("BEGIN").await.map_err(storage)?;
    let holdings = holdings(connection).await?;
    progress(Checking { stage: "references", done: 0, total: 0 });
    references(connection, &mut faults).await?;
    let mut done = 0;
    for namespace in namespaces(connection).await? {
        let mut told = |more| {
            done += more;
            progress(Checking { stage: "entries and index", done, total: holdings.entries });
        };
        Space { connection: &mut *connection, namespace, faults: &mut faults }.look(&mut told).await?;
    }
    versions(connection, &mut faults, progress).await?;
    vectors(connection, &mut faults).await?;
    Ok(faults.found(Some(holdings)))
}

/// Collects what is wrong.
#[derive(Default)]
struct Faults {
    listed: Vec<Fault>,
    total: u64,
}

impl Faults {
    fn add(&mut self, area: &'static str, what: impl Into<String>) {
        self.total += 1;
        if self.listed.len() < LISTED {
            self.listed.push(Fault { area, what: what.into() });
        }
    }

    fn add_all(&mut self, area: &'static str, found: impl IntoIterator<Item = String>) {
        for what in found {
            self.add(area, what);
        }
    }

    fn found(self, holdings: Option<Holdings>) -> Checked {
        Checked { holdings, faults: self.listed, total: self.total }
    }
}

/// SQLCipher proves the code of each page (HMAC-SHA-256), SQLite the trees in them.
async fn pages(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
    faults: &mut Faults,
    progress: &mut (dyn FnMut(Checking) + Send),
) -> Result<(), StorageError> {
    // The codes are those of the file, which is behind while the log has something in it; what is read through the log is
    // proven page by page all the same.
    if options.encryption() == Encryption::On && !options.has_log() {
        progress(Checking { stage: "the codes of the pages", done: 0, total: 0 });
        let found = ask(connection, "PRAGMA cipher_integrity_check").await?;
        if !found.is_empty() && !options.has_log() {
            // SQLCipher refuses everything once it has met a page that is not what was written.
            faults.add_all("pages", found);
            return Ok(());
        }
    }
    progress(Checking { stage: "the trees of the pages", done: 0, total: 0 });
    let found = ask(connection, "PRAGMA integrity_check(100)").await?;
    faults.add_all("pages", found.into_iter().filter(|text| text != "ok"));
    Ok(())
}

async fn ask(connection: &mut SqliteConnection, pragma: &'static str) -> Result<Vec<String>, StorageError> {
    match sqlx::query_scalar(pragma).fetch_all(connection).await.map_err(storage) {
        Err(StorageError::Damaged(_)) => Ok(vec![MALFORMED.to_owned()]),
        answered => answered,
    }
}

/// The same of a database whose rows may not be looked at yet.
pub(super) async fn pages_of(
    connection: &mut SqliteConnection,
    options: &OpenOptions,
) -> Result<Vec<Fault>, StorageError> {
    let mut faults = Faults::default();
    pages(connection, options, &mut faults, &mut |_| {}).await?;
    Ok(faults.listed)
}

async fn references(connection: &mut SqliteConnection, faults: &mut Faults) -> Result<(), StorageError> {
    let sql = "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2";
    for row in sqlx::query(sql).fetch_all(&mut *connection).await.map_err(storage)? {
        let mut columns = Columns::from(&row, 0);
        let (table, parent, rows): (&str, &str, i64) = (columns.take()?, columns.take()?, columns.take()?);
        faults.add("references", format!("{rows} rows of {table} name a row of {parent} that is not there"));
    }
    let sql = "SELECT count(*), coalesce(max(sequence), 0) FROM audit";
    let (records, last) =
        sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(connection).await.map_err(storage)?;
    if records != last {
        faults.add("audit", format!("the log has {records} records, and its last one is record {last}"));
    }
    Ok(())
}

/// A namespace's number and secret.
type Namespace = (i64, Vec<u8>);

/// What is left of ended sessions is on its way out.
async fn namespaces(connection: &mut SqliteConnection) -> Result<Vec<Namespace>, StorageError> {
    let sql = "SELECT id, secret FROM namespaces WHERE id NOT IN (SELECT namespace FROM ended_namespaces) ORDER BY id";
    sqlx::query_as(sql).fetch_all(connection).await.map_err(storage)
}

/// Few at a time: contents may be large.
const ENTRIES: &str = "SELECT id, length, chars, key_hash, facts, content FROM entries WHERE namespace = $1 AND id > $2 \
     ORDER BY id LIMIT 32";
const FRESH: &str =
    "SELECT id, terms FROM index_fresh WHERE id > $1 AND id < ($2 + 1) << 32 ORDER BY id LIMIT 64";
const SEGMENTS: &str = "SELECT map, entries FROM index_segments WHERE id >= $1 << 32 AND id < ($1 + 1) << 32";
const BLOCK: &str = "SELECT terms FROM index_blocks WHERE id = $1";
const BLOCKS: &str = "SELECT count(*) FROM index_blocks WHERE id >= $1 << 32 AND id < ($1 + 1) << 32";

/// A namespace that is looked at.
struct Space<'c> {
    connection: &'c mut SqliteConnection,
    namespace: Namespace,
    faults: &'c mut Faults,
}

impl Space<'_> {
    async fn look(mut self, told: &mut (dyn FnMut(u64) + Send)) -> Result<(), StorageError> {
        let number = self.namespace.0;
        let Some((mut sums, indexed)) = self.read_index().await? else {
            self.faults.add("index", format!("that of namespace {number} cannot be read"));
            return Ok(());
        };
        let veil = Veil::new(&self.namespace.1);
        let (mut last, mut entries) = (0_i64, 0_u64);
        loop {
            let asked = sqlx::query(ENTRIES).bind(number).bind(last);
            let rows = asked.fetch_all(&mut *self.connection).await.map_err(storage)?;
            let Some(newest) = rows.last() else { break };
            last = newest.try_get(0).map_err(storage)?;
            for row in &rows {
                self.compare(row, &veil, &mut sums)?;
            }
            entries += rows.len() as u64;
            told(rows.len() as u64);
        }
        if sums.left() > 0 {
            let left = sums.left();
            self.faults.add("index", format!("{left} entries of namespace {number} are in the index only"));
        }
        if indexed != entries {
            let what =
                format!("that of namespace {number} counts {indexed} entries where there are {entries}");
            self.faults.add("index", what);
        }
        Ok(())
    }

    fn compare(&mut self, row: &SqliteRow, veil: &Veil, sums: &mut Sums) -> Result<(), StorageError> {
        let mut columns = Columns::from(row, 0);
        let (id, length, chars): (i64, i64, i64) = (columns.take()?, columns.take()?, columns.take()?);
        let (hash, facts): (Vec<u8>, &[u8]) = (columns.take()?, columns.take()?);
        let content: Result<String, _> = columns.covered("a content", veil, Some);
        let (Ok(facts), Ok(content)) = (Known::uncover(veil, facts), content) else {
            self.faults.add("entries", format!("entry {id} cannot be read"));
            return Ok(());
        };
        let terms = Terms::of(facts.key.as_str(), &content);
        let counted = i64::try_from(content.chars().count()).unwrap_or(i64::MAX);
        if hash != key_hash(&facts.key) || chars != counted || length != terms.length {
            self.faults.add("entries", format!("what is noted of entry {id} is not what it holds"));
        }
        if !sums.settle(id, &terms.sum(&self.namespace.1)) {
            self.faults.add("index", format!("the postings of entry {id} are not its terms"));
        }
        Ok(())
    }

    /// What all postings come to, and how many entries the index says it has. `None` if it cannot be read.
    async fn read_index(&mut self) -> Result<Option<(Sums, u64)>, StorageError> {
        let number = self.namespace.0;
        let (mut sums, mut entries, mut last) = (Sums::default(), 0_u64, (number << 32) - 1);
        loop {
            let asked = sqlx::query(FRESH).bind(last).bind(number);
            let rows = asked.fetch_all(&mut *self.connection).await.map_err(storage)?;
            let Some(newest) = rows.last() else { break };
            last = newest.try_get(0).map_err(storage)?;
            for row in &rows {
                if sums.take_fresh(row.try_get(1).map_err(storage)?).is_err() {
                    return Ok(None);
                }
            }
            entries += rows.len() as u64;
        }
        let asked = sqlx::query(SEGMENTS).bind(number);
        let (segments, mut read) = (asked.fetch_all(&mut *self.connection).await.map_err(storage)?, 0);
        for segment in &segments {
            let mut columns = Columns::from(segment, 0);
            let Ok(blocks) = blocks(columns.take()?) else { return Ok(None) };
            entries += count(columns.take()?)?;
            for block in blocks {
                let asked = sqlx::query(BLOCK).bind(block).fetch_optional(&mut *self.connection);
                let Some(row) = asked.await.map_err(storage)? else { return Ok(None) };
                if sums.take_block(row.try_get(0).map_err(storage)?).is_err() {
                    return Ok(None);
                }
                read += 1;
            }
        }
        let asked = sqlx::query_scalar::<_, i64>(BLOCKS).bind(number).fetch_one(&mut *self.connection);
        if asked.await.map_err(storage)? != read {
            self.faults.add("index", format!("that of namespace {number} has blocks that are in no segment"));
        }
        Ok(Some((sums, entries)))
    }
}

const PAST: &str = "SELECT v.rowid, n.secret, v.chars, v.facts, v.content FROM entry_versions v \
     JOIN entries e ON e.id = v.entry JOIN namespaces n ON n.id = e.namespace WHERE v.rowid > $1 \
     ORDER BY v.rowid LIMIT 32";
const HELD: &str = "SELECT v.id, n.secret, v.chars, v.facts, v.content FROM held_versions v \
     JOIN namespaces n ON n.id = v.namespace WHERE v.id > $1 ORDER BY v.id LIMIT 32";

/// Whether past versions and those that are held back can be read.
async fn versions(
    connection: &mut SqliteConnection,
    faults: &mut Faults,
    progress: &mut (dyn FnMut(Checking) + Send),
) -> Result<(), StorageError> {
    let mut done = 0;
    for sql in [PAST, HELD] {
        let mut last = 0_i64;
        loop {
            let asked = sqlx::query(sql).bind(last);
            let rows = asked.fetch_all(&mut *connection).await.map_err(storage)?;
            let Some(newest) = rows.last() else { break };
            last = newest.try_get(0).map_err(storage)?;
            for row in &rows {
                let mut columns = Columns::from(row, 1);
                let (veil, chars): (_, i64) = (Veil::new(columns.take()?), columns.take()?);
                let facts: &[u8] = columns.take()?;
                let content: Result<String, _> = columns.covered("a content", &veil, Some);
                let counted =
                    content.map(|content| i64::try_from(content.chars().count()).unwrap_or(i64::MAX));
                if Known::uncover(&veil, facts).is_err() || counted.ok() != Some(chars) {
                    faults.add("entries", "a version that is past or held back cannot be read");
                }
            }
            done += rows.len() as u64;
            progress(Checking { stage: "versions", done, total: 0 });
        }
    }
    Ok(())
}

/// Whether each vector is that of an entry, and has as many numbers as its model says.
async fn vectors(connection: &mut SqliteConnection, faults: &mut Faults) -> Result<(), StorageError> {
    let stray = "SELECT count(*) FROM vectors v LEFT JOIN entries e ON e.id = v.entry AND e.namespace = v.namespace \
         LEFT JOIN embedding_models m ON m.id = v.model WHERE (e.id IS NULL OR (v.model > 0 AND m.id IS NULL)) \
         AND v.namespace NOT IN (SELECT namespace FROM ended_namespaces)";
    let strays: i64 = sqlx::query_scalar(stray).fetch_one(&mut *connection).await.map_err(storage)?;
    if strays > 0 {
        faults.add("vectors", format!("{strays} are of no entry or of no model"));
    }
    let models = sqlx::query_as::<_, (i64, u32)>("SELECT id, dimension FROM embedding_models");
    for (model, dimension) in models.fetch_all(&mut *connection).await.map_err(storage)? {
        let sql = "SELECT count(*) FROM vectors WHERE model = $1 AND length(vector) <> $2";
        let bytes = i64::try_from(record_len(dimension)).unwrap_or(i64::MAX);
        let asked = sqlx::query_scalar::<_, i64>(sql).bind(model).bind(bytes).fetch_one(&mut *connection);
        let odd = asked.await.map_err(storage)?;
        if odd > 0 {
            faults.add("vectors", format!("{odd} do not have the {dimension} numbers of their model"));
        }
    }
    Ok(())
}
