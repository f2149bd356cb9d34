//! Where the packages of installed plugins are kept.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use agentstack_core::{hex, random};

use crate::package::SIGNATURE;
use crate::{ContentHash, Package, PackageProblem, PluginName};

/// A folder of packages, each at `<name>/<hash>`. That something lies in it means nothing: what is installed is what is
/// registered, and it is verified whenever it is read.
#[derive(Debug, Clone)]
pub struct PackageFolder {
    root: PathBuf,
}

/// Why a package cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written", path.display())]
pub struct FolderProblem {
    /// Where.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl PackageFolder {
    /// The folder at `root`, which need not be there yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the package of this name and hash is.
    #[must_use]
    pub fn place(&self, name: &PluginName, hash: ContentHash) -> PathBuf {
        self.root.join(name.as_str()).join(hash.to_string())
    }

    /// Reads a package.
    ///
    /// # Errors
    /// As [`Package::read`].
    pub fn read(&self, name: &PluginName, hash: ContentHash) -> Result<Package, PackageProblem> {
        Package::read(&self.place(name, hash))
    }

    /// Keeps a package. It is there with all its files or not at all, and only its owner can read or write it. One that
    /// is there and has not the same files is replaced.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn keep(&self, name: &PluginName, package: &Package) -> Result<(), FolderProblem> {
        let place = self.place(name, package.hash());
        let is_there = || Package::read(&place).is_ok_and(|there| there.is_same_as(package));
        if is_there() {
            return Ok(());
        }
        let folder = self.root.join(name.as_str());
        let written = beside(&folder).and_then(|beside| {
            let moved = write(&beside, package).and_then(|()| match fs::rename(&beside, &place) {
                // Somebody else may have been faster with the same; anything else makes room.
                Err(_) if is_there() => remove(&beside),
                Err(_) => remove(&place).and_then(|()| fs::rename(&beside, &place)),
                Ok(()) => Ok(()),
            });
            if moved.is_err() {
                let _ = remove(&beside);
            }
            moved.and_then(|()| File::open(&folder)?.sync_all())
        });
        written.map_err(|source| FolderProblem { path: place, source })
    }

    /// Removes a package, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, name: &PluginName, hash: ContentHash) -> Result<(), FolderProblem> {
        let place = self.place(name, hash);
        remove(&place).map_err(|source| FolderProblem { path: place, source })?;
        // The folder of the name goes with its last version.
        let _ = fs::remove_dir(self.root.join(name.as_str()));
        Ok(())
    }
}

/// A new folder in this one, of nobody else's.
fn beside(folder: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let name = random::bytes::<8>().map_err(io::Error::other)?;
    let beside = folder.join(format!(".new-{}", hex::encode(&name)));
    DirBuilder::new().mode(0o700).create(&beside)?;
    Ok(beside)
}

fn write(beside: &Path, package: &Package) -> io::Result<()> {
    let signature = package.signature().map(|text| (SIGNATURE, text.as_bytes()));
    for (name, content) in package.files().chain(signature) {
        let path = beside.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.sync_all()?;
    }
    File::open(beside)?.sync_all()
}

/// Removes a folder with all that is in it. Links in it are removed and not followed.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
