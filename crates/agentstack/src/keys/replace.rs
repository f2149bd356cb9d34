//! Another key in the place of one.
//!
//! The key and the database that it opens lie in two places, which cannot change at once. So the new key lies beside the old
//! one, in `<file>.next`, before the database gets it, until that is done: whoever finds two keys tries both.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use agentstack_storage_sqlite::{FileProblem, MasterKey};
use rustix::fs::OFlags;

use super::{KeyError, KeySource, create, parent, read_file};

impl KeySource {
    /// Where a new key lies while it is not known whether the database has it. None where nothing but the operator can
    /// put one.
    #[must_use]
    pub fn next_file(&self) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        let mut name = path.clone().into_os_string();
        name.push(".next");
        Some(name.into())
    }

    /// The new key, if one lies there.
    ///
    /// # Errors
    /// When it is there and cannot be read safely, or is not one.
    pub fn next(&self) -> Result<Option<MasterKey>, KeyError> {
        let Some(path) = self.next_file() else { return Ok(None) };
        match read_file(&path) {
            Ok(key) => Ok(Some(key)),
            Err(KeyError::File(FileProblem::Missing { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The new key that the database has got takes the place of the old one, of which nothing is left as far as a file
    /// system lets that be said.
    ///
    /// # Errors
    /// When the files cannot be changed. The new key is where it was, or in its place.
    pub fn replace(&self) -> Result<(), KeyError> {
        let (Self::File(path), Some(next)) = (self, self.next_file()) else { return Ok(()) };
        let problem = |source| KeyError::File(FileProblem::Io { path: path.clone(), source });
        let mut old = path.clone().into_os_string();
        old.push(".old");
        let old = PathBuf::from(old);
        // A second name for the old one: what is renamed over can be written to no more.
        match std::fs::hard_link(path, &old) {
            Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                return Err(problem(error));
            }
            _ => {}
        }
        std::fs::rename(&next, path).map_err(problem)?;
        File::open(parent(path)).and_then(|folder| folder.sync_all()).map_err(problem)?;
        destroy(&old, path).and_then(|()| destroy_drafts(path)).map_err(problem)
    }
}

/// Writes over a file before it goes, unless it is another name of the key in use. On a disk that copies on write, or wears
/// evenly, the bits may be left somewhere.
fn destroy(path: &Path, in_use: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let (metadata, kept) = (file.metadata()?, std::fs::metadata(in_use)?);
    if (metadata.dev(), metadata.ino()) != (kept.dev(), kept.ino()) {
        let length = usize::try_from(metadata.len()).unwrap_or(0).min(1 << 16);
        file.write_all(&vec![b'0'; length])?;
        file.sync_all()?;
    }
    std::fs::remove_file(path)
}

/// Keys that were being made when a process was killed: nothing was ever opened with them, or they are the new one.
fn destroy_drafts(in_use: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(parent(in_use))? {
        let file = file?;
        if file.file_name().to_str().is_some_and(create::is_draft) {
            destroy(&file.path(), in_use)?;
        }
    }
    Ok(())
}

/// A new key in a private file, or the one that lies there.
pub(crate) fn new_key(path: &Path) -> Result<MasterKey, KeyError> {
    create::create(path)?;
    read_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s39_a_new_key_takes_the_place_of_the_old_one_of_which_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private/agentstack.key");
        let source = KeySource::File(path.clone());
        let old = new_key(&path).unwrap();
        assert!(source.next().unwrap().is_none());
        let next = new_key(&source.next_file().unwrap()).unwrap();
        assert_eq!(source.next().unwrap(), Some(next.clone()));
        assert_eq!(new_key(&source.next_file().unwrap()).unwrap(), next, "one that lies there is taken");
        let held = File::open(&path).unwrap();
        // Killed before the name that it was made under was gone; and before it had another.
        let draft = |digit: &str| path.with_file_name(format!(".{}.new", digit.repeat(16)));
        std::fs::hard_link(source.next_file().unwrap(), draft("a")).unwrap();
        std::fs::copy(&path, draft("b")).unwrap();
        source.replace().unwrap();
        assert_eq!((read_file(&path).unwrap(), source.next().unwrap()), (next.clone(), None));
        let left = std::io::read_to_string(held).unwrap();
        assert!(!left.contains(old.to_text().expose()) && left.len() > 60, "it was written over");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        // Whoever comes second finds it done.
        assert!(source.replace().is_err());
        assert_eq!(read_file(&path).unwrap(), next);
    }
}
