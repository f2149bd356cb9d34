//! The files of a plugin.
//!
//! A package is a folder and not an archive: there is nothing to unpack before the signature was checked, no path to
//! escape by and no file that can be in it twice.

use std::collections::BTreeMap;
use std::fs::{Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::{ContentHash, InvalidManifest, MANIFEST_BYTES, Manifest, Statement};

/// The manifest.
pub const MANIFEST: &str = "plugin.json";
/// The WebAssembly component.
pub const COMPONENT: &str = "plugin.wasm";
/// The signature, which is the one file that is not in the hash.
pub const SIGNATURE: &str = "plugin.minisig";

/// All files that a package can have, each with its greatest size in bytes.
const FILES: [(&str, usize); 5] = [
    (MANIFEST, MANIFEST_BYTES),
    (COMPONENT, 32 * 1024 * 1024),
    (SIGNATURE, 2 * 1024),
    ("LICENSE", 256 * 1024),
    ("README.md", 256 * 1024),
];

/// The files of a plugin, in memory: what is hashed is what is used, whatever becomes of the folder. None of it was
/// looked at yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Package {
    files: BTreeMap<&'static str, Vec<u8>>,
    signature: Option<String>,
    hash: ContentHash,
}

impl Package {
    /// Reads a folder. Links are not followed, and neither the folder nor a file may be open to the writing of others.
    ///
    /// # Errors
    /// When something cannot be read or does not belong there.
    pub fn read(folder: &Path) -> Result<Self, PackageProblem> {
        let io = |source| PackageProblem::io(folder, source);
        let metadata = std::fs::symlink_metadata(folder).map_err(io)?;
        if !metadata.is_dir() {
            return Err(PackageProblem::NotFolder { path: folder.to_owned() });
        }
        check(folder, &metadata)?;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            let (name, most) = known(&name.to_string_lossy())?;
            files.push((name, read_file(&folder.join(name), most)?));
        }
        Self::new(files)
    }

    /// The package of these files.
    ///
    /// # Errors
    /// When one is missing, is too large, does not belong there or is there twice.
    pub fn new<S: AsRef<str>>(files: impl IntoIterator<Item = (S, Vec<u8>)>) -> Result<Self, PackageProblem> {
        let mut known_files = BTreeMap::new();
        for (name, content) in files {
            let (name, most) = known(name.as_ref())?;
            if content.len() > most {
                return Err(PackageProblem::TooLarge { name, most });
            }
            if known_files.insert(name, content).is_some() {
                return Err(PackageProblem::Twice { name });
            }
        }
        let signature = known_files.remove(SIGNATURE).map(String::from_utf8).transpose();
        let signature = signature.map_err(|_| PackageProblem::NotText { name: SIGNATURE })?;
        for name in [MANIFEST, COMPONENT] {
            if !known_files.contains_key(name) {
                return Err(PackageProblem::Missing { name });
            }
        }
        let hash = ContentHash::of(known_files.iter().map(|(name, content)| (*name, content.as_slice())));
        Ok(Self { files: known_files, signature, hash })
    }

    /// The hash of all files but the signature.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// All files but the signature, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.files.iter().map(|(name, content)| (*name, content.as_slice()))
    }

    /// The text of the signature file, if there is one.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.signature.as_deref()
    }

    /// Whether both have the same files, the signature included.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.files == other.files && self.signature == other.signature
    }

    /// The manifest, whoever wrote it: for whoever is about to sign it.
    ///
    /// # Errors
    /// When it is not good.
    pub fn unverified_manifest(&self) -> Result<Manifest, InvalidManifest> {
        Manifest::parse(self.file(MANIFEST))
    }

    /// What there is to sign.
    ///
    /// # Errors
    /// When the manifest is not good.
    pub fn statement(&self) -> Result<Statement, InvalidManifest> {
        let manifest = self.unverified_manifest()?;
        let (name, version) = (manifest.name().clone(), manifest.version().clone());
        Ok(Statement { name, version, hash: self.hash })
    }

    pub(crate) fn component(&self) -> &[u8] {
        self.file(COMPONENT)
    }

    /// One that [`Package::new`] has seen to be there.
    fn file(&self, name: &str) -> &[u8] {
        self.files.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl std::fmt::Debug for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Package({})", self.hash)
    }
}

fn known(name: &str) -> Result<(&'static str, usize), PackageProblem> {
    let file = FILES.into_iter().find(|(known, _)| *known == name);
    file.ok_or_else(|| PackageProblem::Unknown { name: name.escape_debug().take(64).collect() })
}

/// A file's content, and one byte more than `most` if there is more.
fn read_file(path: &Path, most: usize) -> Result<Vec<u8>, PackageProblem> {
    let io = |source| PackageProblem::io(path, source);
    let flags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(PackageProblem::NotPlain { path: path.to_owned() });
    }
    check(path, &metadata)?;
    let mut content = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut content).map_err(io)?;
    Ok(content)
}

/// The signature says what a package is. But who can change its files can also keep a plugin from being loaded.
fn check(path: &Path, metadata: &Metadata) -> Result<(), PackageProblem> {
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(PackageProblem::ForeignOwner { path: path.to_owned(), owner });
    }
    if mode & 0o022 != 0 {
        return Err(PackageProblem::TooOpen { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageProblem {
    /// A file that belongs there is not.
    #[error("the package has no {name}")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// A file that does not belong there.
    #[error("the package has `{name}`, which does not belong there")]
    Unknown {
        /// Which; escaped and cut.
        name: String,
    },
    /// A file that is there twice.
    #[error("the package has {name} twice")]
    Twice {
        /// Which.
        name: &'static str,
    },
    /// A file that is too large.
    #[error("{name} is larger than {most} bytes")]
    TooLarge {
        /// Which.
        name: &'static str,
        /// Its greatest size.
        most: usize,
    },
    /// A file that should be text.
    #[error("{name} is not text")]
    NotText {
        /// Which.
        name: &'static str,
    },
    /// There is no folder.
    #[error("{} is not a folder; links are not followed here", path.display())]
    NotFolder {
        /// Where.
        path: PathBuf,
    },
    /// A link, a folder or a device where a file belongs.
    #[error("{} is not a plain file; links are not followed here", path.display())]
    NotPlain {
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
    /// Others may write it.
    #[error("{} can be changed by other users (mode {mode:04o}); run: chmod go-w {}", path.display(), path.display())]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The operating system refused.
    #[error("{} cannot be read", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl PackageProblem {
    fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        // O_NOFOLLOW answers ELOOP for a link, and a socket cannot be opened at all.
        let not_plain = [Errno::LOOP, Errno::NXIO].map(|error| Some(error.raw_os_error()));
        if not_plain.contains(&source.raw_os_error()) {
            return Self::NotPlain { path };
        }
        Self::Io { path, source }
    }
}
