//! Records of calls that changed nothing.
//!
//! A mutation commits its record with itself and a refusal is recorded before it is answered. Reads are
//! many and cheap, so their records are written together: at the latest a tenth of a second after the
//! call, and before the process ends. If they cannot be written, no further read is answered (S45).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agentstack_audit::Draft;
use agentstack_storage::{Storage, StorageError};
use tokio::sync::Notify;

/// How long a record of a read may wait for others.
const DELAY: Duration = Duration::from_millis(100);
/// How many records may wait; the call that brings one more writes them all first.
const WAITING: usize = 1_000;

pub(crate) struct Journal {
    store: Arc<dyn Storage>,
    waiting: Mutex<Vec<Draft>>,
    arrived: Notify,
    /// One flush at a time, so that records keep their order.
    flushing: tokio::sync::Mutex<()>,
    failed: AtomicBool,
}

impl Journal {
    /// A journal whose records are written by a task of the current runtime.
    pub(crate) fn start(store: Arc<dyn Storage>) -> Arc<Self> {
        let journal = Arc::new(Self {
            store,
            waiting: Mutex::default(),
            arrived: Notify::new(),
            flushing: tokio::sync::Mutex::default(),
            failed: AtomicBool::new(false),
        });
        tokio::spawn(Self::write_behind(Arc::downgrade(&journal)));
        journal
    }

    async fn write_behind(journal: std::sync::Weak<Self>) {
        while let Some(journal) = journal.upgrade() {
            let waited = tokio::time::timeout(Duration::from_secs(1), journal.arrived.notified()).await;
            if waited.is_ok() {
                tokio::time::sleep(DELAY).await;
                // A failure is remembered, logged, and met by the next call.
                let _ = journal.flush().await;
            }
        }
    }

    /// Takes a record of a read that was answered.
    pub(crate) async fn note(&self, draft: Draft) {
        let many = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(draft);
            if waiting.len() == 1 {
                self.arrived.notify_one();
            }
            waiting.len() >= WAITING
        };
        if many {
            let _ = self.flush().await;
        }
    }

    /// Writes a record now.
    pub(crate) async fn record(&self, draft: Draft) -> Result<(), StorageError> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(draft);
        self.flush().await
    }

    /// Whether what was read can be recorded. After a failure, tries again.
    pub(crate) async fn is_writable(&self) -> bool {
        !self.failed.load(Ordering::Acquire) || self.flush().await.is_ok()
    }

    /// Writes all records that wait.
    pub(crate) async fn flush(&self) -> Result<(), StorageError> {
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
