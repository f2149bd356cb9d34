//! Tests of files of keys.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_file_that_others_can_write_to_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    assert!(matches!(read(&path, None), Err(FetchProblem::File(_))));
    std::fs::write(&path, r#"{"keys":[]}"#).unwrap();
    for (mode, good) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read(&path, None).is_ok(), good, "{mode:o}");
    }
    assert!(matches!(read(folder.path(), None), Err(FetchProblem::NotOurs)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let Ok(Found::New(_, stamp)) = read(&path, None) else { panic!("keys") };
    assert!(matches!(read(&path, stamp), Ok(Found::Same)));
    std::fs::write(&path, r#"{"keys":[ ]}"#).unwrap();
    assert!(matches!(read(&path, stamp), Ok(Found::New(..))));
}

#[test]
fn s42_a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert!(matches!(read(&path, None), Err(FetchProblem::NotOurs)));
}
