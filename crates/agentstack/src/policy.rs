//! The policy that the configuration names: a folder of `.cedar` files, or the built-in one.
//!
//! Whoever can write these files decides who may do what, so they are held to the same rules as private files; only
//! that others may read them does no harm.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use agentstack_storage_sqlite::FileProblem;
use rustix::fs::OFlags;

pub use agentstack_access::{
    BUILTIN_POLICY as BUILTIN, Explanation, Operation, Policy, PolicyError, PolicyFault, PolicyFile, Reach,
    Resource, Rule, Ruling, Subject,
};
pub use agentstack_api::all_operations as operations;

/// Most files of a policy.
const FILES: usize = 100;
/// Most bytes of its files together.
const BYTES: usize = 1024 * 1024;

/// Where the policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// It is the built-in one.
    Builtin,
    /// All `.cedar` files of a folder, as one set of rules.
    Folder(PathBuf),
}

/// A policy, and what is odd in it but no fault.
#[derive(Debug, Clone)]
pub struct LoadedPolicy {
    /// The policy.
    pub policy: Policy,
    /// What whoever wrote it should look at.
    pub warnings: Vec<PolicyFault>,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// A file or the folder.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// There is nothing in it.
    #[error("the policy folder {} holds no file whose name ends in .cedar", folder.display())]
    NoFiles {
        /// The folder.
        folder: PathBuf,
    },
    /// There is too much in it.
    #[error("the policy folder {} holds more than {FILES} files or {BYTES} bytes of rules", folder.display())]
    TooLarge {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not text.
    #[error("{} is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The rules.
    #[error("the policy in {} is not used:\n{source}", folder.display())]
    Rules {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with them.
        source: PolicyError,
    },
}

impl PolicySource {
    /// The policy over all operations of this build.
    ///
    /// # Errors
    /// Everything that is wrong with it. Nothing is taken in part, and nothing falls back to the built-in policy.
    pub fn load(&self) -> Result<LoadedPolicy, PolicyProblem> {
        match self {
            Self::Builtin => Ok(LoadedPolicy { policy: Policy::builtin(&operations()), warnings: vec![] }),
            Self::Folder(folder) => {
                let files = read(folder)?;
                let (policy, warnings) = Policy::parse(&files, &operations())
                    .map_err(|source| PolicyProblem::Rules { folder: folder.clone(), source })?;
                Ok(LoadedPolicy { policy, warnings })
            }
        }
    }
}

/// The `.cedar` files of a folder, in the order of their names.
fn read(folder: &Path) -> Result<Vec<PolicyFile>, PolicyProblem> {
    let problem = |source| FileProblem::Io { path: folder.to_owned(), source };
    let metadata = std::fs::symlink_metadata(folder).map_err(|source| refused(folder, source))?;
    if !metadata.is_dir() {
        return Err(FileProblem::NotFolder { path: folder.to_owned() }.into());
    }
    check(folder, &metadata, 0o755)?;
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.extension() == Some(OsStr::new("cedar")) {
            paths.push(path);
        }
    }
    paths.sort();
    let too_large = || PolicyProblem::TooLarge { folder: folder.to_owned() };
    if paths.is_empty() {
        return Err(PolicyProblem::NoFiles { folder: folder.to_owned() });
    }
    if paths.len() > FILES {
        return Err(too_large());
    }
    let mut left = BYTES;
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = read_file(&path, left)?;
        left = left.checked_sub(text.len()).ok_or_else(too_large)?;
        let name = path.file_name().and_then(OsStr::to_str).map(str::to_owned);
        let name = name.ok_or_else(|| PolicyProblem::NotText { path: path.clone() })?;
        files.push(PolicyFile { name, text });
    }
    Ok(files)
}

/// A file's text, and one byte more than `most` if there is more.
fn read_file(path: &Path, most: usize) -> Result<String, PolicyProblem> {
    let io = |source| refused(path, source);
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
    let file: File = options.read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(FileProblem::NotPlain { path: path.to_owned() }.into());
    }
    check(path, &metadata, 0o644)?;
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    String::from_utf8(bytes).map_err(|_| PolicyProblem::NotText { path: path.to_owned() })
}

/// Only the user and root, who can do anything anyway, may be able to change the rules. Root's are the better ones: the
/// service itself cannot change them.
fn check(path: &Path, metadata: &Metadata, wanted: u32) -> Result<(), FileProblem> {
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(FileProblem::ForeignOwner { path: path.to_owned(), owner });
    }
    if mode & 0o022 != 0 {
        return Err(FileProblem::TooOpen { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

fn refused(path: &Path, source: std::io::Error) -> FileProblem {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound => FileProblem::Missing { path },
        // O_NOFOLLOW answers ELOOP for a link.
        _ if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            FileProblem::NotPlain { path }
        }
        _ => FileProblem::Io { path, source },
    }
}

#[cfg(test)]
mod tests;
