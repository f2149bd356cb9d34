//! Several processes on one database, and processes that die.
//!
//! A child is this test binary itself, told by its environment to run [`child`] with a task.
#![expect(clippy::disallowed_methods, reason = "the children are told what to do by their environment")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use agentstack_storage::conformance::world::{SESSION_END, listing, pending};
use agentstack_storage::text::Match;
use tempfile::TempDir;

use crate::{ended, support};

const PROCESSES: usize = 8;
const WRITES: usize = 25;

fn spawn(task: &str, argument: &str, path: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture", "--test-threads=1"])
        .env("AGENTSTACK_TEST_TASK", task)
        .env("AGENTSTACK_TEST_ARGUMENT", argument)
        .env("AGENTSTACK_TEST_PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).filter_map(|line| Some(line.split_once("said ")?.1.to_owned()));
    (child, said)
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said {text}").unwrap();
    out.flush().unwrap();
}

/// Does nothing, but in a child.
#[tokio::test]
async fn child() {
    let Ok(task) = env::var("AGENTSTACK_TEST_TASK") else { return };
    let argument = env::var("AGENTSTACK_TEST_ARGUMENT").unwrap();
    let path = PathBuf::from(env::var("AGENTSTACK_TEST_PATH").unwrap());
    match task.as_str() {
        "write" => write(&path, &argument).await,
        "acknowledge" => acknowledge(&path, &argument).await,
        "end" => end(&path, &argument).await,
        other => panic!("{other}"),
    }
}

async fn write(path: &Path, name: &str) {
    let world = support::world(path, true).await;
    let ann = world.local(name).start().await;
    let team = ann.named("team");
    for number in 0..WRITES {
        team.store(&format!("{name}-{number}"), &format!("{name} wrote this")).await;
        ann.store("own", &format!("{name} {number}")).await;
        assert_eq!(ann.found(name, Match::Any).await, ["own"]);
        if number % 10 == 9 {
            assert!(team.delete(&format!("{name}-{}", number - 1)).await);
        }
    }
    assert_eq!(ann.end().await.entries, 1);
    world.store.close().await;
}

async fn acknowledge(path: &Path, name: &str) {
    let world = support::world(path, true).await;
    let team = world.local(name).start().await.named("team");
    for number in 0.. {
        let key = format!("{name}-{number}");
        team.store(&key, &format!("the text of {key}")).await;
        say(&key);
    }
}

async fn end(path: &Path, session: &str) {
    let world = support::world(path, false).await;
    let scope = world.operator().in_session(session.parse().unwrap()).scope(&SESSION_END).await;
    say("ending");
    world.store.end(&scope, &ended::record(&scope), pending(&scope)).await.unwrap();
    world.store.close().await;
}

#[tokio::test]
async fn eight_processes_write_at_once_and_nothing_is_lost() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    // They make the database at once, too.
    let children: Vec<_> =
        (0..PROCESSES).map(|number| spawn("write", &format!("p{number}"), &path)).collect();
    for (child, said) in children {
        assert_eq!(said.count(), 0);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let world = support::world(&path, true).await;
    let team = world.local("ann").named("team");
    for process in 0..PROCESSES {
        for number in 0..WRITES {
            let entry = team.get(&format!("p{process}-{number}")).await;
            let expected = (number % 10 != 8).then(|| format!("p{process} wrote this"));
            assert_eq!(entry.map(|entry| entry.content), expected);
        }
    }
    assert!(world.operator().active().await.is_empty());
    let report = world.verified().await;
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.records, u64::try_from(PROCESSES * (2 + 2 * WRITES + WRITES / 10)).unwrap());
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = TempDir::new().unwrap();
    let path = support::path(&folder);
    let mut acknowledged = vec![];
    for (round, count) in [1, 17, 40].into_iter().enumerate() {
        let (mut first, mut first_said) = spawn("acknowledge", &format!("a{round}"), &path);
        let (mut second, second_said) = spawn("acknowledge", &format!("b{round}"), &path);
        acknowledged.extend(first_said.by_ref().take(count));
        for child in [&mut first, &mut second] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        acknowledged.extend(first_said.chain(second_said));
        let world = support::world(&path, true).await;
        let team = world.local("ann").named("team");
        for key in &acknowledged {
            assert_eq!(team.get(key).await.unwrap().content, format!("the text of {key}"));
        }
        let report = world.verified().await;
        assert!(report.is_intact(), "{report:?}");
        // One record for each entry and each session: a write is there with its record or not at all.
        let sessions = world.operator().active().await.len() as u64;
        assert_eq!(report.records, team.list(listing(1)).await.total + sessions);
        world.store.close().await;
    }
    assert!(acknowledged.len() >= 58);
}

#[tokio::test]
async fn s07_an_end_that_is_killed_is_finished_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let original = support::path(&folder);
    let entries = 450;
    let sessions = ended::prepare(&original, false, entries).await;
    let mut finished = 0;
    for kib in [0, 4, 40, 100, 200, 300, 400, 600, 800] {
        let copy = TempDir::new().unwrap();
        let path = copy.path().join("store.db");
        std::fs::copy(&original, &path).unwrap();
        let (mut child, mut said) = spawn("end", &sessions.0.to_string(), &path);
        assert_eq!(said.next().as_deref(), Some("ending"));
        let log = path.with_file_name("store.db-wal");
        // It is killed when it has written that much, or comes to its end before.
        while std::fs::metadata(&log).map_or(0, |log| log.len()) < kib * 1024
            && child.try_wait().unwrap().is_none()
        {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        finished += usize::from(!ended::assert_all_or_nothing(&path, false, entries, sessions).await);
    }
    assert!(finished >= 2, "some were killed after the commit: {finished}");
}
