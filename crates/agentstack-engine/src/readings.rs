//! What callers are shown of others is noted before they are answered (S12, S21).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::{SessionId, VersionId};
use agentstack_storage::{Pending, Reading};

use crate::Engine;
use crate::failure::Failure;

/// How many are remembered; beyond that all are noted anew, which changes nothing but costs a transaction.
const REMEMBERED: usize = 20_000;
/// For how long what was noted of a holder without a session is left at that, in milliseconds: that it has read it counts
/// for a day from the last time.
const HOLDER_FRESH_MS: i64 = 60 * 60 * 1_000;

/// What has been noted by this process: to write it down again would cost as much as the rest of a read.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<HashSet<(Reader, VersionId)>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reader {
    Session(SessionId),
    /// A holder, and the hour.
    Holder(String, i64),
}

impl Reader {
    fn of(scope: &Scope) -> Self {
        match scope.session() {
            Some(session) => Self::Session(session),
            None => {
                Self::Holder(scope.holder().as_str().to_owned(), scope.at().as_millis() / HOLDER_FRESH_MS)
            }
        }
    }
}

impl Noted {
    fn has(&self, reader: &Reader, version: VersionId) -> bool {
        // A tuple of references cannot be looked up; ids are small.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&(reader.clone(), version))
    }

    fn keep(&self, reader: &Reader, readings: &[Reading]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() + readings.len() > REMEMBERED {
            noted.clear();
        }
        noted.extend(readings.iter().map(|reading| (reader.clone(), reading.id)));
    }
}

/// How often a read is begun anew because what it had found was taken away before that was noted.
pub(crate) const ATTEMPTS: u32 = 3;

/// Reads until what was read is still there when it is noted: what has been revoked meanwhile is not shown.
///
/// No function: that the futures of an `AsyncFn` can be sent to other threads cannot be said yet.
macro_rules! steadily {
    ($read:expr) => {{
        let mut attempts = 1;
        loop {
            match $read.await {
                Err($crate::failure::Failure::Storage(agentstack_storage::StorageError::Changed))
                    if attempts < $crate::readings::ATTEMPTS =>
                {
                    attempts += 1;
                }
                other => break other,
            }
        }
    }};
}
pub(crate) use steadily;

impl Engine {
    /// Notes what the caller is about to be shown. Returns whether the call was recorded with it.
    pub(crate) async fn note_readings(
        &self,
        scope: &Scope,
        readings: Vec<Option<Reading>>,
        pending: &Pending,
    ) -> Result<bool, Failure> {
        let readings: Vec<Reading> = readings.into_iter().flatten().collect();
        if readings.is_empty() {
            return Ok(false);
        }
        let reader = Reader::of(scope);
        let new: Vec<Reading> =
            readings.into_iter().filter(|reading| !self.noted().has(&reader, reading.id)).collect();
        if new.is_empty() {
            return Ok(false);
        }
        self.store().note_readings(scope, &new, pending.clone().close(Outcome::Ok, vec![])).await?;
        self.noted().keep(&reader, &new);
        Ok(true)
    }
}
