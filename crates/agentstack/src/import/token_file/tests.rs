//! What the file of tokens is, in every state in which it can be found.

use std::os::unix::fs::PermissionsExt;

use super::*;

const SOURCE: &str = "00112233445566778899aabbccddeeff";

fn drawn(source: &str) -> SessionToken {
    SessionToken {
        source: source.to_owned(),
        session: SessionId::generate(),
        token: ResumeToken::generate().unwrap(),
    }
}

fn open(path: &Path) -> Result<TokenFile, TokenFileProblem> {
    TokenFile::open(path, SOURCE.to_owned())
}

#[test]
fn s42_the_file_is_made_with_its_first_token_and_for_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.jsonl");
    let mut file = open(&path).unwrap();
    file.keep(&[]).unwrap();
    assert!(!path.exists());
    file.keep(&[drawn("a")]).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(
        open(&folder.path().join("nowhere/tokens.jsonl")),
        Err(TokenFileProblem::NoFolder { .. })
    ));
}

#[test]
fn a_file_is_gone_on_with_after_its_last_whole_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.jsonl");
    let (first, second) = (drawn("a"), drawn("b"));
    let mut file = open(&path).unwrap();
    file.keep(std::slice::from_ref(&first)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    file.keep(std::slice::from_ref(&second)).unwrap();
    let both = std::fs::read(&path).unwrap();
    drop(file);
    for cut in whole.len()..both.len() {
        std::fs::write(&path, &both[..cut]).unwrap();
        let file = open(&path).unwrap();
        assert_eq!(file.known(first.session).unwrap().reveal(), first.token.reveal());
        assert!(file.known(second.session).is_none());
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
    std::fs::write(&path, &both).unwrap();
    assert_eq!(open(&path).unwrap().known(second.session).unwrap().reveal(), second.token.reveal());
}

#[test]
fn what_is_there_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.jsonl");
    let other = {
        let mut file = TokenFile::open(&path, "another".to_owned()).unwrap();
        file.keep(&[drawn("a")]).unwrap();
        std::fs::read_to_string(&path).unwrap()
    };
    for there in [other.as_str(), "notes", "notes\n", "{}\n", "\n", "{\"source\":\"00\",\"x"] {
        std::fs::write(&path, there).unwrap();
        assert!(matches!(open(&path), Err(TokenFileProblem::Taken { .. })), "{there}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), there);
    }
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(open(&path), Err(TokenFileProblem::File(FileProblem::TooOpen { .. }))));
    // Somebody makes it between the look and the first token.
    std::fs::remove_file(&path).unwrap();
    let mut file = open(&path).unwrap();
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(file.keep(&[drawn("a")]).is_err());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(open(&link).is_err());
}
