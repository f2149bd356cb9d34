//! The bytes of a database and of its journals, and what tells them apart from others.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use agentstack_core::random;
use rustix::fs::{FlockOperation, OFlags};
use sha2::{Digest, Sha256};

use super::ReferenceFileProblem;

/// What the folders of copies are called, before something random.
const COPY: &str = "import-source-";
/// What stands beside a database whose last transactions are not in it yet.
const JOURNALS: [&str; 2] = ["-wal", "-journal"];
const FILE: &str = "source.db";
/// What a rollback journal begins with, and one of several databases ends with.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// A database as it is at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    source: PathBuf,
    seen: Vec<Option<Stamp>>,
    fingerprint: [u8; 32],
    /// A copy of it, if it has journals.
    copy: Option<Copy>,
}

/// A folder that is locked as long as it is in use.
#[derive(Debug)]
struct Copy {
    folder: PathBuf,
    _lock: File,
}

impl Copy {
    fn new(scratch: &Path) -> std::io::Result<Self> {
        let nonce = random::nonce().map_err(std::io::Error::other)?;
        let folder = scratch.join(format!("{COPY}{nonce}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let lock = lock(&folder)?;
        Ok(Self { folder, _lock: lock })
    }
}

/// Locks a folder, if nobody has.
fn lock(folder: &Path) -> std::io::Result<File> {
    let file = File::open(folder)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// By what a file is known to be as it was.
#[derive(Debug, PartialEq, Eq)]
struct Stamp(u64, u64, i64, i64);

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
    }
}

impl Snapshot {
    /// Reads all of the database once. If it has journals, it is copied into a new private folder in `scratch`: to read
    /// them, SQLite would write beside it.
    pub(super) fn take(source: &Path, scratch: &Path) -> Result<Self, ReferenceFileProblem> {
        let io = |error| ReferenceFileProblem::Io { path: source.to_owned(), source: error };
        // What stands beside a link does not belong to what it leads to.
        let source = &std::fs::canonicalize(source).map_err(io)?;
        clear(scratch);
        let seen = stamps(source).map_err(io)?;
        let is_plain = std::fs::metadata(source).map_err(io)?.is_file();
        if !is_plain {
            return Err(ReferenceFileProblem::NotPlain { path: source.to_owned() });
        }
        let has_journals = seen.iter().skip(1).flatten().any(|Stamp(_, length, ..)| *length > 0);
        let mut taken = Self { source: source.to_owned(), seen, fingerprint: [0; 32], copy: None };
        if has_journals {
            taken.copy = Some(Copy::new(scratch).map_err(io)?);
        }
        taken.fingerprint = taken.read().map_err(io)?;
        if taken.names_another().map_err(io)? {
            return Err(ReferenceFileProblem::Several { path: source.clone() });
        }
        taken.is_unchanged()?;
        Ok(taken)
    }

    /// The database and its journals, with their lengths, into a hash, and into the copy if there is to be one.
    fn read(&self) -> std::io::Result<[u8; 32]> {
        let mut hash = Sha256::new();
        for (ending, seen) in std::iter::once("").chain(JOURNALS).zip(&self.seen) {
            let Some(Stamp(_, length, ..)) = seen else { continue };
            if *length == 0 && !ending.is_empty() {
                continue;
            }
            hash.update(ending.as_bytes());
            hash.update(length.to_be_bytes());
            // A pipe would be waited for; it was a plain file a moment ago.
            let flags = OFlags::NONBLOCK.union(OFlags::CLOEXEC).bits().cast_signed();
            let from =
                OpenOptions::new().read(true).custom_flags(flags).open(beside(&self.source, ending))?;
            let copy = self.copy.as_ref().map(|copy| new_file(&beside(&copy.folder.join(FILE), ending)));
            pass_on(from, *length, &mut hash, copy.transpose()?)?;
        }
        Ok(hash.finalize().into())
    }

    /// Whether the rollback journal is of a transaction over several databases. It ends with the name of a file then, which
    /// SQLite removes, whatever it is, when it has rolled back (<https://www.sqlite.org/fileformat.html>, section 3).
    fn names_another(&self) -> std::io::Result<bool> {
        let Some(copy) = &self.copy else { return Ok(false) };
        let mut journal = match File::open(beside(&copy.folder.join(FILE), "-journal")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            opened => opened?,
        };
        let mut end = [0; JOURNAL_MAGIC.len()];
        let Some(before) = journal.metadata()?.len().checked_sub(end.len() as u64) else { return Ok(false) };
        journal.seek(SeekFrom::Start(before))?;
        journal.read_exact(&mut end)?;
        Ok(end == JOURNAL_MAGIC)
    }

    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    pub(super) fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// What SQLite is to open.
    pub(super) fn path(&self) -> PathBuf {
        self.copy.as_ref().map_or_else(|| self.source.clone(), |copy| copy.folder.join(FILE))
    }

    /// Removes the copy. What is open stays open.
    pub(super) fn forget_copy(&self) {
        if let Some(copy) = &self.copy {
            let _ = std::fs::remove_dir_all(&copy.folder);
        }
    }

    /// Whether the source is as it was.
    pub(super) fn is_unchanged(&self) -> Result<(), ReferenceFileProblem> {
        let path = self.source.clone();
        match stamps(&path) {
            Ok(now) if now == self.seen => Ok(()),
            Ok(_) => Err(ReferenceFileProblem::Changed { path }),
            Err(source) => Err(ReferenceFileProblem::Io { path, source }),
        }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.forget_copy();
    }
}

/// Of the database and of each of its journals that is there.
fn stamps(source: &Path) -> std::io::Result<Vec<Option<Stamp>>> {
    let mut stamps = vec![Some(Stamp::of(&std::fs::metadata(source)?))];
    for ending in JOURNALS {
        stamps.push(match std::fs::metadata(beside(source, ending)) {
            Ok(metadata) => Some(Stamp::of(&metadata)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        });
    }
    Ok(stamps)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn pass_on(mut from: File, length: u64, hash: &mut Sha256, mut copy: Option<File>) -> std::io::Result<()> {
    let mut left = length;
    let mut buffer = vec![0; 256 * 1024];
    while left > 0 {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let some = buffer.get(..read.min(usize::try_from(left).unwrap_or(usize::MAX))).unwrap_or_default();
        hash.update(some);
        if let Some(copy) = &mut copy {
            copy.write_all(some)?;
        }
        left -= some.len() as u64;
    }
    Ok(())
}

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Removes what an import has left that was killed while it copied. One that goes on has locked its own.
fn clear(scratch: &Path) {
    let Ok(entries) = std::fs::read_dir(scratch) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(COPY)
            && let Ok(_lock) = lock(&entry.path())
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn s42_the_copy_is_for_nobody_else_and_goes_with_what_knows_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let (source, scratch) = (folder.path().join("theirs.db"), folder.path().join("scratch"));
        std::fs::create_dir(&scratch).unwrap();
        std::fs::write(&source, "a database").unwrap();
        assert!(!Snapshot::take(&source, &scratch).unwrap().is_copy(), "without a journal there is no need");
        std::fs::write(beside(&source, "-wal"), "a log").unwrap();
        let taken = Snapshot::take(&source, &scratch).unwrap();
        let copy = taken.path();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(copy.parent().unwrap()), 0o700);
        for (ending, text) in [("", "a database"), ("-wal", "a log")] {
            assert_eq!(mode(&beside(&copy, ending)), 0o600);
            assert_eq!(std::fs::read_to_string(beside(&copy, ending)).unwrap(), text);
        }
        // Another import leaves it alone, and removes what one has left that was killed.
        std::fs::create_dir(scratch.join("import-source-left")).unwrap();
        drop(Snapshot::take(&source, &scratch).unwrap());
        assert!(copy.exists());
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 1);
        drop(taken);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    }

    #[test]
    fn each_byte_of_the_database_and_its_journals_counts() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("theirs.db");
        let print = || Snapshot::take(&source, folder.path()).unwrap().fingerprint();
        let mut seen = vec![];
        for (file, log) in
            [("ab", None), ("abc", None), ("ab", Some("c")), ("a", Some("bc")), ("ab", Some("d"))]
        {
            std::fs::write(&source, file).unwrap();
            if let Some(log) = log {
                std::fs::write(beside(&source, "-wal"), log).unwrap();
            }
            seen.push(print());
        }
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len());
    }
}
