//! What a search by meaning costs beside `sqlite-vec` called raw on a file without encryption, in the same run and in turns;
//! how many of the ten nearest are the same; and what a store costs whose entry is to have a vector.
//!
//! `cargo run --release -p agentstack-storage-sqlite --example bench_vectors [entries]`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use agentstack_core::limits::{SESSION_AGE_MS, SESSION_IDLE_MS};
use agentstack_storage::conformance::world::{entry, new_session, search};
use agentstack_storage::conformance::{Call, Opened, World};
use agentstack_storage::text::Match;
use agentstack_storage::{EmbeddingModel, Meaning, NewEntry, Search, Vector, Wish};
use agentstack_storage_sqlite::{MasterKey, OpenOptions, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Executor, Row};

const DIMENSION: usize = 384;
const ROUNDS: usize = 41;

fn main() {
    let entries = std::env::args().nth(1).map_or(20_000, |entries| entries.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(bench(entries));
}

async fn bench(entries: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(7);
    let middles: Vec<Vec<f32>> = (0..50).map(|_| numbers.vector(&[])).collect();
    let vectors: Vec<Vec<f32>> = (0..entries).map(|place| numbers.vector(&middles[place % 50])).collect();
    let mut raw = sqlite_vec(&folder.path().join("raw.db"), &vectors).await;
    let options =
        OpenOptions::new(folder.path().join("data/store.db"), MasterKey::generate().unwrap().derive());
    let store = SqliteStore::open(options).await.unwrap();
    let opened = Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) };
    let world = World::new(opened);
    let call = world.local("ann").start_with(new_session(&world, SESSION_IDLE_MS, SESSION_AGE_MS).0).await;
    fill(&world, &call, &vectors).await;

    let queries: Vec<Vec<f32>> = (0..ROUNDS).map(|place| numbers.vector(&middles[place % 50])).collect();
    let (mut ours, mut theirs, mut same) = (vec![], vec![], 0);
    for query in &queries {
        let begun = Instant::now();
        let found = call.search(asked(query)).await;
        ours.push(begun.elapsed());
        let begun = Instant::now();
        let nearest = nearest(&mut raw, query).await;
        theirs.push(begun.elapsed());
        let keys = found.hits.iter().map(|hit| hit.entry.summary.key.as_str().parse::<i64>().unwrap());
        same += keys.filter(|key| nearest.contains(key)).count();
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{entries} vectors of {DIMENSION} numbers in one namespace, the ten nearest, median of {ROUNDS}"
    );
    println!("  a search of ours, encrypted, with its entries   {ours:>10.2?}");
    println!("  sqlite-vec raw, not encrypted, numbers only     {theirs:>10.2?}");
    println!("  ratio {:.2}", ours.as_secs_f64() / theirs.as_secs_f64());
    println!("  {:.3} of the ten nearest are the same", same as f64 / (ROUNDS * 10) as f64);
    stores(&call, folder.path()).await;
}

/// Stores whose entries wait for a vector, and stores of an installation without an embedder, in turns.
async fn stores(call: &Call<'_>, folder: &std::path::Path) {
    let options = OpenOptions::new(folder.join("plain/store.db"), MasterKey::generate().unwrap().derive());
    let store = SqliteStore::open(options).await.unwrap();
    let opened = Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) };
    let world = World::new(opened);
    let plain = world.local("ann").start_with(new_session(&world, SESSION_IDLE_MS, SESSION_AGE_MS).0).await;
    // As many entries as there are on the other side.
    for place in 0..call.status().await.entries {
        plain.store(&place.to_string(), "a short text about nothing").await;
    }
    let text = "the deployment of the second version went well ".repeat(40);
    let (mut with, mut without) = (vec![], vec![]);
    for number in 0..600 {
        for (call, wish, times) in [(call, Wish::Wanted, &mut with), (&plain, Wish::None, &mut without)] {
            let new = NewEntry { wish, ..entry(&format!("more {number}"), &text) };
            let begun = Instant::now();
            call.try_store(new).await.unwrap();
            times.push(begun.elapsed());
        }
    }
    let (with, without) = (median(with), median(without));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!(
        "a store of 2 kB: {with:.2?} where it waits for a vector, {without:.2?} without; ratio {ratio:.2}"
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn asked(query: &[f32]) -> Search {
    let vector = Vector::new(query).unwrap();
    let meaning = Meaning { model: model(), vector, alone: true };
    Search { meaning: Some(meaning), limit: 10, ..search("nothing", Match::Any) }
}

fn model() -> EmbeddingModel {
    EmbeddingModel { name: "bench".to_owned(), dimension: u32::try_from(DIMENSION).unwrap() }
}

async fn fill(world: &World, call: &Call<'_>, vectors: &[Vec<f32>]) {
    for place in 0..vectors.len() {
        call.store_wishing(Wish::Wanted, &place.to_string(), "a short text about nothing").await;
    }
    let operator = world.operator();
    let mut place = 0;
    loop {
        let waiting = operator.waiting(500).await;
        if waiting.is_empty() {
            break;
        }
        let made = waiting.iter().map(|one| {
            place += 1;
            (one.id, Vector::new(&vectors[place - 1]))
        });
        operator.keep_vectors(&model(), made.collect()).await;
    }
}

/// A file of sqlite-vec's with the same vectors.
async fn sqlite_vec(path: &std::path::Path, vectors: &[Vec<f32>]) -> SqliteConnection {
    #[expect(
        unsafe_code,
        reason = "this is how the extension is linked in, and there is another SQLite nowhere"
    )]
    // SAFETY: it is the entry point of an extension, which SQLite calls as one.
    unsafe {
        let entry = sqlite_vec::sqlite3_vec_init as *const ();
        libsqlite3_sys::sqlite3_auto_extension(Some(std::mem::transmute::<
            *const (),
            unsafe extern "C" fn(
                *mut libsqlite3_sys::sqlite3,
                *mut *mut std::os::raw::c_char,
                *const libsqlite3_sys::sqlite3_api_routines,
            ) -> std::os::raw::c_int,
        >(entry)));
    }
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    raw.execute("PRAGMA cache_size = -65536").await.unwrap();
    let table = "CREATE VIRTUAL TABLE vectors USING vec0(namespace integer partition key, \
                 embedding float[384] distance_metric=cosine)";
    raw.execute(table).await.unwrap();
    raw.execute("BEGIN").await.unwrap();
    for (place, vector) in (0_i64..).zip(vectors) {
        let insert = sqlx::query("INSERT INTO vectors (rowid, namespace, embedding) VALUES ($1, 1, $2)");
        insert.bind(place).bind(bytes(vector)).execute(&mut raw).await.unwrap();
    }
    raw.execute("COMMIT").await.unwrap();
    raw
}

async fn nearest(raw: &mut SqliteConnection, query: &[f32]) -> Vec<i64> {
    let sql = "SELECT rowid FROM vectors WHERE embedding MATCH $1 AND k = 10 AND namespace = 1";
    let rows = sqlx::query(sql).bind(bytes(query)).fetch_all(raw).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The same numbers in every run.
struct Numbers(u64);

impl Numbers {
    /// About normal, with a mean of 0.
    fn next(&mut self) -> f32 {
        let mut sum = 0.0;
        for _ in 0..4 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += (self.0 >> 40) as f32 / (1_u32 << 24) as f32 - 0.5;
        }
        sum
    }

    /// A vector near another, as those of texts about one matter are.
    fn vector(&mut self, near: &[f32]) -> Vec<f32> {
        (0..DIMENSION).map(|place| self.next() + near.get(place).copied().unwrap_or_default()).collect()
    }
}
