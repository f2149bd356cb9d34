//! Copies of a database: made while it is in use, and put where there is none.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use agentstack_audit::Head;
use agentstack_core::Secret;
use agentstack_core::random;
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection, Executor};

use super::check::pages_of;
use super::{Checked, Holdings, MaintenanceError, beside, check, holdings, telling};
use crate::error::storage;
use crate::key::DatabaseKey;
use crate::{
    FileProblem, KeyMaterial, OpenError, OpenOptions, SqliteStore, create_private_folder, private_file,
};

const ATTACH: &str = "ATTACH $1 AS copy KEY $2";

/// How the copy is made: nobody else has it, so it needs no journal; what is on the disk is synced at the end. The parameters
/// are those of every database of ours.
const PREPARE: &str = "PRAGMA copy.cipher_hmac_algorithm = HMAC_SHA256; PRAGMA copy.journal_mode = OFF; \
     PRAGMA copy.synchronous = OFF";

/// The marks of the schema are no part of what is exported. `9` is the number of migrations.
const MARK: &str = "PRAGMA copy.application_id = 1095193428; PRAGMA copy.user_version = 9";

impl SqliteStore {
    /// Copies the database, as it is at one moment, into a new private file, and proves the copy. It can be in use
    /// meanwhile, by any process. The copy is encrypted with the key of the database, or with a passphrase.
    ///
    /// `progress` is told how many bytes have been written; the whole has about as many as the database.
    ///
    /// # Errors
    /// When there is a file of the name, or the copy cannot be made or is not whole. Then there is none.
    pub async fn backup(
        &self,
        to: &Path,
        passphrase: Option<Secret<String>>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Checked, MaintenanceError> {
        let options = self.options();
        let keys = match passphrase {
            Some(words) => options.keys.clone().with_passphrase(words),
            None => options.keys.clone(),
        };
        let draft = Draft::beside(to)?;
        let copied = telling(copy(&options, &draft.path, &keys), &draft.path, progress).await?;
        let proven = prove(&draft.path, keys).await?;
        if proven.holdings != Some(copied) {
            return Err(MaintenanceError::NotWhole { what: "it holds something else".into() });
        }
        draft.publish(to)?;
        Ok(proven)
    }
}

async fn copy(options: &OpenOptions, to: &Path, keys: &KeyMaterial) -> Result<Holdings, MaintenanceError> {
    // Not one of the store's connections: those cannot attach anything.
    let opened = options.sqlite().read_only(false).connect().await;
    let mut connection = opened.map_err(|source| options.problem(source))?;
    let copied = export(&mut connection, to, keys.database.as_ref()).await;
    let _ = connection.close().await;
    let copied = copied?;
    File::open(to).and_then(|file| file.sync_all()).map_err(|source| io(to, source))?;
    Ok(copied)
}

async fn export(
    connection: &mut SqliteConnection,
    to: &Path,
    key: Option<&DatabaseKey>,
) -> Result<Holdings, MaintenanceError> {
    let key = key.map(|key| key.text().to_string()).unwrap_or_default();
    // A name that begins with `file:` would be taken for an address.
    let to = std::path::absolute(to).map_err(|source| io(to, source))?;
    let name = to.to_str().ok_or_else(|| io(&to, ErrorKind::InvalidFilename.into()))?;
    let attach = sqlx::query(ATTACH).bind(name.to_owned()).bind(key);
    attach.execute(&mut *connection).await.map_err(storage)?;
    if connection.execute(PREPARE).await.is_err() {
        // An unencrypted one has no algorithm.
        connection.execute("PRAGMA copy.journal_mode = OFF").await.map_err(storage)?;
    }
    connection.execute("BEGIN").await.map_err(storage)?;
    // Of the moment of the first look.
    let holdings = holdings(connection).await?;
    connection.execute("SELECT sqlcipher_export('copy')").await.map_err(storage)?;
    connection.execute(MARK).await.map_err(storage)?;
    connection.execute("COMMIT").await.map_err(storage)?;
    Ok(holdings)
}

/// Opens a copy as anybody would, and looks at every page, row and posting of it.
async fn prove(path: &Path, keys: KeyMaterial) -> Result<Checked, MaintenanceError> {
    let options = OpenOptions { read_only: true, ..OpenOptions::new(path.to_owned(), keys) };
    let checked = check(&options, &mut |_| {}).await?;
    match checked.faults.first() {
        None => Ok(checked),
        Some(fault) => Err(MaintenanceError::NotWhole { what: fault.to_string() }),
    }
}

/// A backup that is to be the database, beside its place. It is removed again unless it is published.
#[derive(Debug)]
pub struct Restored {
    draft: Draft,
    to: PathBuf,
    /// What was found in it.
    pub checked: Checked,
}

impl Restored {
    /// Where it is, to be opened as any database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.draft.path
    }

    /// Puts it in its place. Nobody may have it open.
    ///
    /// # Errors
    /// When there is a database meanwhile, or it cannot be put there.
    pub fn publish(self) -> Result<Checked, MaintenanceError> {
        // What is proven with its log, and published without, would be another.
        if super::size(&beside(&self.draft.path, "-wal")) > 0 {
            return Err(MaintenanceError::NotWhole { what: "its log could not be folded into it".into() });
        }
        nothing_at(&self.to)?;
        // A database that nobody has begun with may lie in its place: an empty file.
        let _ = std::fs::remove_file(&self.to);
        self.draft.publish(&self.to)?;
        Ok(self.checked)
    }
}

/// Readies a backup for where there is no database: under the key of the options. `passphrase` opens it, if it has one of its
/// own. The backup is proven first, brought up to the present schema, and proven again.
///
/// # Errors
/// When there is a database, or the backup does not open, is damaged, or cannot be put there. Nothing is left of it then.
pub async fn restore(
    backup: &Path,
    passphrase: Option<Secret<String>>,
    to: &OpenOptions,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Restored, MaintenanceError> {
    nothing_at(&to.path)?;
    let folder = to.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    create_private_folder(folder.unwrap_or(Path::new(".")))?;
    let has_own = passphrase.is_some();
    if has_own && to.keys.database.is_none() {
        return Err(MaintenanceError::EncryptedBackup);
    }
    let keys = match passphrase {
        Some(words) => to.keys.clone().with_passphrase(words),
        None => to.keys.clone(),
    };
    let draft = Draft::beside(&to.path)?;
    let (from, into) = (backup.to_owned(), draft.path.clone());
    let copied = tokio::task::spawn_blocking(move || transfer(&from, &into));
    let copied = telling(copied, &draft.path, progress).await;
    copied.map_err(|error| io(backup, std::io::Error::other(error)))??;
    let options = OpenOptions::new(draft.path.clone(), keys);
    let head = first_look(&options).await.map_err(|error| not_ours(error, has_own, to))?;
    if has_own {
        super::rekey::rewrite(&options, &to.keys, progress).await?;
    }
    // Brings the schema up to date, as any start does.
    let options = OpenOptions { keys: to.keys.clone(), ..options };
    SqliteStore::open(options.clone()).await?.shut().await;
    in_wal_mode(&options).await?;
    let checked = prove(&draft.path, to.keys.clone()).await?;
    if checked.holdings.is_none_or(|there| there.head != head) {
        return Err(MaintenanceError::NotWhole { what: "its audit log ends elsewhere".into() });
    }
    Ok(Restored { draft, to: to.path.clone(), checked })
}

/// That neither a database is there, nor anything that belongs to one.
fn nothing_at(path: &Path) -> Result<(), MaintenanceError> {
    let is_there = ["", "-wal", "-journal"].iter().any(|end| super::size(&beside(path, end)) > 0);
    if is_there { Err(MaintenanceError::Exists { path: path.to_owned() }) } else { Ok(()) }
}

/// Proves the pages of a backup, whatever its schema, and says where its audit log ends.
async fn first_look(options: &OpenOptions) -> Result<Head, MaintenanceError> {
    let options = OpenOptions { read_only: true, ..options.clone() };
    let mut connection = options.connect().await?;
    let sql = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
    let asked = sqlx::query_as::<_, (i64, Vec<u8>)>(sql);
    let row = asked.fetch_optional(&mut connection).await;
    let faults = pages_of(&mut connection, &options).await;
    let _ = connection.close().await;
    let row = row.map_err(|source| options.problem(source))?;
    if let Some(fault) = faults?.first() {
        return Err(MaintenanceError::NotWhole { what: fault.to_string() });
    }
    let head = row.map(|(sequence, hash)| crate::audit::head(sequence, hash)).transpose()?;
    Ok(head.unwrap_or(Head::EMPTY))
}

/// The mode that a database of ours is in. A copy is not: nothing lies beside it.
async fn in_wal_mode(options: &OpenOptions) -> Result<(), MaintenanceError> {
    let mut connection = options.connect().await?;
    let set = connection.execute("PRAGMA journal_mode = WAL").await;
    let _ = connection.close().await;
    set.map(drop).map_err(|source| options.problem(source).into())
}

/// What it means that a backup did not open.
fn not_ours(error: MaintenanceError, has_own: bool, to: &OpenOptions) -> MaintenanceError {
    let MaintenanceError::Open(problem) = error else { return error };
    match problem {
        OpenError::NotEncrypted { .. } => MaintenanceError::PlainBackup,
        OpenError::WrongKey { .. } if to.keys.database.is_none() => MaintenanceError::EncryptedBackup,
        OpenError::WrongKey { .. } => MaintenanceError::WrongPassphrase { has_own },
        other => other.into(),
    }
}

fn transfer(from: &Path, to: &Path) -> Result<(), MaintenanceError> {
    let mut source = File::open(from).map_err(|source| io(from, source))?;
    let mut target = std::fs::OpenOptions::new().write(true).open(to).map_err(|source| io(to, source))?;
    std::io::copy(&mut source, &mut target).map_err(|source| io(to, source))?;
    target.sync_all().map_err(|source| io(to, source))
}

/// A file that is being made. It is removed again unless it is published.
#[derive(Debug)]
struct Draft {
    path: PathBuf,
}

impl Draft {
    /// An empty private file in the folder of `of`.
    fn beside(of: &Path) -> Result<Self, MaintenanceError> {
        if of.symlink_metadata().is_ok_and(|there| there.len() > 0 || !there.is_file()) {
            return Err(MaintenanceError::Exists { path: of.to_owned() });
        }
        let number = random::bytes::<8>().map_err(|error| io(of, std::io::Error::other(error)))?;
        let path = beside(of, &format!(".{:016x}.new", u64::from_ne_bytes(number)));
        private_file(&path, true)?;
        Ok(Self { path })
    }

    /// Gives it its name, which nothing may have. It is on the disk then.
    fn publish(&self, to: &Path) -> Result<(), MaintenanceError> {
        match std::fs::hard_link(&self.path, to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(MaintenanceError::Exists { path: to.to_owned() });
            }
            Err(source) => return Err(io(to, source)),
        }
        std::fs::remove_file(&self.path).map_err(|source| io(&self.path, source))?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io(folder, source))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&self.path, end));
        }
    }
}

fn io(path: &Path, source: std::io::Error) -> MaintenanceError {
    MaintenanceError::File(FileProblem::Io { path: path.to_owned(), source })
}
