//! An export that is being written. It has another name until all of it is there.

use std::fs::{DirBuilder, File};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use agentstack_core::RequestId;
use agentstack_engine::ExportedVersion;
use agentstack_storage_sqlite::{FileProblem, new_private_file};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{ExportFailure, ExportFormat, line, names, page};

/// Where it is written to.
enum Kind {
    File(BufWriter<File>),
    /// A folder, and that of the namespace that is being written.
    Folder(Option<PathBuf>),
}

/// A file or folder beside the one that it is to become. It is removed if it does not.
pub(super) struct Draft {
    kind: Kind,
    path: PathBuf,
    out: PathBuf,
    is_published: bool,
}

impl Draft {
    pub(super) fn beside(out: &Path, format: ExportFormat) -> Result<Self, ExportFailure> {
        if out.symlink_metadata().is_ok() {
            return Err(ExportFailure::There { path: out.to_owned() });
        }
        let unnamed = || unwritable(out, ErrorKind::InvalidFilename.into());
        let name = out.file_name().ok_or_else(unnamed)?.to_string_lossy();
        let path = out.with_file_name(format!(".{name}.{}.draft", RequestId::generate()));
        let kind = match format {
            ExportFormat::Jsonl => Kind::File(BufWriter::new(new_file(&path)?)),
            ExportFormat::Markdown => {
                new_folder(&path)?;
                Kind::Folder(None)
            }
        };
        Ok(Self { kind, path, out: out.to_owned(), is_published: false })
    }

    pub(super) fn add(&mut self, version: ExportedVersion<'_>) -> Result<(), ExportFailure> {
        match &mut self.kind {
            Kind::File(file) => {
                let written = line::encode(version).and_then(|mut line| {
                    line.push(b'\n');
                    file.write_all(&line)
                });
                written.map_err(|source| unwritable(&self.path, source))
            }
            Kind::Folder(within) => {
                let summary = &version.entry.summary;
                let folder = self.path.join(names::stem(&summary.namespace.to_string()));
                if within.as_ref() != Some(&folder) {
                    new_folder(&folder)?;
                }
                let past = (!version.is_current).then_some(summary.version);
                let path = folder.join(names::file(summary.key.as_str(), past));
                *within = Some(folder);
                let mut file = new_file(&path)?;
                let written = page::encode(version).and_then(|page| file.write_all(&page));
                written.map_err(|source| unwritable(&path, source))
            }
        }
    }

    /// Gives it its name, and nothing the place of anything.
    pub(super) fn publish(mut self) -> Result<(), ExportFailure> {
        let is_whole = match &mut self.kind {
            Kind::File(file) => file.flush().and_then(|()| file.get_ref().sync_all()),
            Kind::Folder(_) => {
                // One call for all of its files: to wait for each would take minutes.
                rustix::fs::sync();
                Ok(())
            }
        };
        is_whole.map_err(|source| unwritable(&self.path, source))?;
        match renameat_with(CWD, &self.path, CWD, &self.out, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                return Err(ExportFailure::There { path: self.out.clone() });
            }
            Err(error) => return Err(unwritable(&self.out, error.into())),
        }
        self.is_published = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        // What cannot be removed is seen by whoever looks: it says in its name what it is.
        let _gone = match self.kind {
            Kind::File(_) => std::fs::remove_file(&self.path),
            Kind::Folder(_) => std::fs::remove_dir_all(&self.path),
        };
    }
}

fn new_folder(path: &Path) -> Result<(), ExportFailure> {
    DirBuilder::new().mode(0o700).create(path).map_err(|source| unwritable(path, source))
}

fn new_file(path: &Path) -> Result<File, ExportFailure> {
    new_private_file(path).map_err(|problem| match problem {
        FileProblem::Io { path, source } => ExportFailure::Unwritable { path, source },
        other => unwritable(path, std::io::Error::other(other)),
    })
}

fn unwritable(path: &Path, source: std::io::Error) -> ExportFailure {
    ExportFailure::Unwritable { path: path.to_owned(), source }
}
