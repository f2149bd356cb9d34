//! Which file is read, and whether it is safe to.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use agentstack_storage_sqlite::{FileProblem, private_file};
use zeroize::Zeroizing;

use super::environment::{CONFIG, NotText};
use super::{ConfigError, Place, Sources};

/// The file's name in the current folder.
const PROJECT_FILE: &str = "aistack.config.json";
/// The file's name in the user's configuration folder.
const USER_FILE: &str = "config.json";
/// Largest file that is read.
const MOST_BYTES: u64 = 1024 * 1024;

/// Where a configuration file was found.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Whether it was come upon in the current folder. It may belong to a project that somebody else wrote.
    pub(super) by_chance: bool,
}

/// The file that holds the configuration, if there is one. Parent folders are not searched.
pub(super) fn find(sources: &Sources) -> Result<Option<Found>, ConfigError> {
    let named = sources.environment.get(CONFIG);
    let named = named.map_err(|NotText| ConfigError::field(Place::Environment, CONFIG, "must be UTF-8"))?;
    if let Some(path) = sources.explicit.clone().or_else(|| named.map(PathBuf::from)) {
        let path = sources.current_dir.join(path);
        if !exists(&path)? {
            return Err(ConfigError::Missing { path });
        }
        return Ok(Some(Found { path, by_chance: false }));
    }
    let path = sources.current_dir.join(PROJECT_FILE);
    if exists(&path)? {
        return Ok(Some(Found { path, by_chance: true }));
    }
    match sources.environment.user_folder().map(|folder| folder.join(USER_FILE)) {
        Some(path) if exists(&path)? => Ok(Some(Found { path, by_chance: false })),
        _ => Ok(None),
    }
}

fn exists(path: &Path) -> Result<bool, ConfigError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        // A file where a folder should be: nothing can be behind it.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The bytes of the file, and what would be wrong with it if it held a secret (S42).
pub(super) fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Option<FileProblem>), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let not_a_file = || ConfigError::NotAFile { path: path.to_owned() };
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(not_a_file());
    }
    let (file, problem) = match private_file(path, false) {
        Ok(file) => (file, None),
        // The file that is read from here on has not been found private, whatever it is now.
        Err(problem) => (File::open(path).map_err(unreadable)?, Some(problem)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(not_a_file());
    }
    Ok((bytes, problem))
}
