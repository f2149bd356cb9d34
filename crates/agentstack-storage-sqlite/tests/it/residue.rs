//! S08: after a deletion or the end of a session no trace is left in any file. Scanned in a database
//! without encryption: what is found there is what the key would uncover elsewhere.

use std::fs;
use std::path::Path;

use agentstack_core::{Task, TaskStatus};
use agentstack_storage::conformance::coordination::{end, everything, new_agent, new_task, text};
use agentstack_storage::conformance::embedding::model;
use agentstack_storage::conformance::world::{entry, metadata, new_session, tags};
use agentstack_storage::conformance::{Call, World};
use agentstack_storage::{NewAgent, NewEntry, NewSession, NewTask, TaskEnd, Vector, Wish};
use agentstack_storage_sqlite::IndexBounds;
use tempfile::TempDir;

use crate::support;

/// Each is searched for in three pieces, whatever the case: the index keeps stems, and of a word that
/// begins like the one before it only the rest.
const CANARIES: [&str; 4] = ["Qxjzvkwqing", "wzkqjhvbjq", "ZQWKXJVHPz", "jkqzhwvxqk"];

/// Where pieces of a canary are in the files of a folder.
pub(crate) fn traces(folder: &Path) -> Vec<String> {
    let mut traces = vec![];
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        for canary in CANARIES {
            let word = canary.trim_end_matches("ing").to_ascii_lowercase();
            for piece in [word.get(..5), word.get(word.len() - 5..), word.get(2..7)].into_iter().flatten() {
                for (place, _) in
                    bytes.windows(5).enumerate().filter(|(_, window)| *window == piece.as_bytes())
                {
                    traces.push(format!("{piece} at {place} of {}", path.display()));
                }
            }
        }
    }
    traces
}

#[test]
fn the_scan_finds_what_is_there() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("one"), Words(1).canary_text(9)).unwrap();
    assert!(traces(folder.path()).len() >= 3 * 4);
}

/// What is left behind of an ended session's texts is noise only if nothing is left of the secret that they were kept under.
#[tokio::test]
async fn s08_the_secret_of_an_ended_session_leaves_no_trace() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let mut words = Words(11);
    let mut raw = support::raw(&path).await;
    let mut live: Vec<(Call<'_>, Vec<u8>)> = vec![];
    let mut gone: Vec<Vec<u8>> = vec![];
    for number in 0..600 {
        if live.len() > 30 && words.below(2) == 0 {
            let (call, secret) = live.swap_remove(words.below(live.len()));
            call.end().await;
            gone.push(secret);
            continue;
        }
        let call = world.local("ann").start_with(canary_session(&world, &mut words)).await;
        store_plain(&call, &mut words, number % 4).await;
        if number % 9 == 0 {
            call.named(&format!("team-{number}")).store("key", "text").await;
        }
        let newest = "SELECT secret FROM namespaces WHERE shared = 0 ORDER BY id DESC LIMIT 1";
        live.push((call, sqlx::query_scalar(newest).fetch_one(&mut raw).await.unwrap()));
    }
    drop(raw);
    assert_no_trace(&path);
    live[0].0.end().await;
    gone.push(live.swap_remove(0).1);
    let files = fs::read_dir(path.parent().unwrap()).unwrap();
    let bytes: Vec<u8> = files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    let starts: std::collections::HashSet<&[u8]> = bytes.windows(16).collect();
    assert!(
        live.iter().all(|(_, secret)| starts.contains(secret.as_slice())),
        "the scan finds what is there"
    );
    let left = gone.iter().filter(|secret| starts.contains(secret.as_slice())).count();
    assert_eq!(left, 0, "of {} secrets", gone.len());
}

/// A session to be started, with canaries in what its starter says of it.
fn canary_session(world: &World, words: &mut Words) -> NewSession {
    let said = metadata(&format!(r#"{{"{}": "{}"}}"#, CANARIES[0], words.canary_text(3)));
    NewSession { metadata: said, ..new_session(world, 1_000_000, 10_000_000).0 }
}

/// The same words in every run.
struct Words(u64);

impl Words {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        // Knuth's linear congruential generator; its upper bits are good enough.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn word(&mut self) -> String {
        (0..2 + self.below(7)).map(|_| char::from(b'a' + u8::try_from(self.below(16)).unwrap())).collect()
    }

    /// Ordinary words, `count` of them.
    fn text(&mut self, count: usize) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// The same with canaries among them.
    fn canary_text(&mut self, count: usize) -> String {
        let mut words: Vec<String> = (0..count).map(|_| self.word()).collect();
        for canary in CANARIES {
            let place = self.below(words.len());
            let word = words[place].clone();
            words.insert(place, format!("{canary} {word}-{canary} {canary}_x"));
        }
        words.join(" ")
    }
}

/// An entry full of canaries, with a history; some are long enough for overflow pages.
async fn store_canary(call: &Call<'_>, words: &mut Words, number: usize) -> String {
    let key = format!("{} {number} {}", CANARIES[number % 4], words.text(1));
    for round in 0..=number % 3 {
        let size = if number.is_multiple_of(5) { 4_000 } else { 30 + 40 * round };
        let new = NewEntry {
            metadata: metadata(&format!(r#"{{"{}": "{}"}}"#, CANARIES[1], CANARIES[2])),
            tags: tags(&[CANARIES[3], "plain"]),
            ..entry(&key, &words.canary_text(size))
        };
        call.try_store(new).await.unwrap();
    }
    key
}

async fn store_plain(call: &Call<'_>, words: &mut Words, count: usize) {
    for _ in 0..count {
        let (key, size) = (words.text(2), 5 + words.below(115));
        call.store(&key, &words.text(size)).await;
    }
}

#[tokio::test]
async fn s08_a_deleted_entry_leaves_no_trace() {
    for bounds in [IndexBounds::default(), support::small_bounds()] {
        assert_deleting_leaves_no_trace(bounds).await;
    }
}

async fn assert_deleting_leaves_no_trace(bounds: IndexBounds) {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world_with(&path, false, bounds).await;
    let mut words = Words(8);
    let ann = world.local("ann").start().await;
    let places = [ann.clone(), ann.named("team"), world.local("bob").start().await];
    let mut stored = vec![];
    for number in 0..60 {
        for place in &places {
            store_plain(place, &mut words, 4).await;
            stored.push((place, store_canary(place, &mut words, number).await));
        }
    }
    assert_no_trace(&path);
    for (number, (place, key)) in stored.iter().enumerate() {
        assert!(place.delete(key).await);
        if number.is_multiple_of(10) {
            store_plain(place, &mut words, 2).await;
        }
    }
    let last = words.text(2);
    ann.store(&last, "text").await;
    ann.delete(&last).await;
    assert_no_trace(&path);
    assert_goes_on(&world, &ann).await;
}

/// Updates, deletions and new entries move rows from page to page, and every move may leave a copy.
#[tokio::test]
async fn s08_a_deleted_entry_leaves_no_trace_however_much_was_moved() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let mut words = Words(9);
    let ann = world.local("ann").start().await;
    let places = [ann.clone(), ann.named("team")];
    let (mut plain, mut canaries) = (vec![], vec![]);
    for round in 0..500 {
        let place = &places[words.below(2)];
        match words.below(4) {
            0 => canaries.push((place, store_canary(place, &mut words, round).await)),
            1 if canaries.len() > 20 => {
                let (place, key) = canaries.remove(words.below(20));
                assert!(place.delete(&key).await);
            }
            2 if plain.len() > 50 => {
                let (place, key): (&Call<'_>, String) = plain.remove(words.below(50));
                assert!(place.delete(&key).await);
            }
            3 if plain.len() > 50 => {
                let (place, key) = &plain[words.below(50)];
                let size = words.below(600) + 1;
                place.store(key, &words.text(size)).await;
            }
            _ => {
                let (key, size) = (format!("{} {round}", words.word()), words.below(100) + 1);
                place.store(&key, &words.text(size)).await;
                plain.push((place, key));
            }
        }
    }
    for (place, key) in canaries {
        assert!(place.delete(&key).await);
    }
    assert_no_trace(&path);
    assert_goes_on(&world, &ann).await;
}

/// A vector whose numbers are those of the letters of canaries.
fn canary_vector(words: &mut Words) -> Vector {
    let text: String = std::iter::repeat_with(|| words.canary_text(9)).take(3).collect();
    // With the largest number that there is, the others stay as they are.
    let numbers: Vec<f32> = std::iter::once(127).chain(text.bytes().take(383)).map(f32::from).collect();
    Vector::new(&numbers).unwrap()
}

/// S41: vectors are content. Rows of other sessions lie between them, and move them about.
#[tokio::test]
async fn s08_a_vector_leaves_no_trace() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let (operator, mut words) = (world.operator(), Words(13));
    let plain = TempDir::new().unwrap();
    fs::write(plain.path().join("vector"), canary_vector(&mut words).to_bytes()).unwrap();
    assert!(!traces(plain.path()).is_empty(), "the scan finds what is there");
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    let embed = async |words: &mut Words, name: &str| {
        while let waiting = operator.waiting(50).await
            && !waiting.is_empty()
        {
            let made = waiting.iter().map(|one| (one.id, Some(canary_vector(words)))).collect();
            operator.keep_vectors(&model(name, 384), made).await;
        }
    };
    for number in 0..300 {
        let place = [&ann, &bob, &ann.named("team")][number % 3].clone();
        place.store_wishing(Wish::Wanted, &format!("key {}", number % 200), "text").await;
        if number % 7 == 0 {
            embed(&mut words, "first").await;
            place.delete(&format!("key {}", words.below(number + 1))).await;
        }
    }
    embed(&mut words, "first").await;
    assert_no_trace(&path);
    operator.embed_again(&model("second", 384)).await;
    embed(&mut words, "second").await;
    bob.end().await;
    assert_no_trace(&path);
    assert_goes_on(&world, &ann).await;
}

#[tokio::test]
async fn s08_an_ended_session_leaves_no_trace() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let mut words = Words(8);
    let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
    for number in 0..150 {
        store_plain(&ann, &mut words, 2).await;
        store_plain(&bob, &mut words, 3).await;
        store_canary(&ann, &mut words, number).await;
    }
    assert_no_trace(&path);
    assert_eq!(ann.end().await.entries, 450);
    assert_no_trace(&path);
    assert_goes_on(&world, &bob).await;
    world.store.close().await;
    assert_no_trace(&path);
}

/// An agent and a task with canaries in all that a caller chooses. Returns the task.
async fn make_canaries(call: &Call<'_>, words: &mut Words, number: usize) -> Task {
    let canary = CANARIES[number % 4];
    let name = format!("{canary} {number} {}", words.word());
    let agent = NewAgent {
        agent_type: format!("{}-{}", CANARIES[1], words.word()).parse().unwrap(),
        metadata: metadata(&format!(r#"{{"{canary}": "{}"}}"#, words.canary_text(1 + number % 50))),
        ..new_agent(&name)
    };
    let agent = call.try_spawn(agent).await.unwrap();
    call.stop(&agent).await;
    let size = if number.is_multiple_of(7) { 2_000 } else { 3 + number % 90 };
    let task = NewTask {
        agent_type: CANARIES[3].parse().unwrap(),
        input: Some(text(&words.canary_text(size))),
        ..new_task()
    };
    call.make(task).await
}

/// Rows grow, shrink and go, those of one session among those of others.
#[tokio::test]
async fn s08_agents_and_tasks_of_an_ended_session_leave_no_trace_however_much_was_moved() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let world = support::world(&path, false).await;
    let mut words = Words(10);
    let stays = world.local("cid").start().await;
    let stays_agent = stays.spawn("plain").await;
    for _ in 0..3 {
        let (ann, bob) = (world.local("ann").start().await, world.local("bob").start().await);
        let sessions =
            [(&ann, ann.spawn("a").await), (&bob, bob.spawn("b").await), (&stays, stays_agent.clone())];
        let mut open = vec![];
        for number in 0..250 {
            let place = words.below(3);
            let (call, agent) = &sessions[place];
            if place == 2 {
                let input = Some(text(&words.text(1 + number % 80)));
                open.push((place, stays.make(NewTask { input, ..new_task() }).await));
            } else {
                open.push((place, make_canaries(call, &mut words, number).await));
            }
            call.as_agent(agent).again(agent).await;
            let (place, task) = &open[words.below(open.len())];
            let (call, agent) = &sessions[*place];
            // Some have been assigned or have ended before.
            if words.below(2) == 0 {
                drop(call.as_agent(agent).try_assign(task.id, agent.id).await);
            } else {
                let output = if *place == 2 { words.text(30) } else { words.canary_text(30) };
                let ended = TaskEnd { output: Some(text(&output)), ..end(TaskStatus::Completed) };
                drop(call.as_agent(agent).try_end(task.id, ended).await);
            }
        }
        for call in [bob, ann] {
            call.end().await;
        }
        assert_no_trace(&path);
    }
    assert!(stays.tasks(everything()).await.total > 100, "what stays is read as before");
    assert_goes_on(&world, &stays).await;
    world.store.close().await;
    assert_no_trace(&path);
}

fn assert_no_trace(path: &Path) {
    let traces = traces(path.parent().unwrap());
    assert!(traces.is_empty(), "{} traces: {:#?}", traces.len(), &traces[..traces.len().min(20)]);
}

/// The index is still whole.
async fn assert_goes_on(world: &World, call: &Call<'_>) {
    call.store("after", "entirely new words").await;
    assert_eq!(call.found("entirely", agentstack_storage::text::Match::Any).await, ["after"]);
    assert!(world.verified().await.is_intact());
}
