//! Looking after the database as a whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentstack_access::Principal;
use agentstack_api::operations::{DB_BACKUP, DB_REKEY, DB_RESTORE};
use agentstack_api::{ErrorBody, ErrorCode};
use agentstack_audit::{Checkpoint, VerifyingKey};
use agentstack_core::Secret;
use agentstack_storage_sqlite::{
    Checked, Checking, KeyMaterial, MaintenanceError, MasterKey, OpenOptions, Renew, check, rekey, restore,
    use_of_key,
};

use crate::config::{Config, Overrides, Sources};
use crate::keys::{KeyError, KeySource, new_key};
use crate::{AgentStack, Options, StartError};

/// Why something was not done to the database. What was there is as it was, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceProblem {
    /// The policy, or the audit log.
    #[error("{}", .0.message())]
    Refused(ErrorBody),
    /// The database.
    #[error(transparent)]
    Database(#[from] MaintenanceError),
    /// The product did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It would be the key that the database has.
    #[error("{} holds the key that the database has already: name a file that is not there, for a new one", path.display())]
    SameKey {
        /// Where it lies.
        path: PathBuf,
    },
    /// Only the operator can put a new key where it is taken from.
    #[error(
        "the key comes from {kind}, where this program cannot put another: name a file for the new key, which you then put \
         there"
    )]
    NoPlace {
        /// What kind of source it is.
        kind: &'static str,
    },
}

impl From<ErrorBody> for MaintenanceProblem {
    fn from(body: ErrorBody) -> Self {
        Self::Refused(body)
    }
}

/// A key that the database may have got already, and where it comes from.
pub(crate) struct NextKey {
    keys: KeyMaterial,
    secret: Secret<String>,
    /// Where it takes the place of the old one; if anywhere.
    source: Option<KeySource>,
}

impl NextKey {
    pub(crate) fn new(key: &MasterKey, source: Option<KeySource>) -> Self {
        Self { keys: key.derive(), secret: key.to_text(), source }
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = Secret<String>> {
        self.keys.database_key().into_iter().chain([self.secret.clone()])
    }
}

/// A key that has followed another, which is still to be said.
pub(crate) struct Succession {
    pub(crate) former: VerifyingKey,
    source: Option<KeySource>,
}

impl Options {
    /// Takes the new key, if the database has got it.
    pub(crate) async fn settle_key(&mut self) -> Result<Option<Succession>, StartError> {
        if let (Some(source), None, false) = (&self.key_source, &self.next_key, self.read_only)
            && let Err(error) = source.forget_old()
        {
            tracing::error!(%error, "a key that was replaced is still there, as <key>.replaced, and cannot be destroyed");
        }
        let Some(next) = self.next_key.take().filter(|_| self.keys.encrypts()) else { return Ok(None) };
        let opens = |keys: &KeyMaterial| {
            let options =
                OpenOptions { read_only: true, ..OpenOptions::new(self.database.clone(), keys.clone()) };
            async move { use_of_key(&options).await.unwrap_or(false) }
        };
        let in_use = std::fs::metadata(&self.database).is_ok_and(|database| database.len() > 0);
        if !in_use || opens(&self.keys).await || !opens(&next.keys).await {
            return Ok(None);
        }
        let former = self.keys.verifying_key();
        self.keys = next.keys;
        Ok(Some(Succession { former, source: next.source }))
    }

    /// Where new keys come from while it runs.
    pub(crate) fn renew(&self) -> Option<Renew> {
        let source = self.key_source.clone().filter(|_| self.keys.encrypts())?;
        let redactor = self.redactor.clone();
        Some(Arc::new(move || {
            let keys = source.candidates().into_iter().map(|key| {
                let keys = key.derive();
                for secret in keys.database_key().into_iter().chain([key.to_text()]) {
                    redactor.know(&secret);
                }
                keys
            });
            keys.collect()
        }))
    }
}

/// What the replacement of a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rekeyed {
    /// Whether it was one that had been interrupted, and is finished now.
    pub finished: bool,
    /// Where the new key lies, if the operator has to put it where it is taken from.
    pub put: Option<PathBuf>,
    /// Whether the new key signs the audit log. It does not sign one that is not intact.
    pub signs: bool,
}

impl AgentStack {
    /// Says that the key that signs has followed another, and puts the new one into its place.
    pub(crate) async fn succeed(&self, succession: Succession) -> Result<(), StartError> {
        match self.engine().succeed_key(Arc::new(Self::operator()), &succession.former).await {
            // A log that is not intact must not keep the database from those whose it is: it was not signed any more before.
            Err(error) if error.code() == ErrorCode::Internal => tracing::error!(
                "the new key does not sign the audit log, which is not intact: agentstack audit verify"
            ),
            done => drop(done.map_err(StartError::Succession)?),
        }
        succession.source.map_or(Ok(()), |source| Ok(source.replace()?))
    }

    /// Copies the database, as it is at one moment, into a new private file, and proves the copy. `progress` is told how
    /// many bytes have been written.
    ///
    /// # Errors
    /// When there is a file of the name, or the copy cannot be made or is not whole. Then there is none.
    pub async fn backup(
        &self,
        to: &Path,
        passphrase: Option<Secret<String>>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Checked, MaintenanceProblem> {
        let work = async {
            let made = self.store().backup(to, passphrase, progress).await?;
            Ok((made.clone(), counts(&made)))
        };
        self.engine().maintain(Arc::new(Self::operator()), &DB_BACKUP, work).await
    }

    /// Puts a backup where the configuration has its database, and where there is none. Returns the product over it. A log
    /// that another key has signed is vouched for by the one of this installation: its operator says that the backup is the
    /// right one.
    ///
    /// # Errors
    /// When there is a database, or the backup does not open or is damaged. Then there is none.
    pub async fn restore(
        file: Option<PathBuf>,
        backup: &Path,
        passphrase: Option<Secret<String>>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(Self, Checked), MaintenanceProblem> {
        let sources = Sources::of_process(file, Overrides::default()).map_err(StartError::from)?;
        let loaded = Config::load(&sources).map_err(StartError::from)?;
        let options = Options::looking_after(&loaded.config)?;
        let target = OpenOptions::new(options.database.clone(), options.keys.clone());
        options.tell_secrets();
        let restored = restore(backup, passphrase, &target, progress).await?;
        // Killed before it is published, it is not there; after that, it is as it is to be.
        let stack = Self::open(Options { database: restored.path().to_owned(), ..options }).await?;
        let taken = stack.take_over(&restored.checked).await;
        stack.close().await;
        taken?;
        let checked = restored.publish()?;
        Ok((Self::open(Options::looking_after(&loaded.config)?).await?, checked))
    }

    /// Vouches for what a backup brought, and records that it did.
    async fn take_over(&self, restored: &Checked) -> Result<(), MaintenanceProblem> {
        let operator = || Arc::new(Self::operator());
        let work = async {
            if let Some(signer) = self.last_signer(operator()).await?
                && signer != self.store().verifying_key()
            {
                self.succeed(Succession { former: signer, source: None }).await?;
            }
            Ok(((), counts(restored)))
        };
        self.engine().maintain(operator(), &DB_RESTORE, work).await
    }

    pub(crate) async fn last_signer(
        &self,
        principal: Arc<Principal>,
    ) -> Result<Option<VerifyingKey>, ErrorBody> {
        let checkpoints = self.engine().audit_checkpoints(principal).await?;
        Ok(checkpoints.last().map(|last: &Checkpoint| last.key.clone()))
    }

    /// Looks at everything in the database. Writes nothing.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn check(
        file: Option<PathBuf>,
        progress: &mut (dyn FnMut(Checking) + Send),
    ) -> Result<Checked, MaintenanceProblem> {
        Self::check_of(Options::load_existing(file)?, progress).await
    }

    /// The same of a configuration.
    pub(crate) async fn check_with(
        config: &Config,
        progress: &mut (dyn FnMut(Checking) + Send),
    ) -> Result<Checked, MaintenanceProblem> {
        Self::check_of(Options::looking_after(config)?, progress).await
    }

    async fn check_of(
        mut options: Options,
        progress: &mut (dyn FnMut(Checking) + Send),
    ) -> Result<Checked, MaintenanceProblem> {
        options.tell_secrets();
        options.read_only = true;
        options.settle_key().await?;
        Ok(check(&OpenOptions::new(options.database, options.keys), progress).await?)
    }

    /// Gives the database another key, while it is in use. What was interrupted is finished by the next start, of whatever
    /// program of this product. `new_key_file` is where the new key lies, or is put, if it is not the source's own.
    /// `progress` is told how many bytes have been written, of how many.
    ///
    /// # Errors
    /// When it cannot be done. The database has its old key then.
    pub async fn rekey(
        file: Option<PathBuf>,
        new_key_file: Option<PathBuf>,
        progress: &mut (dyn FnMut(u64, u64) + Send),
    ) -> Result<Rekeyed, MaintenanceProblem> {
        let mut options = Options::load_existing(file.clone())?;
        let Some(source) = options.key_source.clone() else {
            return Err(MaintenanceProblem::NoPlace { kind: "nowhere" });
        };
        if !options.keys.encrypts() {
            return Err(MaintenanceError::NotEncrypted.into());
        }
        let (place, own) = match (&new_key_file, source.next_file()) {
            (Some(place), _) => (place.clone(), None),
            (None, Some(place)) => (place, Some(source.clone())),
            (None, None) => return Err(MaintenanceProblem::NoPlace { kind: source.kind() }),
        };
        // What was begun before and not finished comes first.
        let begun = new_key_file.as_deref().filter(|place| place.exists()).map(new_key).transpose()?;
        if let Some(key) = begun {
            if key.derive().verifying_key() == options.keys.verifying_key() {
                return Err(MaintenanceProblem::SameKey { path: place });
            }
            options.next_key = Some(NextKey::new(&key, None));
        }
        let before = options.keys.verifying_key();
        let stack = Self::open(options).await?;
        if stack.store().verifying_key() != before {
            let signs = stack.signs().await?;
            stack.close().await;
            let put = new_key_file.filter(|place| place.exists());
            return Ok(Rekeyed { finished: true, put, signs });
        }
        let authorized = stack.engine().may(Arc::new(Self::operator()), &DB_REKEY).await;
        stack.close().await;
        authorized?;
        let key = new_key(&place)?;
        let mut options = Options::load_existing(file)?;
        let next = NextKey::new(&key, own);
        next.secrets().for_each(|secret| options.redactor.know(&secret));
        let total = std::fs::metadata(&options.database).map_or(0, |file| file.len());
        let opening = OpenOptions::new(options.database.clone(), options.keys.clone());
        rekey(&opening, &next.keys, &mut |written| progress(written, total)).await?;
        options.next_key = Some(next);
        let stack = Self::open(options).await?;
        let signs = stack.signs().await?;
        stack.close().await;
        Ok(Rekeyed { finished: false, put: new_key_file, signs })
    }

    /// Whether the audit log is signed by the key of the database.
    async fn signs(&self) -> Result<bool, ErrorBody> {
        let last = self.last_signer(Arc::new(Self::operator())).await?;
        Ok(last.is_none_or(|signer| signer == self.store().verifying_key()))
    }
}

fn counts(checked: &Checked) -> Vec<(&'static str, u64)> {
    let Some(holdings) = checked.holdings else { return vec![] };
    vec![
        ("auditRecords", holdings.head.sequence),
        ("entries", holdings.entries),
        ("sessions", holdings.sessions),
        ("versions", holdings.versions),
    ]
}
