//! Rows with anything in them.

use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_engine::{ImportOptions, ImportReport, TokenKeeper};
use agentstack_storage::import::{
    Cell, ImportSource, SourceEntry, SourceIdentity, SourceItem, SourceRow, SourceSession, SourceTable,
    SourceTask, SourceTotals, SourceUnreadable, SourceVersion,
};
use async_trait::async_trait;
use proptest::prelude::*;

use super::world::Keeper;
use crate::support::World;

/// Rows in memory.
struct Rows(Vec<(SourceTable, SourceRow)>);

#[async_trait]
impl ImportSource for Rows {
    fn fingerprint(&self) -> [u8; 32] {
        [7; 32]
    }

    async fn totals(&mut self) -> Result<SourceTotals, SourceUnreadable> {
        Ok(SourceTotals::default())
    }

    async fn rows(&mut self, table: SourceTable, after: i64) -> Result<Vec<SourceRow>, SourceUnreadable> {
        let next = self.0.iter().filter(|(of, row)| *of == table && row.row > after);
        Ok(next.take(3).map(|(_, row)| row.clone()).collect())
    }
}

fn cell() -> impl Strategy<Value = Cell> + Clone {
    let words = [
        "7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01",
        "7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e02",
        "session:7f3c9f4e-0d4b-4c58-9f6e-0a3d5b1c2e01",
        "session:",
        "active",
        "ended",
        "pending",
        "completed",
        "retired",
        "coder",
        "default",
        "high",
        "{}",
        "[]",
        "{\"a\":{\"b\":[1e400]}}",
        "[{\"name\":\"a\"}]",
        "",
        "\0",
    ];
    prop_oneof![
        1 => Just(Cell::Null),
        1 => Just(Cell::TooLong),
        1 => Just(Cell::Other),
        2 => any::<i64>().prop_map(Cell::Number),
        2 => (0_i64..4).prop_map(Cell::Number),
        8 => proptest::sample::select(words.to_vec()).prop_map(|word| Cell::Text(word.to_owned())),
        2 => any::<String>().prop_map(Cell::Text),
    ]
    .boxed()
}

fn cells<const N: usize>() -> impl Strategy<Value = [Cell; N]> {
    proptest::collection::vec(cell(), N).prop_map(|cells| cells.try_into().unwrap())
}

/// A record whose fields are the cells in their order, and some that are not cells.
macro_rules! of_cells {
    ($cells:expr => $made:ident { $($field:ident),* ; $($more:ident),* }) => {{
        let [$($field),*] = $cells;
        $made { $($field,)* $($more),* }
    }};
}

fn session(cells: [Cell; 4]) -> SourceSession {
    of_cells!(cells => SourceSession { id, status, started_at, metadata; })
}

fn entry() -> impl Strategy<Value = SourceEntry> {
    (cells::<9>(), cells::<4>(), proptest::collection::vec(cell(), 0..4)).prop_map(|(own, of, tags)| {
        let session = session(of);
        of_cells!(own => SourceEntry {
            id, key, namespace, content, metadata, agent, created_at, updated_at, newest_past; tags, session
        })
    })
}

fn identities() -> impl Strategy<Value = (SourceTable, SourceItem)> {
    cells::<12>().prop_map(|cells| {
        let identity = of_cells!(cells => SourceIdentity {
            id, agent_type, status, capabilities, version, display_name, description, metadata, created_at,
            last_active_at, reason, updated_at;
        });
        (SourceTable::Identities, SourceItem::Identity(Box::new(identity)))
    })
}

fn tasks() -> impl Strategy<Value = (SourceTable, SourceItem)> {
    (cells::<11>(), cells::<4>()).prop_map(|(cells, of)| {
        let session = session(of);
        let task = of_cells!(cells => SourceTask {
            id, session_id, agent_type, status, input, output, created_at, completed_at, risk, parent,
            parent_created_at; session
        });
        (SourceTable::Tasks, SourceItem::Task(Box::new(task)))
    })
}

fn item() -> impl Strategy<Value = (SourceTable, SourceItem)> {
    let sessions =
        cells::<4>().prop_map(|cells| (SourceTable::Sessions, SourceItem::Session(session(cells))));
    let entries = entry().prop_map(|entry| (SourceTable::Memory, SourceItem::Entry(Box::new(entry))));
    let versions = (entry(), cells::<3>()).prop_map(|(entry, [number, content, metadata])| {
        let version = SourceVersion { entry, number, content, metadata };
        (SourceTable::MemoryVersions, SourceItem::Version(Box::new(version)))
    });
    prop_oneof![sessions, identities(), tasks(), entries, versions]
}

async fn import(rows: Vec<(SourceTable, SourceItem)>, dry_run: bool) -> ImportReport {
    let world = World::new();
    let numbered = (0_i64..).zip(rows).map(|(row, (table, item))| (table, SourceRow { row, item }));
    let mut source = Rows(numbered.collect());
    let mut keeper = Keeper::default();
    let keeper = (!dry_run).then_some(&mut keeper as &mut dyn TokenKeeper);
    let options = ImportOptions { with_sessions: true, with_ended_sessions: true, owner: None, dry_run };
    let operator = Arc::new(Principal::operator("root"));
    world.engine.import(operator, &mut source, keeper, options, &mut |_| {}).await.unwrap().report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s52_whatever_is_in_a_row_is_taken_or_not_and_a_dry_run_knows(rows in proptest::collection::vec(item(), 0..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let count = rows.len() as u64;
        let (tried, done) = runtime.block_on(async { (import(rows.clone(), true).await, import(rows, false).await) });
        prop_assert_eq!(&tried, &done);
        let taken: u64 = done.taken.values().sum();
        let not: u64 = done.not_taken.iter().map(|left| left.count).sum();
        prop_assert_eq!(taken + not, count, "each row is accounted for");
    }
}
