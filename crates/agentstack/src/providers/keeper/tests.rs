//! Tests of what a file is known by.

use tempfile::NamedTempFile;

use super::*;

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

#[tokio::test]
async fn a_file_that_is_as_it_was_is_read_at_a_reload_alone() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sk-1").unwrap();
    let source = Source::File(file.path().to_owned());
    let keeper = Keeper::start("field".to_owned(), source, Duration::ZERO).unwrap();
    keeper.slot.replace(secret("sk-other")).unwrap();
    keeper.state.lock().await.seen = Some(Stamp::of(file.path()));
    keeper.freshen().await;
    assert_eq!(keeper.slot.replace(secret("sk-other")), Ok(false), "it was not read");
    keeper.renew().await;
    assert_eq!(keeper.slot.replace(secret("sk-1")), Ok(false), "it was read");
}
