//! The database of the product before this one, as it is read to be imported.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agentstack_storage::import::{Cell, ImportSource, SourceItem, SourceRow, SourceTable};
use agentstack_storage_sqlite::testing::{self, HOSTILE, V1_0, V1_3, V1_6, V1_6_EMPTY};
use agentstack_storage_sqlite::{ReferenceFile, ReferenceFileProblem};
use proptest::prelude::*;
use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        std::fs::create_dir(folder.path().join("theirs")).unwrap();
        Self { folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("theirs/aistack.db")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    async fn with(scripts: &[&'static str]) -> Self {
        let place = Self::new();
        testing::make(&place.file(), scripts).await.unwrap();
        place
    }

    async fn open(&self) -> Result<ReferenceFile, ReferenceFileProblem> {
        ReferenceFile::open(&self.file(), &self.scratch()).await
    }

    /// Every file of the folder, with its bytes.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path().join("theirs")).unwrap();
        files
            .map(|file| file.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }

    async fn refused(&self) -> ReferenceFileProblem {
        self.open().await.err().unwrap()
    }
}

async fn all(source: &mut ReferenceFile, table: SourceTable) -> Vec<SourceRow> {
    let (mut rows, mut after) = (vec![], i64::MIN);
    loop {
        let more = source.rows(table, after).await.unwrap();
        let Some(last) = more.last() else { return rows };
        assert!(last.row > after);
        after = last.row;
        rows.extend(more);
    }
}

fn text(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

async fn keys(source: &mut ReferenceFile) -> Vec<String> {
    let rows = all(source, SourceTable::Memory).await;
    rows.iter()
        .map(|row| match &row.item {
            SourceItem::Entry(entry) => text(&entry.key).to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test]
async fn each_version_is_read_and_left_as_it_is() {
    for (scripts, counts) in [(V1_0, [2, 0, 3, 3, 0]), (V1_3, [0, 0, 0, 2, 2]), (V1_6, [3, 2, 3, 4, 2])] {
        let place = Place::with(scripts).await;
        let before = place.bytes();
        let mut source = place.open().await.unwrap();
        let totals = source.totals().await.unwrap();
        for (table, count) in SourceTable::ALL.into_iter().zip(counts) {
            assert_eq!(all(&mut source, table).await.len(), count, "{table:?}");
            let told = totals.rows.iter().find(|(of, _)| *of == table).map_or(0, |(_, rows)| *rows);
            assert_eq!(told, count as u64, "{table:?}");
        }
        source.close().await.unwrap();
        assert_eq!(place.bytes(), before, "nothing is written to it, nor beside it");
        assert_eq!(std::fs::read_dir(place.scratch()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn what_a_row_names_is_read_with_it() {
    let place = Place::with(V1_6).await;
    let mut source = place.open().await.unwrap();
    let entries = all(&mut source, SourceTable::Memory).await;
    let SourceItem::Entry(build) = &entries[0].item else { panic!() };
    assert_eq!((text(&build.key), text(&build.agent)), ("build", "coder-1"));
    assert_eq!(build.tags, [Cell::Text("tooling".into())]);
    assert_eq!((&build.newest_past, &build.session.id), (&Cell::Number(1), &Cell::Null));
    let SourceItem::Entry(plan) = &entries[2].item else { panic!() };
    assert_eq!((text(&plan.session.status), &plan.newest_past), ("ended", &Cell::Number(1)));
    let tasks = all(&mut source, SourceTable::Tasks).await;
    let SourceItem::Task(task) = &tasks[1].item else { panic!() };
    assert_eq!(task.parent_created_at, Cell::Number(1_767_225_600_010));
    assert_eq!(text(&task.session.status), "active");
    let totals = source.totals().await.unwrap();
    assert_eq!(totals.others, [("agent_identity_audit", 1), ("task_relationships", 1)]);
}

#[tokio::test]
async fn a_journal_is_part_of_the_database_and_is_not_touched() {
    let made = Place::with(V1_6_EMPTY).await;
    let mut writer = testing::open(&made.file()).await.unwrap();
    writer.execute("PRAGMA journal_mode = WAL").await.unwrap();
    writer
        .execute("INSERT INTO memory VALUES ('1', 'in the log', 'n', 'c', NULL, NULL, NULL, 1, 1)")
        .await
        .unwrap();
    // As it is after a crash: the log is there, and nobody has the file open.
    let place = Place::new();
    for ending in ["", "-wal"] {
        let name = |place: &Place| format!("{}{ending}", place.file().display());
        std::fs::copy(name(&made), name(&place)).unwrap();
    }
    let before = place.bytes();
    let mut source = place.open().await.unwrap();
    assert_eq!(std::fs::read_dir(place.scratch()).unwrap().count(), 0, "of the copy nothing is left to find");
    let with_log = source.fingerprint();
    assert_eq!(keys(&mut source).await, ["in the log"]);
    source.close().await.unwrap();
    assert_eq!(place.bytes(), before);
    std::fs::remove_file(format!("{}-wal", place.file().display())).unwrap();
    let mut source = place.open().await.unwrap();
    assert_eq!(keys(&mut source).await, [""; 0]);
    assert_ne!(source.fingerprint(), with_log);
}

#[tokio::test]
async fn a_transaction_that_was_interrupted_has_not_been() {
    let made = Place::with(V1_6_EMPTY).await;
    let mut writer = testing::open(&made.file()).await.unwrap();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
               INSERT INTO memory SELECT 'x' || i, 'before ' || i, 'n', hex(zeroblob(1000)), NULL, NULL, NULL, 1, 1 FROM n";
    writer.execute(sql).await.unwrap();
    // As the last moment of a transaction leaves them: the file with what is new, the journal with what was.
    let sql = "PRAGMA synchronous = OFF; BEGIN; UPDATE memory SET content = 'never ' || content";
    writer.execute(sql).await.unwrap();
    let place = Place::new();
    for (ending, then) in [("-journal", "COMMIT"), ("", "SELECT 1")] {
        let name = |place: &Place| format!("{}{ending}", place.file().display());
        std::fs::copy(name(&made), name(&place)).unwrap();
        writer.execute(then).await.unwrap();
    }
    let before = place.bytes();
    assert!(before[&place.file()].windows(6).any(|bytes| bytes == b"never "), "what is new is in the file");
    let mut source = place.open().await.unwrap();
    let rows = all(&mut source, SourceTable::Memory).await;
    assert_eq!(rows.len(), 300);
    for row in rows {
        let SourceItem::Entry(entry) = row.item else { panic!() };
        assert!(text(&entry.content).starts_with('0'));
    }
    source.close().await.unwrap();
    assert_eq!(place.bytes(), before);
}

#[tokio::test]
async fn no_file_is_removed_because_a_journal_names_it() {
    let place = Place::with(V1_6).await;
    let victim = place.folder.path().join("victim");
    std::fs::write(&victim, "the key").unwrap();
    let name = victim.to_str().unwrap().as_bytes();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let number = |number: u32| number.to_be_bytes();
    // A journal of nothing, which was made whole, and then the name: <https://www.sqlite.org/fileformat.html>, section 3.
    let pages = u32::try_from(std::fs::metadata(place.file()).unwrap().len() / 4_096).unwrap();
    let mut journal =
        [&magic[..], &number(0), &number(0), &number(pages), &number(512), &number(4_096)].concat();
    journal.resize(512, 0);
    let sum = name.iter().map(|byte| u32::from(*byte)).sum();
    let length = u32::try_from(name.len()).unwrap();
    journal.extend([&number(1 + 0x4000_0000 / 4_096), name, &number(length), &number(sum), &magic].concat());
    std::fs::write(place.file().with_extension("db-journal"), journal).unwrap();
    let refused = place.refused().await;
    assert!(matches!(refused, ReferenceFileProblem::Several { .. }), "{refused}");
    assert!(victim.exists());
    assert_eq!(std::fs::read_dir(place.scratch()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_link_leads_to_has_its_journals_beside_itself() {
    let place = Place::with(V1_6_EMPTY).await;
    let mut writer = testing::open(&place.file()).await.unwrap();
    let sql = "PRAGMA journal_mode = WAL; INSERT INTO memory VALUES ('1', 'in the log', 'n', 'c', NULL, NULL, NULL, 1, 1)";
    writer.execute(sql).await.unwrap();
    let link = place.folder.path().join("link.db");
    std::os::unix::fs::symlink(place.file(), &link).unwrap();
    let mut source = ReferenceFile::open(&link, &place.scratch()).await.unwrap();
    assert_eq!(keys(&mut source).await, ["in the log"]);
}

#[tokio::test]
async fn what_is_named_by_many_rows_is_taken_from_one() {
    let place = Place::with(&[LOOSE]).await;
    let mut writer = testing::open(&place.file()).await.unwrap();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
               INSERT INTO sessions (id, status, started_at) SELECT 'one', 'active', i FROM n; \
               WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) \
               INSERT INTO memory (id, key, namespace, content, created_at, updated_at) \
               SELECT i, 'k' || i, 'session:one', hex(zeroblob(10000)), 1, 1 FROM n";
    writer.execute(sql).await.unwrap();
    writer.close().await.unwrap();
    let began = std::time::Instant::now();
    let mut source = place.open().await.unwrap();
    let rows = all(&mut source, SourceTable::Memory).await;
    assert!(rows.len() >= 150);
    let first = rows.iter().rev().find_map(|row| match &row.item {
        SourceItem::Entry(entry) if text(&entry.key) == "k1" => Some(entry.session.started_at.clone()),
        _ => None,
    });
    assert_eq!(first, Some(Cell::Number(1)));
    // 150 times 3,000 rows with 20 kB each would be 9 GB.
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_file_may_be_called_anything() {
    let place = Place::new();
    let path = place.folder.path().join("theirs/a b?mode=rw&c#d%41.db");
    testing::make(&path, V1_0).await.unwrap();
    let mut source = ReferenceFile::open(&path, &place.scratch()).await.unwrap();
    assert_eq!(keys(&mut source).await.len(), 3);
    assert_eq!(place.bytes().len(), 1);
}

#[tokio::test]
async fn what_is_left_of_a_copy_that_was_interrupted_goes() {
    let place = Place::with(V1_0).await;
    let left = place.scratch().join("import-source-0123");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("source.db"), "canary").unwrap();
    std::fs::write(place.scratch().join("ours.db"), "ours").unwrap();
    place.open().await.unwrap();
    let names: Vec<_> =
        std::fs::read_dir(place.scratch()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["ours.db"]);
}

#[tokio::test]
async fn somebody_who_writes_meanwhile_is_noticed() {
    let place = Place::with(V1_0).await;
    let source = place.open().await.unwrap();
    let mut writer = testing::open(&place.file()).await.unwrap();
    writer.execute("DELETE FROM memory").await.unwrap();
    writer.close().await.unwrap();
    assert!(matches!(source.close().await, Err(ReferenceFileProblem::Changed { .. })));
}

/// What the words of an error are after the path, in which tests run.
fn words(place: &Place, problem: &ReferenceFileProblem) -> String {
    problem.to_string().replace(&place.file().display().to_string(), "FILE")
}

#[tokio::test]
async fn what_is_no_such_database_is_refused_in_plain_words() {
    let mut told = vec![];
    let place = Place::new();
    std::fs::write(place.file(), "no database at all, but long enough to be read as one".repeat(40)).unwrap();
    told.push(words(&place, &place.refused().await));
    std::fs::write(place.file(), "").unwrap();
    told.push(words(&place, &place.refused().await));
    std::fs::remove_file(place.file()).unwrap();
    told.push(words(&place, &place.refused().await));
    std::fs::create_dir(place.file()).unwrap();
    told.push(words(&place, &place.refused().await));
    for encrypted in [true, false] {
        let place = Place::new();
        let path = support::path(&place.folder);
        support::create(&path, encrypted).await;
        std::fs::copy(path, place.file()).unwrap();
        told.push(words(&place, &place.refused().await));
    }
    for change in [
        "DROP TABLE tasks",
        "ALTER TABLE memory DROP COLUMN embedding",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 2",
        "ALTER TABLE memory ADD COLUMN importance REAL",
        "ALTER TABLE tasks ADD COLUMN computed TEXT AS (upper(status))",
        "ALTER TABLE sessions RENAME TO s; CREATE VIEW sessions AS SELECT * FROM s",
        "ALTER TABLE sessions RENAME TO s; CREATE VIRTUAL TABLE sessions USING fts5 (id, status, started_at, ended_at, metadata)",
        "ALTER TABLE sessions RENAME TO s; CREATE VIEW Sessions AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
         SELECT i AS id, i AS status, i AS started_at, i AS ended_at, i AS metadata FROM n",
    ] {
        let place = Place::with(V1_6).await;
        testing::make(&place.file(), &[change]).await.unwrap();
        let before = place.bytes();
        told.push(words(&place, &place.refused().await));
        assert_eq!(place.bytes(), before, "{change}");
    }
    let place = Place::new();
    testing::make(&place.file(), &["PRAGMA encoding = 'UTF-16'", V1_0[0]]).await.unwrap();
    told.push(words(&place, &place.refused().await));
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn s52_a_damaged_file_is_an_error_and_no_more() {
    let place = Place::with(V1_6).await;
    let whole = std::fs::read(place.file()).unwrap();
    // Each page in turn is noise, and the file ends at each page.
    for page in 1..whole.len() / 4096 {
        let mut noise = whole.clone();
        noise[page * 4096..(page + 1) * 4096].fill(0xa7);
        for bytes in [&noise[..], &whole[..page * 4096]] {
            std::fs::write(place.file(), bytes).unwrap();
            let Ok(mut source) = place.open().await else { continue };
            for table in SourceTable::ALL {
                let mut after = i64::MIN;
                while let Ok(rows) = source.rows(table, after).await {
                    let Some(last) = rows.last() else { break };
                    assert!(last.row > after);
                    after = last.row;
                }
            }
            let _ = source.totals().await;
        }
    }
}

#[tokio::test]
async fn values_are_read_as_they_are_and_not_beyond_what_could_be_taken() {
    let place = Place::with(HOSTILE).await;
    let mut source = place.open().await.unwrap();
    let rows = all(&mut source, SourceTable::Memory).await;
    let entry = |number: i64| match &rows.iter().find(|row| row.row == number).unwrap().item {
        SourceItem::Entry(entry) => entry.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(rows.len(), 37);
    assert!(rows.is_sorted_by_key(|row| row.row));
    assert_eq!(
        (entry(14).content, entry(15).content, entry(16).content),
        (Cell::Null, Cell::Other, Cell::Other)
    );
    assert_eq!((entry(17).key, entry(18).key), (Cell::Other, Cell::Number(42)));
    assert_eq!((entry(27).created_at, entry(28).created_at), (Cell::Other, Cell::Number(1)));
    assert_eq!((entry(32).content, entry(34).content), (Cell::TooLong, Cell::TooLong));
    assert_eq!((entry(34).metadata, entry(35).namespace), (Cell::TooLong, Cell::TooLong));
    assert!(matches!(entry(33).content, Cell::Text(text) if text.len() == 1_000_001));
    assert_eq!(text(&entry(7).key), "control\0\u{1b}[2J");
    // Two sessions of one id do not make two rows of what names them.
    let tasks = all(&mut source, SourceTable::Tasks).await;
    assert_eq!(tasks.len(), 10);
}

#[test]
fn s40_what_is_read_does_not_print_itself() {
    let cells = [Cell::Text("canary".into()), Cell::Number(4711)];
    assert!(!format!("{cells:?}").contains("canary") && !format!("{cells:?}").contains("4711"));
}

#[tokio::test]
async fn without_a_place_for_the_copy_nothing_is_read() {
    let place = Place::with(V1_0).await;
    std::fs::write(format!("{}-journal", place.file().display()), "x").unwrap();
    let nowhere = place.folder.path().join("nowhere");
    let refused = ReferenceFile::open(&place.file(), &nowhere).await;
    assert!(matches!(refused, Err(ReferenceFileProblem::Io { .. })));
}

/// Tables without a rule for what is in them.
const LOOSE: &str = "CREATE TABLE memory (id, key, namespace, content, embedding, metadata, agent_id, created_at, updated_at); \
    CREATE TABLE memory_versions (id, memory_id, version, key, namespace, content, metadata, created_at); \
    CREATE TABLE tags (id, name, created_at); CREATE TABLE memory_tags (memory_id, tag_id, created_at); \
    CREATE TABLE sessions (id, status, started_at, ended_at, metadata); \
    CREATE TABLE tasks (id, session_id, agent_type, status, input, output, created_at, completed_at)";

#[derive(Debug, Clone)]
enum Loose {
    Null,
    Number(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
}

fn loose() -> impl Strategy<Value = Loose> {
    prop_oneof![
        Just(Loose::Null),
        any::<i64>().prop_map(Loose::Number),
        (0_i64..3).prop_map(Loose::Number),
        any::<f64>().prop_map(Loose::Double),
        any::<String>().prop_map(Loose::Text),
        proptest::sample::select(vec!["1", "2", "session:1"]).prop_map(|text| Loose::Text(text.to_owned())),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(Loose::Bytes),
    ]
}

/// Puts rows of nine values into all of the tables.
async fn fill(path: &std::path::Path, rows: Vec<Vec<Loose>>) {
    let mut connection = testing::open(path).await.unwrap();
    connection.execute(LOOSE).await.unwrap();
    for row in rows {
        for sql in [
            "INSERT INTO memory VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            "INSERT INTO memory_versions VALUES ($2, $1, $3, $4, $5, $6, $7, $8)",
            "INSERT INTO tags VALUES ($1, $2, $3)",
            "INSERT INTO memory_tags VALUES ($1, $2, $3)",
            "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)",
            "INSERT INTO tasks VALUES ($2, $1, $3, $4, $5, $6, $7, $8)",
        ] {
            let mut query = sqlx::query(sql);
            for value in row.clone() {
                query = match value {
                    Loose::Null => query.bind(None::<i64>),
                    Loose::Number(number) => query.bind(number),
                    Loose::Double(double) => query.bind(double),
                    Loose::Text(text) => query.bind(text),
                    Loose::Bytes(bytes) => query.bind(bytes),
                };
            }
            query.execute(&mut connection).await.unwrap();
        }
    }
    connection.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s52_whatever_is_in_a_table_each_row_is_read_once(
        rows in proptest::collection::vec(proptest::collection::vec(loose(), 9), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (place, count) = (Place::new(), rows.len());
            fill(&place.file(), rows).await;
            let mut source = place.open().await.unwrap();
            for table in SourceTable::ALL {
                let expected = if table == SourceTable::Identities { 0 } else { count };
                assert_eq!(all(&mut source, table).await.len(), expected, "{table:?}");
            }
            source.close().await.unwrap();
        });
    }
}
