//! Answers that are known to be true still, because nothing was committed since they were read.
//!
//! A server asks for the same tokens and entries again and again. What is kept here holds for one [`Version`] of the
//! database, whichever process changes it; a record in the audit log changes none of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use agentstack_access::Grant;
use agentstack_core::{Entry, MemoryKey, TokenHash};

use crate::version::{Version, Watch};

/// How many tokens are kept.
const TOKENS: usize = 10_000;
/// How many bytes of entries are kept, and of one.
const BYTES: usize = 1024 * 1024;
const ENTRY_BYTES: usize = 16 * 1024;
/// How many bytes of the index's blocks are kept.
const BLOCK_BYTES: usize = 1024 * 1024;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Nothing is known without it: taken away before the connection closes that it belongs to.
    watch: RwLock<Option<Watch>>,
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    /// Of what all of this is true.
    version: Option<Version>,
    /// Whether the next commit is one of ours that changes none of it.
    unchanging: bool,
    /// By their hashes, of which nobody can choose one bit: how long a look takes tells nothing.
    tokens: HashMap<[u8; 32], Grant>,
    /// Current entries, by namespace and key.
    entries: HashMap<String, HashMap<MemoryKey, Entry>>,
    bytes: usize,
    /// Blocks of the index, by number.
    blocks: HashMap<i64, Arc<[u8]>>,
    block_bytes: usize,
}

impl Answers {
    /// Forgets what is of another version.
    fn at(&mut self, version: Version) -> &mut Self {
        let ours = self.unchanging;
        if self.version.is_some_and(|known| version.restarts(&known) || (ours && version.follows(&known))) {
            self.version = Some(version);
        }
        if self.version != Some(version) {
            *self = Self { version: Some(version), unchanging: self.unchanging, ..Self::default() };
        }
        self
    }
}

impl Known {
    /// Begins to watch.
    pub(crate) fn watch(&self, watch: Option<Watch>) {
        *self.watch.write().unwrap_or_else(PoisonError::into_inner) = watch;
    }

    /// The version of the database now. An answer that is read afterwards can be kept under it.
    pub(crate) fn version(&self) -> Option<Version> {
        self.watch.read().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Watch::version)
    }

    fn answers<T>(&self, version: Version, with: impl FnOnce(&mut Answers) -> T) -> T {
        with(self.answers.lock().unwrap_or_else(PoisonError::into_inner).at(version))
    }

    /// What a token was granted.
    pub(crate) fn grant(&self, version: Version, token: &TokenHash) -> Option<Grant> {
        self.answers(version, |answers| answers.tokens.get(token.as_bytes()).cloned())
    }

    /// Keeps what was read of a token since the version was asked for, if nothing was committed in between.
    pub(crate) fn keep_grant(&self, version: Version, token: &TokenHash, grant: &Grant) {
        if self.version() == Some(version) {
            self.answers(version, |answers| {
                if answers.tokens.len() < TOKENS {
                    answers.tokens.insert(*token.as_bytes(), grant.clone());
                }
            });
        }
    }

    /// The current version of an entry.
    pub(crate) fn entry(&self, version: Version, namespace: &str, key: &MemoryKey) -> Option<Entry> {
        self.answers(version, |answers| answers.entries.get(namespace)?.get(key).cloned())
    }

    /// Keeps an entry that was read since the version was asked for, if nothing was committed in between.
    pub(crate) fn keep_entry(&self, version: Version, namespace: &str, entry: &Entry) {
        let bytes = entry.content.len() + namespace.len() + 1_024;
        if bytes > ENTRY_BYTES || self.version() != Some(version) {
            return;
        }
        self.answers(version, |answers| {
            if answers.bytes + bytes > BYTES {
                answers.entries.clear();
                answers.bytes = 0;
            }
            answers.bytes += bytes;
            let entries = answers.entries.entry(namespace.to_owned()).or_default();
            entries.insert(entry.summary.key.clone(), entry.clone());
        });
    }

    /// A block of the index.
    pub(crate) fn block(&self, version: Version, number: i64) -> Option<Arc<[u8]>> {
        self.answers(version, |answers| answers.blocks.get(&number).cloned())
    }

    /// Keeps a block that was read since the version was asked for, if nothing was committed in between.
    pub(crate) fn keep_block(&self, version: Version, number: i64, bytes: &[u8]) {
        if self.version() == Some(version) {
            self.answers(version, |answers| {
                if answers.block_bytes + bytes.len() > BLOCK_BYTES {
                    answers.blocks.clear();
                    answers.block_bytes = 0;
                }
                answers.block_bytes += bytes.len();
                answers.blocks.insert(number, bytes.into());
            });
        }
    }

    /// Says that what is known stays true with the next commit: it will be ours, and change nothing but the audit log and
    /// what agents have used.
    /// Whoever says so holds the lock for writing as long as the guard lives, so that no other can come first.
    pub(crate) fn unchanging(&self) -> Unchanging<'_> {
        let version = self.version();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = version {
            // What is of an older version is not what the next commit follows.
            answers.at(version).unchanging = true;
        }
        Unchanging(self)
    }
}

/// While it lives, the next commit changes nothing that is known.
pub(crate) struct Unchanging<'a>(&'a Known);

impl Drop for Unchanging<'_> {
    fn drop(&mut self) {
        let version = self.0.version();
        let mut answers = self.0.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = version {
            // Nobody may have asked since.
            answers.at(version);
        }
        answers.unchanging = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether what was known at one version is known at another.
    fn is_known(from: Version, to: Version, unchanging: bool) -> bool {
        let mut answers = Answers { unchanging, ..Answers::default() };
        answers.at(from).blocks.insert(1, Arc::from([]));
        !answers.at(to).blocks.is_empty()
    }

    #[test]
    fn what_is_known_outlives_our_own_records_and_a_log_begun_anew() {
        let now = Version::made(7, 100, 1);
        assert!(is_known(now, now, false));
        assert!(!is_known(now, Version::made(8, 110, 1), false), "somebody's commit");
        assert!(is_known(now, Version::made(8, 110, 1), true), "our records");
        assert!(!is_known(now, Version::made(9, 120, 1), true), "somebody's commit, and our records");
        assert!(is_known(now, Version::made(7, 0, 2), false), "the log is begun anew");
        assert!(is_known(now, Version::made(8, 5, 2), true), "with our records");
        assert!(!is_known(now, Version::made(8, 0, 2), false), "after somebody's commit");
        assert!(!is_known(now, Version::made(7, 0, 3), false), "more than once");
        assert!(!is_known(now, Version::made(7, 50, 1), false), "not as it ever is");
    }
}
