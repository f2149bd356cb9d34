//! Makes a key file: whole or not at all, and never in the place of another.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use agentstack_core::random;
use agentstack_storage_sqlite::{FileProblem, MasterKey, create_private_folder, private_file};

use super::{KeyError, parent};

/// Makes a file with a new key at `path`, and its folder. If somebody else was faster, theirs stays.
pub(super) fn create(path: &Path) -> Result<(), KeyError> {
    let folder = parent(path);
    create_private_folder(folder)?;
    let key = MasterKey::generate()?;
    let draft = folder.join(format!(".{:016x}.new", u64::from_ne_bytes(random::bytes()?)));
    let text = key.to_text();
    let done = write(&draft, text.expose()).and_then(|()| publish(&draft, path));
    // It may not be there, and it never is the key itself.
    let removed = std::fs::remove_file(&draft);
    done?;
    removed.and_then(|()| File::open(folder)?.sync_all()).map_err(|source| problem(folder, source))
}

/// Whether a file of this name is one that was not published.
pub(crate) fn is_draft(name: &str) -> bool {
    let digits = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new"));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn write(draft: &Path, key: &str) -> Result<(), KeyError> {
    let mut file = private_file(draft, true)?;
    let written = file.write_all(key.as_bytes()).and_then(|()| file.write_all(b"\n"));
    written.and_then(|()| file.sync_all()).map_err(|source| problem(draft, source))
}

/// A link appears at once and takes nobody's place, which a rename would.
fn publish(draft: &Path, path: &Path) -> Result<(), KeyError> {
    match std::fs::hard_link(draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(problem(path, error)),
        _ => Ok(()),
    }
}

fn problem(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::File(FileProblem::Io { path: path.to_owned(), source })
}
