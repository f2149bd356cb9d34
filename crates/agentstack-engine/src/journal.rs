//! Records of calls that changed nothing.
//!
//! A mutation commits its record with itself and a refusal is recorded before it is answered. Reads are
//! many and cheap, so their records are written together: at the latest a tenth of a second after the
//! call, and before the process ends. If they cannot be written, no further read is answered (S45).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use agentstack_audit::Draft;
use agentstack_storage::{Storage, StorageError};
use tokio::sync::Notify;

/// How long a record of a read may wait for others.
const DELAY: Duration = Duration::from_millis(100);
/// How many records are written at once without waiting for more.
const MANY: usize = 1_000;
/// How many records may wait; the call that brings one more waits until they are written.
const WAITING: usize = 10_000;
/// How many records are kept while they cannot be written. By then only refusals bring more.
const KEPT: usize = 100_000;

/// A clone is another handle to the same journal.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Inner>);

struct Inner {
    store: Arc<dyn Storage>,
    waiting: Mutex<Vec<Draft>>,
    arrived: Notify,
    /// Told when there are [`MANY`].
    many: Notify,
    /// One flush at a time, so that records keep their order.
    flushing: tokio::sync::Mutex<()>,
    failed: AtomicBool,
}

impl Journal {
    /// A journal whose records are written by a task of the current runtime.
    pub(crate) fn start(store: Arc<dyn Storage>) -> Self {
        let inner = Arc::new(Inner {
            store,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            many: Notify::new(),
            flushing: tokio::sync::Mutex::default(),
            failed: AtomicBool::new(false),
        });
        tokio::spawn(write_behind(Arc::downgrade(&inner)));
        Self(inner)
    }

    /// Takes a record of a call that needs no answer from the log.
    pub(crate) async fn note(&self, draft: Draft) {
        let too_many = self.0.push(draft) >= WAITING;
        if too_many && !self.0.failed.load(Ordering::Acquire) {
            // A failure is remembered, logged, and met by the next read.
            let _ = self.flush().await;
        }
    }

    /// Takes a record of no call. Its writer never waits.
    pub(crate) fn leave(&self, draft: Draft) {
        self.0.push(draft);
    }

    /// Writes a record now.
    pub(crate) async fn record(&self, draft: Draft) -> Result<(), StorageError> {
        self.0.push(draft);
        self.flush().await
    }

    /// Whether what was read can be recorded. After a failure, tries again.
    pub(crate) async fn is_writable(&self) -> bool {
        !self.0.failed.load(Ordering::Acquire) || self.flush().await.is_ok()
    }

    /// Writes all records that wait. In a task of its own: a caller who stops waiting (a timeout, a
    /// closed connection) must not take other callers' records with it.
    pub(crate) async fn flush(&self) -> Result<(), StorageError> {
        let inner = Arc::clone(&self.0);
        let flushed = tokio::spawn(async move { inner.flush().await }).await;
        flushed.unwrap_or_else(|error| Err(StorageError::Unavailable(error.into())))
    }
}

async fn write_behind(journal: Weak<Inner>) {
    while let Some(journal) = journal.upgrade() {
        let waited = tokio::time::timeout(Duration::from_secs(1), journal.arrived.notified()).await;
        if waited.is_ok() {
            let _ = tokio::time::timeout(DELAY, journal.many.notified()).await;
            let _ = journal.flush().await;
        }
    }
}

impl Inner {
    /// Returns how many wait now.
    fn push(&self, draft: Draft) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= KEPT {
            tracing::error!(request = %draft.request, "the audit log cannot be written; a refusal is not recorded");
            return waiting.len();
        }
        waiting.push(draft);
        match waiting.len() {
            1 => self.arrived.notify_one(),
            MANY => self.many.notify_one(),
            _ => {}
        }
        waiting.len()
    }

    async fn flush(&self) -> Result<(), StorageError> {
        let _one_at_a_time = self.flushing.lock().await;
        let drafts = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        match self.store.append(&drafts).await {
            Ok(()) => {
                self.failed.store(false, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %error, records = drafts.len(), "the audit log cannot be written");
                self.failed.store(true, Ordering::Release);
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let later = std::mem::replace(&mut *waiting, drafts);
                waiting.extend(later);
                Err(error)
            }
        }
    }
}
