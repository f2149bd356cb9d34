//! Tests of what a file is known by.

use tempfile::NamedTempFile;

use super::*;
use crate::keys::KeyCommand;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn a_file_that_was_changed_just_now_is_not_known_by_its_times() {
    let file = NamedTempFile::new().unwrap();
    let stamp = Stamp::of(file.path());
    assert!(stamp.0.is_some() && !stamp.is_settled());
    let old = Stamp(stamp.0.map(|[device, inode, size, ..]| [device, inode, size, 1, 0, 1, 0]));
    assert!(old.is_settled());
    let changed = Stamp(old.0.map(|[a, b, c, d, e, _, g]| [a, b, c, d, e, i64::MAX / 1_000, g]));
    assert!(!changed.is_settled(), "a change of its mode counts too");
    assert!(Stamp::of(Path::new("/nowhere/key")).is_settled());
}

/// A keeper that looks each time.
fn started(source: Source, redactor: &Redactor) -> Keeper {
    Keeper::start("field".to_owned(), source, Duration::ZERO, redactor).unwrap()
}

#[tokio::test]
async fn a_file_that_is_as_it_was_is_read_at_a_reload_alone() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sk-1").unwrap();
    let source = Source::File(file.path().to_owned());
    let keeper = started(source, &Redactor::default());
    keeper.slot().replace(secret("sk-other")).unwrap();
    keeper.0.state.lock().await.seen = Some(Stamp::of(file.path()));
    keeper.freshen().await;
    assert_eq!(keeper.slot().replace(secret("sk-other")), Ok(false), "it was not read");
    keeper.renew().await;
    assert_eq!(keeper.slot().replace(secret("sk-1")), Ok(false), "it was read");
}

/// A keeper of a key that is put by hand. Nothing is logged, for the sake of tests that listen to the log.
fn by_hand(redactor: &Redactor) -> Keeper {
    started(Source::Command(KeyCommand::new("false", [])), redactor)
}

#[tokio::test]
async fn s40_a_key_that_was_replaced_stays_known_for_a_while_and_not_for_ever() {
    let redactor = Redactor::default();
    let keeper = by_hand(&redactor);
    let mut state = keeper.0.state.lock().await;
    let key = |number: usize| format!("canary-of-key-{number:03}");
    for number in 0..60 {
        assert!(keeper.0.put(&mut state, secret(&key(number))).unwrap());
        // What is no key changes nothing, and the same key is no other one.
        assert!(keeper.0.put(&mut state, secret("this is no key")).is_err());
        assert!(!keeper.0.put(&mut state, secret(&key(number))).unwrap());
        let known: Vec<usize> =
            (0..60).filter(|at| redactor.scrub_known(&key(*at)) == "[redacted]").collect();
        let expected: Vec<usize> = (number.saturating_sub(REPLACED)..=number).collect();
        assert_eq!(known, expected);
    }
    assert_eq!(format!("{redactor:?}"), format!("Redactor {{ secrets: {} }}", REPLACED + 1));
}

#[tokio::test]
async fn s40_a_key_that_comes_back_stays_known_while_it_is_in_use() {
    let redactor = Redactor::default();
    let keeper = by_hand(&redactor);
    let mut state = keeper.0.state.lock().await;
    for number in 0..2 * REPLACED {
        for key in [format!("another-key-{number}"), "canary-of-the-key".to_owned()] {
            assert!(keeper.0.put(&mut state, secret(&key)).unwrap());
        }
        assert_eq!(redactor.scrub_known("canary-of-the-key"), "[redacted]");
    }
}

#[tokio::test]
async fn what_a_program_has_given_is_kept_when_whoever_waited_for_it_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, pipe) = (folder.path().join("runs"), folder.path().join("pipe"));
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let script = format!("echo run >> {}; cat {}", runs.display(), pipe.display());
    let program = KeyCommand::new("sh", ["-c".to_owned(), script]);
    let keeper = started(Source::Command(program), &Redactor::default());
    let waiting = tokio::spawn({
        let keeper = keeper.clone();
        async move { keeper.freshen().await }
    });
    while !runs.exists() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    tokio::task::spawn_blocking(move || std::fs::write(pipe, "sk-1\n")).await.unwrap().unwrap();
    keeper.freshen().await;
    assert_eq!(keeper.slot().replace(secret("sk-1")), Ok(false), "it is in use");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n", "it was not run again");
}
