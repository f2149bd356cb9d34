//! Coming from the product that this one replaces.

mod token_file;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_core::hex;
use agentstack_engine::{ImportOptions, ImportProblem, Imported, TokenKeeper};
use agentstack_storage::import::ImportSource;
use agentstack_storage_sqlite::{ReferenceFile, ReferenceFileProblem};

use self::token_file::TokenFile;
pub use self::token_file::TokenFileProblem;
use crate::AgentStack;

/// What is to be imported, and how.
#[derive(Debug, Clone, Default)]
pub struct ImportAsked {
    /// The database of the other product. It is read, and never written to.
    pub file: PathBuf,
    /// The file that resume tokens of sessions are written to. Without it no session is taken.
    pub resume_tokens: Option<PathBuf>,
    /// Whether sessions that have ended are taken, too.
    pub with_ended_sessions: bool,
    /// The name of the principal whom identities are to belong to; the importer's own without one.
    pub owner: Option<String>,
    /// Whether it is only to be said what would be taken.
    pub dry_run: bool,
}

/// Why nothing, or not all, was imported. What was taken is there; a further run goes on from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportFailure {
    /// The file cannot be imported.
    #[error(transparent)]
    File(#[from] ReferenceFileProblem),
    /// The file of the resume tokens cannot be used.
    #[error(transparent)]
    Tokens(#[from] TokenFileProblem),
    /// The import did not come to its end.
    #[error(transparent)]
    Import(#[from] ImportProblem),
}

impl AgentStack {
    /// Imports the database of the product that this one replaces, versions 1.0 to 1.6, as `principal`. `progress` is told how
    /// many rows there are and how many more of them have been looked at.
    ///
    /// # Errors
    /// When the file is no such database, the tokens cannot be kept, or the import did not come to its end.
    pub async fn import(
        &self,
        principal: Arc<Principal>,
        asked: &ImportAsked,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Imported, ImportFailure> {
        let database = self.store().path();
        // To open and close a file that SQLite has open in this process would release its locks (POSIX).
        if is_the_same(&asked.file, &database) {
            return Err(ReferenceFileProblem::Ours { path: asked.file.clone() }.into());
        }
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut source = ReferenceFile::open(&asked.file, folder.unwrap_or(Path::new("."))).await?;
        let fingerprint = source.fingerprint();
        let named = fingerprint.first_chunk::<16>().map(|half| hex::encode(half)).unwrap_or_default();
        let tokens = asked.resume_tokens.as_ref().filter(|_| !asked.dry_run);
        let mut tokens = tokens.map(|path| TokenFile::open(path, named)).transpose()?;
        let options = ImportOptions {
            with_sessions: asked.resume_tokens.is_some(),
            with_ended_sessions: asked.with_ended_sessions,
            owner: asked.owner.clone(),
            dry_run: asked.dry_run,
        };
        let totals = source.totals().await.map_err(ImportProblem::from)?;
        let total = totals.rows.iter().map(|(_, rows)| rows).sum();
        let keeper = tokens.as_mut().map(|tokens| tokens as &mut dyn TokenKeeper);
        let done = self
            .engine()
            .import(principal, &mut source, keeper, options, &mut |rows| progress(total, rows))
            .await;
        // That somebody has written to the file meanwhile explains whatever else went wrong.
        source.close().await?;
        Ok(done?)
    }
}

/// Whether two names are of one file.
pub(crate) fn is_the_same(one: &Path, other: &Path) -> bool {
    let identity = |path| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}
