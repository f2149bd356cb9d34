//! Files that are nobody else's business (S42).

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Why a file or folder is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// It is not there.
    #[error("{} does not exist", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It is a link, a folder or a device where a plain file belongs.
    #[error("{} is not a plain file; links are not followed here", path.display())]
    NotPlain {
        /// Which.
        path: PathBuf,
    },
    /// It is a link or a file where a folder belongs.
    #[error("{} is not a folder; links are not followed here", path.display())]
    NotFolder {
        /// Which.
        path: PathBuf,
    },
    /// Another user owns it.
    #[error("{} belongs to another user (uid {owner})", path.display())]
    ForeignOwner {
        /// Which.
        path: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// Others may read or write it.
    #[error("{} is open to other users (mode {mode:04o}); run: chmod {wanted:o} {}", path.display(), path.display())]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// The operating system refused.
    #[error("{} cannot be used", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl FileProblem {
    fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::NotFound => Self::Missing { path },
            // O_NOFOLLOW answers ELOOP for a link.
            _ if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Self::NotPlain { path }
            }
            _ => Self::Io { path, source },
        }
    }
}

/// Makes a folder with mode 0700, and its parents with the user's usual mode. One that exists is
/// accepted if nobody else can write to it.
///
/// # Errors
/// When it cannot be made, is another user's, or others may write to it.
pub fn create_private_folder(path: &Path) -> Result<(), FileProblem> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|source| FileProblem::io(parent, source))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(FileProblem::io(path, error)),
        _ => {}
    }
    let metadata = std::fs::symlink_metadata(path).map_err(|source| FileProblem::io(path, source))?;
    if !metadata.is_dir() {
        return Err(FileProblem::NotFolder { path: path.to_owned() });
    }
    check_owner(path, metadata.uid())?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(FileProblem::TooOpen { path: path.to_owned(), mode, wanted: 0o700 });
    }
    Ok(())
}

/// Opens a plain file of the user's own that nobody else can read, without following links. With
/// `create`, makes it with mode 0600 if it is not there; what was there is never loosened or emptied.
///
/// # Errors
/// When it is missing, a link, another user's, or open to others.
pub fn private_file(path: &Path, create: bool) -> Result<File, FileProblem> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NOFOLLOW.union(OFlags::CLOEXEC).bits().cast_signed());
    let opened = match options.open(path) {
        Err(error) if create && error.kind() == ErrorKind::NotFound => {
            // create_new is O_EXCL: if somebody was faster, theirs is opened and checked like any other.
            match options.clone().write(true).create_new(true).mode(0o600).open(path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => options.open(path),
                other => other,
            }
        }
        other => other,
    };
    let file = opened.map_err(|source| FileProblem::io(path, source))?;
    check_file(path, &file.metadata().map_err(|source| FileProblem::io(path, source))?)?;
    Ok(file)
}

/// Opens a plain file of the user's own that nobody else can read, to read it and to write behind its end, without following
/// links. Makes it with mode 0600 if it is not there, and says whether it has. What was there is never emptied.
///
/// # Errors
/// When it is a link, another user's, or open to others.
pub fn private_log(path: &Path) -> Result<(File, bool), FileProblem> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .append(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.union(OFlags::CLOEXEC).bits().cast_signed());
    let (opened, is_new) = match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => (options.open(path), false),
        made => (made, true),
    };
    let file = opened.map_err(|source| FileProblem::io(path, source))?;
    check_file(path, &file.metadata().map_err(|source| FileProblem::io(path, source))?)?;
    Ok((file, is_new))
}

/// Makes a file with mode 0600 to write to, and nothing in the place of anything.
///
/// # Errors
/// When there is something of the name, or it cannot be made.
pub fn new_private_file(path: &Path) -> Result<File, FileProblem> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(|source| FileProblem::Io { path: path.to_owned(), source })
}

/// Makes sure that a database is there (an empty file is one) and that it is private, like
/// [`private_file`] but without opening what exists: to close a database that this process has also
/// opened with SQLite would release SQLite's locks on it (POSIX; <https://www.sqlite.org/howtocorrupt.html>, 2.2).
pub(crate) fn private_database(path: &Path) -> Result<(), FileProblem> {
    let mut options = OpenOptions::new();
    let made = match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::symlink_metadata(path),
    };
    check_file(path, &made.map_err(|source| FileProblem::io(path, source))?)
}

/// The same of a database that is there already: nothing is made.
pub(crate) fn existing_database(path: &Path) -> Result<(), FileProblem> {
    check_file(path, &std::fs::symlink_metadata(path).map_err(|source| FileProblem::io(path, source))?)
}

fn check_file(path: &Path, metadata: &Metadata) -> Result<(), FileProblem> {
    if !metadata.is_file() {
        return Err(FileProblem::NotPlain { path: path.to_owned() });
    }
    check_owner(path, metadata.uid())?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileProblem::TooOpen { path: path.to_owned(), mode, wanted: 0o600 });
    }
    Ok(())
}

/// Reads a small private text file, such as a key.
///
/// # Errors
/// Those of [`private_file`], or when it is not text of at most 64 KiB.
pub fn read_private_file(path: &Path) -> Result<Zeroizing<String>, FileProblem> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    private_file(path, false)?
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|source| FileProblem::io(path, source))?;
    Ok(text)
}

fn check_owner(path: &Path, owner: u32) -> Result<(), FileProblem> {
    if owner == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(FileProblem::ForeignOwner { path: path.to_owned(), owner })
    }
}
