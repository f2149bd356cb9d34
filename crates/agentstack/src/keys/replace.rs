//! Another key in the place of one.
//!
//! The key and the database that it opens lie in two places, which cannot change at once. So the new key lies beside the old
//! one, in `<file>.next`, before the database gets it, until that is done: whoever finds two keys tries both.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
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
        let old = old_file(path);
        // That of an earlier replacement, which was interrupted.
        destroy(&old, path).map_err(problem)?;
        // A second name for the old one: what is renamed over can be written to no more.
        match std::fs::hard_link(path, &old) {
            Err(error) if !matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {
                return Err(problem(error));
            }
            _ => {}
        }
        match std::fs::rename(&next, path) {
            // Another process was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            renamed => renamed.map_err(problem)?,
        }
        File::open(parent(path)).and_then(|folder| folder.sync_all()).map_err(problem)?;
        destroy(&old, path).and_then(|()| remove_drafts(path)).map_err(problem)
    }
}

impl KeySource {
    /// Destroys the key that was replaced, if whoever replaced it was stopped before it could.
    pub(crate) fn forget_old(&self) -> std::io::Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        destroy(&old_file(path), path)
    }

    /// The key that was replaced, if it is still there.
    pub(crate) fn old(&self) -> Option<PathBuf> {
        let Self::File(path) = self else { return None };
        Some(old_file(path)).filter(|old| old.exists())
    }
}

/// Where a key lies that is being replaced.
fn old_file(path: &Path) -> PathBuf {
    let mut old = path.to_owned().into_os_string();
    old.push(".replaced");
    old.into()
}

/// Writes over a file before it goes, unless it is another name of the key in use. On a disk that copies on write, or wears
/// evenly, the bits may be left somewhere.
fn destroy(path: &Path, in_use: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let found = match options.clone().read(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let (metadata, kept) = (found.metadata()?, std::fs::metadata(in_use)?);
    if (metadata.dev(), metadata.ino()) != (kept.dev(), kept.ino()) {
        // A key may well be one that can only be read.
        found.set_permissions(Permissions::from_mode(0o600))?;
        let mut file = options.write(true).open(path)?;
        let length = usize::try_from(metadata.len()).unwrap_or(0).min(1 << 16);
        file.write_all(&vec![b'0'; length])?;
        file.sync_all()?;
    }
    gone(std::fs::remove_file(path))
}

/// Somebody else may have removed it.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes keys that were being made when a process was killed. Nothing was ever opened with them, or they are another name
/// of a key: so none is written over.
fn remove_drafts(in_use: &Path) -> std::io::Result<()> {
    for file in std::fs::read_dir(parent(in_use))? {
        let file = file?;
        if file.file_name().to_str().is_some_and(create::is_draft) {
            gone(std::fs::remove_file(file.path()))?;
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
        source.replace().unwrap();
        assert_eq!(read_file(&path).unwrap(), next);
    }

    #[test]
    fn s39_a_key_that_was_left_by_an_interrupted_replacement_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private/agentstack.key");
        let source = KeySource::File(path.clone());
        let (next, old) = (source.next_file().unwrap(), old_file(&path));
        let killed_after_the_renaming = || {
            std::fs::hard_link(&path, &old).unwrap();
            new_key(&next).unwrap();
            std::fs::rename(&next, &path).unwrap();
            assert_eq!(source.old(), Some(old.clone()));
            File::open(&old).unwrap()
        };
        let text = |held: File| std::io::read_to_string(held).unwrap();
        let first = new_key(&path).unwrap().to_text();
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        let held = killed_after_the_renaming();
        source.forget_old().unwrap();
        assert!(source.old().is_none() && !text(held).contains(first.expose()));
        let second = read_file(&path).unwrap().to_text();
        let held = killed_after_the_renaming();
        new_key(&next).unwrap();
        source.replace().unwrap();
        assert!(source.old().is_none() && !text(held).contains(second.expose()));
        // Killed before the renaming, it is the key in use that has a second name.
        std::fs::hard_link(&path, &old).unwrap();
        source.forget_old().unwrap();
        assert!(source.old().is_none() && read_file(&path).is_ok());
    }
}
