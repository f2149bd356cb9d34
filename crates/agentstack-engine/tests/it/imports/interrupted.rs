//! Imports that do not come to their end at once.

use std::path::PathBuf;
use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_engine::{ImportOptions, ImportProblem, Imported, TokenKeeper};
use agentstack_storage::import::{ImportSource, SourceRow, SourceTable, SourceTotals, SourceUnreadable};
use agentstack_storage_sqlite::testing::{self, HOSTILE, V1_6};
use agentstack_storage_sqlite::{MasterKey, OpenOptions, SqliteStore};
use async_trait::async_trait;
use serde_json::Value;

use super::world::{Keeper, Place, everything};
use crate::faulty::Faulty;
use crate::support::World;

fn options() -> ImportOptions {
    ImportOptions { with_sessions: true, with_ended_sessions: true, ..ImportOptions::default() }
}

/// A source that gives one row at a time, and at some time none any more.
struct Slow {
    inner: Box<dyn ImportSource>,
    left: usize,
}

#[async_trait]
impl ImportSource for Slow {
    fn fingerprint(&self) -> [u8; 32] {
        self.inner.fingerprint()
    }

    async fn totals(&mut self) -> Result<SourceTotals, SourceUnreadable> {
        self.inner.totals().await
    }

    async fn rows(&mut self, table: SourceTable, after: i64) -> Result<Vec<SourceRow>, SourceUnreadable> {
        self.left = self.left.checked_sub(1).ok_or_else(|| SourceUnreadable("pulled out".into()))?;
        let mut rows = self.inner.rows(table, after).await?;
        rows.truncate(1);
        Ok(rows)
    }
}

async fn import_slowly(
    world: &World,
    place: &Place,
    keeper: &mut Keeper,
    left: usize,
) -> Result<Imported, ImportProblem> {
    let mut source = Slow { inner: Box::new(place.open().await), left };
    let keeper = Some(keeper as &mut dyn TokenKeeper);
    let operator = Arc::new(Principal::operator("root"));
    world.engine.import(operator, &mut source, keeper, options(), &mut |_| {}).await
}

/// What an undisturbed run comes to. Tokens differ, and are not looked at.
async fn undisturbed(scripts: &[&'static str]) -> (Value, Value) {
    let world = World::new();
    let (place, mut keeper) = (Place::with(scripts).await, Keeper::default());
    let done = place.import(&world, Some(&mut keeper), options()).await.unwrap();
    (everything(&world, &keeper, &["default"]).await, serde_json::to_value(done.report).unwrap())
}

#[tokio::test]
async fn an_import_that_was_stopped_after_any_row_goes_on_to_the_same_end() {
    let expected = undisturbed(V1_6).await;
    let place = Place::with(V1_6).await;
    // 14 rows and 5 ends of tables.
    for stop in 0..19 {
        let (world, mut keeper) = (World::new(), Keeper::default());
        let stopped = import_slowly(&world, &place, &mut keeper, stop).await;
        assert!(matches!(stopped, Err(ImportProblem::Source(_))), "{stop}");
        let done = import_slowly(&world, &place, &mut keeper, usize::MAX).await.unwrap();
        assert!(!done.was_done);
        let report = serde_json::to_value(done.report).unwrap();
        assert_eq!((everything(&world, &keeper, &["default"]).await, report), expected, "{stop}");
    }
}

#[tokio::test]
async fn one_row_after_the_other_or_many_at_a_time_comes_to_the_same() {
    let expected = undisturbed(HOSTILE).await;
    let (world, mut keeper) = (World::new(), Keeper::default());
    let done = import_slowly(&world, &Place::with(HOSTILE).await, &mut keeper, usize::MAX).await.unwrap();
    let report = serde_json::to_value(done.report).unwrap();
    assert_eq!((everything(&world, &keeper, &["default"]).await, report), expected);
}

/// A store in a file that is not encrypted, so that it can be made to fail from beside it.
async fn plain_store() -> (World, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private/memory.db");
    let keys = MasterKey::generate().unwrap().derive().without_encryption();
    let store = SqliteStore::open(OpenOptions::new(path.clone(), keys)).await.unwrap();
    (World::over(Arc::new(store), Box::new(folder)), path)
}

/// For each table that is written to: no more rows get into it than `stop` has.
const FAULTS: [(&str, &str); 10] = [
    (
        "namespaces",
        "CREATE TRIGGER stopped BEFORE INSERT ON namespaces WHEN (SELECT count(*) FROM namespaces) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "sessions",
        "CREATE TRIGGER stopped BEFORE INSERT ON sessions WHEN (SELECT count(*) FROM sessions) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "identities",
        "CREATE TRIGGER stopped BEFORE INSERT ON identities WHEN (SELECT count(*) FROM identities) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "tasks",
        "CREATE TRIGGER stopped BEFORE INSERT ON tasks WHEN (SELECT count(*) FROM tasks) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "task_relations",
        "CREATE TRIGGER stopped BEFORE INSERT ON task_relations WHEN (SELECT count(*) FROM task_relations) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "entries",
        "CREATE TRIGGER stopped BEFORE INSERT ON entries WHEN (SELECT count(*) FROM entries) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "index_fresh",
        "CREATE TRIGGER stopped BEFORE INSERT ON index_fresh WHEN (SELECT count(*) FROM index_fresh) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "entry_versions",
        "CREATE TRIGGER stopped BEFORE INSERT ON entry_versions WHEN (SELECT count(*) FROM entry_versions) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "imports",
        "CREATE TRIGGER stopped BEFORE UPDATE ON imports WHEN NEW.stage % 4294967295 >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
    (
        "audit",
        "CREATE TRIGGER stopped BEFORE INSERT ON audit WHEN NEW.body LIKE '%memory_import%' AND (SELECT count(*) FROM imports) + (SELECT count(*) FROM entries) >= (SELECT most FROM stop) BEGIN SELECT RAISE(ABORT, 'stopped'); END",
    ),
];

#[tokio::test]
async fn s45_whatever_statement_fails_its_batch_has_not_been_and_the_next_run_goes_on() {
    let expected = undisturbed(V1_6).await;
    let place = Place::with(V1_6).await;
    for (table, fault) in FAULTS {
        let (world, path) = plain_store().await;
        let mut keeper = Keeper::default();
        testing::make(&path, &["CREATE TABLE stop (most INTEGER); INSERT INTO stop VALUES (0)", fault])
            .await
            .unwrap();
        let mut failures = 0;
        let done = loop {
            match import_slowly(&world, &place, &mut keeper, usize::MAX).await {
                Ok(done) => break done,
                Err(ImportProblem::Call(_)) => failures += 1,
                Err(other) => panic!("{table}: {other}"),
            }
            assert!(failures < 40, "{table}: it comes no further");
            testing::make(&path, &["UPDATE stop SET most = most + 1"]).await.unwrap();
        };
        assert!(failures > 0, "{table} was never written to");
        let report = serde_json::to_value(done.report).unwrap();
        testing::make(&path, &["DROP TRIGGER stopped"]).await.unwrap();
        assert_eq!((everything(&world, &keeper, &["default"]).await, report), expected, "{table}");
    }
}

#[tokio::test]
async fn s45_what_cannot_be_written_is_an_error_and_nothing_is_taken() {
    let store = Arc::new(Faulty::new());
    let world = World::over(Arc::clone(&store) as _, Box::new(()));
    let place = Place::with(V1_6).await;
    let mut keeper = Keeper::default();
    store.break_writes();
    for _ in 0..2 {
        let refused = place.import(&world, Some(&mut keeper), options()).await;
        assert!(matches!(refused, Err(ImportProblem::Call(_))), "{refused:?}");
    }
    store.mend();
    let tokens: Vec<String> = keeper.tokens.values().map(|(_, token)| token.reveal().to_owned()).collect();
    place.import(&world, Some(&mut keeper), options()).await.unwrap();
    let after: Vec<String> = keeper.tokens.values().map(|(_, token)| token.reveal().to_owned()).collect();
    assert_eq!(tokens, after, "a token that was kept is the one that is used");
    assert_eq!(everything(&world, &keeper, &["default"]).await, undisturbed(V1_6).await.0);
}

/// Imports the same beside the import that reads from it.
struct Beside<'w> {
    inner: Box<dyn ImportSource>,
    world: &'w World,
    place: &'w Place,
    done: bool,
}

#[async_trait]
impl ImportSource for Beside<'_> {
    fn fingerprint(&self) -> [u8; 32] {
        self.inner.fingerprint()
    }

    async fn totals(&mut self) -> Result<SourceTotals, SourceUnreadable> {
        self.inner.totals().await
    }

    async fn rows(&mut self, table: SourceTable, after: i64) -> Result<Vec<SourceRow>, SourceUnreadable> {
        if !std::mem::replace(&mut self.done, true) {
            self.place.import(self.world, None, ImportOptions::default()).await.unwrap();
        }
        self.inner.rows(table, after).await
    }
}

#[tokio::test]
async fn of_two_imports_of_one_file_at_a_time_one_gives_way() {
    let world = World::new();
    let place = Place::with(V1_6).await;
    let mut source =
        Beside { inner: Box::new(place.open().await), world: &world, place: &place, done: false };
    let operator = Arc::new(Principal::operator("root"));
    let second =
        world.engine.import(operator, &mut source, None, ImportOptions::default(), &mut |_| {}).await;
    assert!(matches!(second, Err(ImportProblem::Elsewhere)), "{second:?}");
    assert!(place.import(&world, None, ImportOptions::default()).await.unwrap().was_done);
}
