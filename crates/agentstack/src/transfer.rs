//! Shared memory on its way into files and back.
//!
//! **Invariant:** nothing is written in the place of anything, nothing is half there under the name that was asked for, and
//! no link is followed.

mod entry;
mod line;
mod names;
mod out;
mod page;
mod source;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_api::ErrorBody;
use agentstack_core::SharedName;
use agentstack_engine::{ExportAsked, ExportCounts, ImportProblem, MemoryImportOptions, MemoryImportReport};

use self::out::Draft;
use self::source::Source;
use crate::AgentStack;
use crate::import::is_the_same;

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A file of JSON Lines: one entry, or past version, a line.
    Jsonl,
    /// A folder with a folder for each namespace, and in it a Markdown file for each entry, or past version.
    Markdown,
}

/// What is to be exported, and to where.
#[derive(Debug, Clone)]
pub struct MemoryExportAsked {
    /// The file or folder, which must not be there.
    pub out: PathBuf,
    /// What it is to be.
    pub format: ExportFormat,
    /// Only these namespaces; all shared ones if there is none.
    pub namespaces: Vec<SharedName>,
    /// Whether past versions are exported, too.
    pub with_versions: bool,
}

/// Why there is no export. Nothing is there under its name, either.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportFailure {
    /// The policy, or the store.
    #[error("{}", .0.message())]
    Call(Box<ErrorBody>),
    /// Something is there already.
    #[error("{} exists, and nothing is overwritten", path.display())]
    There {
        /// Where.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<ErrorBody> for ExportFailure {
    fn from(error: ErrorBody) -> Self {
        Self::Call(Box::new(error))
    }
}

/// What is to be imported, and how.
#[derive(Debug, Clone, Default)]
pub struct MemoryImportAsked {
    /// What an export has written: a file, or a folder.
    pub path: PathBuf,
    /// The namespace that all of it is taken into, if not the one that each entry names.
    pub into: Option<SharedName>,
    /// Whether what has another content here becomes the next version of what is there.
    pub replace: bool,
    /// Whether it is only to be said what would be taken.
    pub dry_run: bool,
}

/// Why not all was imported. What was taken is there; to do the same again goes on from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryImportFailure {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is neither a file nor a folder.
    #[error("{} is neither a plain file nor a folder; links are not followed here", path.display())]
    NotPlain {
        /// What.
        path: PathBuf,
    },
    /// It is the database of this very installation.
    #[error("{} is the database itself", path.display())]
    Ours {
        /// What.
        path: PathBuf,
    },
    /// The import did not come to its end.
    #[error(transparent)]
    Import(#[from] ImportProblem),
}

impl AgentStack {
    /// Exports shared memory as `principal`. `progress` is told how many entries are done, and how many there are. What is
    /// quarantined or revoked, and the memory of sessions, is not exported.
    ///
    /// # Errors
    /// When the principal may not, something changed while it was read, or it cannot be written. Then there is no export.
    pub async fn export_memory(
        &self,
        principal: Arc<Principal>,
        asked: &MemoryExportAsked,
        progress: impl FnMut(u64, u64),
    ) -> Result<ExportCounts, ExportFailure> {
        let mut draft = Draft::beside(&asked.out, asked.format)?;
        let what = ExportAsked { namespaces: asked.namespaces.clone(), with_versions: asked.with_versions };
        let done = self.engine().export_memory(principal, &what, |version| draft.add(version), progress);
        let counts = done.await?;
        draft.publish()?;
        Ok(counts)
    }

    /// Imports what an export has written, as `principal`. `progress` is told how far it has been read, and how far it goes.
    /// What it says of labels is not believed.
    ///
    /// # Errors
    /// When it cannot be read, or the import did not come to its end.
    pub async fn import_memory(
        &self,
        principal: Arc<Principal>,
        asked: &MemoryImportAsked,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<MemoryImportReport, MemoryImportFailure> {
        // To open and close a file that SQLite has open in this process would release its locks (POSIX).
        if is_the_same(&asked.path, &self.store().path()) {
            return Err(MemoryImportFailure::Ours { path: asked.path.clone() });
        }
        let mut source = Source::open(&asked.path)?;
        let options =
            MemoryImportOptions { into: asked.into.clone(), replace: asked.replace, dry_run: asked.dry_run };
        let total = source.total();
        let mut progress = |position| progress(position, total);
        Ok(self.engine().import_memory(principal, &mut *source.records, options, &mut progress).await?)
    }
}
